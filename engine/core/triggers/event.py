"""The trigger `event`: it fires at once, once per event of the type.

It keeps nothing in the state; duplicates are dropped earlier, by `decide`.
"""

from typing import Any

from engine.core.expression import NEVER, Expression
from engine.core.firing import Firing
from engine.core.scope import Scope
from engine.core.state.model import State
from engine.core.triggers.base import Trigger
from engine.model import Event, KeptEvent


class OnEvent(Trigger):
    kind = "event"
    code = 6
    is_immediate = True

    def __init__(self, rule: str, *, event: str, where: Expression | None = None, **common: Any) -> None:
        super().__init__(rule, **common)
        self.event = event
        self.where = where

    @property
    def listens(self) -> frozenset[str]:
        return frozenset({self.event})

    @property
    def arms_after(self) -> int:
        return NEVER  # it has no timers

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        if self.where and not self.where.test(Scope(state, event, event.time)):
            return None
        kept = KeptEvent(event.id, event.type, event.time, event.properties)
        return Firing(event.occurrence, event.time, kept, f"{self.event} happened")

    def explain(self, state: State) -> str:
        condition = f" where {self.where.text}" if self.where else ""
        return f"waits for a {self.event}{condition}"
