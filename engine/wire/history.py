"""How a customer's history keeps an outcome. Apart from the code, since mypyc cannot compile a msgspec.Struct."""

from typing import Annotated

import msgspec

from engine.model import Outcome


class Past(msgspec.Struct, array_like=True, gc=False):
    """What a customer's history keeps of an outcome: a fifth of the bytes, the rest follows from it.

    `occurrence` is a number where it is one, `revision` the one that its hex digits say, `outcome` its place in the
    list of all.
    """

    at: int
    rule: str
    occurrence: int | str
    outcome: Annotated[int, msgspec.Meta(ge=0, lt=len(Outcome))]
    reason: str
    revision: int | str
    until: int = 0
