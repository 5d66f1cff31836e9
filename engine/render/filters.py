"""Jinja's own filters, those that stay: a fixed result for the same input, and a result that cannot explode."""

import json
from collections.abc import Callable, Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import wraps
from typing import Any

from jinja2.filters import FILTERS, do_round, do_sum
from jinja2.runtime import Undefined
from jinja2.utils import pass_environment
from markupsafe import Markup, escape

from engine.render.rendering import MOST_DIGITS, STEP, Rendering, TemplateTrouble

Filter = Callable[..., Any]
_ROUNDINGS = {"floor": ROUND_FLOOR, "ceil": ROUND_CEILING}

_OF_TEXT = "capitalize e escape forceescape lower safe striptags title trim truncate upper urlencode wordcount"
_OF_ANYTHING = (
    "abs count d default dictsort first float groupby int items last length list map max min reject rejectattr "
    "reverse select selectattr sort unique"
)
_MOST = 10**15
"""Above it a float has no cents any more."""


def allowed_filters(rendering: Rendering) -> dict[str, Filter]:
    """Filters by name. Those that print or copy text charge the render's budget."""
    own: dict[str, Filter] = {
        "join": _join(rendering),
        "replace": _replace(rendering),
        "round": round_,
        "string": rendering.text,
        "sum": _sum,
        "tojson": _tojson(rendering),
    }
    of_text = {name: _paying(rendering, FILTERS[name]) for name in _OF_TEXT.split()}
    return own | of_text | {name: FILTERS[name] for name in _OF_ANYTHING.split()}


def _paying(rendering: Rendering, plain: Filter) -> Filter:
    place = 1 if hasattr(plain, "jinja_pass_arg") else 0

    @wraps(plain)
    def paying(*args: Any, **kwargs: Any) -> Any:
        value = rendering.text(args[place])
        result = plain(*args[:place], value, *args[place + 1 :], **kwargs)
        rendering.spend(len(result) if isinstance(result, str) else 0)
        return result

    return paying


def _join(rendering: Rendering) -> Filter:
    @pass_environment
    def join(environment: Any, value: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
        if attribute is not None:
            value = (environment.getitem(item, attribute) for item in value)
        pieces = [_printed(rendering, item) for item in value]
        rendering.spend(len(separator) * len(pieces))
        if environment.autoescape:
            return escape(separator).join(pieces)
        return str(separator).join(pieces)

    return join


def _printed(rendering: Rendering, item: Any) -> str:
    text = rendering.text(item)
    return text if isinstance(text, Markup) else str(text)


def _replace(rendering: Rendering) -> Filter:
    def replace(value: Any, old: str, new: str, count: int = -1) -> str:
        text = rendering.text(value)
        text = text if isinstance(text, str) else str(text)
        found = text.count(old)
        rendering.spend((found if count < 0 else min(found, count)) * len(new))
        return text.replace(old, new, count)

    return replace


def round_(value: float, precision: int = 0, method: Any = "common") -> float:
    if abs(precision) > MOST_DIGITS:
        message = f"round takes at most {MOST_DIGITS} digits"
        raise TemplateTrouble(message)
    if method in _ROUNDINGS and isinstance(value, int | float) and abs(value) < _MOST:
        # Jinja multiplies first, and 19.99 * 100 is less than 1999
        return float(Decimal(str(value)).quantize(Decimal(1).scaleb(-precision), _ROUNDINGS[method]))
    return do_round(value, precision, method)


@pass_environment
def _sum(environment: Any, numbers: Iterable[Any], attribute: str | int | None = None) -> Any:
    return do_sum(environment, numbers, attribute)


def _tojson(rendering: Rendering) -> Filter:
    encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_not_json)

    def tojson(value: Any) -> Markup:
        """Piece by piece, as a list may hold the same large list many times. Safe inside html and attributes."""
        pieces = []
        for piece in encoder.iterencode(value):
            rendering.spend(STEP + len(piece))
            pieces.append(piece)
        text = "".join(pieces)
        for character, code in (("<", "003c"), (">", "003e"), ("&", "0026"), ("'", "0027")):
            text = text.replace(character, rf"\u{code}")
        return Markup(text)

    return tojson


def _not_json(value: Any) -> Any:
    if isinstance(value, Undefined):
        return str(value)
    message = f"tojson cannot take a value of type {type(value).__name__}"
    raise TemplateTrouble(message)
