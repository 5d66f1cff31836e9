"""`engine customer`: shows, exports and erases one customer."""

from typing import Annotated, Any

import typer
from rich.markup import escape

from engine.cli.console import out, say
from engine.cli.folding import FoldingTable
from engine.cli.options import AsJson, Data, Namespace, Store, settings_of
from engine.core.state.model import State
from engine.operate.customers import (
    FoundCustomer,
    add_endings,
    erase_everywhere,
    everything,
    find,
    outcome_in_words,
    rule_and_step,
)
from engine.operate.statement import in_words, sum_in_words
from engine.wire.digests import customer_digest
from engine.wiring.store import open_sending, open_store
from engine.wiring.trusted_time import word_time

Customer = Annotated[str, typer.Argument(help="The customer's id.")]


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
        known = everything(opened, customer, found)
    with open_sending(settings) as (claims, _):
        add_endings(found.history, claims)
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
        known = everything(opened, customer, find(opened, customer))
    with open_sending(settings) as (claims, _):
        add_endings(known["history"], claims)
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
        erased = erase_everywhere(opened, customer, word_time(opened))
    with open_sending(settings) as sending:
        sending[1].suppress(customer_digest(customer), "erased", before=word_time(sending[0]))
    if as_json:
        out.print_json(data={"customer": customer, **erased})
        return
    was = "erased" if erased["known"] else "not known, and will not be for anything that has happened until now:"
    say(f"[green]{was}[/] {escape(customer)}, {erased['outreach']} outreach taken out of the outbox")


def _show(customer: str, found: FoundCustomer, known: dict[str, Any]) -> None:
    say(f"[bold]{escape(customer)}[/], partition {found.partition}, at {known['clock']}")
    table = FoldingTable(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column()
    for what, lines in _in_words(found.state, known).items():
        table.add_row(f"[bold]{what}[/]", escape("\n".join(lines)) or "[dim]none[/]")
    out.print(table)
    for id_, said in known["points"].items():
        out.print(_statement(id_, said))
        out.print(sum_in_words(said), markup=False, highlight=False)


def _statement(points: str, said: dict[str, Any]) -> FoldingTable:
    head, *rows = in_words(said)
    table = FoldingTable(title=f"\n{points}: statement", title_justify="left", box=None, pad_edge=False)
    for name in head:
        table.add_column(name, justify="right" if name in ("points", "used", "left") else "left")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _in_words(state: State, known: dict[str, Any]) -> dict[str, list[str]]:
    return {
        "profile": [f"{name}: {value}" for name, value in sorted(state.profile.items())],
        "events": [
            f"{one['count']} {name}, the first {one['first']}, the last {one['last']}"
            for name, one in sorted(known["events"].items())
        ],
        "segments": [f"{id_}: {one['level']} since {one['since']}" for id_, one in known["segments"].items()],
        "timers": [f"{one['rule']} is due {one['due']}" for one in known["timers"]],
        "runs": [_run_in_words(one) for one in known["runs"]],
        "coupons": [f"{one['code']} by {one['rule']}, valid until {one['valid_until']}" for one in known["coupons"]],
        "held back": [f"{one['rule']} until {one['until']}: {one['reason']}" for one in known["deferred"]],
        "counts for caps": [f"{one['purpose']} by {one['channel']} at {one['at']}" for one in known["sent"]],
        "outcomes": [
            f"{one['at']} {rule_and_step(one)} {outcome_in_words(one)}: {one['reason']}" for one in known["history"]
        ],
        "to be published": [f"{rule_and_step(one)}: {one['subject']}" for one in known["outbox"]],
    }


def _run_in_words(one: dict[str, Any]) -> str:
    goes_on = f", goes on at {one['due']}" if one["due"] else ""
    return f"{rule_and_step(one)} since {one['since']}{goes_on}"
