"""The action Emit: a rule makes an event, for its customer or for another one, at once or after a while.

`settle` asks its guards when the rule comes true. With `after`, the firing then waits among the deferred ones, and only
an exit can stop it. No message is sent, so freshness, consent, quiet hours, caps and holdouts do not apply.
"""

from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from typing import Any, Final

from engine.core.actions.base import Action
from engine.core.book import RuleBook
from engine.core.durations import text_of
from engine.core.effects import Effect
from engine.core.experiments.guards import experiment
from engine.core.expression import Expression
from engine.core.firing import Candidate
from engine.core.guards import PASS, Guard, Later, Stop, Verdict, condition, freshness, reentry
from engine.core.journeys.runs import MAX_RUNS, key_of
from engine.core.scope import MISSING
from engine.core.state.model import State
from engine.core.zones import iso
from engine.errors import BadRecord
from engine.model import DerivedEvent, Event, Outcome

SLOW: Final = 3_600_000
"""An emit that waits this long (1 h, in ms) may be part of a circle of rules: it then turns at most 24 times a day."""

NO_CHECKS: Final[Mapping[str, Callable[[str, Any], Any]]] = {}


def _of_use(book: RuleBook, state: State, candidate: Candidate) -> Verdict:
    """Only the latest of several missed occurrences counts, and nothing is announced that has ended."""
    return freshness(candidate, 0)


class Emit(Action):
    """One event. `to`: gives the customer whose event it is; None: the rule's own. `after`: milliseconds.

    `checks`: property -> the check of its values that records of other producers pass; they raise BadRecord.
    """

    outcome = Outcome.EMITTED

    def __init__(
        self,
        type: str,
        *,
        to: Expression | None = None,
        after: int = 0,
        properties: Mapping[str, Expression] | None = None,
        required: Set[str] = frozenset(),
        checks: Mapping[str, Callable[[str, Any], Any]] = NO_CHECKS,
        nobody: Set[str] = frozenset(),
    ) -> None:
        self.type = type
        self.to = to
        self.after = after
        self.waits = after > 0
        self.properties = dict(properties or {})
        self.required = required
        self.checks = checks
        self.nobody = nobody
        self._guards = (self.enter, self.recipient, self.complete)

    @property
    def guards(self) -> tuple[Guard, ...]:
        return self._guards

    @property
    def step_guards(self) -> tuple[Guard, ...]:
        return self.recipient, self.complete, experiment

    @property
    def makes(self) -> frozenset[str]:
        return frozenset({self.type})

    @property
    def makes_soon(self) -> frozenset[str]:
        return self.makes if self.after < SLOW else frozenset()

    @property
    def makes_for_others(self) -> bool:
        return self.to is not None

    def enter(self, book: RuleBook, state: State, candidate: Candidate) -> Verdict:
        """Condition, reentry, `match` and experiments, asked once, before `after`."""
        if not candidate.first_try:
            return PASS
        for guard in (_of_use, condition, reentry, self.place_free, experiment):
            verdict = guard(book, state, candidate)
            if verdict is not PASS:
                return verdict
        if not self.after:
            return PASS
        due = candidate.firing.moment + self.after
        return Later(f"in {text_of(self.after)}, at {iso(due)}, unless it ends before", due)

    def place_free(self, book: RuleBook, state: State, candidate: Candidate) -> Verdict:
        """With `match`, one event waits for each value of it."""
        rule = candidate.rule
        if not rule.match:
            return PASS
        key = key_of(rule, candidate.firing.event)
        if key is None:
            return Stop(Outcome.SUPPRESSED, f"the event has no {rule.match}")
        waiting = [one for one in state.deferred if one.rule == rule.id]
        since = next((one.moment for one in waiting if key_of(rule, one.event) == key), None)
        if since is not None:
            return Stop(Outcome.SUPPRESSED, f"one waits already for this {rule.match}, since {iso(since)}")
        if len(waiting) >= MAX_RUNS:
            return Stop(Outcome.SUPPRESSED, f"{MAX_RUNS} wait already, one per {rule.match}")
        return PASS

    def recipient(self, book: RuleBook, state: State, candidate: Candidate) -> Verdict:
        if self.to is None or (self.to.needs.reads.event and candidate.firing.event is None):
            return PASS  # without its event, as in `explain`, nobody can say
        customer = self._recipient(state, candidate)
        if not customer:
            return Stop(Outcome.SUPPRESSED, f"there is no customer to tell: {self.to.text}")
        if customer == candidate.customer:
            return Stop(Outcome.SUPPRESSED, f"{self.to.text} is the customer themselves")
        return PASS

    def complete(self, book: RuleBook, state: State, candidate: Candidate) -> Verdict:
        """Stop an event without a property that its type requires."""
        values = self._values(state, candidate) if self.required else {}
        missing = sorted(
            name for name in self.required if values.get(name) is None and not self._is_to_come(name, candidate)
        )
        return Stop(Outcome.SUPPRESSED, f"{self.type} must have {missing[0]}, which is missing") if missing else PASS

    def _is_to_come(self, name: str, candidate: Candidate) -> bool:
        """Whether the property is taken from an event that has not happened yet: only `explain` has no occurrence."""
        value = self.properties.get(name)
        return not candidate.firing.occurrence and value is not None and value.needs.reads.event

    def effects(self, book: RuleBook, state: State, candidate: Candidate) -> list[Effect]:
        firing, rule, customer = candidate.firing, candidate.rule.id, candidate.customer
        to = customer if self.to is None else self._recipient(state, candidate)
        made = Event(candidate.effect_id, self.type, to, firing.moment + self.after, self._values(state, candidate))
        return [DerivedEvent(rule, firing.occurrence, customer, candidate.at, made, candidate.step_name)]

    def _recipient(self, state: State, candidate: Candidate) -> str:
        value = self.to.test(candidate.scope(state)) if self.to else ""
        if type(value) is int:
            return str(value)
        return value if isinstance(value, str) and value.strip() and value not in self.nobody else ""

    def _values(self, state: State, candidate: Candidate) -> dict[str, Any]:
        """What is missing, or is not of its property's type, is left out."""
        scope, values = candidate.scope(state), {}
        for name, expression in self.properties.items():
            value = expression.test(scope)
            if value is MISSING:
                continue
            with suppress(BadRecord):
                values[name] = self._checked(name, value)
        return values

    def _checked(self, name: str, value: Any) -> Any:
        check = self.checks.get(name)
        if check is None or value is None:
            return value
        try:
            return check(name, value)
        except BadRecord:
            if type(value) is float and value.is_integer():  # what arithmetic makes of integers
                return check(name, int(value))
            raise
