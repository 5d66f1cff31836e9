"""Records that are no events, of every kind, and customers whose names only look as if they were trouble."""

import json
from collections.abc import Mapping
from typing import Any

from tests.support.job import PARTITIONS, START, Entry

GOOD: Mapping[str, Any] = {"id": "x", "type": "purchase", "customer": "poison", "time": START, "properties": {}}


def _with(**changes: Any) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def _without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()


POISON: list[tuple[str, bytes | None]] = [
    ("no-value", None),
    ("not-decodable", b""),
    ("not-decodable", b"{"),
    ("not-decodable", b"\xff\xfe\x00"),
    ("not-decodable", b"\x00\x00\x00\x00\x07\x02x\x10purchase"),  # Avro, behind the head of a schema registry
    ("not-decodable", b"[" * 100_000),
    ("not-decodable", b"[1, 2]"),
    ("not-decodable", b'{"id":"x","type":"purchase","customer":"c","time":1750000000000,"properties":{"amount":NaN}}'),
    ("too-large", _with(properties={"note": "x" * 1_000_000})),
    ("missing-type", _without("type")),
    ("missing-customer", _without("customer")),
    ("missing-customer", _with(customer="")),
    ("bad-customer", _with(customer="c" * 10_000)),
    ("bad-customer", _with(customer={"id": 7})),
    ("bad-id", _with(id=["x"])),
    ("missing-time", _without("time")),
    ("bad-time", _with(time="yesterday")),
    ("time-too-old", _with(time=0)),
    ("time-in-future", _with(time=253_370_764_800_000)),
    ("bad-properties", _with(properties=[])),
    ("wrong-type", _with(properties={"amount": "a lot"})),
]
"""(code of the dead letter, the record's value)"""

NAMES = ("{braces}", "with spaces", "new\nline", "emoji 🛒", "quote'\"", "a:b:c", "*", "ünï", "nobody", "0")


def poison(rounds: int) -> list[Entry]:
    """Each so many times, over the partitions."""
    values = [value for _, value in POISON] * rounds
    return [Entry(START, place % PARTITIONS, b"poison", value) for place, value in enumerate(values)]


def odd_customers() -> list[dict[str, Any]]:
    """Events of customers with names of all kinds, each of whom reaches the first milestone."""
    return [
        {"id": f"odd-{place}-{number}", "type": "purchase", "customer": name, "time": START + number, "properties": {}}
        for place, name in enumerate(NAMES)
        for number in range(3)
    ]
