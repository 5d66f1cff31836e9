"""From firings to outreach and outcomes: what came true for one customer competes, is judged, and is recorded."""

from hashlib import blake2b

from engine.core.book import Rule, RuleBook
from engine.core.effects import Decision
from engine.core.guards import Candidate, Verdict, address, counts, expires_at, judge
from engine.core.scope import Scope
from engine.core.state.model import Deferred, Sent, State
from engine.core.triggers.base import Firing
from engine.model import TRANSACTIONAL, Event, Outcome, OutcomeRecord, Outreach

GUEST_KEPT = 3_600_000
"""How long (ms) a guest stays of whom only is known who they became. What they did before may be read after it, as
the partitions of an un-keyed topic are read in no common order; but the clock waits for the slowest of them."""
MOST_DEFERRED = 100
"""Firings that quiet hours hold back for one customer; what comes on top is suppressed."""
MOST_SENT = 50
"""Outreach remembered for caps that may be added; what a cap of the book counts is remembered however much it is."""


def forget_sent(book: RuleBook, state: State, now: int) -> None:
    """Drop outreach that no cap can count any more."""
    state.sent = [sent for sent in state.sent if sent.at > now - book.sent_span]


def soonest_due(book: RuleBook, state: State) -> int:
    """The soonest moment anything of this customer can become due, 0 for never."""
    soonest = forgotten_at(book, state) if book.policy.forget_after or state.known is not None else 0
    for slot in state.rules.values():
        if slot.parked is not None:
            continue
        for timer in slot.timers:
            if timer.due and (timer.due < soonest or not soonest):
                soonest = timer.due
    for deferred in state.deferred:
        if deferred.rule in book.by_id and (deferred.due < soonest or not soonest):
            soonest = deferred.due
    return soonest


def forgotten_at(book: RuleBook, state: State) -> int:
    """The moment at which the customer is forgotten if nothing happens, 0 for never."""
    if state.identified and not state.events:
        return state.identified + GUEST_KEPT
    forget_after = book.policy.forget_after
    return last + forget_after if forget_after and (last := state.last) else 0


def outreach_id(rule: str, customer: str, occurrence: str) -> str:
    """The same for the same rule, customer and occurrence, for ever: 32 hex digits that reveal nothing."""
    return blake2b(f"{rule}\0{customer}\0{occurrence}".encode(), digest_size=16).hexdigest()


class Settling:
    """One customer's firings within one decision. Made only when something may fire."""

    __slots__ = ("book", "customer", "decision", "state")

    def __init__(self, book: RuleBook, state: State, customer: str, decision: Decision) -> None:
        self.book = book
        self.state = state
        self.customer = customer
        self.decision = decision

    def fire_due(self, until: int, present: int) -> None:
        """Fire everything due at or before `until`, earliest first; what comes due together competes together."""
        while (due := soonest_due(self.book, self.state)) and due <= until:
            at = max(present, due + self.book.policy.allowed_lateness)
            candidates = [*self._due_timers(due, at), *self._due_deferred(due, at)]
            if not candidates:
                return  # only forgetting is due
            self.settle(candidates)

    def _due_timers(self, due: int, at: int) -> list[Candidate]:
        found = []
        for rule_id, slot in list(self.state.rules.items()):
            if slot.parked is not None:
                continue
            for timer in [timer for timer in slot.timers if timer.due == due]:
                rule = self.book.by_id[rule_id]
                found.append(Candidate(rule, rule.trigger.on_due(self.state, timer), self.customer, at))
        return found

    def _due_deferred(self, due: int, at: int) -> list[Candidate]:
        if not self.state.deferred:
            return []
        by_id = self.book.by_id
        ready = [one for one in self.state.deferred if one.due == due and one.rule in by_id]
        self.state.deferred = [one for one in self.state.deferred if one not in ready]
        return [self.again(by_id[one.rule], one, at) for one in ready]

    def again(self, rule: Rule, deferred: Deferred, at: int) -> Candidate:
        """The candidate that was held back."""
        firing = Firing(deferred.occurrence, deferred.moment, deferred.event, deferred.reason, deferred.until)
        return Candidate(rule, firing, self.customer, at, first_try=False)

    def cancel(self, rule: Rule, event: Event, at: int) -> None:
        """Disarm the rule if the event is one that cancels it, and take back what quiet hours hold."""
        cancel = rule.cancel_on
        if cancel is None or (cancel.where and not cancel.where.test(Scope(self.state, event, event.time))):
            return
        slot = self.state.slot(rule.id)
        slot.cancelled = max(event.time, slot.cancelled)
        held = [one for one in self.state.deferred if one.rule == rule.id]
        rule.trigger.cancel(self.state, event.time, held=bool(held))
        for deferred in held:
            self.state.deferred.remove(deferred)
            verdict = Verdict(Outcome.SUPPRESSED, f"cancelled by {event.type}")
            self.record(self.again(rule, deferred, at), verdict)

    def settle(self, candidates: list[Candidate]) -> None:
        """Judge what competes for one instant: by priority, then by the order of the files."""
        for candidate in sorted(candidates, key=_rank):
            verdict = judge(self.book, self.state, candidate)
            if verdict is None:
                self._fire(candidate)
                continue
            if verdict.outcome is Outcome.DEFERRED and len(self.state.deferred) >= MOST_DEFERRED:
                verdict = Verdict(Outcome.SUPPRESSED, f"{MOST_DEFERRED} others wait for the end of the quiet hours")
            self.record(candidate, verdict)
            if verdict.outcome is Outcome.DEFERRED:
                self._defer(candidate, verdict)

    def _defer(self, it: Candidate, verdict: Verdict) -> None:
        firing, rule = it.firing, it.rule
        event = firing.event if rule.needs.reads.event else None
        self.state.deferred.append(
            Deferred(verdict.until, rule.id, firing.occurrence, firing.moment, event, firing.reason, firing.until)
        )

    def _fire(self, it: Candidate) -> None:
        outreach = self._outreach(it)
        rule, state = it.rule, self.state
        slot = state.slot(rule.id)
        self.decision.fired_before.setdefault(rule.id, slot.fired)
        slot.remember_fired(it.at, exactly=rule.reentry.after > 0)
        if rule.send.purpose != TRANSACTIONAL:
            self._remember(Sent(it.at, rule.send.purpose, rule.send.channel))
        self.decision.outreach.append(outreach)
        self.record(it, Verdict(Outcome.FIRED, it.firing.reason), outreach.id)

    def _remember(self, one: Sent) -> None:
        """Whether or not a cap asks: one that is added next week must know of it."""
        sent, caps = self.state.sent, self.book.policy.caps
        sent.append(one)
        if len(sent) > MOST_SENT:
            spare = next((old for old in sent if not any(counts(cap, old.purpose, old.channel) for cap in caps)), None)
            if spare is not None:
                sent.remove(spare)

    def _outreach(self, it: Candidate) -> Outreach:
        rule, send, firing = it.rule, it.rule.send, it.firing
        return Outreach(
            id=outreach_id(rule.id, it.customer, firing.occurrence),
            rule=rule.id,
            occurrence=firing.occurrence,
            customer=it.customer,
            at=it.at,
            moment=firing.moment,
            expires_at=expires_at(self.book, rule, firing),
            channel=send.channel,
            purpose=send.purpose,
            template=send.template,
            revision=self.book.revision,
            reason=firing.reason,
            to=address(self.book, self.state, it),
            event=firing.event,
        )

    def record(self, it: Candidate, verdict: Verdict, outreach: str = "") -> None:
        """Add an outcome to the decision."""
        self.decision.outcomes.append(
            OutcomeRecord(
                at=it.at,
                customer=it.customer,
                rule=it.rule.id,
                occurrence=it.firing.occurrence,
                outcome=verdict.outcome,
                reason=verdict.reason,
                revision=self.book.revision,
                outreach=outreach,
                until=verdict.until,
            )
        )


def _rank(candidate: Candidate) -> tuple[int, int]:
    return (-candidate.rule.send.priority, candidate.rule.order)


def retract(decision: Decision, outreach: Outreach, reason: str) -> None:
    """Turn a firing whose text could not be rendered into outcome `failed`; it counts against no cap and no reentry."""
    decision.outreach.remove(outreach)
    state = decision.state
    if state is not None:
        sent = Sent(outreach.at, outreach.purpose, outreach.channel)
        if sent in state.sent:
            state.sent.remove(sent)
        slot = state.rules.get(outreach.rule)
        again = any(other.rule == outreach.rule for other in decision.outreach)
        if slot is not None and not again and outreach.rule in decision.fired_before:
            slot.fired = decision.fired_before[outreach.rule]
    for outcome in decision.outcomes:
        if outcome.outreach == outreach.id:
            outcome.outcome, outcome.reason, outcome.outreach = Outcome.FAILED, reason, ""
