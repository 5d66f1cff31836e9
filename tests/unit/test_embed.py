"""The engine as a guest in a Faust app."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import faust
import pytest

from engine.adapters.memory import MemoryStore
from engine.config import BadSetting, load_settings
from engine.contrib.faust import EngineService, Outreach, attach_to_faust
from engine.model import KeptEvent, Outreach as Decided
from engine.ports import Hooks
from engine.testing import load_project
from engine.wire.records import encode_outreach
from engine.wiring.kafka import close_writer, open_writer
from engine.wiring.worker import open_running
from tests.support.project_files import write_project
from tests.support.referrals import FILES

MOMENT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
MILLIS = int(MOMENT.timestamp() * 1000)


@pytest.fixture
def app() -> faust.App:
    return faust.App("shop", broker="kafka://one:9092;two")


class Work:
    """A worker's outside: works until stopped."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.begun, self.ended = threading.Event(), False
        self.failure = failure
        self._stopped = threading.Event()

    def run(self) -> None:
        self.begun.set()
        if self.failure:
            raise self.failure
        self._stopped.wait()

    def stop(self) -> None:
        self._stopped.set()

    @contextmanager
    def opened(self) -> Iterator["Work"]:
        yield self
        self.ended = True


def _decided(event: KeptEvent | None) -> bytes:
    return encode_outreach(
        Decided(
            id="0a1b",
            rule="win-back",
            occurrence="7",
            customer="c-1042",
            at=MILLIS,
            moment=MILLIS,
            expires_at=0,
            channel="email",
            purpose="marketing",
            template="win_back",
            revision="r1",
            reason="idle",
            event=event,
        )
    ).value


@pytest.mark.parametrize("event", [None, KeptEvent("e-1", "purchase", MILLIS, {"amount": 3})])
def test_an_agent_gets_what_was_decided_as_a_typed_record(event: KeptEvent | None) -> None:
    outreach = Outreach.loads(_decided(event), serializer="json")
    assert (outreach.customer, outreach.rule, outreach.at, outreach.expires_at) == ("c-1042", "win-back", MOMENT, None)
    assert (outreach.event and outreach.event.time) == (event and MOMENT)


def test_an_app_gets_the_outreach_topic_and_does_not_make_it(app: faust.App) -> None:
    attached = attach_to_faust(app, outreach_topic="letters")
    assert attached.outreach.topics == ["letters"]
    asyncio.run(attached.outreach.declare())


def test_a_group_that_is_the_apps_own_is_refused(app: faust.App) -> None:
    with pytest.raises(BadSetting, match="ENGINE_KAFKA_GROUP: is the Faust app's id too"):
        attach_to_faust(app, kafka_group="shop")


def test_a_setting_that_does_not_exist_is_refused(app: faust.App) -> None:
    with pytest.raises(BadSetting, match="rulez: there is no such setting"):
        attach_to_faust(app, rulez="rules")


def test_rules_that_make_events_for_others_are_refused_at_the_start_where_no_ingest_can_run(tmp_path: Path) -> None:
    project = write_project(tmp_path, FILES)
    settings = load_settings(kafka_bootstrap="localhost:1", kafka_client="kafka-python")
    rules, writer = load_project(project / "rules", project / "templates"), open_writer(load_settings())
    refused = pytest.raises(BadSetting, match=r"events that rules make for other customers \(engine\.derived\)")
    with refused, open_running(settings, rules, MemoryStore(), writer, Hooks()):
        pass
    close_writer(writer)


def test_stopping_the_service_waits_until_the_worker_has_finished(app: faust.App) -> None:
    async def scenario() -> None:
        work = Work()
        service = EngineService(app, work.opened)
        await service.start()
        await asyncio.to_thread(work.begun.wait)
        await service.stop()
        assert work.ended

    asyncio.run(scenario())


def test_a_worker_that_fails_crashes_the_service(app: faust.App) -> None:
    async def scenario() -> None:
        failure = RuntimeError("no such topic")
        service = EngineService(app, Work(failure).opened)
        await service.start()
        await service.wait_until_stopped()
        assert service.crash_reason is failure
        await service.stop()

    asyncio.run(scenario())


def test_an_app_that_only_sends_starts_no_worker(app: faust.App) -> None:
    async def scenario() -> None:
        app.client_only = True
        work = Work()
        service = EngineService(app, work.opened)
        await service.start()
        await asyncio.sleep(0)
        await service.stop()
        assert not work.begun.is_set()

    asyncio.run(scenario())


def test_a_bad_setting_is_an_error_when_the_engine_is_used_and_not_when_it_is_imported() -> None:
    program = (
        "import faust, engine.contrib.faust\n"
        "from engine.config import BadSetting\n"
        "try: engine.contrib.faust.attach_to_faust(faust.App('shop', broker='kafka://one'))\n"
        "except BadSetting as error: print(error)"
    )
    environment = os.environ | {"ENGINE_CLOCK": "sundial"}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("ENGINE_CLOCK: ")
