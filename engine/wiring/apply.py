"""Rolls out plans, for `engine apply`: reads the plan with the two rule books in it, and writes to the store."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.errors import CommandFailed, RolloutRefused
from engine.model import UNREADABLE
from engine.operate.rollout import begin, limits_before
from engine.plan.apply import limits_of, refusals
from engine.plan.build import VERSION, Plan
from engine.ports import Rollout, StateStore
from engine.wire.feedback import FeedbackKind
from engine.wiring.books import packed, stored_project, unpacked
from engine.wiring.wall_clock import wall_clock


@dataclass(frozen=True, slots=True)
class Wish:
    """How a plan is to be rolled out. `share`: customers of 10,000; `spread`: ms; `exits`: people who may leave a
    journey; `factor`: times the forecast; `most`: outreach in all, 0: no limit; `regardless`: though a brake has taken
    it back. What is None is as it was when the canary goes on, else as `Limits` has it."""

    share: int
    spread: int = 0
    exits: int = 0
    factor: float | None = None
    most: int | None = None
    regardless: bool = False


def read_plan(path: Path) -> Plan:
    """Raises CommandFailed."""
    try:
        plan = msgspec.json.decode(path.read_bytes(), type=Plan)
    except OSError as error:
        message = f"{path}: {error.strerror}. `engine plan … --out {path}` writes a plan"
        raise CommandFailed(message) from error
    except UNREADABLE as error:
        message = f"{path} is no plan: {error}. `engine plan … --out {path}` writes one"
        raise CommandFailed(message) from error
    if plan.version != VERSION or not {plan.base.revision, plan.revision} <= plan.files.keys():
        message = f"{path} was written by another version of the engine: make it anew"
        raise CommandFailed(message)
    return plan


def apply(store: StateStore, plan: Plan, wish: Wish) -> None:
    """Begin to roll out a plan, or change the share of its canary. Raises RolloutRefused with every reason."""
    old, new = (unpacked(plan.files[revision]).book for revision in (plan.base.revision, plan.revision))
    if reasons := list(refusals(plan, old, new, wish.exits)):
        raise RolloutRefused("; ".join(reasons))
    wanted = Rollout(old.revision, new.revision, wish.share, wall_clock(), spread=wish.spread)
    before = limits_before(store, wanted)
    factor = before.factor if wish.factor is None else wish.factor
    most = before.most if wish.most is None else wish.most
    wanted = msgspec.structs.replace(wanted, limits=limits_of(plan, factor, most))
    books = {revision: packed(files) for revision, files in plan.files.items()}
    begin(store, wanted, books, regardless=wish.regardless)


def knows_complaints(store: StateStore, rollout: Rollout) -> bool:
    """Whether the new rules hear of complaints: without the feedback topic in events.yaml nobody does."""
    return FeedbackKind.COMPLAINED in stored_project(store, rollout.revision).book.catalog.events
