"""Finds settings that have the right type and still cannot work: bad names and addresses, equal topics, missing logins.

`load_settings` calls it, so that every command reports the same errors at its start. Client libraries would report them
late, in their own words, or not at all; one of them ends the process.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

_TOPIC: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_NAMESPACE: Final = re.compile(r"[\w.:-]+", re.ASCII)
_GROUPS: Final = ("kafka_group", "send_group")
_TOPICS: Final = (
    "outreach_topic",
    "outcomes_topic",
    "dead_letters_topic",
    "derived_topic",
    "events_topic",
    "feedback_topic",
)
_WEB: Final = ("public_url", "share_url", "kafka_token_url")
_CHANNELS: Final = ("email_url", "sms_url", "push_url", "webhook_url")
_FILES: Final = (
    "kafka_ca_file",
    "kafka_certificate_file",
    "kafka_key_file",
    "kafka_token_file",
    "smtp_ca_file",
    "webhook_ca_file",
)

_BASE_OF_LINKS: Final = re.compile(r"https?://[\w.:\[\]-]+(?:/[\w.~!$&'()*+,;=:-]*)*", re.ASCII)
"""No mail has other letters in a header; after ? or # is no path any more; `engine web` sees %20 as a space."""

MIN_SECRET_LENGTH: Final = 16

Problem = tuple[str, str]
"""(name of the setting, what is wrong with it)"""


def setting_problems(settings: Any) -> Iterator[Problem]:
    """Every problem of the settings, an instance of engine.config.Settings."""
    yield from not_utf8(settings)
    yield from _names(settings)
    yield from _addresses(settings)
    yield from _logins(settings)
    yield from _secrets(settings)
    for name in _FILES:
        path = getattr(settings, name)
        if path is not None and not path.is_file():
            yield name, f"{path}: no such file"
    if settings.pages is not None and not settings.pages.is_dir():
        yield "pages", f"{settings.pages}: no such folder; ours would be shown instead"


def not_utf8(settings: Iterable[tuple[str, Any]]) -> Iterator[Problem]:
    """The settings whose variables were not UTF-8."""
    for name, value in settings:
        if not str(value).isascii() and not _is_utf8(str(value)):
            yield name, "is not UTF-8"


def _is_utf8(text: str) -> bool:
    """Whether the variable's bytes were UTF-8; Python decodes others to surrogates, which cannot be encoded again."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _names(settings: Any) -> Iterator[Problem]:
    if not _NAMESPACE.fullmatch(settings.namespace):
        yield "namespace", "expected letters, digits and . _ : -"
    for name in _GROUPS:
        if not getattr(settings, name).strip():
            yield name, "a consumer group needs a name"
    yield from _twice((name, getattr(settings, name)) for name in _GROUPS)
    if settings.kafka_instance_id and not _is_topic(settings.kafka_instance_id):
        yield "kafka_instance_id", "expected letters, digits and . _ -, at most 249"
    topics = [(name, getattr(settings, name)) for name in _TOPICS]
    for name, topic in topics:
        if not _is_topic(topic) and (topic or name != "feedback_topic"):
            yield name, "a topic's name has letters, digits and . _ -, at least one and at most 249"
    yield from _twice(topics)


def _is_topic(name: str) -> bool:
    return bool(_TOPIC.fullmatch(name)) and name not in (".", "..")


def _twice(named: Iterable[Problem]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name, value in named:
        first = seen.setdefault(value, name)
        if first != name:
            yield name, f"is the same as ENGINE_{first.upper()}"


def _addresses(settings: Any) -> Iterator[Problem]:
    yield from _brokers(settings)
    yield from _web_addresses(settings)
    for name in _CHANNELS:
        url = getattr(settings, name)
        scheme, _, rest = url.partition(":")
        if scheme in ("maildir", "eml") and not rest:
            yield name, f"expected {scheme}:folder"
        elif scheme in ("http", "https", "smtp", "smtps") and (why := _not_a_place(url)):
            yield name, why


def _brokers(settings: Any) -> Iterator[Problem]:
    for broker in settings.kafka_bootstrap.split(","):
        if why := _not_a_place(f"//{broker.strip()}", port_needed=True):
            yield "kafka_bootstrap", f"expected host:port, several with commas: {why}"


def _web_addresses(settings: Any) -> Iterator[Problem]:
    for name in _WEB:
        url = getattr(settings, name)
        if url and not url.startswith(("http://", "https://")):
            yield name, "expected https://host/path"
        elif url and (why := _not_a_place(url)):
            yield name, why
    if settings.public_url and not _BASE_OF_LINKS.fullmatch(settings.public_url):
        yield (
            "public_url",
            "links begin with it: only letters and digits of ASCII (a host beyond it as xn--…), / and -._~",
        )


def _not_a_place(url: str, *, port_needed: bool = False) -> str:
    """Why the URL is not usable, "" if it is; never quotes the URL, which may have a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return str(error) if "ort" in str(error) else "this is no address"
    if not host or any(one.isspace() for one in host):
        return "there is no host"
    try:
        host.encode("idna")
    except UnicodeError:
        return "the host is no name: between its dots are 1 to 63 characters"
    return "there is no port" if port_needed and port is None else ("the port is 0" if port == 0 else "")


def _logins(settings: Any) -> Iterator[Problem]:
    if settings.kafka_security_protocol.startswith("SASL"):
        if settings.kafka_sasl_mechanism != "OAUTHBEARER":
            if not settings.kafka_username:
                yield "kafka_username", f"must be set: {settings.kafka_sasl_mechanism} needs a user"
        elif not settings.kafka_token_file and not settings.kafka_token_url:
            yield "kafka_token_file", "must be set, or ENGINE_KAFKA_TOKEN_URL: OAUTHBEARER needs a token"
    if settings.kafka_certificate_file and not settings.kafka_key_file:
        yield "kafka_key_file", "must be set: the client certificate needs its key"


def _secrets(settings: Any) -> Iterator[Problem]:
    secret = settings.coupon_secret.get_secret_value()
    if secret and len(secret) < MIN_SECRET_LENGTH:
        yield "coupon_secret", f"needs at least {MIN_SECRET_LENGTH} characters: codes could be guessed"
    key = settings.share_key.get_secret_value()
    if key and len(key) < MIN_SECRET_LENGTH:
        yield "share_key", f"needs at least {MIN_SECRET_LENGTH} characters: anybody could claim referrals"
