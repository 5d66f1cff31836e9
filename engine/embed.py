"""The engine as a part of another program."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import faust

from engine.config import BadSetting, Settings, load_settings
from engine.contrib.faust import Attached, Outreach, attach
from engine.telemetry.all_hooks import AllHooks
from engine.telemetry.logs import LogHooks, use_host_logs
from engine.telemetry.worker import PrometheusHooks
from engine.testing import load_project
from engine.wiring.health import Health, serve
from engine.wiring.kafka import close_writer, open_writer
from engine.wiring.store import open_store
from engine.wiring.worker import open_running
from engine.worker.loop import Worker

__all__ = ["Attached", "Outreach", "attach_to_faust", "open_worker"]


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


@contextmanager
def open_worker(settings: Settings) -> Iterator[Worker]:
    """A worker that has joined its group, with all it needs open. Raises EngineError."""
    project = load_project(settings.rules, settings.templates)
    use_host_logs()
    metrics = PrometheusHooks()
    health = Health(metrics)
    log = LogHooks()
    with ExitStack() as stack:
        stack.callback(log.sum_up)
        serve(stack, settings, health)
        store = stack.enter_context(open_store(settings))
        writer = open_writer(settings)
        stack.callback(close_writer, writer)
        hooks = AllHooks(metrics, log)
        health.running = stack.enter_context(open_running(settings, project, store, writer, hooks))
        yield health.running.worker


def _brokers(app: faust.App) -> str:
    return ",".join(f"{url.host}:{url.port or 9092}" for url in app.conf.broker)
