"""The configuration of the test broker: three listeners, users, and limits that suit a small machine."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.services.processes import free_ports

USER, PASSWORD = "alice", "alice's secret"
"""Of PLAIN. For SCRAM a test makes its user; an OAUTHBEARER token may name anybody."""


@dataclass(frozen=True)
class Listeners:
    """Ports of the listeners. `certificate` is the broker's, with its key, None where none could be made."""

    plain: int
    sasl: int
    tls: int
    controller: int
    certificate: Path | None

    @classmethod
    def free(cls, certificate: Path | None) -> "Listeners":
        plain, sasl, tls, controller = free_ports(4)
        return cls(plain, sasl, tls, controller, certificate)

    @property
    def ports(self) -> list[int]:
        """Those that clients use."""
        return [self.plain, self.sasl, self.tls]


def make_certificate(folder: Path) -> Path | None:
    """A self-signed certificate for localhost and its key, in one file."""
    if not shutil.which("openssl"):
        return None
    key, certificate, both = folder / "key.pem", folder / "certificate.pem", folder / "broker.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*command, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    both.write_text(key.read_text() + certificate.read_text())
    return both


def server_properties(listeners: Listeners, host: str, data: Path, certificate: Path | None) -> str:
    """What the broker reads. `host` is where it listens, `data` and `certificate` as it sees them."""
    secure = {"SASL_SSL": listeners.tls} if certificate else {}
    ports = {"PLAINTEXT": listeners.plain, "SASL_PLAINTEXT": listeners.sasl, **secure}
    everything = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{listeners.controller}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": ",".join(f"{name}:{name}" for name in ports) + ",CONTROLLER:PLAINTEXT",
        "listeners": _places(host, {**ports, "CONTROLLER": listeners.controller}),
        "advertised.listeners": _places("127.0.0.1", ports),
        "log.dirs": str(data),
        **_SMALL,
        **_USERS,
        **(_tls(certificate) if certificate else {}),
    }
    return "".join(f"{name}={value}\n" for name, value in everything.items())


def _places(host: str, ports: dict[str, int]) -> str:
    return ",".join(f"{name}://{host}:{port}" for name, port in ports.items())


def _tls(certificate: Path) -> dict[str, str]:
    return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(certificate)}


_SMALL = {
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "metadata.max.idle.interval.ms": "10000",
    "num.io.threads": "2",
    "num.network.threads": "1",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "log.index.size.max.bytes": "262144",
}

_MODULES = "org.apache.kafka.common.security"
_USERS = {
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "allow.everyone.if.no.acl.found": "true",
} | {
    f"listener.name.{listener}.{mechanism}.sasl.jaas.config": module
    for listener in ("sasl_plaintext", "sasl_ssl")
    for mechanism, module in {
        "plain": f'{_MODULES}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
        "scram-sha-256": f"{_MODULES}.scram.ScramLoginModule required;",
        "scram-sha-512": f"{_MODULES}.scram.ScramLoginModule required;",
        "oauthbearer": f'{_MODULES}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="x";',
    }.items()
}
