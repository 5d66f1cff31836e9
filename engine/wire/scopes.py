"""What an event's id is unique within. The decoder asks this for every record, so that one place decides it.

Of our own JSON it is the topic; of CloudEvents the event's `source`; a Segment messageId is unique as it is.
"""

from functools import lru_cache
from typing import Any, NamedTuple

from engine.core.catalog import Catalog, Source
from engine.core.seen import source_number
from engine.errors import BadRecord

SEGMENT = "segment:"
CLOUDEVENTS = "cloudevents:"
"""Begin the scopes of these formats. No topic has a colon in its name, so that none of them is a topic's."""
MOST_SCOPE = 512
"""Characters in the `source` of a CloudEvent: it becomes part of the occurrence of a firing."""


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
        """That of the events that name none themselves."""

    def of(self, named: Any) -> Scope:
        """The scope of an event that names this one. Raises BadRecord."""
        if not self._by_event or named is None or named == "":
            return self.own
        if not isinstance(named, str) or len(named) > MOST_SCOPE:
            raise BadRecord("bad-source", f"source must be a string of at most {MOST_SCOPE} characters")
        return self._scope(CLOUDEVENTS + named)

    def _scope(self, name: str) -> Scope:
        return Scope(_number(name), "" if name == self._first else name)


def _name(source: Source) -> str:
    return SEGMENT if source.format == "segment" else source.topic


_number = lru_cache(10_000)(source_number)
"""Remembered, as a digest takes a microsecond and most events come from few sources."""
