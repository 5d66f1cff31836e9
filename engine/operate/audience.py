"""The customers of a segment as a list for another program, without those whom no message of the purpose could reach.

`engine audience export` calls it. It only reads, beside running workers: each customer is looked at as they are at
their partition's clock, and by the rules that are given.
"""

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from engine.core.actions.send import address_of, forbidden
from engine.core.book import RuleBook
from engine.core.decide import decide
from engine.core.experiments.model import is_held_out
from engine.core.scope import Scope, in_segment, level_of
from engine.core.state.model import State
from engine.errors import UsageError
from engine.model import TRANSACTIONAL, WakeUp
from engine.operate.ad_platforms import Form
from engine.operate.store_view import values_of
from engine.ports import StateStore, SuppressionList, SuppressionQuery
from engine.wire.digests import address_digest, customer_digest, former_digest
from engine.worker.opening_checks import stored_meta
from engine.worker.values import read_value, state_of

PAGE = 500
"""Customers for whom the suppression list is asked in one call."""


@dataclass(frozen=True, slots=True)
class AudienceQuery:
    """Which list: of a segment, or of some of its levels, for one purpose, in a form. `now`: wall time, epoch ms."""

    segment: str
    form: Form
    now: int
    levels: frozenset[str] = frozenset()
    purpose: str = "marketing"


@dataclass(slots=True)
class Member:
    """A customer of the segment. `addresses`: by channel, those that may be used."""

    customer: str
    level: str
    addresses: dict[str, str]


@dataclass(slots=True)
class Counts:
    """What became of the members. `left_out`: reason -> how many."""

    members: int = 0
    exported: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def channels_of(book: RuleBook, wanted: AudienceQuery) -> list[str]:
    """The channels whose addresses the list has. Raises UsageError for a list that the policy cannot answer for."""
    policy, message = book.policy, ""
    known = book.segments.get(wanted.segment)
    channels = [name for name in wanted.form.columns if name in policy.addresses]
    if known is None:
        message = f"there is no segment {wanted.segment!r}; there are: {', '.join(book.segments) or 'none'}"
    elif unknown := sorted(wanted.levels - (set() if known.plain else {*known.names})):
        message = f"segment {wanted.segment} has no level {unknown[0]}"
    elif wanted.purpose == TRANSACTIONAL:
        message = "an audience is no transactional message; name a purpose that customers consent to"
    elif policy.consent and wanted.purpose not in policy.consent:
        purposes = ", ".join(sorted(policy.consent))
        message = f"policy.yaml asks for no consent to {wanted.purpose}; --purpose may be {purposes}"
    elif not channels:
        message = "policy.yaml has no address of email or sms (`addresses`), so there is nothing to export"
    if message:
        raise UsageError(message)
    return channels


def export(
    store: StateStore, suppressions: SuppressionList, book: RuleBook, wanted: AudienceQuery, counts: Counts
) -> Iterator[list[str]]:
    """The rows of the file, the names of its columns first; `counts` is filled on the way. Raises UsageError."""
    channels = channels_of(book, wanted)
    levels = not book.segments[wanted.segment].plain
    named = wanted.form.names_customers
    first = ["customer", *(["level"] if levels else [])] if named else []
    yield [*first, *(wanted.form.columns[channel] for channel in channels)]
    members, seen = _members(store, book, wanted, channels, counts), set[tuple[str, ...]]()
    while page := list(islice(members, PAGE)):
        _drop_suppressed(suppressions, page, wanted)
        for member in page:
            row = [wanted.form.written(channel, member.addresses.get(channel, "")) for channel in channels]
            if why := _why_not(member, row, () if named else seen):
                counts.left_out[why] += 1
                continue
            seen.add(tuple(row))
            counts.exported += 1
            yield [member.customer, *([member.level] if levels else []), *row] if named else row


def _why_not(member: Member, row: Sequence[str], seen: Container[tuple[str, ...]]) -> str:
    """Why a member is left out; "": they are not. `row`: their addresses as the file has them."""
    if not member.addresses:
        return "on the senders' suppression list"
    if not any(row):
        return "without a usable address (a phone number needs its country code)"
    return "with the same addresses as another" if tuple(row) in seen else ""


def _members(
    store: StateStore, book: RuleBook, wanted: AudienceQuery, channels: Sequence[str], counts: Counts
) -> Iterator[Member]:
    """Those of the segment whom the policy lets be reached."""
    stored = stored_meta(store)
    for partition in range(stored.partitions if stored else 0):
        clock = store.meta(partition).clock
        for customer, data in values_of(store, partition):
            state = _present(book, customer, data, clock, counts)
            if state is None or not in_segment(state, wanted.segment):
                continue
            level = level_of(state, wanted.segment)
            if wanted.levels and level not in wanted.levels:
                continue
            counts.members += 1
            addresses = _addresses(book, state, customer, wanted.purpose, channels, max(clock, state.last))
            if isinstance(addresses, str):
                counts.left_out[addresses] += 1
            else:
                yield Member(customer, level, addresses)


def _present(book: RuleBook, customer: str, data: bytes, clock: int, counts: Counts) -> State | None:
    """The customer as they are by now: with these rules, and after the timers that are due. None: there is nobody."""
    try:
        state = state_of(read_value(data))
        now = max(clock, state.last) if state is not None else clock
        return decide(book, state, WakeUp(customer), now, now).state if state is not None else None
    except Exception:  # as in a worker, where it would be a dead letter, and nobody else is concerned
        counts.left_out["who cannot be decided, and may be no members"] += 1
        return None


def _addresses(
    book: RuleBook, state: State, customer: str, purpose: str, channels: Sequence[str], at: int
) -> dict[str, str] | str:
    """The addresses that may be used, by channel, or why there are none."""
    if is_held_out(book.policy.holdout, customer):
        return "in the holdout"
    scope, found, why = Scope(state, None, at, customer), dict[str, str](), "without an address"
    for channel in channels:
        if forbidden(book.policy, scope, purpose, channel):
            why = "suppressed by policy.yaml, or without consent"
        elif address := address_of(book.policy, scope, channel):
            found[channel] = address
    return found or why


def _drop_suppressed(suppressions: SuppressionList, page: Sequence[Member], wanted: AudienceQuery) -> None:
    """Take away the addresses to which senders would not send either."""
    asked = [(member, channel, to) for member in page for channel, to in member.addresses.items()]
    queries = [
        SuppressionQuery(
            wanted.purpose,
            wanted.now,
            (address_digest(channel, to), customer_digest(member.customer)),
            former_digest(channel, to),
        )
        for member, channel, to in asked
    ]
    for (member, channel, _), reason in zip(asked, suppressions.reasons(queries), strict=True):
        if reason:
            del member.addresses[channel]
