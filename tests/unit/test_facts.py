"""Facts and exits as rule files write them."""

from pathlib import Path

import pytest

from engine.core.book import RuleBook
from engine.core.facts import Fact
from engine.core.state.model import State
from engine.model import Event
from tests.support.language import codes, loaded

HEAD = "version: 1\nrules:\n"
QUIET = "  - id: quiet\n    when: { inactivity: { of: cart_updated, for: 1h } }\n    send: hello\n"


def exits_of(folder: Path, text: str) -> tuple[Fact, ...]:
    found = loaded(folder, rules=f"{HEAD}{QUIET}    {text}\n", policy="version: 1\n")
    assert found.book, codes(found.diagnostics)
    return found.book.by_id["quiet"].exits


@pytest.mark.parametrize("word", ["exit", "cancel_on"])
def test_both_words_end_a_rule_and_leave_its_timers_as_they_are(tmp_path: Path, word: str) -> None:
    [ended] = exits_of(tmp_path, f"{word}: {{ event: purchase, where: event.amount > 3 }}")
    assert (ended.event, ended.where and ended.where.text, ended.match) == ("purchase", "event.amount > 3", "")


def test_the_new_word_makes_nobody_meet_the_rule_again(tmp_path: Path) -> None:
    books: list[RuleBook] = []
    for word in ("cancel_on", "exit"):
        found = loaded(tmp_path, rules=f"{HEAD}{QUIET}    {word}: {{ event: purchase }}\n", policy="version: 1\n")
        assert found.book
        books.append(found.book)
    assert books[0].mark == books[1].mark


def test_several_facts_may_end_a_rule_and_one_may_be_about_the_same_cart(tmp_path: Path) -> None:
    first, second = exits_of(tmp_path, "exit: [{ event: login }, { event: purchase, match: cart_id }]")
    assert (first.event, first.match) == ("login", "")
    assert (second.event, second.match) == ("purchase", "cart_id")


def test_a_file_may_have_no_rules_but_not_nothing(tmp_path: Path) -> None:
    assert codes(loaded(tmp_path, rules="version: 1\nrules: []\n", policy="version: 1\n").diagnostics) == ["no-rules"]


def test_a_message_may_have_another_purpose_than_its_rule(tmp_path: Path) -> None:
    rules = (
        f"{HEAD}  - id: a\n    when: {{ event: login }}\n    purpose: news\n    send: {{ template: x, purpose: b }}\n"
    )
    book = loaded(tmp_path, rules=rules, policy="version: 1\n").book
    assert book
    assert [send.purpose for send in book.by_id["a"].action.sends] == ["b"]


def moved(**properties: object) -> Event:
    return Event("e", "segment_moved", "c-1", 5, {"segment": "tier", **properties})


LEVELS = ("bronze", "silver", "gold")


@pytest.mark.parametrize(
    ("moves", "old", "new", "happens"),
    [
        ("up", "bronze", "gold", True),
        ("up", "gold", "bronze", False),
        ("up", "none", "bronze", True),
        ("down", "silver", "none", True),
        ("down", "bronze", "silver", False),
        ("any", "bronze", "silver", True),
    ],
)
def test_a_move_goes_up_or_down_by_the_order_of_the_levels(moves: str, old: str, new: str, happens: bool) -> None:
    fact = Fact(segment="tier", moves=moves, levels=LEVELS)  # type: ignore[arg-type]
    assert fact.happens(State(), moved(old=old, new=new)) is happens
    assert not fact.happens(State(), moved(old=old, new=new, segment="other"))


def test_a_number_and_its_text_are_the_same_value_and_nothing_matches_nothing() -> None:
    fact = Fact("refund", match="order")
    refund = Event("r", "refund", "c-1", 5, {"order": 7})
    assert fact.concerns(refund, Event("b", "buy", "c-1", 1, {"order": "7"}))
    assert not fact.concerns(refund, Event("b", "buy", "c-1", 1, {"order": 8}))
    assert not fact.concerns(Event("r", "refund", "c-1", 5, {}), Event("b", "buy", "c-1", 1, {}))
    assert not fact.concerns(refund, None)
