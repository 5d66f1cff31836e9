"""What `decide` says: the state to keep, and what is to be done."""

import msgspec

from engine.core.state.model import State
from engine.model import OutcomeRecord, Outreach


class Decision(msgspec.Struct, gc=False):
    """The state to keep (None: forget the customer), what to send, and an outcome per firing."""

    state: State | None
    outreach: list[Outreach] = []
    outcomes: list[OutcomeRecord] = []
    duplicate: bool = False
    fired_before: dict[str, int] = {}
    """When the rules that fire now had fired before; 0: never. For outreach that cannot be rendered."""
