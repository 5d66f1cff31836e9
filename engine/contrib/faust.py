"""The engine inside a Faust app: a worker as one of its services, the outreach topic as a typed stream."""

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
    """The event an outreach is about."""

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
    event: Event | None = None


class Loop(Protocol):
    """What is to run: a worker."""

    def run(self) -> None:
        """Until `stop`."""

    def stop(self) -> None:
        """Safe to call from another thread; before `run`, it makes that return at once."""


OpenLoop = Callable[[], AbstractContextManager[Loop]]


class EngineService(Service):
    """Runs a worker in a thread of its own: opened when the service starts, finished in good order when it stops.

    Whatever the worker raises crashes the service, which its supervisor, or the whole Faust worker, then hears of.
    """

    def __init__(self, app: faust.App, open_loop: OpenLoop, **options: Any) -> None:
        self._app = app
        self._open_loop = open_loop
        self._running: Loop | None = None
        self._thread: asyncio.Task[None] | None = None
        super().__init__(**options)

    @Service.task
    async def _work(self) -> None:
        if self._app.client_only or self._app.producer_only:
            return  # somebody only wants to send or to ask
        self._thread = asyncio.create_task(asyncio.to_thread(self._run))
        await self._thread

    def _run(self) -> None:
        with self._open_loop() as self._running:
            if self.should_stop:  # `on_stop` may have come too early to see what runs
                self._running.stop()
            self._running.run()

    async def on_stop(self) -> None:
        """Returns when the worker has left its group."""
        if self._running:
            self._running.stop()
        if self._thread:
            await asyncio.wait([self._thread])


class _ExistingTopic(faust.Topic):
    """Faust would make it with its own number of partitions; it needs that of the events."""

    async def declare(self) -> None:
        """It is there."""


@dataclass(frozen=True, slots=True)
class Attached:
    """The engine in an app. `outreach` is for agents: `@app.agent(attached.outreach)`."""

    service: EngineService
    outreach: TopicT


def attach(app: faust.App, outreach_topic: str, open_loop: OpenLoop) -> Attached:
    """From now on the app's worker starts, supervises and stops a worker of ours."""
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
