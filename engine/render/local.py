"""Filters that print money, numbers and moments in the customer's locale and zone.

Moments are epoch milliseconds or ISO 8601 text, dates "YYYY-MM-DD" (or "MM-DD"), as states hold them. What Babel
makes is cached, since the same amounts and days come again and again. Values that are equal for Python but print
differently (2 and 2.0 digits, the two 2:30 of a night in autumn) are different keys.
"""

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jinja2 import Undefined

from engine.core.zones import from_millis, zone_or_none
from engine.render.rendering import MOST_DIGITS, Rendering, TemplateTrouble

if TYPE_CHECKING:
    from babel import Locale  # Babel is imported when something is printed: `engine check` prints nothing

_MONTH_AND_DAY = re.compile(r"\d\d-\d\d")
_LEAP_YEAR = "2000-"
_LONGEST_FORMAT = 64
PLURALS = ("few", "many", "two", "zero")
"""The forms of numbers that some languages have, beside `one` and `other`."""
_COMMON = frozenset({"EUR", "USD", "GBP", "CHF"})
"""Currencies that are known without Babel, whose import takes `engine check` a tenth of its time."""
_TOO_LARGE = "the number has too many digits to be printed"
_BOTH = "this pattern prints days as well as hours; the filter `datetime` knows both"
_NO_FORMAT = "a format is short, medium, long, full or a pattern such as 'd MMMM'"

Filters = dict[str, Callable[..., Any]]


def customer_filters(rendering: Rendering) -> Filters:
    """Filters by name; each uses locale, zone and time of the current render."""
    return _number_filters(rendering) | _date_filters(rendering)


def _number_filters(rendering: Rendering) -> Filters:
    def money(value: Any, currency: str) -> str:
        return _money(_number(value), currency, rendering.locale)

    def number(value: Any, digits: int | None = None) -> str:
        return _decimal(_number(value), digits, rendering.locale)

    def percent(value: Any, digits: int = 0) -> str:
        return _percent(_number(value), digits, rendering.locale)

    def plural(value: Any, one: str, other: str, **forms: str) -> str:
        """The form the number takes in the locale; `few`, `many`, `two` and `zero` where a language has them."""
        return (forms | {"one": one}).get(rendering.locale.plural_form(_number(value)), other)

    return {"money": money, "number": number, "percent": percent, "plural": plural}


def _date_filters(rendering: Rendering) -> Filters:
    def date_(value: Any, format: str = "long", zone: str | None = None) -> str:
        if isinstance(value, str) and _MONTH_AND_DAY.fullmatch(value):
            return _day_of_month(_parsed(_LEAP_YEAR + value), rendering.locale)
        return _date(_day(value, zone_for(zone)), format, rendering.locale)

    def datetime_(value: Any, format: str = "long", zone: str | None = None) -> str:
        there = zone_for(zone)
        moment = _moment(value, there)
        return _datetime(moment, moment.fold, there, format, rendering.locale)

    def time_(value: Any, format: str = "short", zone: str | None = None) -> str:
        there = zone_for(zone)
        moment = _moment(value, there)
        return _time(moment, moment.fold, there, format, rendering.locale)

    def zone_for(name: str | None) -> ZoneInfo:
        """The zone of this name, such as that of a hotel; else the customer's."""
        return rendering.zone if name is None else checked_zone(name)

    def days_until(value: Any) -> int:
        """Days of the customer's calendar from now to then; negative when it is over."""
        return (_day(value, rendering.zone) - _day(rendering.now, rendering.zone)).days

    return {"date": date_, "datetime": datetime_, "time": time_, "days_until": days_until}


def checked_zone(name: object) -> ZoneInfo:
    """The zone of this IANA name. Raises TemplateTrouble."""
    if isinstance(name, Undefined):
        str(name)  # raises, and says what is missing
    found = zone_or_none(name) if isinstance(name, str) else None
    if found is None:
        message = "a zone is named like Europe/Berlin"
        raise TemplateTrouble(message)
    return found


def is_currency(code: object) -> bool:
    """Whether it is a code of ISO 4217, also of a currency of the past, and in small letters, as Stripe writes it."""
    if not isinstance(code, str):
        return False
    if code.upper() in _COMMON:
        return True
    from babel import numbers

    return numbers.is_currency(code.upper())


@lru_cache(maxsize=8192, typed=True)
def _money(value: float, currency: str, locale: "Locale") -> str:
    from babel import numbers

    if not is_currency(currency):
        message = "money needs a currency code such as EUR"
        raise TemplateTrouble(message)
    with _as_trouble(InvalidOperation, _TOO_LARGE):
        text = numbers.format_currency(value, currency.upper(), locale=locale)
    symbols = locale.number_symbols[locale.default_numbering_system]
    if _lost_its_digits(value, text):
        return _money(0, currency, locale)
    if "currencyDecimal" in symbols:  # Swiss French: 12,50 but 12.50 CHF; Babel has the symbol and does not use it
        return text.replace(symbols["decimal"], symbols["currencyDecimal"])
    return text


@lru_cache(maxsize=8192, typed=True)
def _decimal(value: float, digits: int | None, locale: "Locale") -> str:
    from babel import numbers

    with _as_trouble(InvalidOperation, _TOO_LARGE):
        text = numbers.format_decimal(value, with_digits(locale.decimal_formats[None].pattern, digits), locale)
    return _decimal(0, digits, locale) if _lost_its_digits(value, text) else text


@lru_cache(maxsize=8192, typed=True)
def _percent(value: float, digits: int, locale: "Locale") -> str:
    from babel import numbers

    with _as_trouble(InvalidOperation, _TOO_LARGE):
        text = numbers.format_percent(value, with_digits(locale.percent_formats[None].pattern, digits), locale)
    return _percent(0, digits, locale) if _lost_its_digits(value, text) else text


def _lost_its_digits(value: float, text: str) -> bool:
    """Whether a negative number rounds to zero: Babel keeps the sign, as in -€0.00."""
    return value < 0 and not any(digit in text for digit in "123456789")


def with_digits(pattern: str, digits: int | None) -> str:
    """The locale's own pattern, such as `#,##0.###`, with exactly that many digits after the point."""
    if digits is None:
        return pattern
    if not 0 <= digits <= MOST_DIGITS:
        message = f"digits are from 0 to {MOST_DIGITS}"
        raise TemplateTrouble(message)
    return pattern.replace(".###", "").replace("0", "0." + "0" * digits if digits else "0")


@lru_cache(maxsize=512)
def _day_of_month(day: datetime, locale: "Locale") -> str:
    from babel import dates

    return dates.format_skeleton("MMMMd", day, locale=locale)


@lru_cache(maxsize=8192)
def _date(day: date, format: str, locale: "Locale") -> str:
    from babel import dates

    with _as_trouble((ValueError, KeyError), _NO_FORMAT), _as_trouble(AttributeError, _BOTH):
        return dates.format_date(day, checked_format(format), locale)


@lru_cache(maxsize=8192)
def _datetime(moment: datetime, fold: int, zone: ZoneInfo, format: str, locale: "Locale") -> str:
    """The zone is told apart from the moment, as the same instant in two zones is one key to the cache."""
    from babel import dates

    with _as_trouble((ValueError, KeyError), _NO_FORMAT):
        return dates.format_datetime(moment, checked_format(format), zone, locale)


@lru_cache(maxsize=8192)
def _time(moment: datetime, fold: int, zone: ZoneInfo, format: str, locale: "Locale") -> str:
    from babel import dates

    with _as_trouble((ValueError, KeyError), _NO_FORMAT), _as_trouble(AttributeError, _BOTH):
        return dates.format_time(moment, checked_format(format), zone, locale)


@contextmanager
def _as_trouble(error: type[Exception] | tuple[type[Exception], ...], message: str) -> Iterator[None]:
    """Say in words what Babel means by an error."""
    try:
        yield
    except error:
        raise TemplateTrouble(message) from None


def checked_format(format: str) -> Any:
    if not isinstance(format, str) or len(format) > _LONGEST_FORMAT:
        raise TemplateTrouble(_NO_FORMAT)
    return format


def _number(value: Any) -> float:
    if isinstance(value, Undefined):
        str(value)  # raises, and says what is missing
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        message = f"expected a number, got a value of type {type(value).__name__}"
        raise TemplateTrouble(message)
    return value or 0  # never -0.0, which equals 0 and prints a sign


def _day(value: Any, zone: ZoneInfo) -> date:
    if isinstance(value, str) and len(value) == len("YYYY-MM-DD"):
        return _parsed(value).date()
    return _moment(value, zone).date()


def _moment(value: Any, zone: ZoneInfo) -> datetime:
    if isinstance(value, str):
        moment = _parsed(value)
        if len(value) == len("YYYY-MM-DD"):
            return moment.replace(tzinfo=zone)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone)
    try:
        return from_millis(int(_number(value)), zone)
    except OverflowError:
        message = "a time is out of range"
        raise TemplateTrouble(message) from None


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        message = "expected a date or a time, got other text"
        raise TemplateTrouble(message) from None
