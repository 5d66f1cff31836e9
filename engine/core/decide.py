"""`decide`: the whole engine as one pure function of a rule book, a customer's state, an input and the time.

Workers, replays and rule tests call it for every input. Event time decides the order for one customer: timers due at or
before the event fire first, then the event is folded in and disarms the timers it disproves, then timers that are still
due by the clock fire. Rejected: buffering events until the allowed lateness has passed, which would order everything
exactly but hold back every receipt; only timers wait.

An event that a rule makes for the same customer happens within the decision, before the next due timer.
"""

from itertools import islice

from engine.core.book import RuleBook
from engine.core.effects import Decision
from engine.core.firing import Candidate
from engine.core.guests import identify
from engine.core.journeys import conduct
from engine.core.points.model import CHANGED
from engine.core.points.record import record
from engine.core.role import Role
from engine.core.seen import OF_RULES, forget, is_duplicate
from engine.core.segments.follow import NO_MOVES, follow, look_ahead
from engine.core.segments.model import MOVE_TYPES
from engine.core.settle import Settling, forget_sent, forgotten_at, react, refresh, soonest_due
from engine.core.state.fold import fold
from engine.core.state.model import State
from engine.core.state.rearm import rearm
from engine.core.zones import DAY
from engine.errors import EndlessEvents, UnknownCustomer
from engine.model import DerivedEvent, Event, Identified, WakeUp

MAX_DERIVED_EVENTS = 100
"""Events that may follow from one that was made. Without it two rules that set off each other would loop for ever."""
NUMBERED = frozenset({*MOVE_TYPES, CHANGED})
"""Event types that are numbered for each customer, so that none can be a repeat."""


def decide(
    book: RuleBook, state: State | None, input: Event | Identified | WakeUp, now: int, present: int = 0
) -> Decision:
    """Decide what one input means for one customer. The state handed in is updated in place.

    An event must be of a type that the book's catalogue declares.

    `now` is the partition's clock, this input included. `present` is the earliest moment anything can happen at:
    wall time on a live clock; on an event clock the clock before this input, so that each timer
    that the clock passes is judged at its own moment.

    `wake` of the returned state says when to call again; a wake-up that comes earlier changes nothing.
    """
    if state is None or state.mark != book.mark:
        state = armed_state(book, state, input, now)
    elif type(input) is WakeUp:
        return wake_up(book, state, input.customer, now, present)
    decision = Decision(state)
    policy = book.policy
    judged_from = present if present < now else now
    horizon = now - policy.allowed_lateness
    if type(input) is WakeUp:
        pass  # it only lets the clock go on
    elif type(input) is Identified:
        state = _identify(book, state, decision, input, horizon, present)
    elif policy.dedupe and is_duplicate(state, input, now, policy.dedupe):
        decision.duplicate = True
    else:
        if state.wake and state.wake <= horizon and state.wake <= input.time:
            state = _pass_time(book, state, decision, input, horizon, present)
        present = now if now > present else present
        at, followed = _changes_at(state, input, now, horizon), len(decision.derived)
        _apply_event(book, book.roles[input.type], state, decision, input, horizon, present, at)
        if len(decision.derived) > followed:
            _apply_derived(book, state, decision, horizon, now, present, at, followed)
    _fire_due_by_clock(book, state, decision, input.customer, horizon, present)
    forget_sent(book, state, judged_from)
    return decision


def wake_up(book: RuleBook, state: State, customer: str, now: int, present: int) -> Decision:
    """`decide` for a wake-up, for a state that this book has armed: its `wake` is the soonest moment that is due."""
    decision, horizon, due = Decision(state), now - book.policy.allowed_lateness, state.wake
    _fire_rest(book, state, decision, customer, horizon, present, due)
    if decision.state is not None and state.wake == due:  # nothing was: after a failure a wake-up is put off
        _fire_due_by_clock(book, state, decision, customer, horizon, present)
    forget_sent(book, state, present if present < now else now)
    if state.seen and book.policy.dedupe:
        forget(state, now - book.policy.dedupe)
    return decision


def decide_event(book: RuleBook, state: State | None, event: Event, now: int, present: int) -> Decision | None:
    """`decide` for an event, faster. None: the state has counted the event and nothing else follows, the usual case."""
    role, policy = book.roles[event.type], book.policy
    if not role.is_simple or present > now:
        return decide(book, state, event, now, present)
    is_new = state is None
    if state is None or state.mark != book.mark:
        state = armed_state(book, state, event, now)
    if state.wake and state.wake <= now - policy.allowed_lateness:
        return decide(book, state, event, now, present)
    decision: Decision | None
    if policy.dedupe and is_duplicate(state, event, now, policy.dedupe):
        decision = Decision(state, duplicate=True)
        _fire_due_by_clock(book, state, decision, event.customer, now - policy.allowed_lateness, now)
    else:
        act = count_and_react if role.only_reacts else move_and_react
        decision = act(book, role, state, event, now)
    if state.sent:
        forget_sent(book, state, present)
    return Decision(state) if is_new and decision is None else decision


def count_and_react(book: RuleBook, role: Role, state: State, event: Event, now: int) -> Decision | None:
    """`decide` for an event whose type rules at most react to (`Role.only_reacts`). None: nothing follows.

    The state must be armed by this book, the event not a repeat, and nothing due by the clock `now`. Most events of a
    history are such; they cost a third of `decide`. The caller must call `forget_sent`.
    """
    fold(role, state, event, now)
    horizon = now - book.policy.allowed_lateness
    candidates = react(role, state, event, horizon, now, role.ended) if role.reactions else None
    if not candidates:
        soonest = soonest_due(book, state)
        if not soonest or soonest > horizon:
            state.wake = soonest
            return None
    return _conclude(book, Decision(state), candidates, event, now)


def count_and_react_roughly(book: RuleBook, role: Role, state: State, event: Event, now: int) -> Decision | None:
    """`count_and_react`, but the state's `wake` may be too early: this saves looking at all timers for most events."""
    horizon, soonest = now - book.policy.allowed_lateness, event.time + role.arms_after
    if soonest <= horizon:
        return count_and_react(book, role, state, event, now)
    fold(role, state, event, now)
    candidates = react(role, state, event, horizon, now, role.ended) if role.reactions else None
    if candidates:
        return _conclude(book, Decision(state), candidates, event, now)
    if not state.wake or soonest < state.wake:
        state.wake = soonest
    return None


def move_and_react(book: RuleBook, role: Role, state: State, event: Event, now: int) -> Decision | None:
    """`count_and_react` for an event that may also move segments and concern journeys (`Role.is_simple`)."""
    horizon = now - book.policy.allowed_lateness
    looks = role.segments if state.events else role.segments_of_new
    if looks and event.time > state.identified:
        at = _changes_at(state, event, now, horizon)
        if at > horizon:
            look_ahead(state, event.customer, looks, at)
        fold(role, state, event, now)
        moves = follow(book, state, event.customer, looks, at, told=event.time, horizon=horizon)
    else:
        fold(role, state, event, now)
        moves = NO_MOVES
    if moves or (role.runs is not None and conduct.is_met(role.runs, state, event)):
        decision = Decision(state)
        candidates = Settling(book, state, event.customer, decision).hear(moves, horizon, now, (role, event))
        return _conclude(book, decision, candidates, event, now, moves)
    candidates = react(role, state, event, horizon, now, role.ended)
    if not candidates:
        soonest = soonest_due(book, state)
        if not soonest or soonest > horizon:
            state.wake = soonest
            return None
    return _conclude(book, Decision(state), candidates, event, now)


def _conclude(
    book: RuleBook,
    decision: Decision,
    candidates: list[Candidate] | None,
    event: Event,
    now: int,
    moves: list[Event] = NO_MOVES,
) -> Decision:
    """Settle an event's candidates, apply the events made by that, and fire what is due."""
    state, horizon = decision.state, now - book.policy.allowed_lateness
    assert state is not None
    if candidates:
        Settling(book, state, event.customer, decision).settle(candidates)
    if moves:
        decision.derived += moves
    if decision.derived:
        _apply_derived(book, state, decision, horizon, now, now, _changes_at(state, event, now, horizon))
    _fire_due_by_clock(book, state, decision, event.customer, horizon, now)
    return decision


def _changes_at(state: State, event: Event, now: int, horizon: int) -> int:
    """When points and segments change with an event: at the newest event's time, between `horizon` and `now`."""
    return now if now == horizon else max(horizon, min(now, max(event.time, state.last)))


def apply_made_events(book: RuleBook, decision: Decision, events: list[Event], now: int, at: int) -> None:
    """Apply events that carrying out the decision has made, such as `coupon_issued`, as part of the decision.

    They are of the decision's customer. `now`: as for `decide`; `at`: the moment at which they were made.
    """
    state, horizon, followed = decision.state, now - book.policy.allowed_lateness, len(decision.derived)
    if state is None or not events:
        return
    decision.derived += events
    _apply_derived(book, state, decision, horizon, now, at, at, followed)
    _fire_due_by_clock(book, state, decision, events[0].customer, horizon, at)


def armed_state(book: RuleBook, state: State | None, input: Event | Identified | WakeUp, now: int) -> State:
    """A state that this book has armed: a new one, or an older one re-armed. Raises UnknownCustomer."""
    if state is None:
        if isinstance(input, Event) and input.source == OF_RULES:
            raise UnknownCustomer(input.type)
        return State(mark=book.mark)
    rearm(book, state, input.customer, now)
    return state


def _identify(book: RuleBook, state: State, decision: Decision, input: Identified, horizon: int, present: int) -> State:
    if state.wake and state.wake <= horizon and state.wake <= input.time:
        state = _pass_time(book, state, decision, input, horizon, present)
    identify(book, state, input, decision, max(present, horizon + book.policy.allowed_lateness))
    return state


def _pass_time(
    book: RuleBook, state: State, decision: Decision, input: Event | Identified, horizon: int, present: int
) -> State:
    """Fire the timers that are due before the event; forget the customer if they were silent for long enough."""
    until = min(input.time, horizon)
    _fire_due(book, state, decision, input.customer, until, horizon, present, soonest_due(book, state))
    if decision.effects or not _is_forgotten(book, state, until):
        return state
    decision.state = State(mark=book.mark, seen=state.seen)
    return decision.state


def _fire_due(
    book: RuleBook, state: State, decision: Decision, customer: str, until: int, horizon: int, present: int, due: int
) -> int:
    """Fire everything due at or before `until`, earliest first; events that a firing makes happen before the next.

    `due` is the soonest due moment, and so is the result.
    """
    settling, followed = Settling(book, state, customer, decision), len(decision.derived)
    lateness = book.policy.allowed_lateness
    while due and due <= until and settling.fire(due, at := max(present, due + lateness)):
        if len(decision.derived) > followed:
            _apply_derived(book, state, decision, due, horizon + lateness, at, due, followed)
            followed = len(decision.derived)
        due = soonest_due(book, state)
    return due


def _apply_derived(
    book: RuleBook,
    state: State,
    decision: Decision,
    settled: int,
    now: int,
    present: int,
    at: int,
    followed: int = 0,
) -> None:
    """Apply the events that rules and segments have made at the instant, in order, skipping the first `followed`.

    The customer's time is `settled` up to then: short of the clock `now` less lateness while timers are still to fire.
    """
    most = MAX_DERIVED_EVENTS * (len(decision.derived) - followed)
    for event in islice(decision.derived, followed, None):  # the list grows during the loop
        if len(decision.derived) - followed > most:
            raise EndlessEvents(event.type, MAX_DERIVED_EVENTS)
        role = book.roles[event.type]
        if event.type not in NUMBERED and is_duplicate(state, event, now, book.policy.dedupe or DAY):
            continue
        if event.type in book.policy.publish:  # a copy: here it has happened already
            decision.effects.append(DerivedEvent("", event.id, event.customer, now, event))
        if role.idle:
            fold(role, state, event, settled + book.policy.allowed_lateness)
        else:
            _apply_event(book, role, state, decision, event, settled, present, at)


def _apply_event(
    book: RuleBook, role: Role, state: State, decision: Decision, event: Event, horizon: int, present: int, at: int
) -> None:
    """Count the event, then change points and segments at `at`, apply exits, and settle what fires."""
    looks = role.segments if state.events else role.segments_of_new
    if at > horizon and looks:
        look_ahead(state, event.customer, looks, at)
    fold(role, state, event, horizon + book.policy.allowed_lateness)
    moves = NO_MOVES
    if role.stands and event.time > state.identified:
        if role.points:
            decision.derived += record(book, role, state, event, at, horizon)
        if looks:
            moves = follow(book, state, event.customer, looks, at, told=event.time, horizon=horizon)
        refresh(role.ends, state, at)
    for rule, fact in role.exits:
        Settling(book, state, event.customer, decision).exit(rule, fact, event, present, event.time)
    if not moves and (role.runs is None or not conduct.is_met(role.runs, state, event)):
        candidates = react(role, state, event, horizon, present, role.ended)
    else:
        candidates = Settling(book, state, event.customer, decision).hear(moves, horizon, present, (role, event))
    if candidates:
        Settling(book, state, event.customer, decision).settle(candidates)
    if moves:
        decision.derived += moves


def _fire_due_by_clock(
    book: RuleBook, state: State, decision: Decision, customer: str, horizon: int, present: int
) -> None:
    """Fire what is still due by the clock, and note the customer's next moment."""
    _fire_rest(book, state, decision, customer, horizon, present, soonest_due(book, state))


def _fire_rest(
    book: RuleBook, state: State, decision: Decision, customer: str, horizon: int, present: int, soonest: int
) -> None:
    if soonest and soonest <= horizon:  # below zero too: moments before 1970
        soonest = _fire_due(book, state, decision, customer, horizon, horizon, present, soonest)
        if not decision.effects and _is_forgotten(book, state, horizon):
            decision.state = None
    state.wake = soonest


def _is_forgotten(book: RuleBook, state: State, until: int) -> bool:
    """Whether the customer was silent for long enough. Callers keep one with effects: templates need the profile."""
    return 0 < forgotten_at(book, state) <= until
