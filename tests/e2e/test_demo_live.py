"""`make demo-live` as somebody runs it who has just cloned the repository."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.services import AnyRedis, Broker
from tests.services.processes import listens, wait_until
from tests.support.command import REPOSITORY

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


def start(log: Path, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    given: Mapping[str, str] = {"HOME": os.environ["HOME"], "COLUMNS": "120", **environment}
    command = [sys.executable, "-m", "tests.demo_live", *arguments]
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=REPOSITORY, env=given, stdout=output, stderr=output)


def test_the_story_is_told_without_a_browser_too_and_nothing_of_it_stays_but_while_it_is_asked_to(
    broker: Broker, redis_server: AnyRedis, tmp_path: Path
) -> None:
    (tmp_path / "env").symlink_to(shutil.which("env") or "")
    log = tmp_path / "demo.log"
    servers = {"ENGINE_TEST_KAFKA": broker.address, "ENGINE_TEST_REDIS": redis_server.url}
    demo = start(log, "--stay", PATH=str(tmp_path), **servers)
    try:
        wait_until(lambda: "Ctrl-C" in log.read_text() or demo.poll() is not None, "it is told")
        said = log.read_text()
        assert demo.poll() is None, said
        ports = {int(port) for port in re.findall(r"http://(?:127\.0\.0\.1|localhost):(\d+)", said)}
        assert len(ports) == 4
        assert all(map(listens, ports))
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0
        assert not any(map(listens, ports))
    finally:
        demo.kill()
        demo.wait(60)
    assert "There is no Chromium here" in said
    assert "profile.wants_marketing == false" in " ".join(said.split())


def test_who_has_no_broker_is_told_what_to_install(tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    assert start(log, PATH="").wait(60) == 1
    assert "Docker or Podman" in log.read_text()
    assert "ENGINE_TEST_KAFKA=host:port make demo-live" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_an_option_that_is_misspelt_is_told_before_anything_starts(tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    assert start(log, "--sty").wait(60) == 2
    assert "unrecognized arguments: --sty" in log.read_text()
