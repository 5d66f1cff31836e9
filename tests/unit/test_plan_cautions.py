"""A plan says what an edit does to customers that no number tells; and what it says is what happens."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.adapters.memory import MemoryStore
from engine.model import Event
from engine.plan.classify import Kind, PlannedChange, classify
from engine.plan.report import tables
from engine.ports import Record
from engine.testing import Simulator, load_project
from engine.worker.executors import results
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.support.books import START
from tests.support.plans import plan_of, side_in
from tests.support.project_files import write_project

EVENTS = """\
version: 1
events:
  purchase: { properties: { amount: number, order_id: string } }
  refund: { properties: { amount: number, order_id: string } }
  clicked: {}
"""
TEXT = "{% block subject %}Hello{% endblock %}{% block text %}Hello{% endblock %}\n"
TEMPLATES = {f"{name}.email.j2": TEXT for name in ("hello", "greet", "tips", "news")}
BIG, BIGGER = "where: event.amount >= 5", "where: event.amount >= 50"


def project(folder: Path, rules: str, events: str = EVENTS) -> Path:
    rules = rules if rules.startswith("version") else f"version: 1\nrules:\n{rules}"
    return write_project(folder, {"events.yaml": events, "rules.yaml": rules} | TEMPLATES)


def change(tmp_path: Path, old: str, new: str) -> PlannedChange:
    sides = []
    for name, rules in (("old", old), ("new", new)):
        folder = project(tmp_path / name, rules)
        sides.append(side_in(folder))
    before, after = sides
    return classify(before.book, after.book, before.texts, after.texts)[0]


def milestone(levels: str, more: str = "", what: str = "count: purchase") -> str:
    more = f", {more}" if more else ""
    return f"  - {{ id: loyal, when: {{ milestone: {{ {what}, reaches: {levels}{more} }} }}, send: hello }}\n"


def journey(steps: str, more: str = "", when: str = "event: purchase") -> str:
    return f"  - {{ id: onboarding, when: {{ {when} }}, {more}steps: [{steps}] }}\n"


UNKEPT = "it now reads event.order_id, which runs that are there have not kept: in them it is missing"
TWO = "{ send: hello }, { wait: 9d }, { send: tips }"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (milestone("[3]"), milestone("[5]"), []),
        (milestone("[3]", BIG), milestone("[3]", BIG), []),
        (
            milestone("[3]", BIG),
            milestone("[3]", BIGGER),
            [
                "each customer's number goes on from what it is: it has counted purchase where event.amount >= 5, and"
                " now counts purchase where event.amount >= 50"
            ],
        ),
        (
            milestone("[3]", what="sum: purchase.amount"),
            milestone("[3]", what="sum: refund.amount"),
            [
                "each customer's number goes on from what it is: it has counted purchase.amount, and now counts"
                " refund.amount"
            ],
        ),
        (
            milestone("[3]"),
            milestone("[3]", BIG),
            [
                "it begins at 0 for everybody and counts purchase where event.amount >= 5; levels that were reached"
                " before come again"
            ],
        ),
        (
            milestone("[3]", BIG),
            milestone("[3]"),
            ["it counts all purchase there ever were; levels that a customer is past by that do not come"],
        ),
        (
            milestone("[3, 9]", BIG),
            milestone("[3, 4, 9]", BIG),
            ["a new level that a customer's number is past already comes with their next purchase"],
        ),
        (journey(TWO), journey(TWO, "exit: { event: refund }, goal: { event: clicked }, "), []),
        (
            journey(TWO, "exit: { event: refund }, "),
            journey(TWO, "exit: [{ event: refund }, { event: refund, match: order_id, where: event.amount > 3 }], "),
            [
                "exit: refund where event.amount > 3 with the same order_id counts from this edit on; what happened"
                " before it ends nothing",
                UNKEPT,
            ],
        ),
        (
            journey(TWO, "goal: { event: purchase, where: event.amount > 3 }, "),
            journey(TWO, "goal: { event: purchase, where: event.amount > 4 }, "),
            [
                "goal: purchase where event.amount > 4 counts from this edit on; what happened before it ends nothing",
            ],
        ),
        (
            journey(TWO, "goal: { event: purchase, where: event.amount > 3 }, "),
            "  - { id: onboarding, when: { event: purchase }, send: hello }\n",
            [],
        ),
        (
            journey(TWO),
            journey(TWO, "match: order_id, "),
            ["new runs are told apart by order_id; those that are open go on, and new ones begin beside them", UNKEPT],
        ),
        (
            journey(TWO, "match: order_id, "),
            journey(TWO),
            ["new runs are told apart by nothing; those that are open go on, and new ones begin beside them"],
        ),
        (
            journey(TWO),
            journey(f"{TWO}, {{ send: news, if: event.amount > 5 }}"),
            ["it now reads event.amount, which runs that are there have not kept: in them it is missing"],
        ),
        (journey(TWO), journey(TWO.replace("hello", "greet").replace("greet }", "greet, was: [hello] }")), []),
        (
            journey(TWO),
            journey(TWO.replace("hello", "greet")),
            [
                "if step greet is hello renamed, write was: [hello] into it; else customers who stand before hello"
                " leave, and it counts as not sent"
            ],
        ),
        (
            journey("{ send: hello }, { id: look, wait: { event: clicked, within: 3d } }, { send: tips }"),
            journey("{ send: hello }, { id: seen, wait: { event: clicked, within: 3d } }, { send: tips }"),
            [
                "if step seen is look renamed, write was: [look] into it; else customers who stand before look leave,"
                " and it counts as not sent"
            ],
        ),
        (journey(TWO), journey("{ send: hello }, { wait: 9d }, { send: { template: tips, channel: email } }"), []),
        (journey(TWO), journey("{ send: hello }, { wait: 9d }, { emit: { event: clicked } }"), []),
        (journey(TWO), journey("{ send: tips }, { wait: 9d }, { send: hello }"), []),
        (journey(TWO), journey("{ send: hello }, { wait: 9d }, { send: news }, { wait: 1d }, { send: tips }"), []),
    ],
)
def test_an_edit_is_told_by_what_it_does_to_customers_who_are_there(
    tmp_path: Path, old: str, new: str, told: Sequence[str]
) -> None:
    assert change(tmp_path, old, new).cautions == told


@pytest.mark.parametrize(
    ("old", "new", "kind", "meaning"),
    [
        (
            milestone("[3]"),
            milestone("[5]"),
            Kind.REARMS,
            "from now on events make it come true otherwise; it has no timers",
        ),
        (
            journey(TWO),
            journey(TWO, "if: events.purchase.count() > 2, reentry: once, "),
            Kind.GUARD,
            "timers stay; other guards are asked from now on (if, reentry)",
        ),
        (
            milestone("[3]"),
            milestone("[3]").replace("send: hello", "send: { template: hello, purpose: news, expires: 1d }"),
            Kind.GUARD,
            "timers stay; other guards are asked from now on (purpose, expires)",
        ),
    ],
)
def test_a_change_names_the_fields_that_are_asked_otherwise(
    tmp_path: Path, old: str, new: str, kind: Kind, meaning: str
) -> None:
    found = change(tmp_path, old, new)
    assert (found.kind, found.meaning) == (kind, meaning)


def edited(tmp_path: Path, old: str, new: str) -> Simulator:
    """A customer with purchases of 20 on days 0 to 3 under the old rules, and on days 5 to 7 under the new ones."""
    books = [
        load_project(*(project(tmp_path / name, one) / part for part in ("rules", "templates")))
        for name, one in (("o", old), ("n", new))
    ]
    sim = books[0].simulator()
    for day in (0, 1, 2, 3):
        sim.event("purchase", f"{day}d", amount=20, order_id=str(day))
    sim.adopt(books[1].book)
    for day in (5, 6, 7):
        sim.event("purchase", f"{day}d", amount=20, order_id=str(day))
    sim.run("30d")
    return sim


@pytest.mark.parametrize(
    ("old", "new", "occurrences"),
    [
        (milestone("[3, 6]", BIG), milestone("[3, 6]", "where: event.amount >= 10"), ["3", "6"]),
        (milestone("[3]"), milestone("[3]", BIG), ["3", "3"]),
        (milestone("[3, 6]", BIGGER), milestone("[3, 6]"), ["6"]),
        (milestone("[3, 6]", BIG), milestone("[3, 4, 6]", BIG), ["3", "4", "6"]),
    ],
)
def test_a_milestone_goes_on_as_the_plan_says(tmp_path: Path, old: str, new: str, occurrences: Sequence[str]) -> None:
    assert [one.occurrence for one in edited(tmp_path, old, new).outreach] == occurrences


def test_a_plan_counts_whose_next_event_brings_a_level(tmp_path: Path) -> None:
    old, new = (
        side_in(folder)
        for folder in (
            project(tmp_path / "old", milestone("[3, 9]", BIG)),
            project(tmp_path / "new", milestone("[3, 4, 9]", BIG).replace("id: loyal", "id: regular, was: [loyal]")),
        )
    )
    store = MemoryStore()
    partition = Partition(0, old.book, store, old.renderer)
    bought = [
        Event(f"e-{customer}-{number}", "purchase", f"c-{customer}", START + number, {"amount": 20})
        for customer, count in enumerate((2, 3, 4, 5, 10))
        for number in range(count)
    ]
    arrivals = [Arrival(Record("e", 0, place + 1, None), one.time, one) for place, one in enumerate(bought)]
    for _ in results(partition.process(arrivals)):
        pass
    plan = plan_of(store, old, new)
    assert plan.sum_of("levels_due").new == plan.sum_of("levels_due.regular").new == 2, "those who bought 4 and 5 times"
    assert plan.sum_of("levels_due").old == 0
    rows = [row for table in tables(plan) for row in table.rows]
    assert ["of regular", "0", "2", "2"] in rows
    assert plan_of(store, old, old).sum_of("levels_due").new == 0


def test_runs_without_a_match_go_on_beside_those_with_one(tmp_path: Path) -> None:
    sim = edited(tmp_path, journey(TWO), journey(TWO, "match: order_id, "))
    assert sorted(one.occurrence for one in sim.outreach if one.template == "tips") == ["e-1", "e-5", "e-6", "e-7"]


def test_an_end_with_a_condition_is_not_known_from_before(tmp_path: Path) -> None:
    conditioned = "goal: { event: purchase, where: event.amount > 3 }, "
    plain = "goal: { event: purchase }, "
    begun = "inactivity: { of: refund, for: 1d }"
    for goal, ended in ((conditioned, False), (plain, True)):
        old, new = (
            load_project(*(project(tmp_path / name, rules) / part for part in ("rules", "templates")))
            for name, rules in (
                (f"old-{ended}", journey(TWO, when=begun)),
                (f"new-{ended}", journey(TWO, goal, begun)),
            )
        )
        sim = old.simulator()
        sim.event("refund", "0d")
        sim.event("purchase", "2d", amount=20)
        sim.adopt(new.book)
        sim.run("3d")
        assert any(one.outcome == "exited" for one in sim.outcomes) is ended


SECTIONS = """\
version: 1
points: [{ id: stars, earn: [{ event: purchase, points: 1 }], expire: { after: 365d } }]
segments: [{ id: regular, if: events.purchase.count() >= 3 }]
coupons: [{ id: gift, code: "GIFT-{10}", valid: 14d }]
experiments: [{ id: tone, variants: { a: 50, b: 50 }, goal: { event: purchase } }]
rules: [{ id: loyal, when: { event: purchase }, send: hello }]
"""


def test_what_is_renamed_without_saying_so_is_offered_its_was(tmp_path: Path) -> None:
    """Without it the balances of everybody would begin at 0, and that for ever."""
    renamed = SECTIONS
    for name in ("stars", "regular", "gift", "tone"):
        renamed = renamed.replace(f"id: {name}", f"id: {name}_2")
    sides = []
    for name, rules in (("old", SECTIONS), ("new", renamed)):
        folder = project(tmp_path / name, rules)
        sides.append(side_in(folder))
    rows = {row[0]: row[2] for row in next(tables(plan_of(MemoryStore(), sides[0], sides[1]))).rows}
    assert rows["points stars_2"] == "every balance begins at 0. If it is stars renamed, write was: [stars]"
    assert rows["segment regular_2"].endswith(". If it is regular renamed, write was: [regular]")
    assert rows["coupon gift_2"].endswith(". If it is gift renamed, write was: [gift]")
    assert rows["experiment tone_2"].endswith(
        ". If it is tone renamed, keep the id: under another one all are exposed anew"
    )
    same = {row[0] for table in tables(plan_of(MemoryStore(), sides[0], sides[0])) for row in table.rows}
    assert not same & rows.keys()


@pytest.mark.parametrize(
    ("old", "new", "policy", "told"),
    [
        ("purpose: news", "purpose: news", "", []),
        (
            "purpose: news",
            "purpose: transactional",
            "",
            ["messages are no longer stopped by a lack of consent, suppression, quiet hours, caps, the holdout"],
        ),
        ("purpose: transactional", "purpose: news", "", []),
        ("purpose: news", "purpose: alerts", "", ["messages are no longer stopped by a lack of consent, suppression"]),
        ("purpose: news", "purpose: news, channel: push", "", ["messages are no longer stopped by caps"]),
        ("purpose: news", "purpose: news", "consent", ["messages are no longer stopped by a lack of consent"]),
        ("purpose: news", "purpose: news", "holdout", ["messages are no longer stopped by the holdout"]),
    ],
)
def test_messages_that_nothing_stops_any_more_are_told(
    tmp_path: Path, old: str, new: str, policy: str, told: Sequence[str]
) -> None:
    whole = (
        "version: 1\nconsent: { news: profile.yes }\nsuppress: { news: profile.no }\n"
        'quiet_hours: { from: "21:00", to: "08:00" }\ncaps: [{ limit: 1, per: 7d, channel: email }]\nholdout: 5%\n'
    )
    less = "".join(line for line in whole.splitlines(True) if not policy or not line.startswith(policy))
    sides = []
    for name, send, text in (("old", old, whole), ("new", new, less)):
        rules = f"  - {{ id: loyal, when: {{ event: purchase }}, send: {{ template: hello, {send} }} }}\n"
        folder = project(tmp_path / name, rules, EVENTS + "profile: { yes: boolean, no: boolean }\n")
        (folder / "rules" / "policy.yaml").write_text(text)
        (folder / "templates" / "hello.push.j2").write_text("{% block text %}Hello{% endblock %}")
        sides.append(side_in(folder))
    before, after = sides
    assert classify(before.book, after.book, before.texts, after.texts)[0].cautions == told


def test_what_all_rules_have_to_mind_is_told_once(tmp_path: Path) -> None:
    rules = "".join(f"  - {{ id: {name}, when: {{ event: purchase }}, send: hello }}\n" for name in ("a", "b"))
    sides = []
    for name, policy in (("old", "holdout: 5%\n"), ("new", "")):
        folder = project(tmp_path / name, rules)
        (folder / "rules" / "policy.yaml").write_text(f"version: 1\n{policy}")
        sides.append(side_in(folder))
    [minded] = [one for one in tables(plan_of(MemoryStore(), sides[0], sides[1])) if one.title == "What to mind"]
    assert minded.rows == [["a, b", "messages are no longer stopped by the holdout"]]
