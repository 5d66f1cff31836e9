"""`engine run`: a worker."""

import signal
from contextlib import ExitStack
from types import FrameType
from typing import Annotated

import typer

from engine.cli.console import (
    SETTINGS,
    Namespace,
    RulesDir,
    Store,
    TemplatesDir,
    complain,
    open_project,
    open_store,
)
from engine.cli.runs import collect_rarely
from engine.cli.wiring import build_worker, open_writer, rules_of
from engine.errors import EngineError
from engine.runtime.hooks import Hooks
from engine.runtime.worker import Worker
from engine.testing import Project, load_project


def register(app: typer.Typer) -> None:
    app.command("run")(run)


def run(
    rules: RulesDir = SETTINGS.rules,
    templates: TemplatesDir = SETTINGS.templates,
    store: Store = SETTINGS.store,
    namespace: Namespace = SETTINGS.namespace,
    check: Annotated[bool, typer.Option("--check", help="Check rules, topics and the store, then stop.")] = False,
) -> None:
    """Run a worker: events in from Kafka, customers in Redis, outreach out to Kafka. Settings are ENGINE_… variables.

    SIGTERM finishes the batch, commits and leaves the group; SIGHUP loads the rules anew, all or nothing.

    Example: ENGINE_KAFKA_BOOTSTRAP=kafka:9092 engine run --store redis://redis:6379/0
    """
    settings = SETTINGS.model_copy(
        update={"rules": rules, "templates": templates, "store": store, "namespace": namespace}
    )
    project = open_project(rules, templates)
    with ExitStack() as stack:
        opened = stack.enter_context(open_store(store, settings.data, namespace))
        writer = open_writer(settings)
        stack.callback(writer.close)
        worker = build_worker(settings, project, opened, writer, Hooks())
        _obey_signals(worker, project)
        collect_rarely()
        worker.run()


def _obey_signals(worker: Worker, project: Project) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        worker.stop()

    def reload(number: int, frame: FrameType | None) -> None:
        try:
            fresh = load_project(SETTINGS.rules, project.templates)
        except EngineError as error:
            complain(f"the rules were not reloaded, the last good ones stay:\n{error}")
            return
        worker.reload(rules_of(fresh))

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, reload)
