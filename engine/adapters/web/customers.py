"""The pages behind the links in outreach. A GET must not change anything: programs that scan mail follow links."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.adapters.web.body import LONGEST_FORM, read_body, read_form
from engine.adapters.web.choices import Choices
from engine.adapters.web.patience import asked
from engine.adapters.web.publish import Publish
from engine.adapters.web.view import Choice, View
from engine.errors import BadToken
from engine.model import TRANSACTIONAL
from engine.ports import SuppressionList, SuppressionQuery
from engine.wire.feedback import Feedback, FeedbackKind
from engine.wire.link_tokens import LinkToken, read_token

_JUST_NOW: Final = "unsubscribed"
"""Query parameter after an unsubscribe: the suppression list may not have it yet, but the page must show it."""


@dataclass(frozen=True, slots=True)
class CustomerPages:
    """`preferences`: purpose -> title. `path` comes before every page's. Links work for `links_kept` ms."""

    secrets: Sequence[str]
    preferences: Mapping[str, str]
    suppressions: SuppressionList
    choices: Choices
    publish: Publish
    wall: Callable[[], int]
    view: View
    path: str
    links_kept: int

    def routes(self) -> list[Route]:
        """The routes; the preference page only if purposes to choose among are configured."""
        unsubscribe, preferences = "/unsubscribe/{token}", "/preferences/{token}"
        routes = [
            Route(unsubscribe, self.ask, methods=["GET"]),
            Route(unsubscribe, self.unsubscribe, methods=["POST"]),
            Route(preferences, self.offer, methods=["GET"]),
            Route(preferences, self.choose, methods=["POST"]),
        ]
        return routes if self.preferences else routes[:2]

    async def ask(self, request: Request) -> Response:
        """Ask for confirmation: programs that look for malware follow links, too."""
        return self._show_unsubscribe("unsubscribe", self._about(request), self._choices(request))

    async def unsubscribe(self, request: Request) -> Response:
        """Unsubscribe, by the page's button or a mail program (RFC 8058). The link decides, whatever the body says."""
        about = self._about(request)
        await read_body(request, LONGEST_FORM)
        wants, now = {about.purpose: False}, self.wall()
        report = await self.choices.taken_back(about, now)
        await self.publish([Feedback(FeedbackKind.UNSUBSCRIBED, about, now, report, wants)])
        return self._show_unsubscribe("unsubscribed", about, self._choices(request, f"?{_JUST_NOW}"))

    async def offer(self, request: Request) -> Response:
        """Show the present choices. Raises StoreUnavailable: guessed choices would be saved as the customer's."""
        about = self._about(request)
        stopped, *reasons = await asked(self._reasons, about)
        wants = {purpose: not reason for purpose, reason in zip(self.preferences, reasons, strict=True)}
        if _JUST_NOW in request.query_params and about.purpose in wants:
            wants[about.purpose] = False
        return self._show_preferences(wants, stopped=bool(stopped))

    async def choose(self, request: Request) -> Response:
        """Save every choice of the form, ticked or not."""
        about = self._about(request)
        ticked = _ticked(await read_form(request))
        wants = {purpose: purpose in ticked for purpose in self.preferences}
        now = self.wall()
        await self.publish([Feedback(FeedbackKind.PREFERENCES, about, now, report=str(now), wants=wants)])
        self.choices.saved(about, wants, now)
        return self._show_preferences(wants, saved=True)

    def _about(self, request: Request) -> LinkToken:
        about = read_token(self.secrets, request.path_params["token"], self.wall() - self.links_kept)
        if about.purpose == TRANSACTIONAL:
            raise BadToken("transactional-token")
        return about

    def _reasons(self, about: LinkToken) -> list[str]:
        """The reasons against outreach of any purpose, then against each purpose."""
        digests, now, purposes = (about.address,), self.wall(), ("*", *self.preferences)
        return self.suppressions.reasons(
            [SuppressionQuery(purpose, now, digests, about.former) for purpose in purposes]
        )

    def _choices(self, request: Request, query: str = "") -> str:
        """The address of the preference page; "" without one."""
        return f"{self.path}/preferences/{request.path_params['token']}{query}" if self.preferences else ""

    def _show_unsubscribe(self, page: str, about: LinkToken, choices: str) -> Response:
        return self.view.show(page, title=self.preferences.get(about.purpose, ""), preferences=choices)

    def _show_preferences(self, wants: Mapping[str, bool], *, saved: bool = False, stopped: bool = False) -> Response:
        choices = [Choice(purpose, title, wants[purpose]) for purpose, title in self.preferences.items()]
        return self.view.show("preferences", choices=choices, saved=saved, stopped=stopped)


def _ticked(form: Mapping[str, Sequence[str]]) -> set[str]:
    """The ticked purposes. An empty form unsubscribes from all, so it must be our form. Raises HTTPException 400."""
    if form.get("form") != ["preferences"]:
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    return set(form.get("wants", ()))
