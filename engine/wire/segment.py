"""Reads records of the Segment spec, as Segment's and RudderStack's libraries write them, for `formats`."""

from typing import Any

from engine.core.catalog import Catalog, Source
from engine.ports import Record
from engine.wire.parts import Parts, at, object_of

TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
"""Fields with a call's time; the first present counts. RudderStack adds `timestamp` only on its servers."""
TOP_LEVEL_PROPERTIES = {"page": ("name", "category"), "screen": ("name", "category"), "group": ("groupId",)}
"""Top-level fields of calls that rules can read as properties."""


def names_guests(source: Source) -> bool:
    """Whether this source's records identify guests as known customers, and the guest's state can be reached.

    That state may be in another partition, which only the ingest's topic reaches. With a declared customer field there
    are no guests.
    """
    return source.format == "segment" and not source.keyed and source.customer == Source("", "").customer


def topics_naming_guests(catalog: Catalog) -> list[str]:
    """The topics of the sources that do."""
    return [source.topic for source in catalog.sources if names_guests(source)]


class SegmentReader:
    """Reads track, identify, page, screen, group and alias calls.

    An anonymous visitor is a customer of their own. A call with both ids is the known customer's, and names the guest.
    """

    def __init__(self, source: Source) -> None:
        plain = Source("", "")
        self.id = source.id if source.id != plain.id else ("messageId",)
        self.customer = source.customer if source.customer != plain.customer else None
        self.time = source.time if source.time != plain.time else None

    def __call__(self, record: Record) -> Parts:
        """Raises BadRecord and DecodeError."""
        body = object_of(record)
        call = body.get("type")
        customer, guest = _ids(body, call) if self.customer is None else (at(body, self.customer), None)
        return Parts(
            id=at(body, self.id),
            type=body.get("event") if call == "track" else call,
            customer=customer,
            time=_time(body) if self.time is None else at(body, self.time),
            properties=_properties(body, call),
            guest=guest,
        )


def _ids(body: dict[str, Any], call: Any) -> tuple[Any, Any]:
    """The call's customer, and the guest that it identifies."""
    known = body.get("userId")
    guest = body.get("previousId") if call == "alias" else body.get("anonymousId")
    return (guest, None) if known is None or known == "" else (known, guest)


def _time(body: dict[str, Any]) -> Any:
    return next((body[name] for name in TIMES if body.get(name) is not None), None)


def _properties(body: dict[str, Any], call: Any) -> Any:
    if call == "identify":
        return body.get("traits") or at(body, ("context", "traits"))
    properties = body.get("traits" if call == "group" else "properties")
    top_level = {name: body[name] for name in TOP_LEVEL_PROPERTIES.get(call, ()) if body.get(name) is not None}
    if not top_level or not isinstance(properties, dict | None):
        return properties
    return top_level | (properties or {})
