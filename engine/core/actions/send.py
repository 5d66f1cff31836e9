"""The action Send: one outreach from a template, if the customer may get it now.

`settle` asks its guards: condition, freshness, consent, address, quiet hours, caps. Nothing here renders or sends; the
worker renders the outreach, and the sender delivers it.
"""

from datetime import time, timedelta

from engine.core.actions.base import Action
from engine.core.book import Rule, RuleBook
from engine.core.durations import text_of
from engine.core.effects import Effect
from engine.core.experiments.guards import experiment, holdout
from engine.core.firing import Candidate, Firing
from engine.core.guards import PASS, Defer, Guard, Stop, Verdict, condition, freshness, reentry, still_holds
from engine.core.policy import Cap, Policy, QuietHours, on_channel
from engine.core.scope import MISSING, Scope
from engine.core.state.model import Sent, State
from engine.core.zones import from_millis, instant_of, iso
from engine.model import TRANSACTIONAL, Outcome, Outreach


class Send(Action):
    """One message. `expires`: how long it stays fresh, in milliseconds; None: as long as the policy's fresh_for."""

    def __init__(
        self,
        template: str,
        channel: str = "email",
        purpose: str = "marketing",
        priority: int = 0,
        expires: int | None = None,
    ) -> None:
        self.template = template
        self.channel = channel
        self.purpose = purpose
        self.expires = expires
        self.priority = priority
        self._step_guards: tuple[Guard, ...] = (self.freshness, self.suppression, self.quiet_hours, self.caps)
        self._step_guards += (experiment,)
        self._guards: tuple[Guard, ...] = (condition, still_holds, reentry, *self._step_guards)
        if purpose != TRANSACTIONAL:
            self._step_guards += (holdout,)
            self._guards += (holdout,)

    @property
    def guards(self) -> tuple[Guard, ...]:
        return self._guards

    def idle_guards(self, policy: Policy, rule: Rule) -> list[Guard]:
        needed: dict[Guard, bool] = {
            condition: rule.condition is not None,
            reentry: rule.reentry.once or rule.reentry.after > 0,
            self.suppression: bool(policy.suppress or policy.consent or policy.addresses),
            self.quiet_hours: bool(policy.quiet_hours),
            self.caps: bool(policy.caps),
            experiment: bool(rule.experiments),
            holdout: policy.holdout > 0,
        }
        return [guard for guard, is_needed in needed.items() if not is_needed]

    @property
    def step_guards(self) -> tuple[Guard, ...]:
        return self._step_guards

    @property
    def sends(self) -> "tuple[Send, ...]":
        return (self,)

    def counted(self, at: int) -> Sent | None:
        return Sent(at, self.purpose, self.channel) if self.purpose != TRANSACTIONAL else None

    def effects(self, book: RuleBook, state: State, candidate: Candidate) -> list[Effect]:
        firing = candidate.firing
        outreach = Outreach(
            id=candidate.effect_id,
            rule=candidate.rule.id,
            occurrence=firing.occurrence,
            customer=candidate.customer,
            at=candidate.at,
            moment=firing.moment,
            expires_at=self.expires_at(book, firing),
            channel=self.channel,
            purpose=self.purpose,
            template=self.template,
            revision=book.revision,
            reason=firing.reason,
            to=self.address(book, state, candidate) if book.policy.addresses else "",
            step=candidate.step_name,
            event=firing.event,
        )
        if candidate.run is not None:
            outreach.coupons = candidate.run.coupons
            outreach.sent = tuple(candidate.run.sent)
        return [outreach]

    def expires_at(self, book: RuleBook, firing: Firing) -> int:
        """The last moment at which the firing is still fresh; 0: it never expires."""
        fresh_for = self.expires if self.expires is not None else book.policy.fresh_for
        if fresh_for is None:
            return firing.until
        limit = firing.moment + fresh_for
        return min(limit, firing.until) if firing.until else limit

    def address(self, book: RuleBook, state: State, candidate: Candidate) -> str:
        """The customer's address on the channel, by the policy's expression; "" if there is none."""
        return address_of(book.policy, candidate.scope(state), self.channel)

    def freshness(self, book: RuleBook, state: State, candidate: Candidate) -> Verdict:
        return freshness(candidate, self.expires_at(book, candidate.firing))

    def suppression(self, book: RuleBook, state: State, candidate: Candidate) -> Verdict:
        policy = book.policy
        if not (policy.suppress or policy.consent or policy.addresses):
            return PASS
        reason = forbidden(policy, candidate.scope(state), self.purpose, self.channel)
        if not reason and self.channel in policy.addresses and not self.address(book, state, candidate):
            reason = f"no address for {self.channel}"
        return Stop(Outcome.SUPPRESSED, reason) if reason else PASS

    def quiet_hours(self, book: RuleBook, state: State, candidate: Candidate) -> Verdict:
        for hours in book.policy.quiet_hours:
            if not hours.concern(self.purpose, self.channel):
                continue
            until = _quiet_until(book, state, hours, candidate.at)
            if until:
                return Defer(f"quiet hours until {iso(until)}", until)
        return PASS

    def caps(self, book: RuleBook, state: State, candidate: Candidate) -> Verdict:
        for cap in book.policy.caps:
            if not counts(cap, self.purpose, self.channel):
                continue
            since = _window_start(book, state, cap, candidate.at)
            sent = sum(1 for one in state.sent if one.at >= since and counts(cap, one.purpose, one.channel))
            if sent >= cap.limit:
                return Stop(Outcome.CAPPED, f"cap of {cap.limit} per {_window(cap)}{_scope(cap)} is reached")
        return PASS


def forbidden(policy: Policy, scope: Scope, purpose: str, channel: str) -> str:
    """Why the policy lets nothing of the purpose reach the customer by the channel: suppression, or no consent; ""."""
    for name in ("all", purpose):
        expression = on_channel(policy.suppress.get(name), channel)
        if expression and expression.test(scope):
            return f"suppressed for {name}: {expression.text}"
    asked = policy.consent.get(purpose)
    consent = on_channel(asked, channel)
    if asked and consent is None:
        return f"no consent to {purpose} by {channel}: policy.yaml names none"
    return f"no consent to {purpose}: {consent.text}" if consent and not consent.test(scope) else ""


def address_of(policy: Policy, scope: Scope, channel: str) -> str:
    """The customer's address on the channel, by the policy's expression; "" if there is none."""
    expression = policy.addresses.get(channel)
    if expression is None:
        return ""
    value = expression.test(scope)
    return str(value) if value not in (MISSING, None, "", False) else ""


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


def counts(cap: Cap, purpose: str, channel: str) -> bool:
    """Whether the cap counts outreach of this purpose and channel."""
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
