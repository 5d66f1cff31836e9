"""`engine run`: runs a worker."""

import signal
from contextlib import AbstractContextManager, ExitStack
from threading import Lock, Thread
from types import FrameType
from typing import Annotated

import typer

from engine.cli.console import complain, err
from engine.cli.findings import report
from engine.cli.opening import open_project
from engine.cli.options import Namespace, RulesDir, Store, TemplatesDir, settings_of
from engine.cli.process import begin_log, obey_stop
from engine.core.durations import text_of
from engine.errors import EngineError
from engine.loop import Outage
from engine.operate.checks import check_all
from engine.operate.topics import source_topics
from engine.operate.upgrade import SECONDS_PER_100_000, upgrade, waiting
from engine.operate.words import count_of
from engine.ports import HasFormat2, Hooks, StateStore
from engine.telemetry.all_hooks import AllHooks
from engine.telemetry.logs import LogHooks
from engine.telemetry.worker import PrometheusHooks
from engine.testing import RulesBroken, load_project
from engine.wiring.garbage import collect_rarely
from engine.wiring.health import Health, serve
from engine.wiring.installation import installation_of
from engine.wiring.kafka import close_writer, open_writer
from engine.wiring.store import open_store
from engine.wiring.worker import Running, check_settings, open_running


def run(
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    store: Store = None,
    namespace: Namespace = None,
    check: Annotated[bool, typer.Option("--check", help="Check rules, topics and the store, then stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --check: print JSON, for a program to read.")] = False,
    upgrade_store: Annotated[
        bool, typer.Option("--upgrade-store", help="Move a store of format 2 to format 3 first. There is no way back.")
    ] = False,
) -> None:
    """Run a worker: events in from Kafka, customers in Redis, outreach out to Kafka. Settings are ENGINE_… variables.

    SIGTERM finishes the batch, commits and leaves the group; SIGHUP loads the rules anew, all or nothing.
    Metrics are at /metrics of ENGINE_HTTP_PORT, /healthz says whether the process lives, /readyz whether it works.
    --check (with --json if a program reads it) exits 0 when a worker could start, 1 when not, 3 with only warnings.

    Example: ENGINE_KAFKA_BOOTSTRAP=kafka:9092 engine run --store redis://redis:6379/0
    """
    settings = settings_of(rules=rules, templates=templates, store=store, namespace=namespace)
    if check:
        report(check_all(installation_of(settings)), as_json=as_json)
    project = open_project(settings)
    check_settings(settings, project)
    begin_log(settings)
    metrics, log = PrometheusHooks(), LogHooks()
    health, hooks = Health(metrics), AllHooks(metrics, log)
    with ExitStack() as stack:
        stack.callback(log.sum_up)
        serve(stack, settings, health)
        opened = stack.enter_context(open_store(settings, Outage(hooks.store_away, hooks.store_back)))
        if upgrade_store and isinstance(opened, HasFormat2):
            _upgrade(opened, opened)
        writer = open_writer(settings)
        stack.callback(close_writer, writer)
        running = stack.enter_context(open_running(settings, project, opened, writer, hooks))
        health.running = running
        metrics.expect(source_topics(settings, project.book.catalog))
        _obey_signals(running, hooks)
        collect_rarely()
        running.worker.run()


def _upgrade(store: StateStore, old: HasFormat2) -> None:
    """Move all partitions. Another worker may do the same at the same time."""
    partitions = waiting(old)
    customers = sum(partitions.values())
    seconds = max(1, customers * SECONDS_PER_100_000 // 100_000)
    if partitions:
        err.print(f"moving {count_of(customers, 'customer')} to format 3 of the store, about {text_of(seconds * 1000)}")
    for number, count in partitions.items():
        upgrade(store, old, number)
        err.print(f"partition {number}: moved {count_of(count, 'customer')}", highlight=False)


def _obey_signals(running: Running, hooks: Hooks) -> None:
    reloading = Lock()

    def reload(number: int, frame: FrameType | None) -> None:
        # Not here: it takes a second, and may want to log while the loop is logging.
        Thread(target=_reload, args=(running, hooks, reloading), name="reload", daemon=True).start()

    obey_stop(running.worker.stop)
    signal.signal(signal.SIGHUP, reload)


def _reload(running: Running, hooks: Hooks, one_at_a_time: AbstractContextManager[bool]) -> None:
    """Load the rules from the command's folders."""
    with one_at_a_time:
        try:
            running.reload(load_project(running.settings.rules, running.settings.templates))
        except RulesBroken as error:
            complain(str(error))
            hooks.reload_failed(f"{count_of(len(error.diagnostics), 'finding')}, printed above")
        except (EngineError, OSError) as error:
            hooks.reload_failed(str(error))
