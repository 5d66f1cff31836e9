"""Guards shared by all actions (condition, reentry, freshness), and the verdicts that a guard may return.

`settle` asks the guards of a candidate's action in order. A guard is a function of book, state and candidate, and must
not write. A guard that only one action needs lives in that action's file.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from engine.core.book import RuleBook
from engine.core.durations import text_of
from engine.core.experiments.model import decided_by, is_kept_back, own_variants
from engine.core.expression import Keeps
from engine.core.firing import Candidate
from engine.core.scope import MISSING, count_within, total
from engine.core.state.model import Slot, State
from engine.core.zones import iso
from engine.model import Outcome

MAX_DEFERRED_FIRINGS: Final = 100
"""Firings of one customer that may wait for quiet hours to end; further ones are suppressed. Without it a flood of
events in one night would grow the state to megabytes."""


class Pass(NamedTuple):
    """The guard has no objection."""


class Stop(NamedTuple):
    """The firing is dropped for good."""

    outcome: Outcome
    reason: str
    exposed: tuple[str, ...] = ()
    """The experiments that have stopped it."""


class Defer(NamedTuple):
    """The firing waits until `until`; then all guards are asked again."""

    reason: str
    until: int


class Later(NamedTuple):
    """The firing has passed and counts from now on, but acts at `until`; an exit may end it before."""

    reason: str
    until: int


class HoldOut(NamedTuple):
    """The firing is dropped to measure the effect of outreach; reentry and caps count it as if it had happened."""

    reason: str
    exposed: tuple[str, ...] = ()
    """The experiments that have stopped it."""


Verdict = Pass | Stop | Defer | Later | HoldOut
PASS: Final = Pass()


Guard = Callable[[RuleBook, State, Candidate], Verdict]


NOT_MET: Final = "condition is not met: "


def condition(book: RuleBook, state: State, candidate: Candidate) -> Verdict:
    """Ask the `if` of the rule, or of the step."""
    expression = candidate.condition
    if expression is None or expression.test(candidate.scope(state)):
        return PASS
    if expression.needs.reads.experiments and _is_decided_by_experiment(book, state, candidate):
        return PASS
    unknown = unknown_history(state, expression.needs.keeps, candidate.at)
    because = f"; not kept for long enough yet: {', '.join(unknown)}" if unknown else ""
    return Stop(Outcome.SUPPRESSED, f"{NOT_MET}{expression.text}{because}")


def _is_decided_by_experiment(book: RuleBook, state: State, candidate: Candidate) -> bool:
    """Whether another variant would make it act: the guard `experiment` stops it, if no other does before."""
    own = own_variants(book, state, candidate)
    return any(decided_by(book, state, candidate, own)) or is_kept_back(book, state, candidate, own)


def unknown_history(state: State, keeps: Keeps, now: int) -> list[str]:
    """Event types whose kept history does not reach as far back as `keeps` asks."""
    found = {type_ for type_, name in keeps.sums if total(state, type_, name, now) is MISSING}
    for type_, name, span in keeps.windows:
        value = count_within(state, type_, now, span) if name is None else total(state, type_, name, now, span)
        if value is MISSING:
            found.add(type_)
    return sorted(found)


def still_holds(book: RuleBook, state: State, candidate: Candidate) -> Verdict:
    if candidate.first_try or _holds(candidate, state):
        return PASS
    return Stop(Outcome.SUPPRESSED, "no longer true after it was deferred")


def _holds(candidate: Candidate, state: State) -> bool:
    try:
        return candidate.rule.trigger.holds(state, candidate.firing.occurrence, candidate.at)
    except ValueError:  # the rule was of another kind when it was deferred
        return False


def reentry(book: RuleBook, state: State, candidate: Candidate) -> Verdict:
    again = candidate.rule.reentry
    if not (again.once or again.after):
        return PASS
    fired = reached(state.rules.get(candidate.rule.id))
    if not fired:
        return PASS
    if again.after and candidate.at >= fired + again.after:
        return PASS
    allowed = "once" if again.once else f"after {text_of(again.after)}"
    return Stop(Outcome.SUPPRESSED, f"reentry: {allowed}, and it came true at {iso(fired)}")


def reached(slot: Slot | None) -> int:
    """When the rule last came true so that it counts for reentry, 0: never. An open run counts from its entry.

    It may have been held out since, or an exit may have ended it while it waited. A run that ends before it has made
    anything counts no longer, as only what it makes sets `Slot.fired`.
    """
    if slot is None:
        return 0
    return max([slot.fired_at, *(run.began for run in slot.runs)])


def freshness(candidate: Candidate, limit: int) -> Verdict:
    """Stop a firing that comes too late. `limit`: the last moment at which it is fresh; 0: no limit."""
    until = candidate.firing.until
    if until and candidate.at >= until:
        return Stop(Outcome.EXPIRED, f"pointless since {iso(until)}")
    if not limit or candidate.at <= limit:
        return PASS
    late = text_of((candidate.at - candidate.firing.moment) // 1000 * 1000)
    return Stop(Outcome.EXPIRED, f"{late} after its moment, {iso(candidate.firing.moment)}")


def judge(book: RuleBook, state: State, candidate: Candidate) -> Verdict:
    """The verdict of the first guard that does not pass the candidate; PASS if all do."""
    guards = book.guards[candidate.rule.id] if candidate.step is None else (condition, *candidate.action.step_guards)
    for guard in guards:
        verdict = guard(book, state, candidate)
        if verdict is not PASS:
            waits = isinstance(verdict, (Defer, Later)) and candidate.run is None  # of a journey the run waits
            if waits and len(state.deferred) >= MAX_DEFERRED_FIRINGS:
                return Stop(Outcome.SUPPRESSED, f"{MAX_DEFERRED_FIRINGS} others wait already")
            return verdict
    return PASS
