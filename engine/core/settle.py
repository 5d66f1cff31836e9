"""From firings to effects and outcomes: candidates of one customer compete, are judged, and the verdicts are applied.

`decide` makes a `Settling` when something may fire. Guards and actions only return what shall happen; only `Settling`
writes it into state and decision.
"""

from bisect import insort
from collections.abc import Iterable

from engine.core import exits
from engine.core.actions.send import counts
from engine.core.book import Rule, RuleBook
from engine.core.effects import Decision, Effect, effect_id
from engine.core.experiments.model import EXPOSED, exposed_event, own_variants
from engine.core.expression import NEVER
from engine.core.facts import Fact
from engine.core.firing import Candidate, Firing
from engine.core.guards import Defer, Later, Pass, Stop, Verdict, judge
from engine.core.journeys import conduct, credit
from engine.core.journeys.runs import next_moment
from engine.core.points import record as points
from engine.core.role import Role
from engine.core.segments.follow import fall_due
from engine.core.state.model import Deferred, Run, Sent, Slot, State, Timer
from engine.core.state.rearm import own, silence
from engine.model import Event, Outcome, OutcomeRecord, Outreach

GUEST_RETENTION = 3_600_000
"""How long (1 h, in ms) the state of an identified guest without events is kept. The partitions of an un-keyed topic
are read in no common order, so a guest's older events may come after the identification; without it they would arm."""
MAX_SENT_REMEMBERED = 50
"""Outreach remembered for caps that may be added later; outreach that a cap of the book counts is always remembered.
Without it a rule that fires daily without a cap would grow every state."""


def forget_sent(book: RuleBook, state: State, now: int) -> None:
    """Drop outreach that no cap can count any more."""
    if state.sent and state.sent[0].at <= now - book.sent_span:
        state.sent = [sent for sent in state.sent if sent.at > now - book.sent_span]


def soonest_due(book: RuleBook, state: State) -> int:
    """The soonest moment anything of this customer can become due, 0 for never."""
    found = (forgotten_at(book, state) or NEVER) if book.policy.forget_after or state.known is not None else NEVER
    for slot in state.rules.values():
        if slot.parked is not None:
            continue
        for timer in slot.timers:
            if (due := timer.due) < found and due:
                found = due
        if slot.runs:
            found = _soonest_run(slot.runs, found)
    if state.segments:
        for membership in state.segments.values():
            if (due := membership.due) < found and due and not membership.parked:
                found = due
    if state.deferred or state.points:
        found = _soonest_deferred_or_points(book, state, found)
    return found if found != NEVER else 0


def _soonest_run(runs: list[Run], found: int) -> int:
    """The moment found, or a sooner one of these runs."""
    for run in runs:
        if (due := next_moment(run) if run.ahead else run.due) < found and due:
            found = due
    return found


def _soonest_deferred_or_points(book: RuleBook, state: State, found: int) -> int:
    """The moment found, or a sooner one of deferred firings or points."""
    for deferred in state.deferred:
        if deferred.rule in book.by_id and deferred.due < found:
            found = deferred.due
    for id_, ledger in state.points.items():
        if ledger.due and ledger.due < found and id_ in book.points:
            found = ledger.due
    return found


def forgotten_at(book: RuleBook, state: State) -> int:
    """The moment at which the customer is forgotten if nothing happens, 0 for never."""
    if state.identified and not state.events:
        return state.identified + GUEST_RETENTION
    forget_after = book.policy.forget_after
    return last + forget_after if forget_after and (last := _last_activity(book, state)) else 0


def _last_activity(book: RuleBook, state: State) -> int:
    """The newest event time, without the events that rules have made; 0: there was none."""
    if not book.made:
        return state.last
    return max([memory.last for name, memory in state.events.items() if name not in book.made], default=0)


class Settling:
    """One customer's firings within one decision. Made only when something may fire."""

    __slots__ = ("book", "customer", "decision", "state")

    def __init__(self, book: RuleBook, state: State, customer: str, decision: Decision) -> None:
        self.book = book
        self.state = state
        self.customer = customer
        self.decision = decision

    def fire(self, due: int, at: int) -> bool:
        """Settle all that is due at that moment, the soonest; it happens `at`. False: only forgetting the customer is.

        Points, then segments come first: the conditions of what else is due at that instant see them as they are from
        then on.
        """
        state = self.state
        changes = points.fall_due(self.book, state, self.customer, due) if state.points else None
        if changes:
            self.decision.derived += changes
        moves = fall_due(self.book, state, self.customer, due, at) if state.segments else None
        if self.book.timed and (changes is not None or moves is not None):
            refresh(self.book.timed, state, due)
        candidates = self.hear(moves, due, at) if moves else []
        timers, runs = self._due(due, candidates)
        for rule, timer in timers:
            firing = rule.trigger.on_due(state, timer)
            if firing is not None:
                candidates.append(Candidate(rule, rule.action, firing, self.customer, at))
            if state.known is not None and (slot := state.rules.get(rule.id)) is not None:
                silence(state, slot)  # the guest may have become known while this was still to come
        if state.deferred:
            candidates += self._due_deferred(due, at)
        if runs:
            candidates += [step for rule, run in runs if (step := conduct.go_on(self, rule, run, due, at)) is not None]
        if candidates:
            self.settle(candidates)
        if moves:
            self.decision.derived += moves
        return bool(candidates or runs or timers) or moves is not None or changes is not None

    def hear(
        self, moves: list[Event], horizon: int, at: int, told: tuple[Role, Event] | None = None
    ) -> list[Candidate]:
        """What comes of moves of segments, besides what their events do, and of an event that is `told` with them.

        The event's exits are done. All of it ends rules and runs before any of it lets a run go on or a rule come true.
        """
        roles = [(role, move) for move in moves if not (role := self.book.role_of_move(move)).idle]
        for role, move in roles:
            for rule, fact in role.exits:
                self.exit(rule, fact, move, at, told[1].time if told else move.time)
        heard = [told, *roles] if told else roles
        steps = conduct.hear(self, [(role.runs, event) for role, event in heard if role.runs is not None], at)
        ended = frozenset[str]().union(*(role.ended for role, _ in heard))
        return steps + [one for role, event in heard for one in react(role, self.state, event, horizon, at, ended)]

    def _due(self, due: int, led: list[Candidate]) -> tuple[list[tuple[Rule, Timer]], list[tuple[Rule, Run]]]:
        """Timers, and runs but those that a move has `led` to a step that is due at once."""
        by_id = self.book.by_id
        timers: list[tuple[Rule, Timer]] = []
        runs: list[tuple[Rule, Run]] = []
        for rule_id, slot in self.state.rules.items():
            if slot.parked is not None:
                continue
            for timer in slot.timers:
                if timer.due == due:
                    timers.append((by_id[rule_id], timer))
            for run in slot.runs:
                if next_moment(run) == due and not any(run is one.run for one in led):
                    runs.append((by_id[rule_id], run))
        return timers, runs

    def _due_deferred(self, due: int, at: int) -> list[Candidate]:
        by_id = self.book.by_id
        ready = [one for one in self.state.deferred if one.due == due and one.rule in by_id]
        self.state.deferred = [one for one in self.state.deferred if one not in ready]
        return [one for one in (self._again(by_id[deferred.rule], deferred, at) for deferred in ready) if one]

    def _again(self, rule: Rule, deferred: Deferred, at: int) -> Candidate | None:
        """The candidate of a deferred firing, unless an end that another rule book has brought was before it is due."""
        candidate = self.candidate_again(rule, deferred, at)
        over = exits.over(rule, self.state, candidate.firing, deferred.due)
        if over:
            self.record(candidate, Outcome.SUPPRESSED, over)
        return None if over else candidate

    def candidate_again(self, rule: Rule, deferred: Deferred, at: int) -> Candidate:
        """The candidate of a deferred firing."""
        firing = Firing(deferred.occurrence, deferred.moment, deferred.event, deferred.reason, deferred.until)
        return Candidate(rule, rule.action, firing, self.customer, at, first_try=False)

    def exit(self, rule: Rule, fact: Fact, event: Event, at: int, caused: int) -> None:
        """Disarm the rule if the event ends it, and suppress its firings that quiet hours hold."""
        for deferred in exits.end(rule, fact, self.state, event, caused):
            self.apply(self.candidate_again(rule, deferred, at), Stop(Outcome.SUPPRESSED, f"ended by {fact.text}"))
        if rule.action.journey is not None:
            conduct.end_all(self, rule, fact, event, at)

    def settle(self, candidates: list[Candidate]) -> None:
        """Judge the candidates of one instant, by priority, then by the order of the files, and apply each verdict.

        Each verdict is applied before the next candidate is judged: its guards must see what has happened.
        """
        if len(candidates) > 1:
            candidates.sort(key=_rank)
        for place, candidate in enumerate(candidates, 1):  # the next steps of journeys join during the loop
            following = self.apply(candidate, judge(self.book, self.state, candidate))
            if following is not None:
                insort(candidates, following, lo=place, key=_rank)

    def apply(self, candidate: Candidate, verdict: Verdict) -> Candidate | None:
        """Apply a verdict: act, record, defer or hold out. The next step of a journey that is due now, or None."""
        if candidate.action.journey is not None and candidate.run is None and isinstance(verdict, Pass):
            following = conduct.enter(self, candidate)
            self._expose(candidate)
            return following
        self._carry_out(candidate, verdict)
        return conduct.after_step(self, candidate, verdict) if candidate.step is not None else None

    def _carry_out(self, candidate: Candidate, verdict: Verdict) -> None:
        if isinstance(verdict, Pass):
            self._act(candidate)
            self._expose(candidate)
        elif isinstance(verdict, Stop):
            self.record(candidate, verdict.outcome, verdict.reason)
            self._expose(candidate, verdict.exposed)
        elif isinstance(verdict, Defer):
            self._defer(candidate, verdict)
        elif isinstance(verdict, Later):
            self._defer(candidate, verdict)
            self._expose(candidate)
        else:
            self._count(candidate)
            self.record(candidate, Outcome.HELD_OUT, verdict.reason)
            self._expose(candidate, verdict.exposed)

    def _expose(self, candidate: Candidate, experiments: tuple[str, ...] | None = None) -> None:
        """Note the customer's first exposure to these experiments; None: to all that rule or step reads.

        It is told with the outcome that was recorded last, and as an event.
        """
        if not self.book.catalog.experiments or not candidate.experiments or experiments == ():
            return
        own = own_variants(self.book, self.state, candidate)
        known = self.state.exposed
        for id_ in experiments or own:
            if known.get(id_) == own[id_]:
                continue
            known[id_] = self.decision.outcomes[-1].exposed[id_] = own[id_]
            event_id = effect_id(f"{EXPOSED} {id_}", candidate.customer, own[id_])
            self.decision.derived.append(exposed_event(id_, own[id_], candidate, event_id))

    def _defer(self, candidate: Candidate, verdict: Defer | Later) -> None:
        firing, rule = candidate.firing, candidate.rule
        over = exits.over(rule, self.state, firing, verdict.until) if candidate.run is None else ""
        if over:
            self.record(candidate, Outcome.SUPPRESSED, over)
            return
        if isinstance(verdict, Later):
            self._count(candidate)
        event = firing.event if rule.needs.reads.event else None
        self.record(candidate, Outcome.DEFERRED, verdict.reason, until=verdict.until)
        if candidate.run is not None:
            return  # the run itself waits
        self.state.deferred.append(
            Deferred(verdict.until, rule.id, firing.occurrence, firing.moment, event, firing.reason, firing.until)
        )

    def _act(self, candidate: Candidate) -> None:
        effects = candidate.action.effects(self.book, self.state, candidate)
        if candidate.first_try or not candidate.action.waits:
            self._count(candidate)
        if candidate.run is not None:
            candidate.run.sent.append(candidate.step_name)
        decision, outreach, reason = self.decision, "", candidate.firing.reason
        for effect in effects:
            if isinstance(effect, Outreach):
                outreach = effect.id
                decision.effects.append(effect)
                credit.note(candidate)
                continue
            reason = f"{reason}; made {effect.event.type}"
            if effect.event.customer == candidate.customer:
                decision.derived.append(effect.event)
            else:
                decision.effects.append(effect)
        self.record(candidate, candidate.action.outcome, reason, outreach)

    def _count(self, candidate: Candidate) -> None:
        """Remember the firing for reentry and caps."""
        rule, state = candidate.rule, self.state
        slot = state.rules.get(rule.id)
        if slot is None:
            slot = state.rules[rule.id] = Slot()
        self.decision.fired_before.setdefault(rule.id, slot.fired)
        at = candidate.at if candidate.run is None else max(candidate.run.began, slot.fired_at)
        slot.remember_fired(at, rule.reentry.after > 0)
        sent = candidate.action.counted(candidate.at)
        if sent is not None:  # even without a cap: one that is added next week counts it
            state.sent.append(sent)
            if len(state.sent) > MAX_SENT_REMEMBERED:
                self._forget_spare(state.sent)

    def _forget_spare(self, sent: list[Sent]) -> None:
        caps = self.book.policy.caps
        spare = next((old for old in sent if not any(counts(cap, old.purpose, old.channel) for cap in caps)), None)
        if spare is not None:
            sent.remove(spare)

    def record(self, candidate: Candidate, outcome: Outcome, reason: str, outreach: str = "", until: int = 0) -> None:
        """Add an outcome to the decision. What ends a run is recorded with the step at which the customer stood."""
        self.decision.outcomes.append(
            OutcomeRecord(
                at=candidate.at,
                customer=candidate.customer,
                rule=candidate.rule.id,
                occurrence=candidate.firing.occurrence,
                outcome=outcome,
                reason=reason,
                revision=self.book.revision,
                outreach=outreach,
                until=until,
                step=candidate.run.step if candidate.run is not None else "",
            )
        )


def react(role: Role, state: State, event: Event, horizon: int, at: int, ended: frozenset[str]) -> list[Candidate]:
    """Let the rules that an event concerns arm, disarm and come true; what came true are candidates at `at`.

    `ended`: the rules that the event, or a move that it brings, has ended. What it begins of them stays.
    """
    candidates = []
    slots, guest = state.rules, state.known is not None
    for rule, on_event, code in role.reactions:
        firing = on_event(state, event, horizon)
        slot = slots.get(rule.id)
        if slot is not None and (
            (slot.kind != code and (slot.timers or slot.memory)) or slot.cancelled or slot.exits or guest
        ):
            _put_right(rule, slot, state, guest, event.time if rule.id in ended else 0, horizon)
        if firing is not None:
            candidates.append(Candidate(rule, rule.action, firing, event.customer, at))
    return candidates


def refresh(rules: Iterable[Rule], state: State, now: int) -> None:
    """Let rules follow segments and points, which may have changed at `now`."""
    for rule in rules:
        rule.trigger.refresh(state, now)
        slot = state.rules.get(rule.id)
        if slot is not None:
            _put_right(rule, slot, state, state.known is not None)


def _put_right(rule: Rule, slot: Slot, state: State, guest: bool, begun: int = 0, horizon: int = 0) -> None:
    """Disarm what the reaction must not have armed: the rule has been ended, or the guest is known by now."""
    own(rule, slot)
    exits.apply(rule, slot, state, (begun,))
    if guest:
        silence(state, slot, horizon)


def _rank(candidate: Candidate) -> tuple[int, int]:
    return (-candidate.action.priority, candidate.rule.order)


def retract(decision: Decision, effect: Effect, reason: str) -> None:
    """Turn a firing whose effect cannot be written into outcome `failed`; caps and reentry no longer count it."""
    decision.effects.remove(effect)
    if decision.state is not None:
        _uncount(decision, decision.state, effect)
    for outcome in decision.outcomes:
        about = (outcome.rule, outcome.occurrence, outcome.step) == (effect.rule, effect.occurrence, effect.step)
        if about and outcome.outcome in (Outcome.FIRED, Outcome.EMITTED):
            outcome.outcome, outcome.reason, outcome.outreach = Outcome.FAILED, reason, ""


def _uncount(decision: Decision, state: State, effect: Effect) -> None:
    """Let caps, reentry, the run and goals forget an effect that the decision has no more."""
    if isinstance(effect, Outreach) and (sent := Sent(effect.at, effect.purpose, effect.channel)) in state.sent:
        state.sent.remove(sent)
    slot = state.rules.get(effect.rule)
    if slot is None:
        return
    again = any(other.rule == effect.rule for other in decision.effects)
    if not again and effect.rule in decision.fired_before:
        slot.fired = decision.fired_before[effect.rule]
    for run in slot.runs:
        if run.occurrence == effect.occurrence and effect.step in run.sent:
            run.sent.remove(effect.step)
    credit.retract(slot, effect.occurrence, effect.step)
