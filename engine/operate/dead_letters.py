"""Reads dead letters from their topic, and writes their records again once the cause is mended.

`engine dead-letters` calls it and prints what it returns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.errors import BadRecord, SourceUnavailable
from engine.ports import Brokers
from engine.wire.dead_letters import OUTREACH_TOO_LARGE, DeadLetter, decode_letter, original
from engine.wire.records import ID_HEADER


@dataclass(frozen=True, slots=True)
class FoundLetter:
    """A dead letter and when it was written, epoch ms."""

    letter: DeadLetter
    at: int


@dataclass(frozen=True, slots=True)
class Search:
    """Dead letters, oldest first, and why other records of the topic were skipped."""

    found: list[FoundLetter]
    passed_over: list[str]


def why_not(letter: DeadLetter) -> str:
    """Why a dead letter cannot be replayed; "" if it can."""
    if letter.code == OUTREACH_TOO_LARGE:
        return "outreach that was too large for its topic, and has failed"
    if not letter.source:
        return "no record, a timer that could not be decided on"
    return "too large to be kept whole here, the record stands in its own topic only" if letter.left_out else ""


def search(brokers: Brokers, topic: str, code: str = "", since: int = 0, *, with_replayed: bool = False) -> Search:
    """Dead letters with this code, written since then (epoch ms), each once: a killed worker may write one twice.

    Raises SourceUnavailable.
    """
    found: dict[str, FoundLetter] = {}
    passed_over: list[str] = []
    for identity, one in _read(brokers, topic, since, passed_over):
        if one is not None:
            found.setdefault(identity, one)
        elif not with_replayed:
            found.pop(identity, None)
    wanted = (one for one in found.values() if code in ("", one.letter.code))
    return Search(sorted(wanted, key=lambda one: one.at), passed_over)


def _read(brokers: Brokers, topic: str, since: int, passed_over: list[str]) -> Iterator[tuple[str, FoundLetter | None]]:
    """Id and letter; None where it was replayed."""
    with brokers.admin() as admin:
        count = admin.partition_counts([topic]).get(topic, 0)
    if not count:
        raise SourceUnavailable(topic, "does not exist, or we may not see it; `engine topics create` makes it")
    with brokers.reader() as reader:
        spans = reader.bounds((topic, number) for number in range(count))
        if since:
            starts = reader.since(spans, since)
            spans = {place: (starts[place], end) for place, (_, end) in spans.items() if place in starts}
        for record in reader.read(spans):
            if record.value is None:
                yield (record.key or b"").decode(errors="replace"), None
                continue
            try:
                letter = decode_letter(record.value)
            except BadRecord as error:
                passed_over.append(error.reason)
            else:
                yield letter.id, FoundLetter(letter, record.timestamp)


def send_again(brokers: Brokers, topic: str, letters: Sequence[DeadLetter]) -> None:
    """Write the records to their topics again and mark them as replayed in the topic of dead letters.

    All of them are durable before the first is marked: a crash in between has some sent twice, none lost.
    """
    if not letters:
        return
    with brokers.admin() as admin:
        counts = admin.partition_counts({letter.source for letter in letters})
    with brokers.writer() as writer:
        for letter in letters:
            partition = letter.partition if letter.partition < counts.get(letter.source, 0) else None
            key, value, headers = original(letter)
            writer.write(letter.source, partition, key, value, headers)
        writer.flush()
        for letter in letters:
            identity = letter.id.encode()
            writer.write(topic, None, identity, None, ((ID_HEADER, identity),))
        writer.flush()
