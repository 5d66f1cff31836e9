"""Actions for tests of what rules may do, defined without the rule language."""

from typing import Self

import pytest

from engine.core.actions.base import Action
from engine.core.book import RuleBook
from engine.core.effects import Effect, effect_id
from engine.core.firing import Candidate
from engine.core.guards import Guard, condition, reentry
from engine.core.state.model import State
from engine.model import DerivedEvent, Event, Outcome


class Tell(Action):
    """Makes an event of a type, for the customer or for somebody else. Skips the test where actions are compiled."""

    outcome = Outcome.EMITTED

    def __new__(cls, *_: str, **__: str) -> Self:
        try:
            return super().__new__(cls)
        except TypeError:
            pytest.skip("a class of Python cannot inherit from a compiled one", allow_module_level=True)

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
