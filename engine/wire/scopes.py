"""Determines the scope within which an event's id is unique. The decoder asks it for every record.

The scope is the topic for the engine's own JSON and the event's `source` for CloudEvents; a Segment messageId is unique
by itself. Two events with one id in one scope count as one event, delivered twice.
"""

from functools import lru_cache
from typing import Any, NamedTuple

from engine.core.catalog import Catalog, Source
from engine.core.seen import source_number
from engine.errors import BadRecord

SEGMENT = "segment:"
CLOUDEVENTS = "cloudevents:"
"""Prefixes of the scopes of these formats. No topic has a colon in its name, so they cannot equal a topic's scope."""
MAX_SCOPE_LENGTH = 512
"""Characters of a CloudEvent's `source`, at most: it becomes part of the occurrence of a firing."""


class Scope(NamedTuple):
    """A scope's number, which tells repeats from other sources' events, and its name as occurrences show it."""

    number: int
    shown: str


class Scopes:
    """The scopes of one source's events.

    Occurrences show the ids of the first source of events.yaml as they are, so that outreach ids stay
    as they were when a second source is added below it.
    """

    def __init__(self, source: Source, catalog: Catalog) -> None:
        self._first = _name(catalog.sources[0] if catalog.sources else source)
        self._by_event = source.format == "cloudevents"
        self.own = self._scope(_name(source))
        """The scope of events that name none themselves."""

    def of(self, named: Any) -> Scope:
        """The scope of an event with this `source`. Raises BadRecord."""
        if not self._by_event or named is None or named == "":
            return self.own
        if not isinstance(named, str) or len(named) > MAX_SCOPE_LENGTH:
            raise BadRecord("bad-source", f"source must be a string of at most {MAX_SCOPE_LENGTH} characters")
        return self._scope(CLOUDEVENTS + named)

    def _scope(self, name: str) -> Scope:
        return Scope(_number(name), "" if name == self._first else name)


def _name(source: Source) -> str:
    return SEGMENT if source.format == "segment" else source.topic


_number = lru_cache(10_000)(source_number)
"""Cached: a digest takes a microsecond, and most events come from few sources."""
