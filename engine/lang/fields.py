"""The scalar fields of the grammar: how each is parsed, and its JSON Schema. The models of the grammar use them."""

import re
from datetime import UTC, date, datetime, time
from keyword import kwlist
from typing import Annotated, Any, cast

from pydantic import Field, PlainSerializer

from engine.core.book import Reentry
from engine.core.durations import milliseconds
from engine.core.journeys.waits import WEEKDAYS
from engine.core.policy import Calendar
from engine.core.zones import to_millis, zone_names, zone_or_none
from engine.lang.diagnostics import one_of, with_closest
from engine.lang.form import JsonSchema, OneOrMore, Parsed, refuse, said

TEXT: JsonSchema = {"type": "string"}
NAME = r"[A-Za-z][A-Za-z0-9_]*"
READ_ID = rf"(?!(?:{'|'.join(kwlist)})$)[a-z][a-z0-9_]{{0,63}}"
_SPAN = r"(\d+(ms|s|m|h|d|w) ?)+"
RULE_ID = r"[a-z0-9][a-z0-9_-]{0,63}"
_OTHER_ENDS = r"segments\.[a-z][a-z0-9_]*\.kept_until|points\.[a-z][a-z0-9_]*\.expires_at"
_LONGEST_TITLE = 100
_LARGEST_SHARE = 50
"""Percent: of a larger holdout somebody has mistaken the share that is left out for the one that gets messages."""
_NO_PURPOSE = ("all", "rule", "outreach", "channel", "purpose", "address")
"""`all` is every purpose. The others are properties of the event that has a customer's choices, one by each purpose:
who unsubscribes from a purpose of that name would not be heard."""
_NO_CHOICE = (*_NO_PURPOSE, "transactional")


def text(value: Any, expected: str = "text") -> str:
    if not isinstance(value, str):
        refuse("wrong-type", f"must be {expected}, not {said(value)}")
    return value


def matching(pattern: str, code: str, expected: str, help: str) -> Parsed:
    """A text that matches the whole pattern."""

    def parse(value: Any) -> str:
        if not re.fullmatch(pattern, text(value)):
            refuse(code, f"{said(value)} is not {expected}", help)
        return str(value)

    return Parsed(parse, {"type": "string", "pattern": f"^{pattern}$"})


_NAME = matching(NAME, "bad-name", "a name", "a letter, then letters, digits and _")


def _template(value: Any) -> str:
    name, _, ending = value.partition(".") if isinstance(value, str) else ("", "", "")
    if ending == "j2" or ending.endswith(".j2"):
        refuse("bad-name", f"{said(value)} is a file, not a template", f"write {name}")
    return str(_NAME.parse(value))


def _purpose(value: Any) -> str:
    if value in _NO_PURPOSE:
        help = "choose another name: what customers unsubscribe from would be told under a word that is taken"
        refuse("bad-value", f"{said(value)} can't be a purpose", help)
    return str(_NAME.parse(value))


def _choice(value: Any) -> str:
    if value in _NO_CHOICE:
        refuse("bad-value", f"{said(value)} is not what a customer can choose", "name a purpose of some rules")
    return str(_NAME.parse(value))


def _title(value: Any) -> str:
    if not 0 < len(text(value).strip()) <= _LONGEST_TITLE:
        refuse("bad-value", f"a title has 1 to {_LONGEST_TITLE} characters")
    return str(value)


def _duration(value: Any) -> int:
    if not isinstance(value, str):
        refuse("bad-duration", f"{said(value)} is not a duration", _unit_help(value))
    try:
        return milliseconds(value)
    except ValueError as error:
        reason, _, help = str(error).partition("; ")
        refuse("bad-duration", reason, help)


def _unit_help(value: Any) -> str:
    if isinstance(value, list):
        return "write one; another one needs a rule of its own"
    return f"write a number and a unit, such as {value if isinstance(value, int) and value > 0 else 14}d"


def span_of(value: Any) -> int:
    span = _duration(value)
    if span == 0:
        refuse("bad-duration", f"{said(value)} is no time at all", "it must be longer than 0")
    return span


def _offset(value: Any) -> int:
    if isinstance(value, str) and value[:1] in ("-", "+"):
        return _duration(value[1:]) * (-1 if value[0] == "-" else 1)
    return _duration(value)


def _or_off(value: Any) -> int | None:
    if value == "off":
        return None
    if isinstance(value, str) and not any(char.isdigit() for char in value):
        refuse("bad-duration", f"{said(value)} is not a duration", "write off, or a number and a unit, such as 3d")
    span = _duration(value)
    if span == 0:
        refuse("bad-duration", f"{said(value)} is no time at all", "write off, or a time longer than 0")
    return span


def _share(value: Any) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?%", value) if isinstance(value, str) else None
    if not found or not float(found[1]) <= _LARGEST_SHARE:
        refuse("bad-value", f"{said(value)} is not a share of the customers", "write it like 5%; at most 50%")
    return float(found[1]) / 100


def time_of_day(value: Any) -> time:
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if not found:
        refuse("bad-time-of-day", f"{said(value)} is not a time of day", 'write hours and minutes, such as "09:00"')
    return time(int(found[1]), int(found[2]))


def expression_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not text(value, "an expression").strip():
        refuse("bad-value", "the expression is empty")
    return str(value)


def _value_text(value: Any) -> str:
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else expression_text(value)


def _profile_field(value: Any) -> str:
    found = re.fullmatch(rf"profile\.({NAME})", text(value, "a profile field"))
    if not found:
        refuse("bad-value", f"{said(value)} is not a profile field", f"write profile.{value}" if value else "")
    return found[1]


def _ends(value: Any) -> str:
    """The field of a profile; of a segment or points all that is written, which has dots."""
    if re.fullmatch(_OTHER_ENDS, text(value, "something that ends")):
        return str(value)
    if not re.fullmatch(rf"profile\.{NAME}", value):
        help = "write profile.<field>, segments.<id>.kept_until, or points.<id>.expires_at"
        refuse("bad-value", f"{said(value)} is nothing that ends", help)
    return str(value).partition(".")[2]


def zone(value: Any) -> str:
    if zone_or_none(text(value, "a time zone")) is None:
        help = with_closest("use an IANA name, such as Europe/Berlin", value, zone_names())
        refuse("unknown-zone", f"there is no time zone {said(value)}", help)
    return str(value)


def zone_source(value: Any, pattern: str = rf"profile\.{NAME}", help: str = "or profile.<field>") -> str:
    """A time zone, or the dotted name of what has it."""
    if not isinstance(value, str) or "." not in value:
        return zone(value)
    if not re.fullmatch(pattern, value):
        help = f"write a zone such as Europe/Berlin, {help}; without it the customer's zone counts"
        refuse("bad-value", f"{said(value)} names no zone", help)
    return value


def _reentry(value: Any) -> Reentry:
    if value == "always":
        return Reentry()
    if value == "once":
        return Reentry(once=True)
    if not isinstance(value, str) or not value.startswith("after "):
        span = value if isinstance(value, str) and re.fullmatch(_SPAN, value) else "90d"
        help = f"write always, once, or after and a duration: after {span}"
        refuse("bad-value", f"{said(value)} is not a reentry", help)
    return Reentry(after=span_of(value.removeprefix("after ").strip()))


def _day(value: Any) -> int:
    try:
        day = date.fromisoformat(text(value, "a date"))
    except ValueError:
        refuse("bad-value", f"{said(value)} is not a date", "write it as 1990-01-31")
    return to_millis(datetime.combine(day, time(), UTC))


def _window(value: Any) -> int | Calendar:
    if value == "day" or value == "week" or value == "month":
        return cast(Calendar, value)
    if isinstance(value, str) and not any(char.isdigit() for char in value):
        message = f"{said(value)} is neither a duration nor a calendar window"
        refuse("bad-duration", message, "write day, week or month, or a number and a unit, such as 365d")
    return span_of(value)


def _every(value: Any) -> str | int:
    if value in ("day", "month"):
        return str(value)
    if value == "week":
        return 1
    found = re.fullmatch(r"([1-9]\d?)w", value) if isinstance(value, str) else None
    if not found:
        help = with_closest("write day, week, month, or weeks, such as 2w", str(value), ("day", "week", "month"))
        if value in ("year", "quarter"):
            help = 'write month, and ask for the day in `among`, as in today in ["01-01", "07-01"]'
        refuse("bad-value", f"{said(value)} is not a rhythm", help)
    return int(found[1])


def weekdays(value: Any) -> tuple[int, ...]:
    """One day of the week or a list of them, as numbers from Monday, 0."""
    days = value if isinstance(value, list) and value else [value]
    for day in days:
        if text(day, "a day of the week") not in WEEKDAYS:
            refuse("bad-value", f"{said(day)} is not a day of the week", one_of("days", day.lower(), WEEKDAYS))
    return tuple(sorted({WEEKDAYS.index(day) for day in days}))


def _on(value: Any) -> tuple[int, ...] | int:
    if isinstance(value, list) or value in WEEKDAYS:
        return weekdays(value)
    if not (type(value) is int and 1 <= value <= 31):
        help = "write a day of the week, such as tuesday, or the number of a day of the month, such as 15"
        refuse("bad-value", f"{said(value)} is not a day", with_closest(help, str(value).lower(), WEEKDAYS))
    return int(value)


def _as_written(on: tuple[int, ...] | int | None) -> list[str] | str | int | None:
    """One day by its name, of which the marks of rules have been made since before there could be several."""
    if not isinstance(on, tuple):
        return on
    names = [WEEKDAYS[day] for day in on]
    return names if len(names) > 1 else names[0]


def _first_day(value: Any) -> date:
    try:
        return date.fromisoformat(text(value, "a date"))
    except ValueError:
        refuse("bad-value", f"{said(value)} is not a date", "write it as 2026-12-01")


_DURATION: JsonSchema = {"type": "string", "pattern": rf"^{_SPAN}$", "examples": ["14d", "1h30m"]}
_SIGNED: JsonSchema = {"type": "string", "pattern": rf"^[-+]?{_SPAN}$", "examples": ["-3d", "7d"]}
_DAY: JsonSchema = {"enum": list(WEEKDAYS)}
WEEKDAY: JsonSchema = {"anyOf": [_DAY, {"type": "array", "items": _DAY, "minItems": 1}]}
TIME: JsonSchema = {"type": "string", "pattern": r"^([01]?\d|2[0-3]):[0-5]\d$", "examples": ["09:00"]}
_FIELD: JsonSchema = {"type": "string", "pattern": rf"^profile\.{NAME}$"}
_REENTRY: JsonSchema = {"type": "string", "pattern": r"^(always|once|after .+)$", "examples": ["after 90d"]}
_WINDOW: JsonSchema = {"anyOf": [{"enum": ["day", "week", "month"]}, _DURATION]}
_OFF: JsonSchema = {"anyOf": [{"const": "off"}, _DURATION]}

ShareField = Annotated[float, Parsed(_share, {"type": "string", "pattern": r"^\d+(\.\d+)? ?%$", "examples": ["5%"]})]
"""A share of the customers: "5%" is .05."""
Duration = Annotated[int, Parsed(_duration, _DURATION)]
OptionalSpan = Annotated[int | None, Parsed(span_of, _DURATION)]
Span = Annotated[int, Parsed(span_of, _DURATION)]
"""A duration longer than nothing."""
Window = Annotated[int | Calendar, Parsed(_window, _WINDOW)]
"""A duration back from now, or a calendar window."""
Offset = Annotated[int, Parsed(_offset, _SIGNED)]
DurationOrOff = Annotated[int | None, Parsed(_or_off, _OFF)]
TimeOfDay = Annotated[time, Parsed(time_of_day, TIME)]
OptionalTimeOfDay = Annotated[time | None, Parsed(time_of_day, TIME)]
Expr = Annotated[str, Parsed(expression_text, {"type": ["string", "boolean"]})]
"""The text of an expression; empty if there is none."""
Value = Annotated[str, Parsed(_value_text, {"type": ["string", "number", "boolean"]})]
"""The text of an expression whose value counts; a number may stand for itself."""
ProfileField = Annotated[str, Parsed(_profile_field, _FIELD)]
"""A profile field, without `profile.`; empty if there is none."""
Ends = Annotated[str, Parsed(_ends, {"type": "string", "pattern": rf"^(profile\.{NAME}|{_OTHER_ENDS})$"})]
Zone = Annotated[str, Parsed(zone, TEXT)]
ZoneSource = Annotated[str, Parsed(zone_source, TEXT)]
"""A zone, or profile.<field>: the profile field that has it."""
Locale = Annotated[str, matching(r"[a-z]{2,3}([_-][A-Za-z0-9]{2,8})*", "bad-value", "a locale", "write it like en_US")]
ReentryField = Annotated[Reentry, Parsed(_reentry, _REENTRY)]
Day = Annotated[int, Parsed(_day, {"type": "string", "format": "date"})]
Every = Annotated[
    str | int, Parsed(_every, {"type": "string", "pattern": r"^(day|week|month|[1-9]\d?w)$", "examples": ["2w"]})
]
"""day or month, or a number of weeks."""
On = Annotated[
    tuple[int, ...] | int | None,
    Parsed(_on, {"anyOf": [WEEKDAY, {"type": "integer", "minimum": 1, "maximum": 31}]}),
    PlainSerializer(_as_written),
]
"""Days of the week, from Monday, 0; or the number of a day of the month."""
FirstDay = Annotated[date | None, Parsed(_first_day, {"type": "string", "format": "date"})]
Name = Annotated[str, _NAME]
Template = Annotated[str, Parsed(_template, _NAME.schema)]
"""A template, without its channel and `.j2`."""
Purpose = Annotated[str, Parsed(_purpose, _NAME.schema)]
"""What a message is for."""
Choice = Annotated[str, Parsed(_choice, _NAME.schema)]
"""A purpose that customers are asked about."""
Title = Annotated[str, Parsed(_title, {"type": "string", "minLength": 1, "maxLength": _LONGEST_TITLE})]
RuleId = Annotated[
    str,
    matching(
        RULE_ID, "bad-id", "a rule id", "a small letter or digit, then small letters, digits, _ and -; 64 at most"
    ),
]
ReadId = Annotated[
    str,
    matching(READ_ID, "bad-id", "an id that expressions can read", "a small letter, then small letters, digits and _"),
]
"""The id of something that expressions and templates read by it, such as a segment or a step."""
Names = Annotated[list[Name], Field(min_length=1), OneOrMore()]
"""One name or a list of them."""
