"""`engine send`: a sender."""

import signal
from contextlib import ExitStack
from http import HTTPStatus
from time import monotonic
from types import FrameType
from typing import Annotated

import structlog
import typer

from engine.adapters.http import Page, serving
from engine.adapters.logs import set_up_logs
from engine.adapters.sender_watch import SenderWatch
from engine.cli.console import SETTINGS, AsJson, Namespace, Store, out
from engine.cli.sending import open_sender, open_sending
from engine.cli.wiring import open_writer
from engine.config import Settings
from engine.core.zones import iso
from engine.ports import ClaimStore
from engine.runtime.sender import Sender

STUCK = 60.0
"""Seconds without a turn of the loop after which it counts as stuck."""


def register(app: typer.Typer) -> None:
    app.command("send")(send)


def send(
    store: Store = SETTINGS.store,
    namespace: Namespace = SETTINGS.namespace,
    in_doubt: Annotated[
        bool, typer.Option("--in-doubt", help="Only list outreach of which a crash leaves open whether it was sent.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a sender: outreach from Kafka, to mail servers and webhooks. Settings are ENGINE_… variables.

    Each outreach is handed over once. What a crash leaves in doubt is not sent again if it is marketing, and is if it
    is transactional; --in-doubt lists both. SIGTERM finishes what is being handed over, commits and leaves the group.

    ENGINE_EMAIL_URL says where mail goes (smtp://me@mail:587?starttls), ENGINE_MAIL_FROM whom it is from.

    Example: engine send --store redis://redis:6379/0
    """
    settings = SETTINGS.model_copy(update={"store": store, "namespace": namespace})
    with ExitStack() as stack:
        stores = stack.enter_context(open_sending(settings))
        if in_doubt:
            _list_doubts(stores[0], as_json)
            return
        set_up_logs(settings.log_format, settings.log_level)
        writer, watch = open_writer(settings), SenderWatch()
        stack.callback(writer.close)
        sender = stack.enter_context(open_sender(settings, stores, writer, watch))
        _serve(stack, settings, sender, watch)
        _obey_signals(sender)
        sender.run()


def _serve(stack: ExitStack, settings: Settings, sender: Sender, watch: SenderWatch) -> None:
    """/metrics, and /healthz: the loop turns."""

    def alive() -> Page:
        idle = monotonic() - sender.stepped
        status = HTTPStatus.OK if idle < STUCK else HTTPStatus.SERVICE_UNAVAILABLE
        return Page(status, "text/plain", f"{idle:.1f} s since the last step\n".encode())

    pages = {"/metrics": lambda: Page(HTTPStatus.OK, watch.content_type, watch.page()), "/healthz": alive}
    try:
        if settings.http_port:
            stack.enter_context(serving(settings.http_port, pages))
    except OSError as error:
        structlog.get_logger("engine.sender").warning("no metrics", port=settings.http_port, reason=error.strerror)


def _obey_signals(sender: Sender) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        sender.stop()
        signal.signal(number, signal.SIG_DFL)  # somebody who asks again does not want to wait

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _list_doubts(claims: ClaimStore, as_json: bool) -> None:
    doubts = claims.in_doubt(100_000)
    if as_json:
        out.print_json(data=[{"id": one.id, "purpose": one.purpose, "at": iso(one.at)} for one in doubts])
        return
    for one in doubts:
        out.print(f"{iso(one.at)}  {one.purpose:15} {one.id}", markup=False, highlight=False)
    out.print(f"{len(doubts):,} in doubt", highlight=False)
