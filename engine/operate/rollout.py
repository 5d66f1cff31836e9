"""Begins, ends and shows a roll-out: the phases that `engine apply` writes into every partition.

Each is a commit that fences the partition's worker; it reopens and finds the phase in the meta that it begins with. An
interrupted command is run again: what is written already stays as it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import msgspec

from engine.core.durations import text_of
from engine.core.zones import DAY
from engine.errors import RolloutRefused
from engine.operate.outside_commit import commit_outside, on_top
from engine.ports import Counts, Limits, Meta, Rollout, StateStore
from engine.worker.opening_checks import stored_meta
from engine.worker.rollout_brakes import counted, forecast, time_watched
from engine.worker.rollout_rules import goes_on, is_spreading

LONG_ENOUGH = DAY
"""How long a canary is watched before a roll-out may be finished: a day has one of everything that comes daily."""

HAVE_GONE_OVER = "these customers have the new rules already, and keep them: there is nothing to spread"

BY_HAND = "`engine apply --back`"
"""The reason of a roll-out that no brake has taken back."""


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """One rule of a roll-out: what it has sent so far, what was expected, and what the old rules would have sent."""

    id: str
    sent: int
    expected: float
    without: int


@dataclass(frozen=True, slots=True)
class Status:
    """A roll-out over all partitions. `waiting`: partitions in which customers are still to meet the rules that are
    theirs; `apart`: partitions of another phase, after a command that was interrupted; `kept`: those of them that had
    finished it before the others took it back, and which no command takes it from."""

    rollout: Rollout
    counts: Counts
    rules: list[RuleStatus]
    watched: int
    partitions: int
    waiting: int
    apart: int
    kept: int


def metas(store: StateStore) -> list[Meta]:
    """Of every partition. Raises RolloutRefused where nothing is stored."""
    first = stored_meta(store)
    if first is None:
        reason = "nothing is stored in this namespace: deploy the rules with the workers' folders"
        raise RolloutRefused(reason)
    if first.moving_to:
        reason = "a reshard was begun: finish that first"
        raise RolloutRefused(reason)
    return [store.meta(number) for number in range(first.partitions)]


def live_revision(meta: Meta) -> str:
    """The revision that decides the partition's customers, but for those of a canary; "": nothing was decided yet."""
    ended = meta.rollout is not None and meta.rollout.phase == "finished"
    return meta.rollout.revision if meta.rollout and ended and meta.revision == meta.rollout.base else meta.revision


def check_live(found: Sequence[Meta], base: str) -> None:
    """Raises RolloutRefused unless all customers are decided by this revision."""
    if any(meta.seq and not live_revision(meta) for meta in found):
        reason = "an older engine has written this namespace last: let workers of this one run for a moment"
        raise RolloutRefused(reason)
    others = {revision for meta in found if (revision := live_revision(meta)) not in ("", base)}
    if others:
        reason = f"the plan is based on the rules {base}, and workers run {', '.join(sorted(others))}: make it anew"
        raise RolloutRefused(reason)


def begin(store: StateStore, wanted: Rollout, books: Mapping[str, bytes], *, regardless: bool = False) -> None:
    """Begin a roll-out, go on with one that was interrupted, or change the share of a canary. Raises RolloutRefused.

    `regardless`: also where a brake has just taken this very change back.
    """
    found = metas(store)
    canary = _canary(found, wanted)
    check_live(found, wanted.base)
    _check_ended([meta for meta in found if not _is_canary(meta.rollout, wanted)])
    if not regardless:
        _check_not_taken_back(found, wanted)
    largest = max((before.share for before in canary), default=0)
    if wanted.share < largest:
        have = f"{largest / 100:g} % of the customers have the new rules, and keep them"
        reason = f"{have}: to try it with fewer, go back first"
        raise RolloutRefused(reason)
    _check_spread([meta for meta in found if _is_canary(meta.rollout, wanted)], wanted)
    for revision, packed in books.items():
        store.keep_book(revision, packed)
    at = canary[0].at if canary else wanted.at

    def change(meta: Meta) -> Rollout:
        before = meta.rollout
        if _is_canary(before, wanted):
            kept = {"since": before.since, "counts": before.counts, "past": before.past}
            return msgspec.structs.replace(wanted, at=at, **_course(before, wanted, meta.clock), **kept)
        return msgspec.structs.replace(wanted, at=at, since=meta.clock, began=meta.clock, past=_past(before, wanted))

    _write(store, found, change)


def limits_before(store: StateStore, wanted: Rollout) -> Limits:
    """Those of the canary that `wanted` would go on with; the usual ones if there is none. Raises RolloutRefused."""
    return next((before.limits for before in _canary(metas(store), wanted) if before.limits), Limits())


def end(store: StateStore, phase: str, reason: str, spread: int = 0) -> None:
    """Finish a roll-out ("finished"), or take it back ("back"). Raises RolloutRefused if there is none to be ended."""
    found = metas(store)
    going_on = [meta.rollout for meta in found if meta.rollout and meta.rollout.phase == "canary"]
    if not going_on:
        reason = "no roll-out is going on"
        raise RolloutRefused(reason)
    at = going_on[0].at

    def change(meta: Meta) -> Rollout | None:
        before = meta.rollout
        if before is None or before.at != at or before.phase != "canary":
            return before
        return msgspec.structs.replace(before, phase=phase, reason=reason, began=meta.clock, spread=spread)

    _write(store, found, change)


def forget(store: StateStore) -> None:
    """Let workers run what their folders have, whatever was rolled out. Raises RolloutRefused while one is going on."""
    found = metas(store)
    _check_ended(found)
    revisions = {one for meta in found if meta.rollout for one in (meta.rollout.base, meta.rollout.revision)}
    _write(store, found, lambda meta: None)
    for revision in revisions:
        store.keep_book(revision, None)


def status(store: StateStore) -> Status | None:
    """The roll-out that is going on, or the last one; None if there was none. Raises RolloutRefused."""
    found = metas(store)
    newest = max((meta.rollout for meta in found if meta.rollout), key=lambda one: one.at, default=None)
    if newest is None:
        return None
    own = [(meta, meta.rollout) for meta in found if meta.rollout and meta.rollout.at == newest.at]
    newest = next((one for _, one in own if one.phase == "back"), newest)
    counts = counted([one for _, one in own])
    watched = time_watched([(one, meta.clock) for meta, one in own])
    return Status(
        newest,
        counts,
        _rules(newest, counts, watched),
        watched,
        len(found),
        sum(not meta.mark or bool(meta.sweep) or is_spreading(meta) for meta, _ in own),
        len(found) - sum(one.phase == newest.phase for _, one in own),
        sum(one.phase == "finished" for _, one in own) if newest.phase == "back" else 0,
    )


def reasons_to_hold(now: Status) -> Iterator[str]:
    """Why a canary has not shown yet that all customers may have the new rules: no data means hold."""
    if now.apart:
        yield f"{now.apart} of {now.partitions} partitions do not take part: run `engine apply` with the plan again"
    if now.waiting:
        yield f"in {now.waiting} of {now.partitions} partitions customers have still to meet the new rules"
    if not now.counts.customers:
        yield "no customer has met the new rules"
    if now.watched < LONG_ENOUGH:
        yield f"it has been watched for {text_of(now.watched // 1000 * 1000)}, and a day is the least"
    if not sum(now.counts.sent.values()):
        yield "nothing was sent to them"


def _rules(rollout: Rollout, counts: Counts, watched: int) -> list[RuleStatus]:
    limits = rollout.limits
    names = counts.sent.keys() | counts.without.keys() | (limits.expected.keys() if limits else set())
    share, days = rollout.share / 10_000, watched / DAY
    return [
        RuleStatus(
            name,
            counts.sent.get(name, 0),
            forecast(counts, limits, name, share, days) if limits else 0.0,
            counts.without.get(name, 0),
        )
        for name in sorted(names)
    ]


def _check_not_taken_back(found: Sequence[Meta], wanted: Rollout) -> None:
    """Raises RolloutRefused where the last roll-out was of this change, and a brake has ended it."""
    for before in (meta.rollout for meta in found if meta.rollout and meta.rollout.phase == "back"):
        if (before.base, before.revision) == (wanted.base, wanted.revision) and before.reason != BY_HAND:
            reason = f"this change was taken back: {before.reason}. --regardless tries it again"
            raise RolloutRefused(reason)


def _check_ended(found: Sequence[Meta]) -> None:
    """Raises RolloutRefused while customers have what only this roll-out knows what to do with."""
    for rollout in (meta.rollout for meta in found if meta.rollout and goes_on(meta)):
        reason = f"a roll-out of {rollout.revision} is going on: finish it, or go back, first"
        if rollout.phase != "canary":
            reason = (
                f"a roll-out of {rollout.revision} has ended, and customers have still to meet that: let workers run"
            )
        raise RolloutRefused(reason)


def _check_spread(canary: Sequence[Meta], wanted: Rollout) -> None:
    """Raises RolloutRefused where customers who go over, or have gone, would begin anew: nobody loses the new rules."""
    for meta, before in ((meta, meta.rollout) for meta in canary if meta.rollout and wanted.spread):
        over = f"customers go over within {text_of(before.spread)}"
        if before.share < wanted.share and is_spreading(meta):
            reason = f"{over}: raise the share when they have, or without --spread"
            raise RolloutRefused(reason)
        if before.share == wanted.share and before.spread != wanted.spread:
            reason = f"{over}: a spread is changed with a larger share only" if before.spread else HAVE_GONE_OVER
            raise RolloutRefused(reason)


def _course(before: Rollout, wanted: Rollout, clock: int) -> dict[str, int]:
    """How customers go over when a canary goes on: those of a share that is added begin now."""
    if before.share == wanted.share or not wanted.spread:
        return {"began": before.began, "reached": before.reached}
    return {"began": clock, "reached": before.share}


def _past(before: Rollout | None, wanted: Rollout) -> tuple[str, ...]:
    if before is None:
        return ()
    known = dict.fromkeys((*before.past, before.base, before.revision))
    return tuple(one for one in known if one not in (wanted.base, wanted.revision))


def _canary(found: Sequence[Meta], wanted: Rollout) -> list[Rollout]:
    """The canary with which `wanted` goes on, in each partition that takes part."""
    return [meta.rollout for meta in found if _is_canary(meta.rollout, wanted)]


def _is_canary(before: Rollout | None, wanted: Rollout) -> TypeGuard[Rollout]:
    """Whether `wanted` goes on with it."""
    known = (wanted.base, wanted.revision, "canary")
    return before is not None and (before.base, before.revision, before.phase) == known


def _write(store: StateStore, found: Sequence[Meta], change: Callable[[Meta], Rollout | None]) -> None:
    for number, meta in enumerate(found):
        if change(meta) == meta.rollout:
            continue
        commit_outside(
            store,
            number,
            lambda before: on_top(before, rollout=change(before.meta), mark=0, sweep="", partitions=len(found)),
        )
