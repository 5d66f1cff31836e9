"""`engine web`: the pages behind the links in outreach, and what providers report to."""

import socket
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer
from jinja2 import TemplateError
from starlette.types import ASGIApp

from engine.adapters.kafka.admin import check_exist
from engine.adapters.kafka.records import TopicRecords
from engine.adapters.web.app import web_app
from engine.adapters.web.choices import Choices
from engine.adapters.web.customers import CustomerPages
from engine.adapters.web.feedback import feedback_routes
from engine.adapters.web.publish import Publisher
from engine.adapters.web.server import Server
from engine.adapters.web.view import View
from engine.cli.options import Namespace, RulesDir, Store, settings_of
from engine.cli.process import begin_log, log_stop
from engine.config import BadSetting, Settings
from engine.lang.project import load
from engine.ports import SuppressionList, TopicWriter
from engine.telemetry.web import WebWatch
from engine.testing import RulesBroken
from engine.wiring.feedback_providers import feedback_providers
from engine.wiring.health import WebHealth, serve
from engine.wiring.kafka import kafka_settings, open_writer
from engine.wiring.sender import token_secrets
from engine.wiring.store import open_sending
from engine.wiring.wall_clock import wall_clock

_PATIENCE: Final = 5.0
"""Seconds for Kafka to take what somebody waits for."""


def register(app: typer.Typer) -> None:
    app.command("web")(web)


def web(
    store: Store = None,
    namespace: Namespace = None,
    rules: RulesDir = None,
    port: Annotated[
        int | None, typer.Option(help="Where to answer.", show_default="ENGINE_WEB_PORT, else 8080")
    ] = None,
) -> None:
    """Run the unsubscribe and preference pages. Settings are ENGINE_… variables.

    ENGINE_PUBLIC_URL is where customers reach it, through a proxy that adds TLS and leaves paths as they are;
    ENGINE_TOKEN_SECRET is the sender's. What customers choose goes to ENGINE_FEEDBACK_TOPIC and is kept nowhere else.
    policy.yaml says what there is to choose. SIGTERM answers what is being asked and stops.

    Example: engine web --store redis://redis:6379/0
    """
    settings = settings_of(store=store, namespace=namespace, rules=rules, web_port=port)
    with ExitStack() as stack:
        _, suppressions = stack.enter_context(open_sending(settings))
        begin_log(settings)
        writer, watch = open_writer(settings), WebWatch()
        stack.callback(writer.close)
        server = Server(build_app(settings, suppressions, writer, watch), log_stop)
        listening = stack.enter_context(_listening(settings.web_port))
        serve(stack, settings, WebHealth(server, watch))
        server.run(listening)


def build_app(settings: Settings, suppressions: SuppressionList, writer: TopicWriter, watch: WebWatch) -> ASGIApp:
    """Raises BadSetting, RulesBroken and SourceUnavailable."""
    topic = settings.feedback_topic
    if not topic:
        raise BadSetting("ENGINE_FEEDBACK_TOPIC", "the pages have nowhere to tell what customers choose")
    choices = Choices(suppressions)
    secrets, publish = token_secrets(settings), Publisher(TopicRecords(writer, topic, _PATIENCE), watch).publish
    customers = CustomerPages(
        secrets=secrets,
        preferences=_preferences(settings),
        suppressions=suppressions,
        choices=choices,
        publish=publish,
        wall=wall_clock,
        view=_view(settings),
        path=urlsplit(settings.public_url).path.rstrip("/"),
        links_kept=int(timedelta(days=settings.link_days).total_seconds() * 1000),
    )
    feedback = feedback_routes(feedback_providers(settings), secrets, publish, wall_clock, watch, choices)
    check_exist(kafka_settings(settings), (topic,))
    return web_app(customers, watch, feedback)


def _preferences(settings: Settings) -> Mapping[str, str]:
    loaded = load(settings.rules, None)
    if loaded.book is None:
        raise RulesBroken(loaded.diagnostics)
    return loaded.book.policy.preferences


def _view(settings: Settings) -> View:
    try:
        return View(settings.pages)
    except (TemplateError, OSError, ValueError) as error:
        raise BadSetting("ENGINE_PAGES", f"{type(error).__name__}: {error}") from error


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server(("", port))
    except OSError as error:
        raise BadSetting("ENGINE_WEB_PORT", f"cannot answer on port {port}: {error.strerror}") from error
