"""The web pages put together from settings: unsubscribe, preferences, surveys, and the providers' webhooks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from engine.adapters.kafka.admin import check_exist
from engine.adapters.kafka.records import TopicRecords
from engine.adapters.web.app import web_app
from engine.adapters.web.choices import Choices
from engine.adapters.web.customers import CustomerPages
from engine.adapters.web.feedback import feedback_routes
from engine.adapters.web.firsts import Firsts
from engine.adapters.web.providers.base import Provider
from engine.adapters.web.publish import Publisher
from engine.adapters.web.shares import SharePages
from engine.adapters.web.surveys import SurveyPages
from engine.adapters.web.view import BadPage, View
from engine.config import BadSetting, Settings
from engine.core.policy import Policy
from engine.core.zones import DAY
from engine.lang.project import load
from engine.ports import TopicWriter
from engine.telemetry.web import WebWatch
from engine.testing import RulesBroken
from engine.wiring.feedback_providers import feedback_providers
from engine.wiring.kafka import kafka_settings
from engine.wiring.store import SendingStores
from engine.wiring.token_secrets import token_secrets
from engine.wiring.trusted_time import CheckedTime

_PATIENCE: Final = 5.0
"""Seconds for Kafka to take what somebody waits for."""


@dataclass(frozen=True)
class WebEquipment:
    """What the pages need of settings and rules alone: made before a store or a broker is waited for.

    `nobody`: the texts that stand for a missing customer.
    """

    policy: Policy
    nobody: frozenset[str]
    view: View
    secrets: Sequence[str]
    providers: Mapping[str, Provider]
    time: CheckedTime


def equipment_of(settings: Settings) -> WebEquipment:
    """Raises BadSetting and RulesBroken."""
    if not settings.feedback_topic:
        raise BadSetting("ENGINE_FEEDBACK_TOPIC", "the pages have nowhere to tell what customers choose")
    time = CheckedTime()
    secrets, view, providers = token_secrets(settings), _view(settings), feedback_providers(settings, time)
    loaded = load(settings.rules, None)
    if loaded.book is None:
        raise RulesBroken(loaded.diagnostics)
    return WebEquipment(loaded.book.policy, loaded.book.catalog.accept.nobody, view, secrets, providers, time)


def build_app(
    settings: Settings, equipment: WebEquipment, stores: SendingStores, writer: TopicWriter, watch: WebWatch
) -> ASGIApp:
    """Raises SourceUnavailable."""
    topic = settings.feedback_topic
    claims, suppressions = stores
    choices, policy, view, secrets = Choices(suppressions), equipment.policy, equipment.view, equipment.secrets
    publish = Publisher(TopicRecords(writer, topic, _PATIENCE), watch).publish
    firsts = Firsts(claims, publish)
    customers = CustomerPages(
        secrets=secrets,
        preferences=policy.preferences,
        suppressions=suppressions,
        choices=choices,
        publish=publish,
        wall=equipment.time,
        view=view,
        path=urlsplit(settings.public_url).path.rstrip("/"),
        links_kept=settings.link_days * DAY,
    )
    surveys = SurveyPages(
        secrets=secrets,
        questions=policy.surveys,
        firsts=firsts,
        wall=equipment.time,
        view=view,
        watch=watch,
        links_kept=min(settings.link_days, settings.send_claims_days) * DAY,  # a later answer would be a first one
    )
    shares = SharePages(
        secrets=secrets,
        shop=settings.share_url,
        key=settings.share_key.get_secret_value(),
        nobody=equipment.nobody,
        firsts=firsts,
        wall=equipment.time,
        view=view,
    )
    feedback = feedback_routes(equipment.providers, secrets, publish, equipment.time, watch, choices)
    check_exist(kafka_settings(settings), (topic,))
    if doubt := equipment.time.check(settings, claims).why_not():
        watch.clock_doubted(doubt)
    return web_app(customers, watch, [*surveys.routes(), *shares.routes(), *feedback])


def _view(settings: Settings) -> View:
    try:
        return View(settings.pages)
    except (BadPage, OSError, ValueError) as error:
        raise BadSetting("ENGINE_PAGES", str(error)) from error
