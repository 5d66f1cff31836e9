"""One customer at one moment: what expressions are asked about.

Some are made for each event, and a struct takes a third of the time of a class. mypyc, which compiles `scope`, cannot
compile structs, so that it has a module of its own.
"""

from collections.abc import Mapping, Sequence

import msgspec

from engine.core.state.model import State
from engine.model import Event, KeptEvent


class Scope(msgspec.Struct, gc=False):
    """`event` is the event that armed the timer or fired the rule; None: no event.

    `customer`: the customer's id; "": that of the event. `sent`: the steps that have made something in this run of a
    journey. `supposed`: variants by experiment, in place of the customer's own.
    """

    state: State
    event: Event | KeptEvent | None
    now: int
    customer: str = ""
    sent: Sequence[str] = ()
    supposed: Mapping[str, str] | None = None
