"""`engine customer`: what the engine knows of one person, as a list, as data, and gone."""

from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from engine.cli.console import out
from engine.cli.options import AsJson, Data, Namespace, Store, settings_of
from engine.core.seen import moments
from engine.core.state.model import State
from engine.core.zones import iso
from engine.errors import UsageError
from engine.operate.customers import Found, add_endings, find, likely_partitions, outcome_in_words
from engine.operate.erasure import erase as erase_from
from engine.operate.erasure import pending
from engine.ports import StateStore
from engine.wire.digests import customer_digest
from engine.wiring.store import open_sending, open_store
from engine.wiring.wall_clock import wall_clock
from engine.worker.placement import stored_meta

Customer = Annotated[str, typer.Argument(help="The customer's id.")]


def register(app: typer.Typer) -> None:
    customer = typer.Typer(help="What the engine knows of one customer.", no_args_is_help=True)
    customer.command("show")(show)
    customer.command("export")(export)
    customer.command("erase")(erase)
    app.add_typer(customer, name="customer")


def show(
    customer: Customer,
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Show what the store knows of a customer: profile, events, timers, what was sent and what came of it.

    For what each rule makes of it see `engine explain`.

    Example: engine customer show c-1042 --store redis://redis:6379/0
    """
    settings = settings_of(store=store, data=data, namespace=namespace)
    with open_store(settings) as opened:
        found = find(opened, customer)
        known = _known(opened, customer, found)
    add_endings(found.history, settings)
    if as_json:
        out.print_json(data=known)
    else:
        _show(customer, found, known)


def export(
    customer: Customer,
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
) -> None:
    """Print everything the store has of a customer as JSON, for a person who asks what is known of them.

    Topics may hold more for as long as they keep records: events, outreach, outcomes and dead letters.

    Example: engine customer export c-1042 > c-1042.json
    """
    settings = settings_of(store=store, data=data, namespace=namespace)
    with open_store(settings) as opened:
        known = _known(opened, customer, find(opened, customer))
    add_endings(known["history"], settings)
    out.print_json(data=known)


def erase(
    customer: Customer,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Erase a customer for good: state, timers, history and outreach not yet published. Workers may be running.

    Events from before this moment are ignored from now on, however late they come; whoever does something after it is a
    new customer. Outreach that is published and not sent yet is stopped at the sender. What remains is a hash of the
    id: for ENGINE_ERASED_DAYS with the workers, and on the senders' suppression list. Topics keep their records:
    events, outreach, outcomes and dead letters go when their retention ends.

    Example: engine customer erase c-1042 --yes
    """
    if not yes:
        typer.confirm(f"Erase {customer} for good?", abort=True, err=True)
    settings = settings_of(store=store, data=data, namespace=namespace)
    with open_store(settings) as opened:
        erased = _erase(opened, customer)
    with open_sending(settings) as sending:
        sending[1].suppress(customer_digest(customer), "erased", before=wall_clock())
    if as_json:
        out.print_json(data={"customer": customer, **erased})
        return
    was = "erased" if erased["known"] else "not known, and will not be for anything that has happened until now:"
    out.print(
        f"[green]{was}[/] {escape(customer)}, {erased['outreach']} outreach taken out of the outbox", highlight=False
    )


def _erase(store: StateStore, customer: str) -> dict[str, Any]:
    """From wherever they are, and a tombstone where their events go. Raises UsageError where nothing is stored."""
    meta = stored_meta(store)
    if meta is None:
        message = "nothing is stored in this namespace"
        raise UsageError(message)
    home, *others = likely_partitions(store, customer)
    there = [number for number in (home, *others) if store.load(number, [customer])[0] is not None]
    outreach = 0
    for number in dict.fromkeys((home, *there)):
        outreach += len(pending(store, number, customer))
        erase_from(store, number, customer, wall_clock(), meta.partitions)
    return {"known": bool(there), "outreach": outreach}


def _known(store: StateStore, customer: str, found: Found) -> dict[str, Any]:
    """Instants as ISO 8601."""
    state = found.state
    return {
        "customer": customer,
        "partition": found.partition,
        "clock": iso(found.clock),
        "profile": state.profile,
        "became": {"customer": state.became, "at": iso(state.identified)} if state.identified else None,
        "events": {
            name: {"count": known.count, "first": iso(known.first), "last": iso(known.last)}
            for name, known in state.events.items()
        },
        "timers": [
            {"rule": rule, "due": iso(timer.due), "since": iso(timer.since), "key": timer.key}
            for rule, slot in state.rules.items()
            for timer in slot.timers
            if timer.due and slot.parked is None
        ],
        "deferred": [{"rule": one.rule, "until": iso(one.due), "reason": one.reason} for one in state.deferred],
        "sent": [{"at": iso(one.at), "purpose": one.purpose, "channel": one.channel} for one in state.sent],
        "history": found.history,
        "outbox": [msgspec.json.decode(value) for _, value in pending(store, found.partition, customer)],
        "state": _fields(state) | {"seen": moments(state)},
    }


def _fields(value: Any) -> Any:
    """The state under its own names, with nothing left out. Instants in epoch ms."""
    if isinstance(value, msgspec.Struct):
        return {name: _fields(field) for name, field in msgspec.structs.asdict(value).items()}
    if isinstance(value, dict):
        return {name: _fields(field) for name, field in value.items()}
    if isinstance(value, list | tuple):
        return [_fields(one) for one in value]
    return value


def _show(customer: str, found: Found, known: dict[str, Any]) -> None:
    out.print(f"[bold]{escape(customer)}[/], partition {found.partition}, at {known['clock']}", highlight=False)
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for what, lines in _in_words(found.state, known).items():
        table.add_row(f"[bold]{what}[/]", escape("\n".join(lines)) or "[dim]none[/]")
    out.print(table)


def _in_words(state: State, known: dict[str, Any]) -> dict[str, list[str]]:
    return {
        "profile": [f"{name}: {value}" for name, value in sorted(state.profile.items())],
        "events": [
            f"{one['count']} {name}, the first {one['first']}, the last {one['last']}"
            for name, one in sorted(known["events"].items())
        ],
        "timers": [f"{one['rule']} is due {one['due']}" for one in known["timers"]],
        "held back": [f"{one['rule']} until {one['until']}: {one['reason']}" for one in known["deferred"]],
        "counts for caps": [f"{one['purpose']} by {one['channel']} at {one['at']}" for one in known["sent"]],
        "outcomes": [f"{one['at']} {one['rule']} {outcome_in_words(one)}: {one['reason']}" for one in known["history"]],
        "to be published": [f"{one['rule']}: {one['subject']}" for one in known["outbox"]],
    }
