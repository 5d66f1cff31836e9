import json
from pathlib import Path
from typing import Any

import pytest

from engine.core.actions.send import Send
from engine.core.book import Rule, RuleBook
from engine.core.catalog import Catalog
from engine.core.experiments.model import Experiment, Goal
from engine.core.expr import compile_expression
from engine.core.expression import Expression
from engine.core.policy import Policy
from engine.core.template_facts import ROOTS
from engine.core.triggers.inactivity import Inactivity
from engine.core.zones import Zones
from engine.model import Outreach
from engine.render import JinjaRenderer, preview, preview_state
from engine.testing import Simulator
from tests.support.journeys import loaded
from tests.support.points_shop import STARS, shop as points_shop
from tests.support.project_files import write_files
from tests.support.rendering import NOON, push, reason_of
from tests.support.segment_shop import ACTIVE, KEPT, UP, shop

DAY = 86_400_000
MAILS = Path(__file__).parents[1] / "golden" / "mails"
RULE = Rule("receipt", Inactivity("receipt", of=frozenset(), after=DAY), Send("t", "push", purpose="transactional"))


def shown(folder: Path, source: str, data: dict[str, Any], *rules: Rule, template: str = "t") -> Outreach:
    book = RuleBook(rules, Catalog())
    return preview(JinjaRenderer(write_files(folder, push(source)), book), book, template, "push", data, NOON)


@pytest.mark.parametrize("name", ROOTS)
def test_every_variable_that_checks_know_is_there_when_a_message_is_made(tmp_path: Path, name: str) -> None:
    made = shown(tmp_path, f"{{{{ {name} is defined }}}}", {"event": {"type": "purchase"}}, RULE)
    assert made.text == "True"


def test_a_preview_shows_the_data_it_is_given(tmp_path: Path) -> None:
    source = (
        "{% set p = events.purchase %}{{ profile.name }} {{ event.type }} {{ event.amount }}"
        " {{ event.time | date }} {{ p.count() }}"
        " {{ p.count('7d') }} {{ p.sum('amount') }} {{ p.sum('amount', '7d') }} {{ p.last.amount }}"
        " {{ p.first.time | date }}"
        " {{ p.last.time | date('short') }} {{ events.visit.count() }} {{ events.login.count() }}"
    )
    data = {
        "profile": {"name": "Ada"},
        "event": {"type": "purchase", "time": "2025-12-24T10:00:00", "properties": {"amount": 5}},
        "events": {
            "purchase": {
                "count": 3,
                "sum": {"amount": 60},
                "first": {"time": "2025-01-01"},
                "last": {"time": NOON - DAY, "amount": 20},
            },
            "visit": {},
            "login": {"count": 0},
        },
    }
    made = shown(tmp_path, source, data)
    assert made.text == "Ada purchase 5 December 24, 2025 3 3 60 60 20 January 1, 2025 12/31/25 1 0"


def test_a_preview_without_data_speaks_for_the_rule_that_sends_the_template(tmp_path: Path) -> None:
    made = shown(tmp_path, "{{ rule.id }} {{ outreach.purpose }}{% if event is defined %}!{% endif %}", {}, RULE)
    assert made.text == "receipt transactional"
    assert shown(tmp_path, "{{ rule.id }} {{ outreach.purpose }}", {}).text == "preview marketing"


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"profile": 7},
        {"event": "purchase"},
        {"event": {"type": "purchase", "time": "yesterday"}},
        {"event": {"type": "purchase", "properties": 3}},
        {"event": {"type": "purchase", "amount": 3}},
        {"events": {"purchase": 3}},
        {"events": {"purchase": {"counts": 3}}},
        {"events": {"purchase": {"count": "many"}}},
        {"events": {"purchase": {"count": 10**12}}},
        {"events": {"purchase": {"sum": {"amount": "much"}}}},
        {"events": {"purchase": {"last": {"time": [1]}}}},
    ],
)
def test_data_of_another_shape_is_refused(tmp_path: Path, data: Any) -> None:
    assert reason_of(shown, tmp_path, "x", data).startswith("the data cannot be used: ")


def test_a_template_that_does_not_exist_cannot_be_previewed(tmp_path: Path) -> None:
    assert "lost.push.j2" in reason_of(shown, tmp_path, "x", {}, template="lost")


def test_a_receipt_reads_as_it_did(tmp_path: Path) -> None:
    book = RuleBook((), Catalog(), Policy(zones=Zones("UTC", "timezone"), locale_field="locale"))
    data = json.loads((MAILS / "receipt.json").read_text(encoding="utf-8"))
    made = preview(JinjaRenderer(MAILS, book), book, "receipt", "email", data, NOON)
    seen = f"Subject: {made.subject}\n\n{made.text}\n\n{made.html}\n".replace("\xa0", " ")
    assert seen == (MAILS / "receipt.expected").read_text(encoding="utf-8")


def of_tiers(folder: Path, data: dict[str, Any]) -> str:
    note = """\
{% block subject %}{{ segments.tier }}{% endblock %}{% block text %}{{ segments.tier.kept_until | date }}
{{ segments.active is defined and segments.active }}{% endblock %}
"""
    book = shop(folder, ACTIVE + KEPT, UP, note=note)
    made = preview(JinjaRenderer(folder / "templates", book), book, "note", "email", data, NOON)
    return f"{made.subject}, {made.text}".replace("\n", ", ")


def test_a_preview_puts_the_customer_where_the_data_says(tmp_path: Path) -> None:
    assert of_tiers(tmp_path, {"segments": {"tier": "high", "active": True}}) == "high, February 10, 2026, True"


def test_a_preview_computes_the_other_segments_from_the_events(tmp_path: Path) -> None:
    data = {"events": {"buy": {"count": 2, "sum": {"amount": 20}}, "visit": {"count": 0}}}
    assert of_tiers(tmp_path, data) == "low, February 10, 2026, False"


def test_a_preview_says_what_points_can_be(tmp_path: Path) -> None:
    said = reason_of(lambda: of_points(tmp_path, {"points": {"stars": {"balanse": 120}}}))
    assert "points stars may have balance, pending, and not 'balanse'" in said


@pytest.mark.parametrize(
    ("segments", "said"),
    [
        ({"tier": "golden"}, "segment tier is none, low, high, not 'golden'"),
        ({"tier": True}, "segment tier is none, low, high, not True"),
        ({"active": "in"}, "segment active is true or false, not 'in'"),
        ({"gone": True}, "there is no segment 'gone'; there are active, tier"),
    ],
)
def test_a_preview_says_what_a_segment_can_be(tmp_path: Path, segments: dict[str, Any], said: str) -> None:
    assert said in reason_of(lambda: of_tiers(tmp_path, {"segments": segments}))


def of_points(folder: Path, data: dict[str, Any], stars: str = STARS) -> str:
    note = """\
{% block subject %}{{ points.stars.balance }}{% endblock %}{% block text %}{{ points.stars.pending }}
{{ points.stars.expiring }} {{ (points.stars.expires_at - 1) | date }}{% endblock %}
"""
    book = points_shop(folder, stars, note=note)
    made = preview(JinjaRenderer(folder / "templates", book), book, "note", "email", data, NOON)
    return f"{made.subject}, {made.text}".replace("\n", ", ")


def test_a_preview_has_the_points_that_the_data_says(tmp_path: Path) -> None:
    assert of_points(tmp_path, {"points": {"stars": 120}}) == "120, 0, 120 January 31, 2027"
    data = {"points": {"stars": {"balance": 50, "pending": 30}}}
    assert of_points(tmp_path, data) == "50, 30, 50 January 31, 2027"
    at_once = STARS.replace(", usable_after: 14d", "")
    assert of_points(tmp_path / "at_once", data, at_once) == "50, 30, 50 January 31, 2027"


def test_a_preview_knows_no_points_that_the_rules_do_not_have(tmp_path: Path) -> None:
    said = reason_of(lambda: of_points(tmp_path, {"points": {"miles": 5}}))
    assert "there are no points 'miles'; there are stars" in said


def test_a_message_that_reads_a_variant_fails_with_the_reason_for_who_takes_no_part(tmp_path: Path) -> None:
    nobody, _ = compile_expression("1 > 2", Catalog(), frozenset())
    assert "experiments in which the customer takes part has no 'words'" in reason_of(
        lambda: of_variants(tmp_path, {}, nobody)
    )


def of_variants(folder: Path, variants: dict[str, Any], among: Expression | None = None) -> str:
    tried = Experiment("words", "words", {"short": 50.0, "long": 50.0}, Goal("buy"), among=among)
    book = RuleBook((RULE,), Catalog(experiments={"words": tried}))
    renderer = JinjaRenderer(write_files(folder, push("{{ experiments.words }}")), book)
    return preview(renderer, book, "t", "push", {"experiments": variants}, NOON).text


@pytest.mark.parametrize("variant", ["short", "long"])
def test_a_preview_is_of_the_variant_that_the_data_says(tmp_path: Path, variant: str) -> None:
    assert of_variants(tmp_path, {"words": variant}) == variant


@pytest.mark.parametrize(
    ("variants", "said"),
    [
        ({"words": "shrot"}, "experiment words has no variant 'shrot'; it has short, long"),
        ({"word": "short"}, "there is no experiment 'word'; there are words"),
        ({"words": ["short"]}, "the data cannot be used"),
    ],
)
def test_a_preview_says_which_variants_there_are(tmp_path: Path, variants: dict[str, Any], said: str) -> None:
    assert said in reason_of(lambda: of_variants(tmp_path, variants))


JOURNEY = """
rules:
  - id: other
    when: { event: closed }
    send: { template: t, channel: push }
  - id: j
    when: { event: signup }
    match: sku
    steps:
      - { send: hello, if: event.amount != 1 }
      - wait: 2d
      - send: { template: t, channel: push }
      - wait: 2d
      - send: bye
      - wait: 2d
"""
SAYS = (
    "{{ rule.id }} {% if event is defined %}{{ event.sku }}{% endif %}"
    " {{ steps.hello.sent }} {{ steps.t.sent }} {{ steps.bye.sent }}"
)


def on_the_way(folder: Path, until: str, *skus: str) -> str:
    """What the customer is shown who has signed up for these; a capital letter is one who gets no hello."""
    events = (
        "version: 1\nevents:\n  signup: { properties: { sku: string, amount: integer } }\n"
        "  closed: { properties: { sku: string } }\n"
    )
    book = loaded(JOURNEY, "", events)
    renderer = JinjaRenderer(write_files(folder, push(SAYS)), book)
    sim = Simulator(book)
    for day, sku in enumerate(skus):
        sim.event("signup", f"{day}d", sku=sku, amount=1 if sku.isupper() else 0)
    sim.run(until)
    return preview_state(renderer, book, "t", "push", "c-1", sim.states["c-1"], sim.now).text


@pytest.mark.parametrize(
    ("until", "skus", "text"),
    [
        ("1d", ["tea"], "j tea True False False"),
        ("1d", ["TEA"], "j TEA False False False"),
        ("5d", ["tea"], "j tea True False False"),  # as it was when t was sent
        ("3h", ["tea", "OIL"], "j OIL False False False"),
        ("2d12h", ["tea", "OIL"], "j OIL False False False"),
    ],
)
def test_a_customer_on_a_journey_sees_what_their_run_has_sent_before(
    tmp_path: Path, until: str, skus: list[str], text: str
) -> None:
    assert on_the_way(tmp_path, until, *skus) == text


def test_a_customer_on_no_journey_sees_the_template_by_their_newest_event(tmp_path: Path) -> None:
    assert on_the_way(tmp_path, "30d", "tea") == "other  False False False"
