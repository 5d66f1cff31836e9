"""What is wrong with an expression, where, and what to do about it."""

import ast
import gc
import sys
import warnings
from typing import Any

import pytest

from engine.core.expr import compile_expression
from engine.errors import BadExpression
from tests.support.expressions import CATALOG


def problems(text: str, *types: str) -> list[BadExpression]:
    compiled, found = compile_expression(text, CATALOG, frozenset(types))
    assert (compiled is None) == bool(found)
    return found


def only(text: str) -> BadExpression:
    (problem,) = problems(text, "purchase")
    return problem


def marked(text: str) -> tuple[str, str]:
    """The code of the only problem, and the part of the text it points at."""
    problem = only(text)
    return problem.code, text[problem.offset : problem.offset + problem.length]


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("", "expression-syntax", ""),
        (" \n ", "expression-syntax", " "),
        ("(profile.age > 1", "expression-syntax", "("),
        ("profile.age >", "expression-syntax", ">"),
        ("profile.age = 3", "expression-syntax", "="),
        ("profile.age > 3 and", "expression-syntax", "d"),
        ("profile.age) or (profile.age", "expression-syntax", ")"),
        (
            "profile.age > 3 # adults\n and profile.country == 'DE'",
            "expression-syntax",
            "# adults\n and profile.country == 'DE'",
        ),
        ("import os", "expression-syntax", "import"),
        ("profile.age > 3\x00", "expression-syntax", "\x00"),
        ("profile.home == '\ud800'", "expression-syntax", "\ud800"),
        ("prfile.age > 1", "unknown-root", "prfile"),
        ("amount > 1", "unknown-root", "amount"),
        ("profile.agee > 1", "unknown-profile-field", "agee"),
        ("profile.age.years > 1", "unknown-profile-field", "years"),
        ("profile == 1", "unknown-profile-field", "profile"),
        ("event.amuont > 1", "unknown-property", "amuont"),
        ("event", "unknown-property", "event"),
        ("events.purchase.last.pages", "unknown-property", "pages"),
        ("events.purchase.last", "unknown-property", "last"),
        ("events.purchase.first.amount", "unknown-property", "amount"),
        ("events.purchase.count > 1", "unknown-property", "count"),
        ("events.purchase.total > 1", "unknown-property", "total"),
        ("events.purchase.total() > 1", "unknown-property", "total"),
        ("events.purchase > 1", "unknown-property", "purchase"),
        ("events.purchase.sum('amuont') > 1", "unknown-property", "'amuont'"),
        ("events.purchas.count() > 1", "unknown-event", "purchas"),
        ("events.purchas.last.time == null", "unknown-event", "purchas"),
        ("events", "unknown-event", "events"),
        ("events.purchase.count('7 days')", "bad-duration", "'7 days'"),
        ("events.purchase.count('0d')", "bad-duration", "'0d'"),
        ("events.purchase.count(7)", "bad-duration", "7"),
        ("events.purchase.sum('amount', profile.home)", "bad-duration", "profile.home"),
        ("event.amount > '5'", "type-mismatch", "event.amount > '5'"),
        ("events.purchase.count() == 'three'", "type-mismatch", "events.purchase.count() == 'three'"),
        ("profile.home > 3", "type-mismatch", "profile.home > 3"),
        ("profile.home + 1 > 3", "type-mismatch", "profile.home"),
        ("1 - true == 3", "type-mismatch", "true"),
        ("-True == 3", "type-mismatch", "True"),
        ("-profile.home == 3", "type-mismatch", "profile.home"),
        ("profile.age / null", "type-mismatch", "null"),
        ("event.time > 5", "type-mismatch", "event.time > 5"),
        ("event.time - 5 > 5", "type-mismatch", "event.time"),
        ("event.time > 'yesterday'", "type-mismatch", "'yesterday'"),
        ("profile.birthday > '1990-2-1'", "type-mismatch", "'1990-2-1'"),
        ("profile.birthday > event.time", "type-mismatch", "profile.birthday > event.time"),
        ("profile.email_opt_in == 1", "type-mismatch", "profile.email_opt_in == 1"),
        ("profile.email_opt_in > false", "type-mismatch", "profile.email_opt_in > false"),
        ("profile.age < null", "type-mismatch", "profile.age < null"),
        ("profile.country in ('DE')", "type-mismatch", "profile.country in ('DE'"),
        ("profile.country in ['DE', 5]", "type-mismatch", "5"),
        ("profile.country in ['DE', null]", "type-mismatch", "null"),
        ("event.time in ['2026-01-01', 'noon']", "type-mismatch", "'noon'"),
        ("profile.country in []", "type-mismatch", "[]"),
        ("profile.age in profile.country", "type-mismatch", "profile.age in profile.country"),
        ("null in ['DE']", "type-mismatch", "null in ['DE']"),
        ("profile.age in [1] == 2", "type-mismatch", "[1] == 2"),
        ("profile.age in [1] == null", "type-mismatch", "[1] == null"),
        ("profile.country == ['DE']", "type-mismatch", "['DE']"),
        ("events.purchase.sum('cart_id') > 1", "type-mismatch", "'cart_id'"),
        ("profile.country in ['DE', profile.home]", "expression-forbidden", "profile.home"),
        ("profile.age is null", "expression-forbidden", "profile.age is null"),
        ("profile.age is not null", "expression-forbidden", "profile.age is not null"),
        ("profile.age ** 2 > 1", "expression-forbidden", "profile.age ** 2"),
        ("profile.age % 2 == 1", "expression-forbidden", "profile.age % 2"),
        ("'a' * 1000000000 == 'a'", "expression-forbidden", "'a'"),
        ("profile.age & 1", "expression-forbidden", "profile.age & 1"),
        ("~profile.age", "expression-forbidden", "~profile.age"),
        ("lambda: 1", "expression-forbidden", "lambda: 1"),
        ("[x for x in profile.tags]", "expression-forbidden", "[x for x in profile.tags]"),
        ("any(x for x in profile.tags)", "expression-forbidden", "any(x for x in profile.tags)"),
        ("f'{profile.age}' == '3'", "expression-forbidden", "f'{profile.age}'"),
        ("profile['age'] > 3", "expression-forbidden", "profile['age']"),
        ("(profile := 3)", "expression-forbidden", "profile := 3"),
        ("1 if true else 2", "expression-forbidden", "1 if true else 2"),
        ("{'a': 1}", "expression-forbidden", "{'a': 1}"),
        ("await profile", "expression-forbidden", "await profile"),
        ("1j", "expression-forbidden", "1j"),
        ("b'x' == 'x'", "expression-forbidden", "b'x'"),
        ("profile.age > 1e999", "expression-forbidden", "1e999"),
        ("profile.age > " + "9" * 900, "expression-forbidden", "9" * 900),
        ("events.purchase.count(within='7d')", "expression-forbidden", "events.purchase.count(within='7d')"),
        ("events.purchase.count('7d', '8d')", "expression-forbidden", "events.purchase.count('7d', '8d')"),
        ("events.purchase.sum()", "expression-forbidden", "events.purchase.sum()"),
        ("events.purchase.sum(amount)", "expression-forbidden", "amount"),
        ("profile.home.lower() == 'x'", "expression-forbidden", "profile.home.lower()"),
    ],
)
def test_a_mistake_is_pointed_at(text: str, code: str, part: str) -> None:
    assert marked(text) == (code, part)


def test_what_python_only_warns_of_is_a_mistake() -> None:
    code, part = marked(r"profile.home == '\d'")
    assert code == "expression-syntax"
    assert part in (r"'\d'", r"\d")  # newer Pythons know better where it is


@pytest.mark.parametrize(
    "text",
    [
        "profile.__class__",
        "profile._data",
        "event.__init__.__globals__",
        "().__class__.__bases__",
        "events.purchase.count.__globals__",
        "events.purchase.__class__()",
        "events.__class__.count()",
        "events.purchase.count().__class__",
        "'{0.__class__}'.format(profile)",
        "getattr(profile, '__class__')",
        "__import__('os')",
        "open('/etc/passwd')",
        "(lambda: 1)()",
        "__builtins__",
    ],
)
def test_nothing_leads_into_python(text: str) -> None:
    assert only(text).code in ("expression-forbidden", "unknown-root")


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(["true"] * 200),
        " and ".join(["1<2"] * 100),
        "+".join("1" * 60),
        "not " * 60 + "true",
        "-" * 900 + "1",
        "profile" + ".a" * 400,
        "true" + " " * 1000 + "or true",
    ],
)
def test_an_endless_expression_is_refused(text: str) -> None:
    assert only(text).code == "expression-too-long"


def test_deep_brackets_are_refused() -> None:
    assert only("(" * 400 + "1" + ")" * 400).code in ("expression-syntax", "expression-too-long")


def test_all_mistakes_are_reported_at_once_in_order_and_each_once() -> None:
    found = problems("profile.agee + foo > 3 and 'x' < 1 < profile.contry in ['x', events.a.count(9)]", "purchase")
    assert [(problem.code, problem.offset) for problem in found] == [
        ("unknown-profile-field", 8),
        ("unknown-root", 15),
        ("type-mismatch", 27),
        ("unknown-profile-field", 45),
        ("expression-forbidden", 61),
    ]


def test_places_count_characters_in_the_text_as_it_was_written() -> None:
    text = "\n  profile.größe > 'ä€😀'\n  and profile.grösse > 1"
    assert [text[p.offset : p.offset + p.length] for p in problems(text)] == ["profile.größe > 'ä€😀'", "grösse"]


@pytest.mark.parametrize(
    ("text", "help_"),
    [
        ("profile.contry == 'DE'", "did you mean 'country'?"),
        ("event.amuont > 1", "properties: amount, cart_id, gift, id, lines, note, time, type; did you mean 'amount'?"),
        (
            "events.purchase.last.tim == null",
            "properties: amount, cart_id, gift, lines, note, time; did you mean 'time'?",
        ),
        ("events.visit.count()", "event types: purchase, site_visit, subscribed; did you mean 'site_visit'?"),
        ("events.purchase.sum('line')", "numbers: amount, lines, note; did you mean 'lines'?"),
        ("events.subscribed.last.page", "properties: time"),
        ("amount > 1", "did you mean event.amount?"),
        ("country == 'DE'", "did you mean profile.country?"),
        (
            "profil.age > 1",
            "an expression can read: customer, event, events, experiments, now, points, profile, scores, segments,",
        ),
        ("profile.age > 1 && true", "write 'and' instead of '&&'"),
        ("profile.age = 1", "write '==' to compare"),
        ("profile.age => 1", "write '>=' instead of '=>'"),
        ("profile.age =< 1", "write '<=' instead of '=<'"),
        ("profile.age \u2265 1", "write '>=' instead of '\u2265'"),
        ("profile.age <> 1", "write '!='"),
        ("profile.country like 'D%'", "whole texts are compared"),
        ("profile.country = '=> we like 5 EUR && #'", "write '==' to compare"),
        ("profile.age between 18 and 30", "write both bounds: event.amount >= 10 and event.amount <= 20"),
        ("profile.age === 18", "write '==' instead of '==='"),
        ("profile.age !== 18", "write '!=' instead of '!=='"),
        ("event.time < now - 90d", 'events.purchase.count("90d") == 0'),
        ("profile.age in 18,200", "a list stands to the right of 'in'"),
        ("profile.age is null", "write '=='"),
        ("event.amount > '5'", "numbers without"),
        ("event.time > 5", '"2026-01-31"'),
        ("event.from > 5", "'from'"),
    ],
)
def test_the_help_says_what_to_write(text: str, help_: str) -> None:
    assert help_ in only(text).help


def test_where_there_is_no_event_the_help_says_so() -> None:
    (problem,) = problems("event.amount > 5")
    assert (problem.code, problem.offset, problem.length) == ("unknown-root", 0, 5)
    assert "no event leads to this decision" in problem.help


def test_a_mismatch_names_both_sides() -> None:
    assert str(only("event.amount > '5'")) == "'event.amount' is a number, '5' is a string"


class _Leak:
    """Tells by a warning that nobody has closed it, as sockets do."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        warnings.warn("nobody has closed it", ResourceWarning, stacklevel=1)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_is_collected_while_an_expression_is_read_is_no_fault_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    parse, unraisable = ast.parse, list[object]()

    def parse_and_collect(*args: Any, **options: Any) -> Any:
        _Leak()
        gc.collect()
        return parse(*args, **options)

    monkeypatch.setattr(ast, "parse", parse_and_collect)
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    assert not problems("profile.age > 1")
    assert not unraisable
