"""The broker's classes, loaded once and kept in an archive, so that a broker starts in 2 seconds of CPU instead of 5.

A run of all tests starts dozens of brokers.
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

from tests.services.kafka_config import Listeners, server_properties
from tests.services.kafka_jars import formatted, jars, made_once
from tests.services.processes import listens, wait_until


def broker_command(properties: Path, heap: str, options: Sequence[str], *more: str) -> list[str]:
    """What runs a broker."""
    classes = ["-cp", f"{jars()}/*", "-Dlog4j2.level=ERROR", "kafka.Kafka"]
    return ["java", f"-Xmx{heap}", *options, *more, *classes, str(properties)]


def archive_option(options: Sequence[str]) -> str:
    """For `broker_command`. Makes the archive where there is none for this Java and these options.

    Java starts without an archive that it cannot use.
    """
    java = Path(shutil.which("java") or "java").resolve()
    name = f"classes-{crc32(repr((java, java.stat().st_mtime_ns, options)).encode()):08x}.jsa"
    return f"-XX:SharedArchiveFile={made_once(name, lambda made: _load_all(made, options))}"


def _load_all(archive: Path, options: Sequence[str]) -> None:
    """Java writes the archive when the broker ends; a Java that cannot leaves an empty one, which does no harm."""
    archive.touch()
    listeners = Listeners.free(None)
    folder = archive.parent
    properties, data = folder / "server.properties", formatted(folder / "kafka")
    properties.write_text(server_properties(listeners, "127.0.0.1", data, None))
    command = broker_command(properties, "512m", options, f"-XX:ArchiveClassesAtExit={archive}")
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as broker:
        try:
            wait_until(lambda: listens(listeners.plain) or broker.poll() is not None, "a broker starts", 60)
            broker.terminate()
            broker.wait(60)
        finally:
            broker.kill()
