"""The trigger `event`: it fires at once, once per event of the type.

It keeps nothing in the state; duplicates are dropped earlier, by `decide`.
"""

from typing import Any

from engine.core.expression import Expression
from engine.core.firing import Firing
from engine.core.state.model import State
from engine.core.triggers.base import EventTrigger
from engine.model import Event


class OnEvent(EventTrigger):
    kind = "event"
    code = 6

    def __init__(self, rule: str, *, event: str, where: Expression | None = None, **common: Any) -> None:
        super().__init__(rule, **common)
        self.event = event
        self.where = where

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        if not self.is_meant(state, event):
            return None
        return Firing(event.occurrence, event.time, self.kept(event), f"{self.event} happened")

    def explain(self, state: State) -> str:
        condition = f" where {self.where.text}" if self.where else ""
        return f"waits for a {self.event}{condition}"
