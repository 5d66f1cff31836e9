"""`engine web`: serves the pages behind the links in outreach and the providers' webhooks."""

import socket
from contextlib import ExitStack
from typing import Annotated

import typer

from engine.adapters.web.server import Server
from engine.cli.options import Namespace, RulesDir, Store, settings_of
from engine.cli.process import begin_log, log_stop
from engine.config import BadSetting
from engine.telemetry.web import WebWatch
from engine.wiring.health import WebHealth, serve
from engine.wiring.kafka import close_writer, open_writer
from engine.wiring.store import open_sending
from engine.wiring.web import build_app, equipment_of


def web(
    store: Store = None,
    namespace: Namespace = None,
    rules: RulesDir = None,
    port: Annotated[
        int | None, typer.Option(help="Where to answer.", show_default="ENGINE_WEB_PORT, else 8080")
    ] = None,
) -> None:
    """Run the pages for unsubscribing, preferences and surveys. Settings are ENGINE_… variables.

    ENGINE_PUBLIC_URL is where customers reach it, through a proxy that adds TLS and leaves paths as they are;
    ENGINE_TOKEN_SECRET is the sender's. What customers choose goes to ENGINE_FEEDBACK_TOPIC and is kept nowhere else.
    policy.yaml says what there is to choose. SIGTERM answers what is being asked and stops.

    Example: engine web --store redis://redis:6379/0
    """
    settings = settings_of(store=store, namespace=namespace, rules=rules, web_port=port)
    equipment = equipment_of(settings)
    with ExitStack() as stack:
        begin_log(settings)
        watch = WebWatch()
        stores = stack.enter_context(open_sending(settings, while_loading=True))
        writer = open_writer(settings)
        stack.callback(close_writer, writer)
        server = Server(build_app(settings, equipment, stores, writer, watch), log_stop)
        listening = stack.enter_context(_listening(settings.web_port))
        serve(stack, settings, WebHealth(server, watch))
        server.run(listening)


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server(("", port))
    except OSError as error:
        raise BadSetting("ENGINE_WEB_PORT", f"cannot answer on port {port}: {error.strerror}") from error
