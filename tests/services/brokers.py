"""One Kafka broker (KRaft, alone) that a test may stop, kill and bring back with its data on the same ports."""

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.services.kafka_classes import archive_option, broker_command
from tests.services.kafka_config import Listeners, make_certificate, server_properties
from tests.services.kafka_jars import VERSION, formatted
from tests.services.processes import Process, listens, unavailable, wait_until

QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class Runner(Protocol):
    """What runs the broker."""

    @property
    def running(self) -> bool: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill9(self) -> None: ...
    def freeze(self) -> None: ...
    def thaw(self) -> None: ...
    def remove(self) -> None: ...


class Broker:
    """`address` takes anybody; `sasl_address` and `tls_address` want a user of `kafka_config`.

    Topics do not come into being by themselves.
    """

    def __init__(self, runner: Runner, address: str, listeners: Listeners | None = None) -> None:
        self._runner = runner
        self.listeners = listeners
        self.address = address

    @classmethod
    def of_others(cls, address: str, listeners: Listeners | None = None) -> "Broker":
        """It runs, and nobody here may stop it."""
        return cls(_Given(), address, listeners)

    @property
    def sasl_address(self) -> str:
        """Takes PLAIN, SCRAM and OAUTHBEARER with unsecured tokens."""
        return f"127.0.0.1:{self._known_listeners.sasl}"

    @property
    def tls_address(self) -> str:
        """SASL over TLS; trust `certificate`."""
        return f"127.0.0.1:{self._known_listeners.tls}"

    @property
    def certificate(self) -> Path:
        if not self._known_listeners.certificate:
            raise unavailable("no openssl to make a certificate with")
        return self._known_listeners.certificate

    @property
    def _known_listeners(self) -> Listeners:
        if not self.listeners:
            raise unavailable("the broker of ENGINE_TEST_KAFKA has no users that we know of")
        return self.listeners

    @property
    def running(self) -> bool:
        return self._runner.running

    @property
    def pid(self) -> int | None:
        """None where it is no process of ours."""
        return self._runner.pid if isinstance(self._runner, Process) else None

    def start(self) -> None:
        """Returns when it answers. Does nothing where it runs."""
        if not self.running:
            self._runner.start()
            wait_until(self.answers, f"the broker at {self.address} answers")

    def stop(self) -> None:
        """As an operator would."""
        self._runner.stop()

    def kill9(self) -> None:
        """Without warning."""
        self._runner.kill9()

    def restart(self) -> None:
        """Stop, and start with the same data on the same ports."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """It stands still: connections stay, and nothing is answered until `thaw`."""
        self._runner.freeze()

    def thaw(self) -> None:
        self._runner.thaw()

    def remove(self) -> None:
        """Stop for good."""
        self._runner.remove()

    def answers(self) -> bool:
        """Whether it says which brokers there are."""
        try:
            return bool(AdminClient({"bootstrap.servers": self.address, "log_level": 0}).list_topics(timeout=2).brokers)
        except KafkaException:
            return False


def open_broker(folder: Path, heap: str = "512m", java_options: Sequence[str] = QUICK_START) -> Broker:
    """A broker that answers, with its data in `folder`. A benchmark wants a `heap` of 1g and no `java_options`.

    Where there is no way to have one, the test is skipped (fails under CI).
    """
    if address := os.environ.get("ENGINE_TEST_KAFKA"):
        return Broker.of_others(address)
    listeners = Listeners.free(make_certificate(folder))
    trouble = []
    ways: dict[str, Callable[[], Runner]] = {
        "docker": lambda: _Container("docker", folder, listeners),
        "podman": lambda: _Container("podman", folder, listeners),
        "java": lambda: _Java(folder, listeners, heap, java_options),
    }
    for name, way in ways.items():
        try:
            broker = Broker(way(), f"127.0.0.1:{listeners.plain}", listeners)
            broker.start()
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            trouble.append(f"{name}: {error}")
        else:
            return broker
    raise unavailable("no Kafka broker: set ENGINE_TEST_KAFKA=host:port, or have one of\n" + "\n".join(trouble))


class _Given:
    """Somebody else's broker."""

    running = True

    def start(self) -> None:
        """It runs."""

    def stop(self) -> None:
        raise unavailable("the broker is of all tests, or of ENGINE_TEST_KAFKA: it is not this one's to stop")

    kill9 = freeze = thaw = stop

    def remove(self) -> None:
        """It stays."""


class _Java(Process):
    """Kafka from Maven's jars."""

    def __init__(self, folder: Path, listeners: Listeners, heap: str, options: Sequence[str]) -> None:
        data = formatted(folder / "kafka")
        properties = folder / "server.properties"
        properties.write_text(server_properties(listeners, "127.0.0.1", data, listeners.certificate))
        command = broker_command(properties, heap, options, archive_option(options))
        super().__init__(command, folder / "broker.log", lambda: listens(listeners.plain))

    def remove(self) -> None:
        self.kill9()


class _Container:
    """The official image. Its data lives as long as the container, which `remove` removes."""

    def __init__(self, engine: str, folder: Path, listeners: Listeners) -> None:
        self._engine = engine
        self._name = f"engine-test-{uuid4().hex[:12]}"
        self.running = False
        inside = Path("/mnt/shared/config")
        certificate = inside / listeners.certificate.name if listeners.certificate else None
        properties = server_properties(listeners, "0.0.0.0", Path("/var/lib/kafka/data"), certificate)
        (folder / "server.properties").write_text(properties)
        published = [f"--publish=127.0.0.1:{port}:{port}" for port in listeners.ports]
        folder.chmod(0o755)  # the image's user reads it
        self._docker("info")
        self._docker(
            "create", f"--name={self._name}", f"--volume={folder}:{inside}:ro", *published, f"apache/kafka:{VERSION}"
        )

    def start(self) -> None:
        self._docker("start", self._name)
        self.running = True

    def stop(self) -> None:
        self._docker("stop", self._name)
        self.running = False

    def kill9(self) -> None:
        self._docker("kill", self._name)
        self.running = False

    def freeze(self) -> None:
        self._docker("pause", self._name)

    def thaw(self) -> None:
        self._docker("unpause", self._name)

    def remove(self) -> None:
        self._docker("rm", "--force", "--volumes", self._name)
        self.running = False

    def _docker(self, *arguments: str) -> None:
        done = subprocess.run([self._engine, *arguments], capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])
