"""Recurring revenue: one month by every definition, and against plain Python."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from math import isnan
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.insight.archive import Archive, Place
from engine.insight.figures.recurring import DEFINITIONS, Movements, Recurring, movements
from engine.insight.figures.shop import Shop, ShopOptions, open_shop
from engine.insight.report.goals import recurring
from engine.lang.figures import load_figures
from engine.model import Event

DAY = 86_400_000
START = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""
MONTH = (date(2026, 2, 1), date(2026, 3, 1))
ASKED = Recurring({"started": "mrr", "changed": "mrr"}, ("ended",), "sub")

Change = tuple[str, str, float, float | None]
"""Customer, subscription, day from START, MRR from then on; None: it ends, NaN: the event names none."""


@contextmanager
def shop_of(folder: Path, changes: Iterable[Change], copies: int = 1) -> Iterator[Shop]:
    with Archive.opened(folder) as archive:
        events = [Event("p", "purchase", "c-0", START, {})]
        for number, (customer, sub, day, mrr) in enumerate(changes):
            properties = {"sub": sub} | ({} if mrr is None or isnan(mrr) else {"mrr": mrr})
            kind = "ended" if mrr is None else "changed"
            events += [Event(f"e-{number:06}", kind, customer, START + int(day * DAY), properties)] * copies
        for place, event in enumerate(events):
            archive.add_event(Place("shop", 0, place), event.time, event)
        archive.commit()
    shop = open_shop([folder], ShopOptions())
    yield shop
    shop.close()


LIFE: list[Change] = [
    ("stays", "a", 0, 100),
    ("leaves", "a", 0, 50),
    ("leaves", "a", 40, None),
    ("rises and leaves", "a", 0, 20),
    ("rises and leaves", "a", 35, 60),
    ("rises and leaves", "a", 45, None),
    ("pays less", "a", 0, 80),
    ("pays less", "a", 40, 50),
    ("pays more", "a", 0, 30),
    ("pays more", "a", 40, 45),
    ("comes back", "a", 0, 25),
    ("comes back", "a", 10, None),
    ("comes back", "a", 50, 25),
    ("comes and goes", "a", 33, 40),
    ("comes and goes", "a", 44, None),
    ("drops one of two", "a", 0, 10),
    ("drops one of two", "b", 0, 10),
    ("drops one of two", "b", 41, None),
    ("moves to another plan", "a", 0, 15),
    ("moves to another plan", "a", 41, None),
    ("moves to another plan", "b", 41, 15),
    ("is new", "a", 50, 70),
    ("comes later", "a", 70, 500),
]
WHOLE = 100 + 50 + 20 + 80 + 30 + 20 + 15


@pytest.mark.parametrize("copies", [1, 2])
def test_a_month_of_every_kind_of_movement(tmp_path: Path, copies: int) -> None:
    with shop_of(tmp_path, LIFE, copies) as shop:
        found = movements(shop, ASKED, *MONTH)
    assert found == Movements(
        start=WHOLE,
        end=100 + 50 + 45 + 25 + 10 + 15 + 70,
        new=40 + 70,
        reactivation=25,
        expansion=40 + 15,
        contraction=30 + 10,
        churn=50 + 60 + 40,
        capped=50 + 20 + 30 + 10,
        stayed_churn=50 + 20,
        stayed_contraction=30 + 10,
        stayed_expansion=15,
    )


@pytest.mark.parametrize(
    ("definition", "gross", "net"),
    [
        ("cohort", 110, 110 - 15),
        ("chartmogul", 190, 190 - 55 - 25),
        ("baremetrics", 110, 110 - 55),
        ("stripe", 150, None),
    ],
)
def test_churn_is_that_of_the_definition_that_is_named(
    tmp_path: Path, definition: str, gross: float, net: float | None
) -> None:
    with shop_of(tmp_path, LIFE) as shop:
        (section,) = recurring(shop, ASKED, definition, *MONTH)
    values = {one.id: one.value for one in section.figures}
    assert values["mrr_churn_gross"] == pytest.approx(gross / WHOLE)
    assert values["mrr_churn_net"] == (None if net is None else pytest.approx(net / WHOLE))
    assert values["mrr_reactivation"] == 25
    assert DEFINITIONS[definition].sentence in section.definition
    assert all((other in section.note) is (other != definition) for other in DEFINITIONS)


def by_hand(changes: Iterable[Change], start: float, end: float) -> dict[str, float]:
    """A walk through each customer's life, an instant at a time."""
    lives: dict[str, list[tuple[float, str, float]]] = defaultdict(list)
    for customer, sub, day, mrr in changes:
        lives[customer].append((day, sub, mrr or 0.0))
    sums: dict[str, float] = defaultdict(float)
    for life in lives.values():
        subs: dict[str, float] = {}
        level, ever = 0.0, False
        for day in sorted({day for day, *_ in life if day < end}):
            subs |= {sub: mrr for at, sub, mrr in life if at == day}
            now = sum(subs.values())
            if day >= start and now != level:
                rises = "expansion" if level else "reactivation" if ever else "new"
                sums[rises if now > level else "contraction" if now else "churn"] += abs(now - level)
            level, ever = now, ever or now > 0
        first: dict[str, float] = {}
        for day, sub, mrr in sorted(life):
            first |= {sub: mrr} if day < start else {}
        sums["start"] += sum(first.values())
        sums["end"] += level
    return sums


def test_movements_are_those_of_a_walk_through_every_life(tmp_path: Path) -> None:
    random = Random(11)
    changes: list[Change] = []
    for customer in range(200):
        days = sorted(random.sample(range(90), random.randrange(1, 8)))
        for day in days:
            mrr = random.choice([None, 10.0, 20.0, 45.5])
            changes.append((f"c-{customer}", random.choice("ab"), day, mrr))
    with shop_of(tmp_path, changes) as shop:
        found = movements(shop, ASKED, *MONTH)
    told = by_hand(changes, 31, 59)
    for name in ("start", "end", "new", "reactivation", "expansion", "contraction", "churn"):
        assert getattr(found, name) == pytest.approx(told[name]), name
    assert found.end == pytest.approx(
        found.start + found.new + found.reactivation + found.expansion - found.contraction - found.churn
    )


def test_an_event_that_names_no_amount_changes_none(tmp_path: Path) -> None:
    """Such as one that renames the plan: it is no churn."""
    nothing = float("nan")
    with shop_of(tmp_path, [("stays", "a", 0, 100), ("stays", "a", 40, nothing), ("owes", "a", 0, -5)]) as shop:
        found = movements(shop, ASKED, *MONTH)
    assert (found.start, found.end, found.churn, found.contraction) == (100, 100, 0, 0)


def test_without_recurring_revenue_at_the_start_there_is_no_churn_of_it(tmp_path: Path) -> None:
    with shop_of(tmp_path, [("c-1", "a", 40, 10)]) as shop:
        (section,) = recurring(shop, ASKED, "cohort", *MONTH)
    assert [one.value for one in section.figures][:4] == [None, None, 0, 10]


def test_what_carries_mrr_is_declared_and_a_definition_has_a_name(tmp_path: Path) -> None:
    file = tmp_path / "goals.yaml"
    file.write_text("version: 1\nmrr: { sets: { changed: mrr }, ends: ended, definition: chartmogul }\n")
    wanted, findings = load_figures(file)
    assert wanted, findings
    assert wanted.mrr
    assert (wanted.mrr.ends, wanted.mrr.definition, wanted.mrr.per) == (["ended"], "chartmogul", None)
    file.write_text("version: 1\nmrr: { sets: { changed: mrr }, definition: chartmoggul }\n")
    assert load_figures(file)[1][0].line == 2


def test_events_that_carry_mrr_are_looked_up_in_events_yaml_before_anything_is_computed(tmp_path: Path) -> None:
    rules, templates = tmp_path / "rules", tmp_path / "templates"
    rules.mkdir()
    templates.mkdir()
    (rules / "events.yaml").write_text(
        "version: 1\nsources: [{ topic: shop }]\nevents: { plan_changed: { properties: { mrr: number } } }\n"
    )
    file = tmp_path / "goals.yaml"
    file.write_text("version: 1\nmrr: { sets: { plan_chnged: mrr } }\n")
    command = ["metrics", "no-archive", "--against", str(file), "--templates", str(templates), "--rules"]
    ran = CliRunner().invoke(app, [*command, str(rules)])
    assert ran.exit_code == 1
    assert "there is no event type 'plan_chnged'" in ran.output
    assert "did you mean 'plan_changed'?" in ran.output
    elsewhere = CliRunner().invoke(app, [*command, str(tmp_path / "nowhere"), "--zone", "UTC"])
    assert "plan_chnged" not in elsewhere.output
