"""Records made of parts that are right, odd, or broken, in every format; cheaply, and the same ones for a seed."""

from collections.abc import Iterator
from random import Random
from typing import Final

from engine.ports import Record

NOW: Final = 1_790_000_000_000
DEEP: Final = 900
"""Nested so deeply, a value can be decoded, and not encoded again from everywhere."""

KINDS: Final = ("string", "number", "integer", "boolean", "time", "date", "any")
TYPES: Final = ("signup", "visit", "buy", "buy", "cart")
SOURCES: Final = ("own", "seconds", "micros", "nested", "flat", "segment", "cloudevents")

_NUMBERS: Final = [
    "0", "-1", "1", "-0.0", "1e308", "-1e308", "1e-400", "1e400", "5e-324", "0.1", "1.5", "9" * 16, "9" * 19,
    "18446744073709551615", "18446744073709551616", "-9223372036854775809", "9" * 400, "-" + "9" * 400, "9" * 4299,
    "9" * 5000, "NaN", "Infinity", "-Infinity", "253402300799999", "253402300800000", "-62135596800000",
    "-62135596800001", "1790000000", "1790000000000", "1790000000000000", "1790000000.5", "01", "1.", "0x10",
]  # fmt: skip
_STRINGS: Final = [
    '""', '" "', '"a"', '"\\u0000"', '"\\ud800"', '"\\ud800\\ud800"', '"\\udc00x"', '"\\ud83d\\ude00"', '"\\u202e"',
    '"é"', '"字"',
    '"2026-01-05"', '"2026-01-05T09:00:00+02:00"', '"0001-01-01"', '"0001-01-01T00:00:00+23:59"', '"9999-12-31"',
    '"9999-12-31T23:59:59-23:59"', '"0000-00-00"', '"02-29"', '"2026-W01-1"', '"10000-01-01"', '"-1"', '"1e308"',
    '"403.00"', '"NaN"', '"Europe/Berlin"', '"../../etc"', '"de_DE"', '"c-1"', '"c-2"', '"true"', '"null"',
    '"undefined"',
    f'"{"x" * 513}"', f'"{"字" * 20_000}"', '"{{ 7 * 7 }}"', '"\\n\\r"', '"unterminated', '"\\x"',
]  # fmt: skip
_OTHERS: Final = [
    "true", "false", "null", "[]", "{}", "[1]", '{"a":1}', '{"a":{"a":{"a":1}}}', "tru", "[", "{", '{"a"}', "",
    "[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP, "[" * 100_000,
]  # fmt: skip
_VALUES: Final = [one.encode() for one in [*_NUMBERS, *_STRINGS, *_OTHERS]] + [b'"\xff"', b'"\xed\xa0\x80"', b"\x00"]
_BYTES: Final = [b"", b"null", b"[]", b"{}", b"\xff\xfe", b"\x00\x00\x00\x00\x07{}", b"hello", b'"\\ud800"', b"1e999"]


Encoded = tuple[bytes, tuple[tuple[str, bytes], ...]]
"""Value and headers."""


class HostileRecords:
    """Called with a number it makes so many; two in three are an event but for one part or none."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._makers = {
            "own": self._own,
            "seconds": self._own,
            "micros": self._own,
            "nested": self._nested,
            "flat": self._flat,
            "segment": self._segment,
            "cloudevents": self._cloudevents,
        }

    def __call__(self, count: int) -> Iterator[Record]:
        for number in range(count):
            source = SOURCES[number % len(SOURCES)]
            whole, headers = self._makers[source]({**self._parts(number, source), **self._broken()})
            value = self._spoilt(whole) if self._random.random() < 0.04 else whole
            yield Record(source, 0, number + 1, value, b"k", NOW, headers)

    def _parts(self, number: int, source: str) -> dict[str, bytes]:
        choose = self._random.choice
        unit = {"seconds": 1000, "micros": 0.001}.get(source, 1)
        return {
            "id": b'"e-%d"' % number,
            "type": b'"%s"' % choose(TYPES).encode(),
            "customer": b'"c-%d"' % self._random.randrange(500),
            "time": b"%d" % ((NOW - self._random.randrange(90 * 86_400_000)) / unit),
            "properties": self._properties(),
        }

    def _broken(self) -> dict[str, bytes]:
        """A part that is something else, in one of three."""
        chance = self._random.random()
        if chance > 0.33:
            return {}
        part = self._random.choice(("id", "type", "customer", "time", "properties"))
        return {part: self._random.choice(_VALUES)}

    def _properties(self) -> bytes:
        """Of some declared kinds, some with values of any other."""
        choose, chance = self._random.choice, self._random.random
        right = {
            "string": b'"a"', "number": b"20.5", "integer": b"3", "boolean": b"true", "time": b"1790086400000",
            "date": b'"1990-05-17"', "any": b"[1]",
        }  # fmt: skip
        some = (choose(KINDS), choose(KINDS), choose(KINDS))
        fields = [(name.encode(), choose(_VALUES) if chance() < 0.1 else right[name]) for name in some]
        return b"{%s}" % b",".join(b'"%s":%s' % field for field in fields)

    def _spoilt(self, whole: bytes) -> bytes | None:
        """Cut off, with a byte changed, something else, or nothing."""
        place = self._random.randrange(len(whole) + 1)
        changed = whole[:place] + bytes([self._random.randrange(256)]) + whole[place + 1 :]
        return self._random.choice((None, whole[:place], changed, self._random.choice(_BYTES)))

    def _own(self, parts: dict[str, bytes]) -> Encoded:
        return b'{"id":%(id)s,"type":%(type)s,"customer":%(customer)s,"time":%(time)s,"properties":%(properties)s}' % {
            name.encode(): value for name, value in parts.items()
        }, ()

    def _nested(self, parts: dict[str, bytes]) -> Encoded:
        named = {name.encode(): value for name, value in parts.items()}
        body = b'{"meta":{"id":%(id)s,"type":%(type)s},"who":{"id":%(customer)s},"at":%(time)s,"data":%(properties)s}'
        return body % named, ()

    def _flat(self, parts: dict[str, bytes]) -> Encoded:
        inner = parts.pop("properties")
        fields = b",".join(b'"%s":%s' % (name.encode(), value) for name, value in parts.items())
        return b"{%s,%s}" % (fields, inner[1:-1] or b'"x":1'), ()

    def _segment(self, parts: dict[str, bytes]) -> Encoded:
        named = {name.encode(): value for name, value in parts.items()}
        who = self._random.choice((b"userId", b"anonymousId"))
        call = self._random.choice((b"track", b"track", b"track", b"identify", b"page", b"screen", b"group", b"alias"))
        about = b'"messageId":%(id)s,"event":%(type)s,"timestamp":%(time)s' % named
        return b'{"type":"%s",%s,"%s":%s,"properties":%s,"traits":%s,"context":{"traits":%s}}' % (
            call, about, who, parts["customer"], parts["properties"], parts["properties"], parts["properties"],
        ), ()  # fmt: skip

    def _cloudevents(self, parts: dict[str, bytes]) -> Encoded:
        if self._random.random() < 0.5:
            named = {name.encode(): value for name, value in parts.items()}
            about = b'"id":%(id)s,"type":%(type)s,"subject":%(customer)s,"time":%(time)s' % named
            body = b'{"specversion":"1.0","source":"/s",%s,"data":%s}' % (about, parts["properties"])
            return body, (("content-type", b"application/cloudevents+json"),)
        names = {"id": "ce_id", "type": "ce_type", "customer": "ce_subject", "time": "ce_time"}
        own = [(names[name], value.strip(b'"')) for name, value in parts.items() if name in names]
        own += [("ce_specversion", b"1.0"), ("ce_source", b"/s"), ("content-type", b"application/json")]
        return parts["properties"], tuple(own)
