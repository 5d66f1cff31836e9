"""The base class of actions: an action says what a rule does with a firing, and which guards may stop it.

`settle` asks the action's guards and then applies its effects. An action must not write to the state itself. To add
one: one file here, one grammar model in `engine/lang/actions.py` (see docs/adding-an-action.md).
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from engine.core.effects import Effect
from engine.core.state.model import Sent, State
from engine.model import Outcome

if TYPE_CHECKING:
    from engine.core.actions.send import Send
    from engine.core.book import Rule, RuleBook
    from engine.core.firing import Candidate
    from engine.core.guards import Guard
    from engine.core.journeys.steps import Journey
    from engine.core.policy import Policy


class Action:  # no ABC: compiled classes of one share its caches, and isinstance takes one kind for another
    """Base of all actions. One instance serves one rule and every customer."""

    outcome: ClassVar[Outcome] = Outcome.FIRED
    """The outcome that is recorded for a firing that passed all guards."""
    journey: "Journey | None" = None
    """The steps that the firing begins; None: the action does all at once."""
    priority: int = 0
    """Candidates that compete for one instant are judged by priority, the highest first."""
    waits: bool = False
    """Whether it goes on after the trigger came true, so that `exit` and `match` make sense."""

    @property
    @abstractmethod
    def guards(self) -> "tuple[Guard, ...]":
        """The guards that may stop a firing, in the order in which `settle` asks them."""

    def idle_guards(self, policy: "Policy", rule: "Rule") -> "Sequence[Guard]":
        """Those of the guards that let everything pass, by what policy and rule say. They are not asked."""
        return ()

    @property
    def step_guards(self) -> "tuple[Guard, ...]":
        """The guards, after the step's `if`, when the action is a step of a journey."""
        return ()

    @abstractmethod
    def effects(self, book: "RuleBook", state: State, candidate: "Candidate") -> list[Effect]:
        """The effects of a candidate that passed all guards."""

    @property
    def sends(self) -> "Sequence[Send]":
        """The messages that this action may send, for checks and templates."""
        return ()

    @property
    def makes(self) -> frozenset[str]:
        """The event types that this action makes. Such events do not count as activity of the customer."""
        return frozenset()

    @property
    def makes_soon(self) -> frozenset[str]:
        """Those that it may make within an hour, so that rules could set off each other without end."""
        return self.makes

    @property
    def makes_for_others(self) -> bool:
        """Whether it may make events for other customers than its own."""
        return False

    def counted(self, at: int) -> Sent | None:
        """The entry that caps count when the action happened at `at` or was held out; None: caps ignore it."""
        return None
