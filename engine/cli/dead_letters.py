"""`engine dead-letters`: lists records that could not be used, and replays them once the cause is mended."""

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from engine.cli.console import complain, err, out
from engine.cli.options import AsJson, settings_of
from engine.config import Settings
from engine.core.durations import milliseconds
from engine.core.zones import iso, to_millis
from engine.errors import UsageError
from engine.operate.dead_letters import FoundLetter, search, send_again, why_not
from engine.operate.words import count_of
from engine.wire.dead_letters import DeadLetter, original
from engine.wiring.brokers import KafkaBrokers

Code = Annotated[str, typer.Option(help="Only those with this code, such as bad-time.")]
Since = Annotated[
    str, typer.Option(help="Only those since then: 2026-01-31, 2026-01-31T09:00, or 3h for three hours ago.")
]
All = Annotated[bool, typer.Option("--all", help="Those that were replayed already, too.")]
SHOWN = 200
"""Characters of a value that the list shows."""


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
    found = _search(settings_of(), code, since, all_)
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
    found = _search(settings, code, since, all_)
    chosen = [one for one in found if not why_not(one.letter)]
    left_out = Counter(why for one in found if (why := why_not(one.letter)))
    for why, count in left_out.items():
        complain(f"{count_of(count, 'dead letter')} left out: {why}")
    if chosen and not yes:
        topics = ", ".join(sorted({one.letter.source for one in chosen}))
        typer.confirm(f"Send {count_of(len(chosen), 'record')} again to {topics}?", abort=True, err=True)
    send_again(KafkaBrokers(settings), settings.dead_letters_topic, [one.letter for one in chosen])
    if as_json:
        out.print_json(data={"replayed": len(chosen), "left_out": left_out})
    else:
        out.print(f"[green]sent[/] {count_of(len(chosen), 'record')} again", highlight=False)


def _search(settings: Settings, code: str, since: str, with_replayed: bool) -> list[FoundLetter]:
    moment = _moment(since) if since else 0
    topic = settings.dead_letters_topic
    result = search(KafkaBrokers(settings), topic, code, moment, with_replayed=with_replayed)
    for reason in result.passed_over:
        err.print(f"passed over a record that is no dead letter: {reason}", markup=False, highlight=False)
    return result.found


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


def _codes(found: list[FoundLetter]) -> list[str]:
    return sorted({one.letter.code for one in found})


def _place(letter: DeadLetter) -> str:
    return f"{letter.source}:{letter.partition}:{letter.offset}" if letter.source else f"partition {letter.partition}"


def show(one: FoundLetter) -> None:
    """One letter: time, code, place and customer; reason; the beginning of its value."""
    key, value, _ = original(one.letter)
    code, place, whose = (_printable(text) for text in (one.letter.code, _place(one.letter), _text(key)))
    head = f"{iso(one.at)}  [bold]{code}[/]  {place}  {whose}"
    lines = [head, _printable(one.letter.reason), f"[dim]{_printable(_text(value)[:SHOWN])}[/]"]
    out.print("\n    ".join(lines), "", highlight=False, soft_wrap=True, sep="\n")


def _printable(text: str) -> str:
    """The text on one line, without control characters, which a terminal would execute."""
    return escape("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))


def _as_data(one: FoundLetter) -> dict[str, Any]:
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
