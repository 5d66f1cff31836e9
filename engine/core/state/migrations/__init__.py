"""From each version of the state to the next, one file a step. States of every version load for ever.

A migration works on the decoded bytes, not on today's structs, so that it goes on meaning the same.
"""

from collections.abc import Callable
from typing import Any, Final

from engine.core.state.migrations import v2_slots_by_rule

MIGRATIONS: Final[dict[int, Callable[[list[Any]], list[Any]]]] = {1: v2_slots_by_rule.migrate}
"""version -> what turns its raw fields into those of the next version."""
