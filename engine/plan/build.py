"""Makes a plan: classifies the rules, looks at the customers of a store, and puts together what a reviewer reads.

`engine plan` calls it. A plan is data, and a file: it names the book and the commits of the store that it is about, so
that one made before another change can be told from a fresh one.
"""

from typing import Any, Final

import msgspec

from engine.core.book import RuleBook
from engine.core.zones import iso
from engine.operate.rollout import live_revision
from engine.plan.classify import (
    PlannedChange,
    classify,
    coupon_changes,
    experiment_changes,
    point_changes,
    policy_changes,
    segment_changes,
)
from engine.plan.estimate import Size, Sums
from engine.plan.event_types import EventChange, event_changes
from engine.plan.live import LiveCustomers, Looked, Side
from engine.plan.sample import Chosen, Progress, load
from engine.ports import StateStore
from engine.worker.kept_history import missing_history

SAMPLE: Final = 50_000
"""Customers of a sample: a rule that reaches one in a hundred of a million is then known to 9 %."""
VERSION: Final = 1


class Base(msgspec.Struct, frozen=True):
    """What the plan starts from. `commits`: of each partition of the store, when it was read."""

    revision: str
    mark: int
    commits: list[int]
    clock: str


class Plan(msgspec.Struct):
    """What a change will do. `sums` are of the customers looked at; `size` says of how many."""

    base: Base
    revision: str
    mark: int
    days: int
    size: Size
    rules: list[PlannedChange]
    segments: list[PlannedChange]
    policy: list[str]
    sums: dict[str, Sums]
    notes: list[str]
    past: dict[str, Any] | None = None
    """The backtest against a history, as `engine backtest --json` prints it."""
    demands: dict[str, bool] = {}
    """What was expected, and whether it holds."""
    version: int = VERSION
    files: dict[str, dict[str, str]] = {}
    """Revision -> path -> text, of both rule books: what was reviewed is what `engine apply` rolls out."""
    points: list[PlannedChange] = []
    coupons: list[PlannedChange] = []
    experiments: list[PlannedChange] = []
    events: list[EventChange] = []
    unkept: list[tuple[str, str]] = []
    """(a rule or segment, history that it asks for and that the store has not kept for all customers), where the live
    rules do not ask for it."""

    def sum_of(self, name: str) -> Sums:
        return self.sums.get(name, Sums())

    @property
    def changed(self) -> list[PlannedChange]:
        return [one for one in self.rules if one.meaning or one.was]


def look(store: StateStore, chosen: Chosen, old: Side, new: Side, days: int, progress: Progress) -> Looked:
    """Look at the chosen customers of the store. Nothing is written."""
    live = LiveCustomers(old, new, days)
    for found in load(store, chosen, progress):
        live.add(found)
    return live.looked


def planned(chosen: Chosen, looked: Looked, old: Side, new: Side, days: int) -> Plan:
    """The plan, from what was found of the chosen customers."""
    whole = round(chosen.customers * looked.customers / max(1, len(chosen.names)))  # some have left a history only
    size = Size(looked.customers, whole)
    clock = max([looked.latest, *(meta.clock for meta in chosen.metas)])
    return Plan(
        Base(old.book.revision, old.book.mark, [meta.seq for meta in chosen.metas], iso(clock) if clock else ""),
        new.book.revision,
        new.book.mark,
        days,
        size,
        classify(old.book, new.book, old.texts, new.texts),
        segment_changes(old.book, new.book),
        policy_changes(old.book, new.book),
        looked.sums,
        _notes(chosen, old.book, new.book, looked),
        points=point_changes(old.book, new.book),
        coupons=coupon_changes(old.book, new.book),
        experiments=experiment_changes(old.book, new.book),
        events=event_changes(old.book.catalog, new.book.catalog),
        unkept=_unkept(chosen, old.book, new.book, clock),
    )


def _unkept(chosen: Chosen, old: RuleBook, new: RuleBook, clock: int) -> list[tuple[str, str]]:
    meta = next((meta for meta in chosen.metas if meta.seq), None)
    if meta is None:
        return []
    before = set(missing_history(old, meta.keeps, clock))
    return [one for one in missing_history(new, meta.keeps, clock) if one not in before]


def _notes(chosen: Chosen, old: RuleBook, new: RuleBook, looked: Looked) -> list[str]:
    notes = []
    others = sum(live_revision(meta) not in ("", old.revision) for meta in chosen.metas)
    if others:
        notes.append(
            f"{others} of {len(chosen.metas)} partitions are decided by other rules than --against names: is that what"
            " workers run?"
        )
    if new.makes_for_others:
        names = ", ".join(rule.id for rule in new.makes_for_others)
        notes.append(f"the forecast leaves out what comes of events for other customers ({names})")
    if not chosen.names:
        notes.append("the store has no customer: nothing is known of timers and of what is due")
    if looked.unreadable:
        notes.append(f"{looked.unreadable:,} customers have a state that this engine cannot read")
    if looked.undecidable:
        notes.append(f"{looked.undecidable:,} customers cannot be decided; the first: {looked.first_failure}")
    if looked.cut_off:
        notes.append(f"{looked.cut_off:,} customers wake very often; they are followed for part of the time only")
    return notes
