"""A worker inside another program: `open_worker` gives one that has joined its group; call `run` and `stop` on it.

Programs of users import it, and so do the integrations of `engine.contrib`. Settings are read when it is called, never
at import, and what is wrong with them is raised, never printed.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from engine.config import Settings
from engine.loop import Outage
from engine.telemetry.all_hooks import AllHooks
from engine.telemetry.logs import LogHooks, use_host_logs
from engine.telemetry.worker import PrometheusHooks
from engine.testing import load_project
from engine.wiring.health import Health, serve
from engine.wiring.kafka import close_writer, open_writer
from engine.wiring.store import open_store
from engine.wiring.worker import check_settings, open_running
from engine.worker.loop import Worker

__all__ = ["open_worker"]


@contextmanager
def open_worker(settings: Settings) -> Iterator[Worker]:
    """A worker that has joined its group, with all it needs open. Raises EngineError."""
    project = load_project(settings.rules, settings.templates)
    check_settings(settings, project)
    use_host_logs()
    metrics = PrometheusHooks()
    health = Health(metrics)
    log = LogHooks()
    hooks = AllHooks(metrics, log)
    with ExitStack() as stack:
        stack.callback(log.sum_up)
        serve(stack, settings, health)
        store = stack.enter_context(open_store(settings, Outage(hooks.store_away, hooks.store_back)))
        writer = open_writer(settings)
        stack.callback(close_writer, writer)
        health.running = stack.enter_context(open_running(settings, project, store, writer, hooks))
        yield health.running.worker
