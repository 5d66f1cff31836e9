"""Records of the Segment spec, as Segment's and RudderStack's libraries write them."""

from typing import Any

from engine.core.catalog import Source
from engine.ports import Record
from engine.wire.parts import Parts, at, object_of

TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
"""Where a call says when it happened: the first that is there. RudderStack adds `timestamp` only on its servers."""
BESIDE = {"page": ("name", "category"), "screen": ("name", "category"), "group": ("groupId",)}
"""What calls say beside their properties and rules want to ask for."""


def names_guests(source: Source) -> bool:
    """Whether guests of this source can be told that they are known.

    Their state may be in another partition, which only the ingest's topic reaches. A declared customer has no guest.
    """
    return source.format == "segment" and not source.keyed and source.customer == Source("", "").customer


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
    """Whose call it is, and who they were before."""
    known = body.get("userId")
    guest = body.get("previousId") if call == "alias" else body.get("anonymousId")
    return (guest, None) if known is None or known == "" else (known, guest)


def _time(body: dict[str, Any]) -> Any:
    return next((body[name] for name in TIMES if body.get(name) is not None), None)


def _properties(body: dict[str, Any], call: Any) -> Any:
    if call == "identify":
        return body.get("traits") or at(body, ("context", "traits"))
    properties = body.get("traits" if call == "group" else "properties")
    beside = {name: body[name] for name in BESIDE.get(call, ()) if body.get(name) is not None}
    if not beside or not isinstance(properties, dict | None):
        return properties
    return beside | (properties or {})
