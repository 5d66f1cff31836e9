"""Durations as people write them: `14d`, `1h`, `90m`, `30s`, `2w`, `1d12h`.

The grammar, expressions and templates parse them with `milliseconds`; messages show them with `text_of`.
"""

import re
from functools import lru_cache

UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_PART = re.compile(r"(\d+)(ms|[smhdw])")
_WHOLE = re.compile(r"(?:\d+(?:ms|[smhdw]))+")
_MEANT = re.compile(
    r"(\d{1,6}(?:[.,]\d{1,3})?) ?(ms|mo|min|sec|[smhdwy])(?:s|onds?|utes?|ours?|rs?|ays?|eeks?|nths?|ears?)?",
    re.IGNORECASE,
)
"""As people also write them: `14 days`, `1.5h`, `3 months`, `3M`."""
_SPANS = UNITS | {"sec": UNITS["s"], "min": UNITS["m"], "mo": 30 * UNITS["d"], "y": 365 * UNITS["d"]}
_MAX_SPAN = 100 * 365 * UNITS["d"]
"""100 years. Without a limit a mistyped span could give moments that do not fit the 64 bits of a stored integer."""


@lru_cache(maxsize=4096)
def milliseconds(text: str) -> int:
    """Milliseconds of a duration. Raises ValueError with a message that says what is expected."""
    compact = text.replace(" ", "")
    if not _WHOLE.fullmatch(compact):
        example = _meant(text) or "14d or 1h30m"
        msg = f"{text!r} is not a duration; write a number and a unit (s, m, h, d, w), such as {example}"
        raise ValueError(msg)
    total = sum(int(number) * UNITS[unit] for number, unit in _PART.findall(compact))
    if total > _MAX_SPAN:
        msg = f"{text!r} is longer than 100 years"
        raise ValueError(msg)
    return total


def _meant(text: str) -> str:
    """What `text` is probably meant to say, as a duration; "" where nobody could tell."""
    found = _MEANT.fullmatch(text.strip())
    if found is None:
        return ""
    number, unit = found[1].replace(",", "."), "mo" if found[2] == "M" else found[2].lower()
    whole = unit in UNITS and number.isdecimal()
    return f"{number}{unit}" if whole else text_of(round(float(number) * _SPANS[unit]))


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
