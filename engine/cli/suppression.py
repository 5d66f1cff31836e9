"""`engine suppression`: lists suppressed addresses, adds and removes them."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer
from rich.markup import escape

from engine.cli.console import out
from engine.cli.options import AsJson, Data, Namespace, Store, settings_of
from engine.core.zones import iso, iso_or_none
from engine.errors import UsageError
from engine.operate.suppression import digest_of, listed
from engine.operate.words import count_of
from engine.ports import Suppression
from engine.wire.digests import ALL
from engine.wiring.store import open_sending
from engine.wiring.trusted_time import word_time

_PURPOSE: Final = re.compile(r"\*|\w[\w.:-]*")

Address = Annotated[str, typer.Argument(help="An address or number, or a digest as `list` shows it.")]
Channel = Annotated[str, typer.Option("--channel", help="Of the address.")]


def list_(
    address: Annotated[str, typer.Argument(help="Only what counts for this address, number or digest.")] = "",
    channel: Channel = "email",
    reason: Annotated[str, typer.Option("--reason", help="Only bounced, complained, unsubscribed, erased …")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 10_000,
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """List suppressions: digest, purpose (* is every one), reason, and when that was said.

    The list knows digests of channel and address, and of customers, never the addresses themselves.

    Example: engine suppression list ada@shop.example --store redis://redis:6379/0
    """
    with open_sending(settings_of(store=store, data=data, namespace=namespace)) as (_, suppressions):
        wanted = (one for one in listed(suppressions, address, channel) if reason in ("", one.reason))
        found = [one for one, _ in zip(wanted, range(limit), strict=False)]
    if as_json:
        out.print_json(data=[_data(one) for one in found])
        return
    for one in found:
        says = f"{one.digest}  {one.purpose:15} {one.reason:15} {_when(one)}"
        out.print(says, markup=False, highlight=False, soft_wrap=True)
    out.print(f"{len(found):,} suppressed", highlight=False)


def add(
    address: Address,
    purpose: Annotated[str, typer.Option("--purpose", help="Only this purpose; * is every one.")] = ALL,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a few words without personal data.")] = "operator",
    channel: Channel = "email",
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Write to this address no more, whatever was said before. Senders obey at once, receipts included.

    Example: engine suppression add ada@shop.example --reason "asked by phone"
    """
    _check(purpose, reason)
    digest = digest_of(address, channel)
    with open_sending(settings_of(store=store, data=data, namespace=namespace)) as (claims, suppressions):
        change = Suppression(digest, purpose, reason, at=word_time(claims), firm=True)
        suppressions.change([change])
    _tell([change], "added", as_json=as_json)


def remove(
    address: Address,
    purpose: Annotated[str, typer.Option("--purpose", help="Only this entry; without it whatever there is.")] = "",
    channel: Channel = "email",
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Take an address off the list: what was said of it until now does not count, also if feedback is read again.

    What is said later counts: the next bounce puts it back. Take nobody off who asked for it to stop. Records that
    bounced are dead letters: `engine dead-letters replay` does not send them again, as their end is on record.

    Example: engine suppression remove ada@shop.example
    """
    if purpose:
        _check(purpose)
    digest = digest_of(address, channel)
    with open_sending(settings_of(store=store, data=data, namespace=namespace)) as (claims, suppressions):
        gone = [one for one in listed(suppressions, address, channel) if purpose in ("", one.purpose)]
        suppressions.change([Suppression(digest, purpose, at=word_time(claims), firm=True)])
    _tell(gone, "taken off the list", as_json=as_json)


def _check(purpose: str, reason: str = "-") -> None:
    """Raises UsageError."""
    if not _PURPOSE.fullmatch(purpose):
        message = f"--purpose {purpose!r}: expected a purpose of the rules, or *"
        raise UsageError(message)
    if not reason.strip() or not reason.isprintable() or len(reason) > 100:
        message = "--reason: expected a few words on one line, 100 characters at most"
        raise UsageError(message)


def _data(one: Suppression) -> dict[str, Any]:
    return {
        "digest": one.digest,
        "purpose": one.purpose,
        "reason": one.reason,
        "at": iso_or_none(one.at),
        "before": iso_or_none(one.before),
    }


def _when(one: Suppression) -> str:
    before = f", only what was decided before {iso(one.before)}" if one.before else ""
    return (iso(one.at) if one.at else "at a time not recorded") + before


def _tell(changed: Sequence[Suppression], what: str, *, as_json: bool) -> None:
    if as_json:
        out.print_json(data=[_data(one) for one in changed])
        return
    for one in changed:
        out.print(f"{one.digest}  {escape(one.purpose)}: {escape(one.reason)}", highlight=False, soft_wrap=True)
    out.print(f"{count_of(len(changed), 'suppression')} {what}", highlight=False)
