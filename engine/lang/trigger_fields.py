"""The base class of the trigger kinds' grammar models, and what `When` hands to each kind."""

from abc import abstractmethod
from collections.abc import Mapping, Set
from typing import ClassVar, TypedDict

from engine.core.catalog import Catalog, EventType
from engine.core.triggers.base import Trigger
from engine.core.zones import Zones
from engine.lang.form import Strict
from engine.lang.site import Site


class Common(TypedDict):
    """The arguments that every trigger class takes besides its own."""

    keeps_event: bool
    zones: Zones
    slack: int
    declared: Mapping[str, EventType]


class TriggerFields(Strict):
    """Base class of the kinds. `timers`: whether it uses timers, so that `exit` makes sense."""

    timers: ClassVar[bool] = True

    @abstractmethod
    def events(self, catalog: Catalog) -> frozenset[str]:
        """The types that the root `event` may be when the rule comes true."""

    @abstractmethod
    def build(self, rule: str, site: Site, common: Common) -> Trigger:
        """The trigger; problems are reported at `site`, the place of this mapping."""

    @property
    def silence(self) -> int:
        """Milliseconds without an event after which it comes true."""
        return 0


def feeding(catalog: Catalog, fields: Set[str]) -> frozenset[str]:
    """The event types that feed one of these profile fields."""
    return frozenset(name for name, event in catalog.events.items() if event.feeds(fields))
