"""What an action is: what a rule does with a firing, and what may stop it.

`settle` asks an action's guards and then applies what it does; an action itself never writes. To add one: one file
here, one grammar model in `engine/lang/actions.py` (see docs/adding-an-action.md).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from engine.core.effects import Effect
from engine.core.state.model import Sent, State
from engine.model import Outcome

if TYPE_CHECKING:
    from engine.core.actions.send import Send
    from engine.core.book import RuleBook
    from engine.core.guards import Candidate, Guard


class Action(ABC):
    """Base of all actions. One instance serves one rule and every customer."""

    outcome: ClassVar[Outcome] = Outcome.FIRED
    """What has become of a firing that passed all guards."""

    @property
    @abstractmethod
    def guards(self) -> "tuple[Guard, ...]":
        """What may still stop a firing, in the order in which it is asked."""

    @abstractmethod
    def effects(self, book: "RuleBook", state: State, candidate: "Candidate") -> list[Effect]:
        """What is to be done about a candidate that passed."""

    @property
    def priority(self) -> int:
        """Among candidates that compete for one instant the highest goes first."""
        return 0

    @property
    def sends(self) -> "Sequence[Send]":
        """The messages that this action may send, for checks and templates."""
        return ()

    @property
    def makes(self) -> frozenset[str]:
        """The event types that it makes. They are no activity of the customer."""
        return frozenset()

    def counted(self, at: int) -> Sent | None:
        """What caps count when it has happened at `at`, or was held out."""
        return None
