"""The form in which format 2 of the store has an outcome in a customer's history; the upgrade to format 3 reads it.

It has a module of its own since mypyc, which compiles records.py, cannot compile a msgspec.Struct.
"""

from typing import Annotated

import msgspec

from engine.model import Outcome


class Past(msgspec.Struct, array_like=True, gc=False):
    """An outcome in a fifth of the bytes of its JSON. `occurrence` and `revision` (hex) are stored as numbers where
    possible, `outcome` as its index in the enum.
    """

    at: int
    rule: str
    occurrence: int | str
    outcome: Annotated[int, msgspec.Meta(ge=0, lt=len(Outcome))]
    reason: str
    revision: int | str
    until: int = 0
    step: str = ""
