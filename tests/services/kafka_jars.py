"""Kafka from Maven's jars, fetched once into ~/.cache, and a data folder formatted once."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

VERSION = "4.1.0"

_ARTIFACTS = [
    ("org.apache.kafka", "kafka_2.13", VERSION),
    ("org.apache.kafka", "kafka-tools", VERSION),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.24.3"),
]
_CLUSTER = "AAAAAAAAAAAAAAAAAAAAAA"


def jars() -> Path:
    """The folder of the jars. Raises OSError without Java or Maven, CalledProcessError where Maven cannot get them."""
    return made_once("lib", lambda lib: _fetch(lib.parent, lib))


def formatted(data: Path) -> Path:
    """A data folder ready for a first start; one that is there stays as it is."""
    template = made_once("formatted", lambda made: _format(made.parent, made))
    if not data.exists():
        shutil.copytree(template, data)
    return data


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """A file or folder of the cache, made in one step where it is missing: all processes of a run ask at once."""
    folder = _cache()
    wanted = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.exists():
            with tempfile.TemporaryDirectory(dir=folder) as temporary:
                make(Path(temporary, name))
                Path(temporary, name).rename(wanted)
    return wanted


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home, "trigger-engine-tests", f"kafka-{VERSION}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _fetch(folder: Path, lib: Path) -> None:
    names = ("groupId", "artifactId", "version")
    dependencies = "".join(
        "<dependency>" + "".join(f"<{n}>{v}</{n}>" for n, v in zip(names, each, strict=True)) + "</dependency>"
        for each in _ARTIFACTS
    )
    (folder / "pom.xml").write_text(
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>local</groupId>'
        "<artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )
    command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={lib}"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def _format(folder: Path, data: Path) -> None:
    properties = folder / "server.properties"
    properties.write_text(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:1\n"
        f"controller.listener.names=CONTROLLER\nlisteners=PLAINTEXT://:2,CONTROLLER://:1\nlog.dirs={data}\n"
    )
    command = ["java", "-Xmx128m", "-cp", f"{jars()}/*", "kafka.tools.StorageTool", "format"]
    subprocess.run([*command, "-t", _CLUSTER, "-c", properties], check=True, capture_output=True)
