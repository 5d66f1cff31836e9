"""Durations as people write them: `14d`, `1h`, `90m`, `30s`, `2w`, `1d12h`.

The grammar, expressions and templates parse them with `milliseconds`; messages show them with `text_of`.
"""

import re
from functools import lru_cache

UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_PART = re.compile(r"(\d+)(ms|[smhdw])")
_WHOLE = re.compile(r"(?:\d+(?:ms|[smhdw]))+")
_MAX_SPAN = 100 * 365 * UNITS["d"]
"""100 years. Without a limit a mistyped span could give moments that do not fit the 64 bits of a stored integer."""


@lru_cache(maxsize=4096)
def milliseconds(text: str) -> int:
    """Milliseconds of a duration. Raises ValueError with a message that says what is expected."""
    compact = text.replace(" ", "")
    if not _WHOLE.fullmatch(compact):
        msg = f"{text!r} is not a duration; write a number and a unit (s, m, h, d, w), such as 14d or 1h30m"
        raise ValueError(msg)
    total = sum(int(number) * UNITS[unit] for number, unit in _PART.findall(compact))
    if total > _MAX_SPAN:
        msg = f"{text!r} is longer than 100 years"
        raise ValueError(msg)
    return total


@lru_cache(maxsize=1024)
def text_of(span: int) -> str:
    """The shortest exact way to write a duration, as in `1d12h`."""
    if span == 0:
        return "0s"
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        number, span = divmod(span, UNITS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts)
