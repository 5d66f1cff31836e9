"""The pages where customers answer a survey. A GET must not answer it: programs that scan mail follow every link."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.adapters.web.body import read_form
from engine.adapters.web.firsts import Firsts
from engine.adapters.web.view import View
from engine.errors import SinkUnavailable
from engine.telemetry.web import WebWatch
from engine.wire.answers import SurveyAnswer
from engine.wire.link_tokens import SurveyToken, read_token_of

_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_LONGEST_COMMENT: Final = 1_000
"""Characters of a comment. The rest of a longer one is cut off; the page's field takes no more."""


@dataclass(frozen=True, slots=True)
class SurveyPages:
    """`questions`: survey -> what is asked. Links work for `links_kept` ms."""

    secrets: Sequence[str]
    questions: Mapping[str, str]
    firsts: Firsts
    wall: Callable[[], int]
    view: View
    watch: WebWatch
    links_kept: int

    def routes(self) -> list[Route]:
        """The page, with and without an answer that is chosen already."""
        paths = ("/survey/{token}", "/survey/{token}/{score}")
        return [
            route
            for path in paths
            for route in (Route(path, self.ask, methods=["GET"]), Route(path, self.answer, methods=["POST"]))
        ]

    async def ask(self, request: Request) -> Response:
        """Show the question and its answers."""
        about = self._about(request)
        return self._show(about, _score(about, _in_path(request)))

    async def answer(self, request: Request) -> Response:
        """Record the answer, unless the same link has brought one before. What the form says counts, not the path."""
        about = self._about(request)
        form = await read_form(request)
        score, comment = _score(about, form.get("score", [""])[-1]), _comment(form.get("comment", [""])[-1])
        if score is None:
            return self._show(about, None, HTTPStatus.BAD_REQUEST, comment)
        try:
            new = await self.firsts.tell(SurveyAnswer(about, self.wall(), score, comment))
        except SinkUnavailable as error:  # browsers keep nothing of a page that is not stored: so this one does
            self.watch.failed("survey", error)
            return self._show(about, score, HTTPStatus.SERVICE_UNAVAILABLE, comment)
        question = self.questions.get(about.survey, "")
        return self.view.show("answered", question=question, score=score if new else None, again=not new)

    def _about(self, request: Request) -> SurveyToken:
        since = self.wall() - self.links_kept
        return read_token_of(SurveyToken, self.secrets, request.path_params["token"], since)

    def _show(
        self, about: SurveyToken, chosen: int | None, status: HTTPStatus = HTTPStatus.OK, comment: str = ""
    ) -> Response:
        values = {
            "question": self.questions.get(about.survey, ""),
            "scores": range(about.low, about.high + 1),
            "chosen": chosen,
            "missing": status is HTTPStatus.BAD_REQUEST,
            "comment": comment,
            "longest": _LONGEST_COMMENT,
        }
        return self.view.show("survey", status, **values)


def _in_path(request: Request) -> str:
    """The answer that the link has chosen, "" for none. Raises HTTPException 404 for what is no number."""
    text: str = request.path_params.get("score", "")
    if text and not (text.isascii() and text.isdigit()):
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return text


def _score(about: SurveyToken, text: str) -> int | None:
    """The answer; None if it is not one of the scale's."""
    given = text if text.isascii() and text.isdigit() and len(text) <= len(str(about.high)) else ""
    return int(given) if given and about.low <= int(given) <= about.high else None


def _comment(text: str) -> str:
    """As typed, with single line ends and without other control characters."""
    return _CONTROL.sub("", text.replace("\r\n", "\n")).strip()[:_LONGEST_COMMENT].strip()
