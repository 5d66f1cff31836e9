"""`engine dead-letters`: records that could not be used, and sending them again once the cause is mended."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from engine.adapters.kafka.admin import Admin
from engine.adapters.kafka.library import library
from engine.adapters.kafka.outreach import ID_HEADER
from engine.cli.console import complain, err, out
from engine.cli.options import AsJson, settings_of
from engine.config import Settings
from engine.core.durations import milliseconds
from engine.core.zones import iso, to_millis
from engine.errors import BadRecord, SourceUnavailable, UsageError
from engine.operate.words import count_of
from engine.wire.dead_letters import OUTREACH_TOO_LARGE, DeadLetter, decode_letter, original
from engine.wiring.kafka import kafka_settings, open_writer

Code = Annotated[str, typer.Option(help="Only those with this code, such as bad-time.")]
Since = Annotated[
    str, typer.Option(help="Only those since then: 2026-01-31, 2026-01-31T09:00, or 3h for three hours ago.")
]
All = Annotated[bool, typer.Option("--all", help="Those that were replayed already, too.")]
SHOWN = 200
"""Characters of a value that the list shows."""


@dataclass(frozen=True, slots=True)
class Found:
    """A dead letter and when it was written, epoch ms."""

    letter: DeadLetter
    at: int


def register(app: typer.Typer) -> None:
    letters = typer.Typer(help="Records that could not be used: why, and sending them again.", no_args_is_help=True)
    letters.command("list")(list_letters)
    letters.command("replay")(replay)
    app.add_typer(letters, name="dead-letters")


def list_letters(
    code: Code = "",
    since: Since = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    all_: All = False,
    as_json: AsJson = False,
) -> None:
    """List rejected records, oldest first: when, why, where they stand, and what was in them.

    Example: engine dead-letters list --code bad-time --since 1d
    """
    found = _find(settings_of(), code, since, all_)
    shown = found[-limit:]
    if as_json:
        out.print_json(data=[_as_data(one) for one in shown])
        return
    for one in shown:
        show(one)
    codes = ", ".join(f"{sum(one.letter.code == code for one in found)} {code}" for code in _codes(found))
    more = f", the newest {len(shown)} shown" if len(shown) < len(found) else ""
    out.print(f"{count_of(len(found), 'dead letter')}{more}{': ' if codes else ''}{codes}", highlight=False)


def replay(
    code: Code = "",
    since: Since = "",
    all_: All = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send rejected records again to the topics they came from: same bytes, key, headers and partition, present time.

    What is sent is marked in the dead-letter topic and not sent again, unless with --all. An event without an id counts
    as a new one. A record too large to be kept in the dead-letter topic is not sent: it stands in its own topic only.

    Example: engine dead-letters replay --code wrong-type --yes
    """
    settings = settings_of()
    found = _find(settings, code, since, all_)
    chosen = [one for one in found if not why_not(one.letter)]
    left_out = Counter(why for one in found if (why := why_not(one.letter)))
    for why, count in left_out.items():
        complain(f"{count_of(count, 'dead letter')} left out: {why}")
    if chosen and not yes:
        topics = ", ".join(sorted({one.letter.source for one in chosen}))
        typer.confirm(f"Send {count_of(len(chosen), 'record')} again to {topics}?", abort=True, err=True)
    _send(settings, [one.letter for one in chosen])
    if as_json:
        out.print_json(data={"replayed": len(chosen), "left_out": left_out})
    else:
        out.print(f"[green]sent[/] {count_of(len(chosen), 'record')} again", highlight=False)


def why_not(letter: DeadLetter) -> str:
    """Why this one cannot be sent again; "" if it can."""
    if letter.code == OUTREACH_TOO_LARGE:
        return "outreach that was too large for its topic, and has failed"
    if not letter.source:
        return "no record, a timer that could not be decided on"
    return "too large to be kept whole here, the record stands in its own topic only" if letter.left_out else ""


def _find(settings: Settings, code: str, since: str, with_replayed: bool) -> list[Found]:
    """Oldest first, each once: a worker that was killed may have written it twice."""
    moment = _moment(since) if since else 0
    found: dict[str, Found] = {}
    for identity, one in _read(settings, moment):
        if one is not None:
            found.setdefault(identity, one)
        elif not with_replayed:
            found.pop(identity, None)
    return sorted((one for one in found.values() if code in ("", one.letter.code)), key=lambda one: one.at)


def _read(settings: Settings, moment: int) -> Iterator[tuple[str, Found | None]]:
    """Id and letter; None where it was replayed."""
    topic = settings.dead_letters_topic
    kafka = kafka_settings(settings)
    with Admin(kafka) as admin:
        count = admin.partition_counts([topic]).get(topic, 0)
    if not count:
        raise SourceUnavailable(topic, "does not exist, or we may not see it; `engine topics create` makes it")
    with closing(library(kafka).reader(kafka)) as reader:
        spans = reader.bounds((topic, number) for number in range(count))
        if moment:
            starts = reader.since(spans, moment)
            spans = {place: (starts[place], end) for place, (_, end) in spans.items() if place in starts}
        for record in reader.read(spans):
            if record.value is None:
                yield (record.key or b"").decode(errors="replace"), None
            else:
                letter = _decoded(record.value)
                if letter is not None:
                    yield letter.id, Found(letter, record.timestamp)


def _decoded(value: bytes) -> DeadLetter | None:
    try:
        return decode_letter(value)
    except BadRecord as error:
        err.print(f"passed over a record that is no dead letter: {error.reason}", markup=False, highlight=False)
        return None


def _moment(text: str) -> int:
    try:
        return to_millis(datetime.now(UTC)) - milliseconds(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--since {text}: expected a date (2026-01-31), a time (2026-01-31T09:00, UTC) or a duration (3h)"
        raise UsageError(message) from error
    return to_millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _send(settings: Settings, letters: list[DeadLetter]) -> None:
    """All of them are durable before the first is marked: a crash in between has some sent twice, none lost."""
    if not letters:
        return
    with Admin(kafka_settings(settings)) as admin:
        counts = admin.partition_counts({letter.source for letter in letters})
    writer = open_writer(settings)
    try:
        for letter in letters:
            partition = letter.partition if letter.partition < counts.get(letter.source, 0) else None
            key, value, headers = original(letter)
            writer.write(letter.source, partition, key, value, headers)
        writer.flush()
        for letter in letters:
            identity = letter.id.encode()
            writer.write(settings.dead_letters_topic, None, identity, None, ((ID_HEADER, identity),))
        writer.flush()
    finally:
        writer.close()


def _codes(found: list[Found]) -> list[str]:
    return sorted({one.letter.code for one in found})


def _place(letter: DeadLetter) -> str:
    return f"{letter.source}:{letter.partition}:{letter.offset}" if letter.source else f"partition {letter.partition}"


def show(one: Found) -> None:
    """When, what, where and whose; why; what was in it."""
    key, value, _ = original(one.letter)
    head = f"{iso(one.at)}  [bold]{one.letter.code}[/]  {_place(one.letter)}  {_printable(_text(key))}"
    lines = [head, _printable(one.letter.reason), f"[dim]{_printable(_text(value)[:SHOWN])}[/]"]
    out.print("\n    ".join(lines), "", highlight=False, soft_wrap=True, sep="\n")


def _printable(text: str) -> str:
    """On one line, and nothing that a terminal would obey."""
    return escape("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))


def _as_data(one: Found) -> dict[str, Any]:
    key, value, headers = original(one.letter)
    return {
        "id": one.letter.id,
        "written": iso(one.at),
        "code": one.letter.code,
        "reason": one.letter.reason,
        "topic": one.letter.source,
        "partition": one.letter.partition,
        "offset": one.letter.offset,
        "arrived": iso(one.letter.timestamp) if one.letter.timestamp > 0 else None,
        "key": _text(key),
        "value": _text(value),
        "headers": {name: _text(header) for name, header in headers},
        "left_out": one.letter.left_out,
    }


def _text(data: bytes | None) -> str:
    return "" if data is None else data.decode(errors="replace")
