"""Kafka from Maven's jars, fetched once into ~/.cache, and a data folder formatted once."""

import os
import shutil
import subprocess
import tempfile
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
    folder = _cache() / "lib"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=_cache()) as temporary:
            _fetch(Path(temporary), Path(temporary, "lib"))
            _publish(Path(temporary, "lib"), folder)
    return folder


def formatted(data: Path) -> Path:
    """A data folder ready for a first start; one that is there stays as it is."""
    template = _cache() / "formatted"
    if not template.exists():
        with tempfile.TemporaryDirectory(dir=_cache()) as temporary:
            _format(Path(temporary), Path(temporary, "data"))
            _publish(Path(temporary, "data"), template)
    if not data.exists():
        shutil.copytree(template, data)
    return data


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home, "trigger-engine-tests", f"kafka-{VERSION}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _publish(made: Path, folder: Path) -> None:
    """In one step; another run may have been quicker."""
    try:
        made.rename(folder)
    except OSError:
        if not folder.exists():
            raise


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
