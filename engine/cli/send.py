"""`engine send`: runs a sender."""

from contextlib import ExitStack
from typing import Annotated

import typer

from engine.cli.console import out
from engine.cli.options import Namespace, Store, settings_of
from engine.cli.process import begin_log, obey_stop
from engine.config import channel_urls
from engine.core.zones import iso
from engine.loop import Outage
from engine.ports import ClaimStore
from engine.telemetry.sender import SenderWatch
from engine.wiring.feedback_consumer import consuming_feedback
from engine.wiring.health import SenderHealth, serve
from engine.wiring.kafka import close_writer, open_writer
from engine.wiring.sender import equipment_of, open_sender
from engine.wiring.store import open_sending


def send(
    store: Store = None,
    namespace: Namespace = None,
    in_doubt: Annotated[
        bool, typer.Option("--in-doubt", help="Only list outreach of which a crash leaves open whether it was sent.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --in-doubt: print JSON, for a program to read.")
    ] = False,
) -> None:
    """Run a sender: outreach from Kafka, to mail servers and webhooks. Settings are ENGINE_… variables.

    Each outreach is handed over once. What a crash leaves in doubt is not sent again if it is marketing, and is if it
    is transactional; --in-doubt lists both. SIGTERM finishes what is being handed over, commits and leaves the group.

    It also reads the feedback topic (ENGINE_FEEDBACK_TOPIC): who unsubscribes, complains or cannot be reached is not
    written to again, from that moment on.

    ENGINE_EMAIL_URL says where mail goes (smtp://me@mail:587?starttls), ENGINE_MAIL_FROM whom it is from.

    Example: engine send --store redis://redis:6379/0
    """
    settings = settings_of(store=store, namespace=namespace)
    if in_doubt:
        with open_sending(settings) as (claims, _):
            _list_doubts(claims, as_json)
        return
    equipment = equipment_of(settings)
    begin_log(settings)
    with ExitStack() as stack:
        watch = SenderWatch(channel_urls(settings))
        health = SenderHealth(watch)
        serve(stack, settings, health)
        stores = stack.enter_context(open_sending(settings, Outage(watch.store_away, watch.store_back)))
        writer = open_writer(settings)
        stack.callback(close_writer, writer)
        sender = stack.enter_context(open_sender(settings, equipment, stores, writer, watch))
        obey_stop(sender.stop)
        if settings.feedback_topic:
            health.feedback_consumer = stack.enter_context(consuming_feedback(settings, sender, stores[1], watch))
        health.sender = sender
        sender.run()


def _list_doubts(claims: ClaimStore, as_json: bool) -> None:
    doubts = claims.in_doubt(100_000)
    if as_json:
        out.print_json(data=[{"id": one.id, "purpose": one.purpose, "at": iso(one.at)} for one in doubts])
        return
    for one in doubts:
        out.print(f"{iso(one.at)}  {one.purpose:15} {one.id}", markup=False, highlight=False)
    out.print(f"{len(doubts):,} in doubt", highlight=False)
