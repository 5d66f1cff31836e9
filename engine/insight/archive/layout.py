"""The archive's tables and their columns: a public interface, documented in docs/insight.md; columns are only added.

A table is a folder `kind=…`, partitioned by `day=…` of arrival (UTC). Names are chosen so that no engine needs quotes.
"""

from typing import Final, Literal, NamedTuple

Kind = Literal["events", "feedback", "outcomes", "derived", "guests", "unreadable"]


class Place(NamedTuple):
    """The position of a record in its topic, which identifies the record."""

    topic: str
    partition: int
    offset: int


class Column(NamedTuple):
    """A column: its name, its type in DuckDB, and the expression that makes it from the spool's field of that name."""

    name: str
    type: str
    spooled: str = ""
    made: str = ""


def _text(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "VARCHAR") for name in names)


def _instant(name: str) -> Column:
    """Epoch ms in the spool; in Parquet microseconds, adjusted to UTC."""
    return Column(name, "TIMESTAMP WITH TIME ZONE", "BIGINT", f"make_timestamptz({name} * 1000)")


_PLACE: Final = (
    *_text("topic"),
    Column("topic_partition", "INTEGER"),
    Column("topic_offset", "BIGINT"),
    _instant("arrived_at"),
)
_EVENT: Final = (
    *_PLACE,
    *_text("customer", "id"),
    Column("id_source", "INTEGER"),
    *_text("type"),
    _instant("occurred_at"),
    Column("amount", "DOUBLE"),
    *_text("currency"),
    Column("properties", "VARCHAR", "JSON", "properties::VARCHAR"),
)
_OUTCOME: Final = (
    *_PLACE,
    *_text("customer", "id", "rule", "occurrence", "outcome", "reason", "revision", "outreach"),
    _instant("decided_at"),
    _instant("deferred_until"),
    *_text("step"),
    Column("exposed", "VARCHAR", "JSON", "exposed::VARCHAR"),
    Column("coupons", "VARCHAR", "JSON", "coupons::VARCHAR"),
)
_DERIVED: Final = (*_EVENT, *_text("rule", "because_of"))
_GUEST: Final = (*_PLACE, *_text("customer", "known"), _instant("occurred_at"))
_UNREADABLE: Final = (*_PLACE, *_text("code", "reason"), Column("value", "BLOB", "VARCHAR", "from_base64(value)"))

KINDS: Final[dict[Kind, tuple[Column, ...]]] = {
    "events": _EVENT,
    "feedback": _EVENT,
    "outcomes": _OUTCOME,
    "derived": _DERIVED,
    "guests": _GUEST,
    "unreadable": _UNREADABLE,
}


def order_of(kind: Kind) -> str:
    """The sort order of rows within a file: by customer, then by arrival."""
    arrival = "arrived_at, topic, topic_partition, topic_offset"
    return arrival if kind == "unreadable" else f"customer, {arrival}"


def spooled_columns(kind: Kind) -> str:
    """For DuckDB's read_json."""
    return ", ".join(f"{one.name}: '{one.spooled or one.type}'" for one in KINDS[kind])


def made_columns(kind: Kind) -> str:
    """A select list that makes the table's columns from the spool's."""
    return ", ".join(f"{one.made or one.name} AS {one.name}" for one in KINDS[kind])
