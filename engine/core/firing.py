"""A rule that has come true for a customer, and the same at the moment it is judged.

Triggers return firings, and `settle` makes candidates of them. They are structs, as many are made for each message: a
NamedTuple takes five times as long. mypyc cannot compile structs, so that they have a module of their own.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from engine.core.effects import effect_id
from engine.core.expression import Expression
from engine.core.scope import Scope
from engine.core.state.model import Run, State
from engine.model import KeptEvent

if TYPE_CHECKING:
    from engine.core.actions.base import Action
    from engine.core.book import Rule
    from engine.core.journeys.steps import Act


class Firing(msgspec.Struct, frozen=True, gc=False):
    """A rule that has come true for a customer. `moment` is when; `occurrence` makes it unique."""

    occurrence: str
    moment: int
    event: KeptEvent | None
    reason: str
    until: int = 0
    """From this moment on the firing is pointless, even if fresh; 0: no limit."""


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A firing at the moment it is judged. `first_try` is false when quiet hours have deferred it before.

    `run` and `step` are set if the firing is a step of a journey.
    """

    rule: "Rule"
    action: "Action"
    firing: Firing
    customer: str
    at: int
    first_try: bool = True
    run: Run | None = None
    step: "Act | None" = None

    @property
    def effect_id(self) -> str:
        """The id of what the firing makes."""
        return effect_id(self.rule.id, self.customer, self.firing.occurrence, self.step_name)

    @property
    def step_name(self) -> str:
        """The name of the step; "": the rule is no journey."""
        return self.step.name if self.step is not None else ""

    @property
    def condition(self) -> Expression | None:
        """The `if` of the rule, or of the step."""
        return self.rule.condition if self.step is None else self.step.condition

    @property
    def experiments(self) -> frozenset[str]:
        """The experiments that what is judged reads: the step, or the rule; of a journey's entry only its `if`."""
        return self.rule.experiments if self.step is None else self.step.experiments

    def scope(self, state: State, supposed: Mapping[str, str] | None = None) -> Scope:
        """What the rule's expressions see of this candidate. `supposed`: variants in place of the customer's own."""
        sent = self.run.sent if self.run is not None else ()
        return Scope(state, self.firing.event, self.at, self.customer, sent, supposed)
