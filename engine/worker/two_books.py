"""Decides the customers of a batch while a change of the rules is rolled out: each by the one book that is theirs.

`Batch` uses it in place of `Turns`. A customer who has the new book is decided twice: by the new one, which counts, and
beside it by the old one as if it had never gone: its state is the customer's shadow, and what it would send goes
nowhere. So going back loses nothing, and the brakes have something to compare with.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from engine.core.state.codec import decode_state, encode_state
from engine.core.state.going_back import noted, remember
from engine.errors import StateTooNew, StateUnreadable
from engine.model import Event, Identified, Outcome
from engine.ports import Counts
from engine.wire.feedback import FeedbackKind
from engine.wire.histories import Names
from engine.worker.holding import Decided
from engine.worker.rollout_rules import RolloutRules
from engine.worker.turns import BatchSettings, Failed, Told, Turns
from engine.worker.values import Shadow, Value

Inputs = Sequence[tuple[int, Event | Identified]]


class TwoBooks:
    """Turns of one batch; what they tell is in `told` and `failed`. The arguments are those of `Turns`."""

    def __init__(
        self, rollout_rules: RolloutRules, clocks: list[int], decided: Decided, settings: BatchSettings
    ) -> None:
        old, new = rollout_rules.old, rollout_rules.new
        self.rollout_rules = rollout_rules
        self.lateness = min(each.book.policy.allowed_lateness for each in (old, new))
        self.decided = decided
        self._passed = rollout_rules.passed(clocks[0])
        self._old = Turns(old.book, old.renderer, clocks, decided, settings)
        self._new = Turns(new.book, new.renderer, clocks, decided, settings)
        self._aside = Decided()
        self._shadow = Turns(old.book, old.renderer, clocks, self._aside, settings._replace(names=Names()))
        self.told: list[Told] = self._old.told
        self.failed: list[Failed] = self._old.failed
        self._new.told, self._new.failed = self.told, self.failed
        self._sent: Counter[str] = Counter()
        self._failures = self._customers = self._complaints = 0

    @property
    def duplicates(self) -> int:
        return self._old.duplicates + self._new.duplicates

    @property
    def fired(self) -> int:
        return self._old.fired + self._new.fired

    @property
    def visits(self) -> int:
        return self._old.visits + self._new.visits

    def counts(self, before: Counts) -> Counts:
        """What the partition has counted until the end of this batch."""
        told = self._shadow.told
        return Counts(
            before.customers + self._customers,
            dict(Counter(before.sent) + self._sent),
            dict(Counter(before.without) + _sent(told, self.rollout_rules.new.book.renamed)),
            before.failed + self._failures,
            before.failed_without + _failed(told, self._shadow.failed),
            before.complaints + self._complaints,
        )

    def take(self, customer: str, stored: Value, inputs: Inputs, looked_at: bool) -> None:
        """Decide the inputs, each with its place in `clocks`, and if `looked_at` the timers in between."""
        if self._has_both(customer, stored):
            self._take_both(customer, stored, inputs, looked_at)
        else:
            self._turns(customer).take(customer, self._alone(customer, stored), inputs, looked_at)

    def take_due(self, customers: Sequence[tuple[str, Value]]) -> None:
        """Decide customers without inputs who are due."""
        for customer, stored in customers:
            self.take(customer, stored, (), True)

    def visit(self, customer: str, stored: Value) -> None:
        """Let the customer meet the book that is theirs now."""
        if self._has_both(customer, stored):
            own, shadow = self._both(stored)
            told, failed = len(self.told), len(self.failed)
            self._new.visit(customer, own)
            self._count(told, failed)  # what is due at once
            self._shadow.visit(customer, Value(shadow.state, shadow.wake))
            self._keep(customer, own, shadow, told)
        else:
            self._turns(customer).visit(customer, self._alone(customer, stored))

    def _turns(self, customer: str) -> Turns:
        return self._new if self.rollout_rules.has_new(customer, self._passed) else self._old

    def _has_both(self, customer: str, stored: Value) -> bool:
        """Whoever has been given the new book keeps it, though the clock be set back."""
        rollout_rules = self.rollout_rules
        return rollout_rules.is_canary and (stored.shadow is not None or rollout_rules.has_new(customer, self._passed))

    def _take_both(self, customer: str, stored: Value, inputs: Inputs, looked_at: bool) -> None:
        own, shadow = self._both(stored)
        told, failed = len(self.told), len(self.failed)
        self._new.take(customer, own, inputs, looked_at)
        self._count(told, failed)
        self._complaints += sum(
            isinstance(input, Event) and input.type == FeedbackKind.COMPLAINED for _, input in inputs
        )
        self._shadow.take(customer, Value(shadow.state, shadow.wake), self._known(inputs), looked_at)
        self._keep(customer, own, shadow, told)

    def _count(self, told: int, failed: int) -> None:
        """Count what was told and what has failed since there were so many."""
        self._sent.update(_sent(self.told[told:], {}))
        self._failures += _failed(self.told[told:], self.failed[failed:])

    def _both(self, stored: Value) -> tuple[Value, Shadow]:
        """The customer by the new book and by the old one; the two part here, if they have not parted before."""
        shadow = stored.shadow
        if shadow is None:
            self._customers += 1
            shadow = Shadow(stored.state, stored.wake, stored.wake)
        return Value(stored.state, shadow.own, 0, stored.history), shadow

    def _known(self, inputs: Inputs) -> Inputs:
        """Without events of types that only the new book declares: the old one would not have read them."""
        types = self.rollout_rules.old.book.roles
        return [(at, input) for at, input in inputs if not isinstance(input, Event) or input.type in types]

    def _keep(self, customer: str, own: Value, shadow: Shadow, told: int) -> None:
        """`own` and `shadow`: the customer before; `told`: how much was told before."""
        own = self.decided.values.get(customer, own)
        aside = self._aside.values.get(customer, Value(shadow.state, shadow.wake))
        wake = min(own.wake, aside.wake) if own.wake and aside.wake else own.wake or aside.wake
        news = [outcome for _, _, outcomes in self.told[told:] for outcome in outcomes]
        kept = Shadow(aside.state, aside.wake, own.wake, noted(shadow.told, news))
        self.decided.values[customer] = Value(own.state, wake, 0, own.history, kept)

    def _alone(self, customer: str, stored: Value) -> Value:
        """The customer as the one book is to find them that decides them from now on."""
        shadow = stored.shadow
        if shadow is None:
            return stored
        if self.rollout_rules.rollout.phase == "back":
            state, wake = self._gone_back(stored.state, shadow), shadow.wake
        else:
            state, wake = stored.state, shadow.own
        self.decided.values[customer] = alone = Value(state, wake, 0, stored.history)
        return alone

    def _gone_back(self, tried: bytes | None, shadow: Shadow) -> bytes | None:
        if tried is None or shadow.state is None:
            return shadow.state
        rules = self.rollout_rules
        try:
            state = decode_state(shadow.state)
            remember(state, decode_state(tried), shadow.told, rules.rollout.since, rules.old.book, rules.new.book)
        except (StateUnreadable, StateTooNew):
            return shadow.state
        return encode_state(state)


def _sent(told: Sequence[Told], renamed: Mapping[str, str]) -> Counter[str]:
    """Rule of the new book -> outreach. `renamed`: what rules are called there that were called otherwise."""
    fired = (one.rule for _, _, outcomes in told for one in outcomes if one.outcome is Outcome.FIRED)
    return Counter(renamed.get(rule, rule) for rule in fired)


def _failed(told: Sequence[Told], failed: Sequence[Failed]) -> int:
    return len(failed) + sum(one.outcome is Outcome.FAILED for _, _, outcomes in told for one in outcomes)
