"""What `decide` says: the state to keep, and what is to be done."""

from hashlib import blake2b

import msgspec

from engine.core.state.model import State
from engine.model import DerivedEvent, Event, OutcomeRecord, Outreach

Effect = Outreach | DerivedEvent
"""What leaves a decision for somewhere else, by way of the outbox. `engine/wire` writes each kind."""


def effect_id(rule: str, customer: str, occurrence: str) -> str:
    """The same for the same rule, customer and occurrence, for ever: 32 hex digits that reveal nothing."""
    return blake2b(f"{rule}\0{customer}\0{occurrence}".encode(), digest_size=16).hexdigest()


class Decision(msgspec.Struct, gc=False):
    """The state to keep (None: forget the customer), what is to be done elsewhere, and an outcome per firing."""

    state: State | None
    effects: list[Effect] = []
    outcomes: list[OutcomeRecord] = []
    duplicate: bool = False
    fired_before: dict[str, int] = {}
    """When the rules that fire now had fired before; 0: never. For effects that cannot be written."""
    derived: list[Event] = []
    """Events that rules have made for the same customer, in the order in which they are applied."""

    @property
    def outreach(self) -> list[Outreach]:
        """The messages among the effects."""
        return [effect for effect in self.effects if isinstance(effect, Outreach)]
