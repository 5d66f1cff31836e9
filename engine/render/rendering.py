"""The state of the current render: locale, zone, time, and the work it may still do."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jinja2 import Undefined
from jinja2.exceptions import TemplateRuntimeError
from markupsafe import Markup, escape

from engine.core.policy import Policy
from engine.render.views import CouponView, LevelView, SegmentView

if TYPE_CHECKING:
    from babel import Locale  # imported when something is printed: `engine check` prints nothing

EFFORT = 2_000_000
"""What one render may spend: a unit is a character made or a tenth of a loop step or call."""
STEP = 10
MOST_DIGITS = 12
"""After the point, in what filters round or print."""


_SEPARATOR = re.compile("[-_]")
_ENCODING = re.compile("[.@]")
"""What follows in names such as de_DE.UTF-8 and de_DE@euro."""
_LONGEST_TAG = 64
"""Characters; a text of a thousand parts would cost a thousand look-ups."""


class TemplateTrouble(TemplateRuntimeError):
    """Why a template fails for a customer; the message carries no value of theirs."""


@lru_cache(maxsize=512)
def locale_or_none(name: str) -> "Locale | None":
    """The locale of a name such as de_AT, de-AT or en-US-u-va-posix, or that of its language; None where none is known.

    Browsers send languages with a region they are not spoken in (de-US), which have no locale of their own.
    """
    from babel import Locale, UnknownLocaleError

    parts = _SEPARATOR.split(_ENCODING.split(name)[0]) if len(name) <= _LONGEST_TAG else []
    parts = parts[: next((place for place, part in enumerate(parts) if len(part) == 1), None)]
    for length in range(len(parts), 0, -1):
        try:
            return Locale.parse("_".join(parts[:length]))
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return None


@lru_cache(maxsize=1)
def _american() -> "Locale":
    from babel import Locale

    return Locale("en", "US")


class Rendering:
    """Shared by a renderer's environments and filters, in one thread; `begin` starts a new render, and its budget."""

    __slots__ = ("left", "now", "policy", "profile")

    def __init__(self) -> None:
        self.begin(Policy(), {}, 0)

    def begin(self, policy: Policy, profile: Mapping[str, Any], now: int) -> None:
        self.left = EFFORT
        self.policy = policy
        self.profile = profile
        self.now = now

    @property
    def zone(self) -> ZoneInfo:
        return self.policy.zones.of(self.profile)

    @property
    def locale(self) -> "Locale":
        """The customer's, or that of their language; else the policy's, else American English."""
        name = self.profile.get(self.policy.locale_field) if self.policy.locale_field else None
        found = locale_or_none(name) if isinstance(name, str) else None
        return found or locale_or_none(self.policy.locale) or _american()

    def spend(self, amount: int) -> None:
        """Charge the budget. Raises TemplateTrouble when it is spent, which ends endless templates."""
        self.left -= abs(amount)
        if self.left < 0:
            message = "the template makes too much text or loops for too long"
            raise TemplateTrouble(message)

    def each(self, items: Iterable[Any], weight: int) -> Iterator[Any]:
        """The items of a loop whose body has `weight` characters of its own."""
        for item in items:
            self.spend(weight)
            yield item

    def printed(self, value: Any) -> str:
        """What `{{ value }}` prints in a text."""
        if type(value) is str:
            self.spend(len(value))
            return value
        return str(value if type(value) is int else self.text(value))

    def escaped(self, value: Any) -> str:
        """What `{{ value }}` prints in html."""
        text = self.text(value)
        if type(text) is Markup or (type(text) is str and not _needs_escaping(text)):
            return text  # its parts are joined and then html: none has to be Markup itself
        return escape(text)

    def text(self, value: Any) -> Any:
        """What `{{ value }}` prints, as it is. Only text and numbers can be; whole floats print without their `.0`."""
        kind = type(value)
        if kind is str or kind is Markup:
            self.spend(len(value))
            return value
        if kind is int or kind is bool or isinstance(value, Undefined):
            return value
        if kind is float and math.isfinite(value):
            return int(value) if value.is_integer() else value
        if isinstance(value, LevelView | CouponView):
            return self.text(str(value))
        if isinstance(value, SegmentView):
            return bool(value)
        message = f"cannot print {_description(value)}"
        raise TemplateTrouble(message)


def _needs_escaping(text: str) -> bool:
    return "&" in text or "<" in text or ">" in text or "'" in text or '"' in text


def _description(value: Any) -> str:
    if isinstance(value, float):
        return "a number that is not finite"
    if callable(value):
        return "a function; write it with parentheses"
    return f"a value of type {type(value).__name__}; print one of its parts"
