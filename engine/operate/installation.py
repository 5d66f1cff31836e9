"""The installation that checks examine: its settings, and how to open its store and brokers.

`engine.wiring` makes it; the checks and the doctor take it, so that they need to know no client library.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from engine.config import Settings
from engine.core.template_facts import TemplateFacts
from engine.ports import Brokers, StateStore


@dataclass(frozen=True)
class Installation:
    """`wall` returns the time now, epoch ms. `open_store` raises EngineError if the store cannot be reached.

    `inspect_templates` says what the templates read.
    """

    settings: Settings
    brokers: Brokers
    open_store: Callable[[], AbstractContextManager[StateStore]]
    wall: Callable[[], int]
    inspect_templates: Callable[[], Sequence[TemplateFacts]]
