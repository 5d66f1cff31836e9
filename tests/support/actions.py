"""Actions for tests of what rules may do, defined without the rule language."""

from engine.core.actions.base import Action
from engine.core.book import RuleBook
from engine.core.effects import Effect, effect_id
from engine.core.guards import Candidate, Guard, condition, reentry
from engine.core.state.model import State
from engine.model import DerivedEvent, Event, Outcome


class Tell(Action):
    """Makes an event of a type, for the customer or for somebody else."""

    outcome = Outcome.EMITTED

    def __init__(self, type: str, to: str = "") -> None:
        self.type = type
        self.to = to

    @property
    def guards(self) -> tuple[Guard, ...]:
        return condition, reentry

    @property
    def makes(self) -> frozenset[str]:
        return frozenset({self.type})

    def effects(self, book: RuleBook, state: State, candidate: Candidate) -> list[Effect]:
        firing, customer = candidate.firing, candidate.customer
        identity = effect_id(candidate.rule.id, customer, firing.occurrence)
        made = Event(identity, self.type, self.to or customer, firing.moment)
        return [DerivedEvent(candidate.rule.id, firing.occurrence, customer, candidate.at, made)]
