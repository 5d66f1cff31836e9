"""Webhooks of mail providers: their reports become events on the feedback topic."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.adapters.web.body import read_body
from engine.adapters.web.choices import Choices
from engine.adapters.web.providers.base import REPEATED, BadFeedback, PassedOver, Provider, Report, Said
from engine.adapters.web.publish import Publish
from engine.errors import BadToken
from engine.model import TRANSACTIONAL
from engine.telemetry.web import WebWatch
from engine.wire.feedback import Feedback, FeedbackKind
from engine.wire.link_tokens import read_token

_LARGEST: Final = 1_000_000


def feedback_routes(
    providers: Mapping[str, Provider],
    secrets: Sequence[str],
    publish: Publish,
    wall: Callable[[], int],
    watch: WebWatch,
    choices: Choices,
) -> list[Route]:
    """`secrets`: of the link tokens. 200 means that all is durable or not ours; other answers ask for a retry."""
    for name in providers:
        watch.expect(name)
    return [
        Route(
            f"/feedback/{name}", _Webhook(name, provider, secrets, publish, wall, watch, choices).take, methods=["POST"]
        )
        for name, provider in providers.items()
    ]


@dataclass(frozen=True, slots=True)
class _Webhook:
    name: str
    provider: Provider
    secrets: Sequence[str]
    publish: Publish
    wall: Callable[[], int]
    watch: WebWatch
    choices: Choices

    async def take(self, request: Request) -> Response:
        body = await read_body(request, _LARGEST)
        try:
            told = await run_in_threadpool(self._listen, request.headers, body)
        except BadFeedback as error:
            self.watch.refused("feedback", f"{self.name}-{error.code}")
            return Response(status_code=error.status)
        understood = filter(None, map(self._understand, told))
        # At once: a provider waits for some seconds only.
        feedback = await asyncio.gather(*map(self._named, understood))
        if feedback:
            await self.publish(feedback)
        return Response(status_code=200)  # Mailgun would repeat a 204

    async def _named(self, feedback: Feedback) -> Feedback:
        """An id that is the same for a repeated report and new for a new event."""
        if feedback.kind is not FeedbackKind.UNSUBSCRIBED:
            return feedback
        return replace(feedback, report=await self.choices.taken_back(feedback.about, feedback.at))

    def _listen(self, headers: Mapping[str, str], body: bytes) -> list[Said]:
        self.provider.verify(headers, body)
        return self.provider.read(body)

    def _understand(self, told: Said) -> Feedback | None:
        feedback = told if isinstance(told, PassedOver) else self._feedback(told)
        if isinstance(feedback, Feedback):
            return feedback
        self.watch.passed_over(self.name, feedback.code)
        return None

    def _feedback(self, report: Report) -> Feedback | PassedOver:
        try:
            about = read_token(self.secrets, report.token)
        except BadToken:
            return PassedOver("bad-token")
        unsubscribed = report.kind is FeedbackKind.UNSUBSCRIBED
        if unsubscribed and about.purpose == TRANSACTIONAL:
            return PassedOver("transactional")
        return Feedback(
            report.kind,
            about,
            at=min(report.at or self.wall(), self.wall()),
            report=str(report.at) if report.kind in REPEATED else "",
            wants={about.purpose: False} if unsubscribed else {},
        )
