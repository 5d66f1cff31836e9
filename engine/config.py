"""Settings from the environment (`ENGINE_…`), read once, frozen. Options of the command line override them.

A secret may be in the variable itself or in the file that `ENGINE_…_FILE` names; it never shows in a repr.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from engine.errors import EngineError
from engine.implausible import implausible

_OTHERS: Final = re.compile(r"ENGINE_(TEST_\w+|SHARED|COMPILE|(\w+_)?SERVICE_(HOST|PORT)\w*|(\w+_)?PORT_\d+_\w+)")
"""Not settings, and no mistake: those of our tests and build, and what Kubernetes adds for services named engine…"""


MOST_DAYS: Final = 36_500
"""A century. Beyond some thousands of years a timedelta overflows, and so do the stores' expiry times."""
MOST: Final = 1_000_000
"""librdkafka refuses to hand over more records at once."""


@dataclass
class BadSetting(EngineError):
    """A setting that cannot be used; the message never quotes its value."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class Settings(BaseSettings):
    """Everything the commands need to know of the world around them."""

    model_config = SettingsConfigDict(env_prefix="ENGINE_", frozen=True, extra="ignore")

    rules: Path = Field(Path("rules"), description="folder of the rule files")
    templates: Path = Field(Path("templates"), description="folder of the templates")
    store: str = Field("embedded", description="memory, embedded, or the URL of a Redis or Valkey")
    store_password: SecretStr = Field(SecretStr(""), description="used where the URL has none")
    data: Path = Field(Path(".engine-data"), description="folder of the embedded store")
    namespace: str = Field("engine", description="what separates this engine's keys in the store from another's")
    erased_days: int = Field(90, ge=1, le=MOST_DAYS, description="days that an erased customer's tombstone is kept")
    clock: Literal["live", "event"] = Field("live", description="event: the clock is event time, for replays")

    kafka_client: Literal["confluent", "kafka-python"] = Field("confluent", description="which client library")
    kafka_bootstrap: str = Field("localhost:9092", description="host:port of the brokers, several with commas")
    kafka_group: str = Field("engine", description="consumer group of the workers")
    kafka_instance_id: str = Field("", description="unique per worker: static membership")
    kafka_session_timeout: float = Field(
        45.0, ge=1, le=1_800, description="seconds after which a silent worker is given up; 6 to 1800 for most brokers"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="SSL: encrypted; SASL: with a login"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        "PLAIN", description="how to log in"
    )
    kafka_username: str = Field("", description="PLAIN and SCRAM")
    kafka_password: SecretStr = Field(SecretStr(""), description="PLAIN and SCRAM")
    kafka_token_file: Path | None = Field(None, description="OAUTHBEARER: a file with the token, kept fresh by others")
    kafka_token_url: str = Field("", description="OAUTHBEARER: an OIDC endpoint for client credentials")
    kafka_token_client_id: str = Field("", description="OAUTHBEARER: for that endpoint")
    kafka_token_client_secret: SecretStr = Field(SecretStr(""), description="OAUTHBEARER: for that endpoint")
    kafka_token_scope: str = Field("", description="OAUTHBEARER: what to ask that endpoint for")
    kafka_ca_file: Path | None = Field(None, description="PEM, whom to trust; without it the system's authorities")
    kafka_certificate_file: Path | None = Field(None, description="PEM, who we are, where brokers want to see it")
    kafka_key_file: Path | None = Field(None, description="PEM, the key to it")
    kafka_key_password: SecretStr = Field(SecretStr(""), description="the key to the key")
    kafka_check_hostname: bool = Field(True, description="whether a broker's certificate must name its host")

    outreach_topic: str = Field("engine.outreach", description="where outreach goes")
    outcomes_topic: str = Field("engine.outcomes", description="where every decision goes, with its reason")
    dead_letters_topic: str = Field("engine.dead-letters", description="where records go that cannot be used")
    events_topic: str = Field("engine.events", description="where the ingest stage puts events of un-keyed topics")

    email_url: str = Field(
        "", description="smtp://user@host:587?starttls, smtps://…, maildir:, eml:, console:, https://"
    )
    sms_url: str = Field("", description="https:// of a webhook that sends SMS; console:")
    push_url: str = Field("", description="https:// of a webhook that sends push messages; console:")
    webhook_url: str = Field("", description="https:// for the channel webhook")
    smtp_password: SecretStr = Field(SecretStr(""), description="used where email_url has none")
    smtp_ca_file: Path | None = Field(None, description="PEM, whom to trust; without it the system's authorities")
    webhook_ca_file: Path | None = Field(None, description="PEM, whom to trust; without it the usual authorities")
    webhook_secret: SecretStr = Field(SecretStr(""), description="whsec_… that signs requests (Standard Webhooks)")
    webhook_private: bool = Field(False, description="whether webhooks may be in private networks, and without TLS")
    mail_from: str = Field("", description="the sender of mail: Shop <news@shop.example>")
    mail_reply_to: str = Field("", description="where answers to mail go, if not to the sender")
    mail_provider: Literal["", "ses", "sendgrid", "mailgun", "postmark"] = Field(
        "", description="whose mail server it is: mail then carries what its webhooks repeat"
    )
    feedback_ses_topic: str = Field("", description="ARN of the SNS topic that Amazon SES reports to")
    feedback_sendgrid_key: str = Field("", description="verification key of SendGrid's signed event webhook")
    feedback_mailgun_key: SecretStr = Field(SecretStr(""), description="Mailgun's HTTP webhook signing key")
    feedback_postmark_login: SecretStr = Field(
        SecretStr(""), description="user:password that Postmark logs in to the webhook with"
    )
    public_url: str = Field("", description="https:// where customers reach `engine web`: unsubscribe links lead there")
    token_secret: SecretStr = Field(SecretStr(""), description="signs these links; of several, the first")
    feedback_topic: str = Field("engine.feedback", description="where what became of outreach goes; empty: nowhere")
    web_port: int = Field(8_080, ge=1, le=65_535, description="where `engine web` answers; a proxy adds TLS")
    pages: Path | None = Field(None, description="a folder of pages and a style sheet that `engine web` shows instead")
    link_days: int = Field(400, ge=30, le=MOST_DAYS, description="days that a link in an outreach works")
    send_group: str = Field("engine-send", description="consumer group of the senders")
    send_in_hand: int = Field(1_000, ge=10, le=MOST, description="outreach on its way at once, at most")
    send_parked: int = Field(5_000, ge=0, le=MOST, description="outreach that waits besides for its next try, at most")
    send_connections: int = Field(20, ge=1, le=10_000, description="hand-overs at once per channel")
    send_first_retry: float = Field(
        1.0, gt=0, le=86_400, description="seconds before the second try; doubled for each after"
    )
    send_retry_hours: float = Field(
        24.0, ge=0, le=8_784, description="hours after which a temporary failure is a permanent one"
    )
    send_rates: str = Field("", description="hand-overs a second per channel: email=100 sms=5; * for all others")
    send_domain_rates: str = Field("", description="the same per recipient domain: gmail.com=20 *=50")
    send_claims_days: int = Field(
        30, ge=1, le=MOST_DAYS, description="days that a hand-over is remembered: longer than the topic's"
    )

    batch: int = Field(4_000, ge=1, le=MOST, description="records decided and committed together, at most")
    cache_size: int = Field(
        500_000, ge=0, le=1_000_000_000, description="customers a worker keeps in memory; up to twice as many"
    )
    page: int = Field(1_000, ge=1, le=MOST, description="due timers fired in one commit, at most")
    http_port: int = Field(9_100, ge=0, le=65_535, description="of /metrics, /healthz and /readyz; 0: none")
    log_format: Literal["json", "text"] = Field("json", description="of the log on standard error")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least that is logged")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Environment(settings_cls), _SecretFiles(settings_cls)


class _Environment(EnvSettingsSource):
    """The variables, but for the addresses that Kubernetes adds for services: `engine-web` makes ENGINE_WEB_PORT."""

    def __call__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__call__().items() if not _is_link(value)}


def _is_link(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("tcp://", "udp://"))


class _SecretFiles(PydanticBaseSettingsSource):
    """`ENGINE_KAFKA_PASSWORD_FILE=/run/secrets/kafka` and the like."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"ENGINE_{field_name.upper()}_FILE")
        if field.annotation is not SecretStr or not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            reason = f"{path}: {error.strerror}"
            raise BadSetting("ENGINE_" + field_name.upper() + "_FILE", reason) from error

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def load_settings(**given: Any) -> Settings:
    """What is given here counts before the environment. Raises BadSetting for the first that cannot be used."""
    for name in given.keys() - Settings.model_fields.keys():
        raise BadSetting(name, "there is no such setting")
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"ENGINE_{'_'.join(map(str, first['loc'])).upper()}"
        raise BadSetting(name, first["msg"]) from error
    for name, reason in implausible(settings):
        variable = f"ENGINE_{name.upper()}"
        raise BadSetting(variable, reason)
    return settings


def channel_urls(settings: Settings) -> dict[str, str]:
    """By channel; empty where nothing is sent from."""
    urls = {name: getattr(settings, f"{name}_url") for name in ("email", "sms", "push", "webhook")}
    return {name: url for name, url in urls.items() if url}


def linked_settings(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Names of settings whose variable has a service's address in it, as Kubernetes sets it; they are ignored."""
    known = {f"ENGINE_{name.upper()}" for name in Settings.model_fields}
    return sorted(name for name, value in environment.items() if name.upper() in known and _is_link(value))


def unknown_settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that look like settings and are none: each with the nearest name that is one, or ""."""
    fields = Settings.model_fields
    known = {name.upper() for name in fields}
    known |= {f"{name.upper()}_FILE" for name, field in fields.items() if field.annotation is SecretStr}
    links = {name for name, value in environment.items() if _is_link(value)}
    given = sorted(name for name in environment.keys() - links if name.upper().startswith("ENGINE_"))
    unknown = [name for name in given if not _OTHERS.fullmatch(name.upper()) and name.upper()[7:] not in known]
    nearest = {name: get_close_matches(name.upper()[7:], sorted(known), 1, 0.7) for name in unknown}
    return {name: f"ENGINE_{found[0]}" if found else "" for name, found in nearest.items()}
