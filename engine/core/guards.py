"""What may still stop a firing: condition, reentry, freshness, suppression and consent, quiet hours, caps; in order.

A guard is a function of book, state and candidate. It returns None to let the candidate pass, or a Verdict.
"""

from collections.abc import Callable
from datetime import time, timedelta
from typing import NamedTuple

from engine.core.book import Cap, Keeps, QuietHours, Rule, RuleBook
from engine.core.durations import text_of
from engine.core.scope import MISSING, Scope, count_within, total
from engine.core.state.model import State
from engine.core.triggers.base import Firing, Trigger
from engine.core.zones import from_millis, instant_of, iso
from engine.model import TRANSACTIONAL, Outcome


class Verdict(NamedTuple):
    """Why a candidate does not become an outreach now. `until` is set when it is deferred."""

    outcome: Outcome
    reason: str
    until: int = 0


class Candidate(NamedTuple):
    """A firing at the moment it is judged. `first_try` is false when quiet hours have deferred it before."""

    rule: Rule
    firing: Firing
    customer: str
    at: int
    first_try: bool = True


def condition(book: RuleBook, state: State, it: Candidate) -> Verdict | None:
    expression = it.rule.condition
    if expression is None or expression.test(Scope(state, it.firing.event, it.at)):
        return None
    unknown = unknown_history(state, expression.needs.keeps, it.at)
    because = f"; not kept for long enough yet: {', '.join(unknown)}" if unknown else ""
    return Verdict(Outcome.SUPPRESSED, f"condition is not met: {expression.text}{because}")


def unknown_history(state: State, keeps: Keeps, now: int) -> list[str]:
    """Event types whose history is asked for further back than it is known of this customer."""
    found = {type_ for type_, name in keeps.sums if total(state, type_, name, now) is MISSING}
    for type_, name, span in keeps.windows:
        value = count_within(state, type_, now, span) if name is None else total(state, type_, name, now, span)
        if value is MISSING:
            found.add(type_)
    return sorted(found)


def still_holds(book: RuleBook, state: State, it: Candidate) -> Verdict | None:
    if it.first_try or _holds(it.rule.trigger, state, it.firing.occurrence):
        return None
    return Verdict(Outcome.SUPPRESSED, "no longer true after it was deferred")


def _holds(trigger: Trigger, state: State, occurrence: str) -> bool:
    try:
        return trigger.holds(state, occurrence)
    except ValueError:  # the rule was of another kind when it was deferred
        return False


def reentry(book: RuleBook, state: State, it: Candidate) -> Verdict | None:
    again = it.rule.reentry
    slot = state.rules.get(it.rule.id)
    fired = slot.fired_at if slot is not None else 0
    if not fired or not (again.once or again.after):
        return None
    if again.once:
        return Verdict(Outcome.SUPPRESSED, f"reentry: once, and it reached this customer at {iso(fired)}")
    if it.at >= fired + again.after:
        return None
    return Verdict(
        Outcome.SUPPRESSED, f"reentry: after {text_of(again.after)}, and it reached this customer at {iso(fired)}"
    )


def expires_at(book: RuleBook, rule: Rule, firing: Firing) -> int:
    """The last moment at which the firing is still fresh; 0: it never expires."""
    fresh_for = rule.send.expires if rule.send.expires is not None else book.policy.fresh_for
    if fresh_for is None:
        return firing.until
    limit = firing.moment + fresh_for
    return min(limit, firing.until) if firing.until else limit


def freshness(book: RuleBook, state: State, it: Candidate) -> Verdict | None:
    until = it.firing.until
    if until and it.at >= until:
        return Verdict(Outcome.EXPIRED, f"pointless since {iso(until)}")
    limit = expires_at(book, it.rule, it.firing)
    if not limit or it.at <= limit:
        return None
    late = text_of((it.at - it.firing.moment) // 1000 * 1000)
    return Verdict(Outcome.EXPIRED, f"{late} after its moment, {iso(it.firing.moment)}")


def suppression(book: RuleBook, state: State, it: Candidate) -> Verdict | None:
    purpose = it.rule.send.purpose
    scope = Scope(state, it.firing.event, it.at)
    for name in ("all", purpose):
        expression = book.policy.suppress.get(name)
        if expression and expression.test(scope):
            return Verdict(Outcome.SUPPRESSED, f"suppressed for {name}: {expression.text}")
    consent = book.policy.consent.get(purpose)
    if consent and not consent.test(scope):
        return Verdict(Outcome.SUPPRESSED, f"no consent to {purpose}: {consent.text}")
    if it.rule.send.channel in book.policy.addresses and not address(book, state, it):
        return Verdict(Outcome.SUPPRESSED, f"no address for {it.rule.send.channel}")
    return None


def address(book: RuleBook, state: State, it: Candidate) -> str:
    """Where the policy says this customer is reached on the rule's channel; "" where it does not say."""
    expression = book.policy.addresses.get(it.rule.send.channel)
    value = expression.test(Scope(state, it.firing.event, it.at)) if expression else MISSING
    return str(value) if value not in (MISSING, None, "", False) else ""


def quiet_hours(book: RuleBook, state: State, it: Candidate) -> Verdict | None:
    send = it.rule.send
    for hours in book.policy.quiet_hours:
        if not hours.concern(send.purpose, send.channel):
            continue
        until = _quiet_until(book, state, hours, it.at)
        if until:
            return Verdict(Outcome.DEFERRED, f"quiet hours until {iso(until)}", until)
    return None


def _quiet_until(book: RuleBook, state: State, hours: QuietHours, at: int) -> int:
    """The instant the quiet hours around `at` end; 0 when `at` is outside them."""
    zone = book.policy.zones.of(state.profile)
    today = from_millis(at, zone).date()
    nights = 1 if hours.start >= hours.end else 0
    for day in (today - timedelta(days=nights), today):
        end = instant_of(day + timedelta(days=nights), _time_of(hours.end), zone)
        if at < end and at >= instant_of(day, _time_of(hours.start), zone):
            return end
    return 0


def _time_of(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)


def caps(book: RuleBook, state: State, it: Candidate) -> Verdict | None:
    send = it.rule.send
    for cap in book.policy.caps:
        if not counts(cap, send.purpose, send.channel):
            continue
        since = _window_start(book, state, cap, it.at)
        if sum(1 for sent in state.sent if sent.at >= since and counts(cap, sent.purpose, sent.channel)) >= cap.limit:
            return Verdict(Outcome.CAPPED, f"cap of {cap.limit} per {_window(cap)}{_scope(cap)} is reached")
    return None


def counts(cap: Cap, purpose: str, channel: str) -> bool:
    """Whether the cap is about outreach of this purpose and channel."""
    return purpose != TRANSACTIONAL and cap.purpose in (None, purpose) and cap.channel in (None, channel)


def _window(cap: Cap) -> str:
    return cap.calendar or text_of(cap.span)


def _scope(cap: Cap) -> str:
    return "".join(f" of {name}" for name in (cap.purpose, cap.channel) if name)


def _window_start(book: RuleBook, state: State, cap: Cap, at: int) -> int:
    if cap.calendar is None:
        return at - cap.span + 1
    zone = book.policy.zones.of(state.profile)
    day = from_millis(at, zone).date()
    if cap.calendar == "week":
        day -= timedelta(days=day.weekday())
    elif cap.calendar == "month":
        day = day.replace(day=1)
    return instant_of(day, time(0), zone)


Guard = Callable[[RuleBook, State, Candidate], Verdict | None]
GUARDS: tuple[Guard, ...] = (condition, still_holds, reentry, freshness, suppression, quiet_hours, caps)


def judge(book: RuleBook, state: State, it: Candidate) -> Verdict | None:
    """The first verdict that stops the candidate, or None: send it."""
    for guard in GUARDS:
        verdict = guard(book, state, it)
        if verdict is not None:
            return verdict
    return None
