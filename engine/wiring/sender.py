"""Builds a sender from settings. A new channel is one file and its line in `_MAKERS`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from rich.console import Console

from engine.adapters.console import ConsoleChannel
from engine.adapters.kafka.admin import size_limits
from engine.adapters.kafka.records import TopicRecords
from engine.adapters.mail.address import parse_mailbox
from engine.adapters.mail.maildir import FolderChannel
from engine.adapters.mail.message import HeadersOf, Letterhead, no_headers
from engine.adapters.mail.reference import reference_headers
from engine.adapters.mail.smtp import BadMailServer, MailServer, SmtpChannel
from engine.adapters.tls import Authorities
from engine.adapters.webhook import BadWebhook, Endpoint, WebhookChannel
from engine.config import CHANNELS, BadSetting, Settings, channel_urls
from engine.errors import PermanentFailure
from engine.model import TRANSACTIONAL, Outreach, Survey
from engine.ports import Channel, SenderHooks, TopicWriter, largest_value
from engine.sender.delivery import Limits, SenderContext
from engine.sender.links import Links, LinksOf, no_links
from engine.sender.loop import Sender
from engine.sender.rates import Rates, domain_of
from engine.sender.reporter import Reporter
from engine.wire.digests import link_token, survey_token
from engine.wire.link_tokens import make_token
from engine.wire.share_codes import make_code
from engine.wiring.kafka import join_group, kafka_settings, open_offsets
from engine.wiring.store import SendingStores
from engine.wiring.token_secrets import token_secrets
from engine.wiring.trusted_time import CheckedTime
from engine.wiring.wall_clock import wall_clock

Clock = Callable[[], int]
"""Returns the time now, epoch ms."""

REPORT_SECONDS = 5.0
"""How long a sender waits for brokers that take no reports before they count as away. It reads nothing meanwhile, and
hands over what it has in hand."""


def _smtp(settings: Settings, url: str, wall: Clock) -> Channel:
    server = MailServer.from_url(url, settings.smtp_password.get_secret_value(), settings.send_connections)
    context = _authorities("ENGINE_SMTP_CA_FILE", settings.smtp_ca_file).context
    return SmtpChannel(replace(server, context=context), letterhead(settings, wall), wall)


def _folder(settings: Settings, url: str, wall: Clock) -> Channel:
    scheme, _, folder = url.partition(":")
    return FolderChannel(Path(folder), letterhead(settings, wall), wall, maildir=scheme == "maildir")


def _webhook(settings: Settings, url: str, wall: Clock) -> Channel:
    secret, connections = settings.webhook_secret.get_secret_value(), settings.send_connections
    file = settings.webhook_ca_file
    context = _authorities("ENGINE_WEBHOOK_CA_FILE", file).context if file else None
    endpoint = Endpoint(httpx.URL(url), secret, settings.webhook_private, connections=connections, context=context)
    try:
        _ = endpoint.key
    except BadWebhook as error:
        raise BadSetting("ENGINE_WEBHOOK_SECRET", error.reason) from error
    return WebhookChannel(endpoint, wall)


def _authorities(setting: str, file: Path | None) -> Authorities:
    try:
        return Authorities(file)
    except OSError as error:
        raise BadSetting(setting, f"{file}: {error.strerror or error}") from error


def _console(settings: Settings, url: str, wall: Clock) -> Channel:
    return ConsoleChannel(Console())


NO_CHANNEL = "no channel is configured; set ENGINE_EMAIL_URL, ENGINE_SMS_URL, ENGINE_PUSH_URL or ENGINE_WEBHOOK_URL"

_MAKERS: Mapping[str, Callable[[Settings, str, Clock], Channel]] = {
    "smtp": _smtp,
    "smtps": _smtp,
    "maildir": _folder,
    "eml": _folder,
    "https": _webhook,
    "http": _webhook,
    "console": _console,
}


def channels(settings: Settings, wall: Clock) -> dict[str, Channel]:
    """The configured channels. Raises BadSetting."""
    made = {name: _channel(settings, name, url, wall) for name, url in channel_urls(settings).items()}
    if not made:
        raise BadSetting("ENGINE_EMAIL_URL", NO_CHANNEL)
    return made


def _channel(settings: Settings, name: str, url: str, wall: Clock) -> Channel:
    maker = _MAKERS.get(url.partition(":")[0])
    if maker is None:
        raise BadSetting(_setting(name), f"expected one of {', '.join(f'{scheme}:' for scheme in _MAKERS)}")
    try:
        return maker(settings, url, wall)
    except (BadMailServer, BadWebhook) as error:
        raise BadSetting(_setting(name), str(error)) from error
    except OSError as error:
        raise BadSetting(_setting(name), f"{url}: {error.strerror or error}") from error


def _setting(channel: str) -> str:
    return f"ENGINE_{channel.upper()}_URL"


# --- links


def letterhead(settings: Settings, wall: Clock = wall_clock) -> Letterhead:
    """Raises BadSetting."""
    if not settings.mail_from:
        raise BadSetting("ENGINE_MAIL_FROM", "mail needs a sender: Shop <news@shop.example>")
    for name in ("mail_from", "mail_reply_to"):
        try:
            parse_mailbox(getattr(settings, name) or settings.mail_from)
        except PermanentFailure as error:
            setting = f"ENGINE_{name.upper()}"
            raise BadSetting(setting, str(error)) from error
    links, references = links_of(settings, wall), mail_references(settings, wall)
    return Letterhead(
        settings.mail_from, settings.mail_reply_to, lambda outreach: links(outreach).unsubscribe, references
    )


def links_of(settings: Settings, wall: Clock = wall_clock) -> LinksOf:
    """What makes the links of an outreach; none where no public address is set. Transactional outreach has no links
    to unsubscribe.

    Raises BadSetting.
    """
    base = settings.public_url.rstrip("/")
    if not base:
        return no_links
    token, secrets = _tokens(settings, wall), token_secrets(settings)

    def share(customer: str) -> str:
        return f"{base}/share/{make_code(secrets, customer)}" if settings.share_url else ""

    def links(outreach: Outreach) -> Links:
        def survey(asked: Survey) -> str:
            return f"{base}/survey/{make_token(secrets, survey_token(outreach, asked, wall()))}"

        found = Links(survey=survey, share=share(outreach.customer))
        if outreach.purpose == TRANSACTIONAL:
            return found
        signed = token(outreach)
        return found._replace(unsubscribe=f"{base}/unsubscribe/{signed}", preferences=f"{base}/preferences/{signed}")

    return links


def mail_references(settings: Settings, wall: Clock) -> HeadersOf:
    """What makes the headers by which the provider's webhooks say whose mail it was; they are in all mail."""
    provider = settings.mail_provider
    if not provider:
        return no_headers
    token = _tokens(settings, wall)
    return lambda outreach: reference_headers(provider, token(outreach))


def _tokens(settings: Settings, wall: Clock) -> Callable[[Outreach], str]:
    secrets = token_secrets(settings)
    return lambda outreach: make_token(secrets, link_token(outreach, wall()))


# --- the sender


@dataclass(frozen=True)
class SenderEquipment:
    """What a sender needs of the settings alone: made before a store or a broker is waited for."""

    channels: Mapping[str, Channel]
    limits: Limits
    links: LinksOf
    time: CheckedTime


def equipment_of(settings: Settings) -> SenderEquipment:
    """Raises BadSetting."""
    time = CheckedTime()
    return SenderEquipment(channels(settings, time), limits(settings), links_of(settings, time), time)


@contextmanager
def open_sender(
    settings: Settings, equipment: SenderEquipment, stores: SendingStores, writer: TopicWriter, hooks: SenderHooks
) -> Iterator[Sender]:
    """A sender that is ready to join its group. Raises SourceUnavailable."""
    topics, group = (settings.outreach_topic,), settings.send_group
    claims, suppressions = stores
    trusted = equipment.time.check(settings, claims)
    context = SenderContext(
        channels=equipment.channels,
        claims=claims,
        suppressions=suppressions,
        reporter=_reporter(settings, writer),
        wall=trusted.by_others,
        doubt=trusted.why_not,
        limits=equipment.limits,
        hooks=hooks,
        links=equipment.links,
    )
    with open_offsets(settings, topics, group) as offsets:
        join = join_group(settings, topics, group)
        yield Sender(join, offsets.committed, context, settings.send_in_hand, settings.send_parked)


def _reporter(settings: Settings, writer: TopicWriter) -> Reporter:
    topics = (settings.outcomes_topic, settings.dead_letters_topic, settings.feedback_topic)
    sizes = size_limits(kafka_settings(settings), filter(None, topics))
    return Reporter(
        outcomes=TopicRecords(writer, settings.outcomes_topic, REPORT_SECONDS),
        dead_letters=TopicRecords(writer, settings.dead_letters_topic, REPORT_SECONDS),
        feedback=TopicRecords(writer, settings.feedback_topic, REPORT_SECONDS) if settings.feedback_topic else None,
        largest_letter=largest_value(sizes[settings.dead_letters_topic]),
    )


def limits(settings: Settings) -> Limits:
    """Raises BadSetting."""
    return Limits(
        concurrency=settings.send_connections,
        first_retry=settings.send_first_retry,
        retry_for=settings.send_retry_hours * 3600,
        rates=Rates(
            _rates("ENGINE_SEND_RATES", settings.send_rates, _channel_name),
            _rates("ENGINE_SEND_DOMAIN_RATES", settings.send_domain_rates, _domain_name),
        ),
    )


def _rates(setting: str, text: str, read_name: Callable[[str], str]) -> dict[str, float]:
    """`read_name` raises ValueError, whose text says what names there are."""
    rates: dict[str, float] = {}
    for part in text.replace(",", " ").split():
        try:
            key, given = part.split("=")
            rate = float(given)
        except ValueError as error:
            raise BadSetting(setting, "expected name=number, several with spaces") from error
        try:
            name = read_name(key)
        except ValueError as error:
            raise BadSetting(setting, str(error)) from error
        if name in rates:
            raise BadSetting(setting, f"{key} has two rates")
        if not 0 < rate < float("inf"):
            raise BadSetting(setting, "a rate must be more than 0")
        rates[name] = rate
    return rates


def _channel_name(text: str) -> str:
    name = text.casefold()
    if name not in (*CHANNELS, "*"):
        message = f"{text!r} is no channel: there are {', '.join(CHANNELS)}, and * for those not named"
        raise ValueError(message)
    return name


def _domain_name(text: str) -> str:
    if not text or "@" in text:
        message = f"{text!r} is no domain; write gmail.com=20, and * for those not named"
        raise ValueError(message)
    return domain_of(f"@{text}")
