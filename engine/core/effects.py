"""The result of `decide`: the state to keep, the effects to carry out, and an outcome per firing.

`settle` fills a `Decision`; the worker's batch stores the state and puts the effects into the outbox.
"""

from hashlib import blake2b

import msgspec

from engine.core.state.model import State
from engine.model import DerivedEvent, Event, OutcomeRecord, Outreach

Effect = Outreach | DerivedEvent
"""Something that a decision sends elsewhere through the outbox. `engine/wire` writes each kind."""


def effect_id(rule: str, customer: str, occurrence: str, step: str = "") -> str:
    """32 hex digits, always the same for one rule, customer and occurrence; the customer cannot be read from them.

    For a step of a journey the occurrence is that of the run.
    """
    rule = f"{rule}/{step}" if step else rule
    return blake2b(f"{rule}\0{customer}\0{occurrence}".encode(), digest_size=16).hexdigest()


class Decision(msgspec.Struct, gc=False):
    """The state to keep (None: forget the customer), the effects, and one outcome per firing."""

    state: State | None
    effects: list[Effect] = []
    outcomes: list[OutcomeRecord] = []
    duplicate: bool = False
    fired_before: dict[str, int] = {}
    """Rule -> its last firing before this decision; 0: never. `retract` restores it if an effect cannot be written."""
    derived: list[Event] = []
    """Events that rules have made for the same customer, in the order in which they are applied."""

    @property
    def outreach(self) -> list[Outreach]:
        """The messages among the effects."""
        return [effect for effect in self.effects if isinstance(effect, Outreach)]
