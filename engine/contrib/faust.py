"""The engine inside a Faust app: a worker as one of its services, the outreach topic as a typed stream.

Programs of users call `attach_to_faust`. Nothing else in the engine may import this module: it needs the extra `faust`.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import faust
from faust.types import TopicT
from mode import Service

from engine.config import BadSetting, load_settings
from engine.embed import open_worker


class Event(faust.Record, isodates=True, coerce=True):
    """The event that an outreach refers to."""

    id: str
    type: str
    time: datetime


class Outreach(faust.Record, isodates=True, coerce=True):
    """One message to one customer. The topic may repeat an `id` after a crash; it never reuses one."""

    id: str
    rule: str
    occurrence: str
    customer: str
    at: datetime
    moment: datetime
    channel: str
    purpose: str
    template: str
    to: str
    subject: str
    text: str
    html: str
    revision: str
    reason: str
    expires_at: datetime | None = None
    step: str = ""
    event: Event | None = None


class Loop(Protocol):
    """A loop that the service runs: a worker."""

    def run(self) -> None:
        """Run until `stop` is called."""

    def stop(self) -> None:
        """End `run`. Safe to call from another thread; if called before `run`, `run` returns at once."""


OpenLoop = Callable[[], AbstractContextManager[Loop]]


class EngineService(Service):
    """Runs a worker in its own thread: opens it when the service starts, and finishes its work when the service stops.

    An exception of the worker crashes the service; the supervisor or the Faust worker then handles the crash.
    """

    def __init__(self, app: faust.App, open_loop: OpenLoop, **options: Any) -> None:
        self._app = app
        self._open_loop = open_loop
        self._worker: Loop | None = None
        self._run_ended: asyncio.Task[None] | None = None
        super().__init__(**options)

    @Service.task
    async def _work(self) -> None:
        if self._app.client_only or self._app.producer_only:
            return  # the app only sends or queries
        self._run_ended = asyncio.create_task(asyncio.to_thread(self._run))
        await self._run_ended

    def _run(self) -> None:
        with self._open_loop() as self._worker:
            if self.should_stop:  # `on_stop` may have run before `_worker` was set
                self._worker.stop()
            self._worker.run()

    async def on_stop(self) -> None:
        """Stop the worker; returns when it has left its consumer group."""
        if self._worker:
            self._worker.stop()
        if self._run_ended:
            await asyncio.wait([self._run_ended])


class _ExistingTopic(faust.Topic):
    """A topic that Faust must not create: it would use its own number of partitions instead of that of the events."""

    async def declare(self) -> None:
        """Do nothing: the topic exists."""


@dataclass(frozen=True, slots=True)
class Attached:
    """The engine attached to an app. Agents consume `outreach`: `@app.agent(attached.outreach)`."""

    service: EngineService
    outreach: TopicT


def attach(app: faust.App, outreach_topic: str, open_loop: OpenLoop) -> Attached:
    """Add an engine worker to the app: the app's worker starts, supervises and stops it."""
    service = EngineService(app, open_loop)
    app.add_dependency(service)  # `app.service` would wait for Faust's own group, long after another member has died
    topic = _ExistingTopic(app, topics=[outreach_topic], key_type=str, value_type=Outreach)
    return Attached(service, topic)


def attach_to_faust(app: faust.App, **settings: Any) -> Attached:
    """Let the app's `faust worker` start, supervise and stop an engine worker, in a thread of its own.

    `settings` override the environment's ENGINE_…: attach_to_faust(app, rules="rules", store="redis://localhost").
    The brokers are the app's unless `kafka_bootstrap` is set; how to log in there is not taken from the app. Raises
    BadSetting; what goes wrong later, such as rules with errors, crashes the app's worker.
    """
    chosen = load_settings(**settings)
    if "kafka_bootstrap" not in chosen.model_fields_set:
        chosen = chosen.model_copy(update={"kafka_bootstrap": _brokers(app)})
    if app.conf.id == chosen.kafka_group:
        reason = "is the Faust app's id too; the engine's workers need a consumer group of their own"
        raise BadSetting("ENGINE_KAFKA_GROUP", reason)
    return attach(app, chosen.outreach_topic, lambda: open_worker(chosen))


def _brokers(app: faust.App) -> str:
    return ",".join(f"{url.host}:{url.port or 9092}" for url in app.conf.broker)
