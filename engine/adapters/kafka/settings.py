"""The connection settings for brokers, in one object for both clients."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
ClientLibrary = Literal["confluent", "kafka-python"]
Isolation = Literal["read_committed", "read_uncommitted"]


class Secret(str):
    """A string that does not show itself in the repr of what holds it, such as a client's log of its settings."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Where OAUTHBEARER tokens come from: a file that others keep fresh, or an OIDC endpoint for client credentials."""

    file: Path | None = None
    url: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Security:
    """Login and TLS towards the brokers. Files are PEM; without `ca_file` the system's authorities are trusted."""

    protocol: SecurityProtocol = "PLAINTEXT"
    mechanism: Mechanism = "PLAIN"
    username: str = ""
    password: str = field(default="", repr=False)
    token: TokenSettings = TokenSettings()
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    key_password: str = field(default="", repr=False)
    check_hostname: bool = True

    @property
    def sasl(self) -> bool:
        return self.protocol.startswith("SASL")

    @property
    def tls(self) -> bool:
        return self.protocol.endswith("SSL")


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """`bootstrap` is host:port, several with commas. The topics must have the same number of partitions.

    With `instance_id` (unique in the group) the membership is static: a restart within `session_timeout` seconds gets
    its partitions back without a rebalance; in return no other member takes them over sooner, even after `close`.
    """

    bootstrap: str
    client: ClientLibrary = field(default="confluent", kw_only=True)
    group: str = "engine"
    topics: tuple[str, ...] = ()
    client_id: str = "engine"
    instance_id: str | None = None
    session_timeout: float = 45
    connect_timeout: float = 10
    isolation: Isolation = "read_committed"
    security: Security = Security()

    @property
    def heartbeat(self) -> float:
        """Seconds: how soon a member hears of a rebalance."""
        return min(1.0, self.session_timeout / 3)
