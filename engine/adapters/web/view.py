"""Renders the pages that customers see: Jinja files and a style sheet, replaceable by files in ENGINE_PAGES."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from traceback import extract_tb
from typing import Any, Final, NamedTuple

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, TemplateNotFound
from markupsafe import Markup
from starlette.responses import HTMLResponse

from engine.errors import EngineError

_OURS: Final = Path(__file__).parent / "pages"


class Choice(NamedTuple):
    """One line of the preference page."""

    purpose: str
    title: str
    wanted: bool


_SAMPLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "unsubscribe": {"title": "Offers", "preferences": "/preferences/token"},
    "unsubscribed": {"title": "Offers", "preferences": "/preferences/token"},
    "preferences": {"choices": [Choice("offers", "Offers", True)], "saved": True, "stopped": True},
    "survey": {
        "question": "How was it?",
        "scores": range(11),
        "chosen": 7,
        "missing": True,
        "comment": "",
        "longest": 1_000,
    },
    "answered": {"question": "How was it?", "score": 7, "again": False},
    "share": {"shop": "https://shop.example/?code=code"},
    "trouble": {},
}
"""Sample values for every page, to find out at the start whether a replaced file can be rendered."""


class BadPage(EngineError):
    """A page that cannot be rendered. `place`: its file, and the line if it is known."""

    place: str
    reason: str
    says = "{place}: {reason}"


class View:
    """Files of `folder` replace the built-in ones. Raises BadPage for one that cannot be rendered."""

    def __init__(self, folder: Path | None = None) -> None:
        loader = ChoiceLoader([FileSystemLoader(place) for place in (folder, _OURS) if place])
        self._pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, auto_reload=False)
        style = self._style(loader)
        self._pages.globals["style"] = Markup(style)
        self.headers: Final = _headers(style)
        """Of every answer; they allow this style sheet and no other."""
        for name, values in _SAMPLES.items():
            try:
                self.show(name, **values)
            except Exception as error:  # a page is a program: it can fail in any way
                reason = f"there is no {error}" if isinstance(error, TemplateNotFound) else str(error)
                raise BadPage(_place(error) or f"{name}.html", reason) from error

    def show(self, name: str, status: int = HTTPStatus.OK, **values: Any) -> HTMLResponse:
        """Render a page; its variables must be in `_SAMPLES`."""
        return HTMLResponse(self._pages.get_template(f"{name}.html").render(values, status=int(status)), status)

    def _style(self, loader: BaseLoader) -> str:
        source, *_ = loader.get_source(self._pages, "style.css")
        return source


def _place(error: Exception) -> str:
    """The line of a page in which it arose; "" where none has run."""
    lines = [frame for frame in extract_tb(error.__traceback__) if frame.filename.endswith(".html")]
    return f"{Path(lines[-1].filename).name}:{lines[-1].lineno}" if lines else ""


def _headers(style: str) -> Mapping[str, str]:
    """Security headers: the token is in the address, so no cache, referrer or frame may have it."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; frame-ancestors 'none'"
    return {
        "Content-Security-Policy": f"{policy}; base-uri 'none'",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
    }
