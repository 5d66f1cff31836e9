"""Migrations of a state from each version to the next, one file per step. States of every version must load for ever.

`codec` calls them. A migration works on the decoded arrays, not on today's structs, so that changes of the structs
cannot change its meaning.
"""

from collections.abc import Callable
from typing import Any, Final

from engine.core.state.migrations import v2_slots_by_rule

MIGRATIONS: Final[dict[int, Callable[[list[Any]], list[Any]]]] = {1: v2_slots_by_rule.migrate}
"""version -> the function that turns its raw fields into those of the next version."""
