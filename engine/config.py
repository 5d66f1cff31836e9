"""The settings: read from the environment (`ENGINE_…`) once per command, frozen. Options of the command line override
them.

Commands call `load_settings` and pass the result on; nothing may read a setting at import. A secret may be in the
variable itself or in the file that `ENGINE_…_FILE` names; it never shows in a repr or an error. Each description says
unit and interplay; docs/deployment.md is generated from them.
"""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, SecretStr

from engine.project_settings import BadSetting as BadSetting, ProjectSettings, is_link, read_settings
from engine.setting_checks import setting_problems

_OTHERS: Final = re.compile(r"ENGINE_(TEST_\w+|SHARED|COMPILE|(\w+_)?SERVICE_(HOST|PORT)\w*|(\w+_)?PORT_\d+_\w+)")
"""Variables that are no settings and no mistake: those of our tests and build, and those that Kubernetes adds for
services named engine…"""


MAX_DAYS: Final = 36_500
"""A century: beyond some thousand years a timedelta overflows, and so do expiry times in Redis."""
MAX_COUNT: Final = 1_000_000
"""librdkafka refuses to return more records from one call."""


CHANNELS: Final = ("email", "sms", "push", "webhook")
"""What a sender may be told an address of."""


class Settings(ProjectSettings):
    """All settings. Field names in upper case with ENGINE_ are the variables."""

    store: str = Field(
        "embedded",
        description="state store: memory (lost at exit), embedded (one process), or the URL of a Redis or Valkey",
    )
    store_password: SecretStr = Field(SecretStr(""), description="password of the store; used if store's URL has none")
    data: Path = Field(
        Path(".engine-data"), description="folder of the embedded store; used with ENGINE_STORE=embedded only"
    )
    namespace: str = Field(
        "engine", description="prefix of all keys in the store; give each engine that shares a server its own"
    )
    erased_days: int = Field(
        90,
        ge=1,
        le=MAX_DAYS,
        description="days that an erased customer's tombstone is kept; keep it longer than the topics keep events",
    )
    clock: Literal["live", "event"] = Field(
        "live",
        description="live: timers fire by broker and wall time; event: by event time, for replays and benchmarks",
    )

    kafka_client: Literal["confluent", "kafka-python"] = Field(
        "confluent",
        description="Kafka client library; kafka-python needs the extra of that name and cannot run the ingest",
    )
    kafka_bootstrap: str = Field(
        "localhost:9092", description="brokers to connect to first, host:port, separated by commas"
    )
    kafka_group: str = Field(
        "engine", description="consumer group of the workers; the ingest uses the same name with -ingest"
    )
    kafka_instance_id: str = Field(
        "", description="stable name, unique per worker: static membership, so that a restart moves no partition"
    )
    kafka_session_timeout: float = Field(
        45.0,
        ge=1,
        le=1_800,
        description="seconds without a heartbeat until a worker loses its partitions; brokers allow 6 to 1800",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="SSL: encrypted (TLS); SASL: with a login, see kafka_sasl_mechanism"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        "PLAIN", description="login mechanism; used with the SASL protocols only"
    )
    kafka_username: str = Field("", description="user name for PLAIN and SCRAM")
    kafka_password: SecretStr = Field(SecretStr(""), description="password for PLAIN and SCRAM")
    kafka_token_file: Path | None = Field(
        None, description="OAUTHBEARER: file with a token that another program renews; alternative to kafka_token_url"
    )
    kafka_token_url: str = Field("", description="OAUTHBEARER: token endpoint of an OIDC provider (client credentials)")
    kafka_token_client_id: str = Field("", description="OAUTHBEARER: client id for the token endpoint")
    kafka_token_client_secret: SecretStr = Field(
        SecretStr(""), description="OAUTHBEARER: client secret for the token endpoint"
    )
    kafka_token_scope: str = Field("", description="OAUTHBEARER: scope to request from the token endpoint; optional")
    kafka_ca_file: Path | None = Field(
        None, description="certificate authorities (PEM) to trust for the brokers; empty: those of the system"
    )
    kafka_certificate_file: Path | None = Field(
        None, description="client certificate (PEM) for mutual TLS; needs kafka_key_file"
    )
    kafka_key_file: Path | None = Field(None, description="private key (PEM) of the client certificate")
    kafka_key_password: SecretStr = Field(SecretStr(""), description="password of the private key, if it is encrypted")
    kafka_check_hostname: bool = Field(
        True, description="whether a broker's certificate must name its host; false only for tests"
    )

    outreach_topic: str = Field("engine.outreach", description="topic for decided outreach; senders read it")
    outreach_headers: Literal["cloudevents", "id"] = Field(
        "cloudevents",
        description="headers of outreach records; id: only that one, where nobody reads CloudEvents",
    )
    outcomes_topic: str = Field("engine.outcomes", description="topic for every decision, with its reason")
    dead_letters_topic: str = Field(
        "engine.dead-letters", description="topic for records that could not be used; see `engine dead-letters`"
    )
    derived_topic: str = Field(
        "engine.derived",
        description="topic for events that rules make for other customers (`emit` with `to`) and for those that "
        "policy.yaml publishes; needed only if there are such rules",
    )
    events_topic: str = Field(
        "engine.events", description="internal topic of the ingest; needed only if events.yaml has un-keyed sources"
    )

    email_url: str = Field(
        "",
        description="email channel: smtp://user@host:587?starttls, smtps://…, maildir:, eml:, console:, https://",
    )
    sms_url: str = Field("", description="SMS channel: https:// of a webhook that sends SMS, or console:; empty: off")
    push_url: str = Field(
        "", description="push channel: https:// of a webhook that sends push messages, or console:; empty: off"
    )
    webhook_url: str = Field("", description="webhook channel: https:// to post outreach to; empty: off")
    smtp_password: SecretStr = Field(
        SecretStr(""), description="password of the mail server; used if email_url has none"
    )
    smtp_ca_file: Path | None = Field(
        None, description="certificate authorities (PEM) to trust for the mail server; empty: those of the system"
    )
    webhook_ca_file: Path | None = Field(
        None, description="certificate authorities (PEM) to trust for webhooks; empty: the default ones"
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="secret (whsec_… and base64 of 24 bytes or more) that signs webhook requests by Standard Webhooks; "
        "needed for a webhook",
    )
    webhook_private: bool = Field(False, description="allow webhook URLs in private networks, and without TLS")
    mail_from: str = Field("", description="From address of mail, such as Shop <news@shop.example>; needed for email")
    mail_reply_to: str = Field("", description="Reply-To address of mail; empty: replies go to mail_from")
    mail_provider: Literal["", "ses", "sendgrid", "mailgun", "postmark"] = Field(
        "", description="provider of the mail server; mail then has the headers that its feedback webhooks repeat"
    )
    feedback_ses_topic: str = Field(
        "", description="ARN of the SNS topic to which Amazon SES reports; empty: its webhook is off"
    )
    feedback_sendgrid_key: str = Field(
        "", description="verification key of SendGrid's signed event webhook; empty: its webhook is off"
    )
    feedback_mailgun_key: SecretStr = Field(
        SecretStr(""), description="Mailgun's HTTP webhook signing key; empty: its webhook is off"
    )
    feedback_postmark_login: SecretStr = Field(
        SecretStr(""), description="user:password with which Postmark calls the webhook; empty: its webhook is off"
    )
    public_url: str = Field(
        "",
        description="https:// URL of `engine web` for customers; unsubscribe links lead there; needs token_secret",
    )
    token_secret: SecretStr = Field(
        SecretStr(""),
        description="signs links, at least 16 characters; several separated by spaces: the first signs, all verify",
    )
    share_url: str = Field(
        "",
        description="https:// URL of the shop, to which the page behind a share link leads; empty: no share links",
    )
    share_key: SecretStr = Field(
        SecretStr(""),
        description="key with which the shop's back end claims referrals at `engine web`, at least 16 characters; "
        "empty: off",
    )
    feedback_topic: str = Field(
        "engine.feedback",
        description="topic for feedback about outreach: sent, bounced, unsubscribed and so on; empty: off",
    )
    web_port: int = Field(
        8_080, ge=1, le=65_535, description="port of `engine web`, plain HTTP: put a proxy with TLS in front"
    )
    pages: Path | None = Field(
        None, description="folder whose files replace the pages and style sheet of `engine web` with the same name"
    )
    link_days: int = Field(400, ge=30, le=MAX_DAYS, description="days that a link in outreach works")
    send_group: str = Field(
        "engine-send",
        description="consumer group of the senders; the feedback consumer uses the same name with -feedback",
    )
    send_in_hand: int = Field(
        1_000,
        ge=10,
        le=MAX_COUNT,
        description="outreach that a sender delivers at the same time, at most; reading pauses beyond it",
    )
    send_parked: int = Field(
        5_000,
        ge=0,
        le=MAX_COUNT,
        description="outreach that waits for its next try, at most, in addition to send_in_hand",
    )
    send_connections: int = Field(20, ge=1, le=10_000, description="concurrent hand-overs per channel")
    send_first_retry: float = Field(
        1.0,
        gt=0,
        le=86_400,
        description="seconds before the second try; doubled for each further one, up to 15 minutes",
    )
    send_retry_hours: float = Field(
        24.0, ge=0, le=8_784, description="hours after the first try when a temporary failure becomes final"
    )
    send_rates: str = Field(
        "",
        description="hand-overs per second of one sender, by channel: email=100 sms=5 *=50; empty: no limit",
    )
    send_domain_rates: str = Field(
        "", description="hand-overs per second of one sender, by recipient domain: gmail.com=20 *=50; empty: no limit"
    )
    send_claims_days: int = Field(
        30,
        ge=1,
        le=MAX_DAYS,
        description="days that results of deliveries are kept; must be longer than the outreach topic keeps records",
    )

    batch: int = Field(
        4_000,
        ge=1,
        le=MAX_COUNT,
        description="records decided and committed together, at most; smaller: lower latency, lower throughput",
    )
    cache_size: int = Field(
        500_000,
        ge=0,
        le=1_000_000_000,
        description="customers whose states a worker keeps in memory, at least; at most twice as many",
    )
    page: int = Field(
        1_000,
        ge=1,
        le=MAX_COUNT,
        description="due timers fired in one commit, at most; smaller: events wait less in a storm of timers",
    )
    http_port: int = Field(9_100, ge=0, le=65_535, description="port of /metrics, /healthz and /readyz; 0: off")
    log_format: Literal["json", "text"] = Field("json", description="format of the log on standard error")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe level that is logged"
    )


def load_settings(**given: Any) -> Settings:
    """The settings; `given` overrides the environment. Raises BadSetting for the first that cannot be used."""
    return read_settings(Settings, setting_problems, given)


def channel_urls(settings: Settings) -> dict[str, str]:
    """Channel -> URL, for the channels that are configured."""
    urls = {name: getattr(settings, f"{name}_url") for name in CHANNELS}
    return {name: url for name, url in urls.items() if url}


def linked_settings(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Variables of settings that hold the address of a Kubernetes service instead of a value; they are ignored."""
    known = {f"ENGINE_{name.upper()}" for name in Settings.model_fields}
    return sorted(name for name, value in environment.items() if name.upper() in known and is_link(value))


def unknown_settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables named like settings that are not settings -> the most similar setting, or ""."""
    fields = Settings.model_fields
    known = {name.upper() for name in fields}
    known |= {f"{name.upper()}_FILE" for name, field in fields.items() if field.annotation is SecretStr}
    links = {name for name, value in environment.items() if is_link(value)}
    given = sorted(name for name in environment.keys() - links if name.upper().startswith("ENGINE_"))
    unknown = [name for name in given if not _OTHERS.fullmatch(name.upper()) and name.upper()[7:] not in known]
    nearest = {name: get_close_matches(name.upper()[7:], sorted(known), 1, 0.7) for name in unknown}
    return {name: f"ENGINE_{found[0]}" if found else "" for name, found in nearest.items()}
