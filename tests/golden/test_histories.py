"""States of customers as earlier versions wrote them: they load, and the customers go on, for ever.

Each file has a history, the state it had left when the file was recorded, and what is to come of it. A file is never
changed; a new version of the state adds files.
"""

from datetime import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.core.actions.send import Send
from engine.core.book import Reentry, RuleBook
from engine.core.facts import Fact
from engine.core.policy import Cap, Policy, QuietHours
from engine.core.scope import Missing, Scope, total
from engine.core.state.codec import decode_state, encode_state
from engine.core.state.model import STATE_VERSION, History, State, Timer
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.date import Date
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.milestone import Milestone
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.core.zones import Zones, iso
from engine.model import Event
from tests.support.books import DAY, HOUR, book, expression, rule
from tests.support.drive import Customers

FILES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def spent_lately(scope: Scope) -> float:
    spent = total(scope.state, "buy", "amount", scope.now, 30 * DAY)
    assert not isinstance(spent, Missing)
    return spent


OFTEN = expression(
    "events.buy.sum('amount', '30d') > 50",
    lambda scope: spent_lately(scope) > 50,
    last=frozenset({"buy"}),
    sums=frozenset({("buy", "amount")}),
    windows=frozenset({("buy", "amount", 30 * DAY)}),
)


def rules(revision: str) -> RuleBook:
    """One rule of every kind, and every guard that keeps something in the state."""
    buy, zones = frozenset({"buy"}), Zones("Europe/Berlin", "zone")
    return book(
        rule(Inactivity("win-back", of=frozenset({"buy", "visit"}), after=14 * DAY, keeps_event=True)),
        rule(Abandoned("cart", after="cart", without=buy, within=HOUR, match="cart_id"), action=Send("cart", "push")),
        rule(TrialExpiring("trial", before=3 * DAY, at=time(9), zones=zones), exits=(Fact("subscribed"),)),
        rule(Date("birthday", field="birthday", yearly=True, at=time(10), zones=zones)),
        rule(Milestone("third", event="buy", levels=(3.0,))),
        rule(Milestone("spent", event="buy", property="amount", every=100), action=Send("spent", priority=5)),
        rule(OnEvent("often", event="buy"), condition=OFTEN, needs=OFTEN.needs, reentry=Reentry(after=7 * DAY)),
        policy=Policy(
            zones=zones, quiet_hours=(QuietHours(21 * 60, 8 * 60),), caps=(Cap(2, span=7 * DAY), Cap(1, calendar="day"))
        ),
        revision=revision,
    )


class Recorded(msgspec.Struct):
    """`state` is hex; `fields` are the state's, decoded; `expected` is (time, rule, occurrence) of what is to come."""

    why: str
    history: list[Event]
    clock: int
    state: str
    fields: dict[str, Any]
    future: list[Event]
    until: int
    expected: list[tuple[str, str, str]]


def read(path: Path) -> Recorded:
    return msgspec.json.decode(path.read_bytes(), type=Recorded)


def decoded(state: State) -> dict[str, Any]:
    """Every field that has a value, by name."""
    fields = msgspec.msgpack.decode(encode_state(state))
    return dict(zip(State.__struct_fields__, fields, strict=True))


def as_version_1(state: State) -> dict[str, Any]:
    """What the state says, in the words of version 1."""
    slots = state.rules.items()
    memories = state.events.items()
    histories = {name: memory.history for name, memory in memories if memory.history}
    fields: Any = {
        "version": 1,
        "mark": state.mark,
        "wake": state.wake,
        "last": state.last,
        "tallies": {name: [memory.count, memory.first, memory.last] for name, memory in memories},
        "timers": {rule: [_timer_1(timer) for timer in slot.timers] for rule, slot in slots if slot.timers},
        "seen": state.seen,
        "profile": state.profile,
        "profile_times": state.profile_times,
        "latest": {name: history.latest for name, history in histories.items() if history.latest},
        "sums": {f"{name}.{key}": total for name, history in histories.items() for key, total in history.sums.items()},
        "windows": {name: _window_1(history) for name, history in histories.items() if history.window},
        "memory": {rule: slot.memory for rule, slot in slots if slot.memory is not None},
        "fired": {rule: slot.fired for rule, slot in slots if slot.fired},
        "cancels": {rule: slot.cancelled for rule, slot in slots if slot.cancelled},
        "deferred": state.deferred,
        "sent": [[sent.at, sent.purpose, sent.channel] for sent in state.sent],
    }
    fields = msgspec.to_builtins(fields)
    assert isinstance(fields, dict)
    return fields


def as_version_2_4(state: State) -> dict[str, Any]:
    """What the state says, in the words of versions 2.0 to 2.4."""
    fields = decoded(state)
    for name, memory in state.events.items():
        if memory.history and memory.history.window:
            kept = fields["events"][name][3]
            kept.pop("v", None)
            kept["w"] = _window_1(memory.history)
    return fields


def _window_1(history: History) -> list[Any]:
    numbers = [dict(zip(history.values, each, strict=True)) for each in zip(*history.values.values(), strict=True)]
    return [[time, own] for time, own in zip(history.window, numbers or [{}] * len(history.window), strict=True)]


def _timer_1(timer: Timer) -> list[Any]:
    return [timer.due, timer.since, timer.key, timer.ends or timer.began, timer.event]


def what_comes(customers: Customers, recorded: Recorded) -> list[tuple[str, str, str]]:
    before = len(customers.outreach)
    customers.tell(*recorded.future).until(recorded.until)
    return [(iso(one.at), one.rule, one.occurrence) for one in customers.outreach[before:]]


def loaded(recorded: Recorded, revision: str) -> Customers:
    """The customer as the recorded state knows them, at the recorded time."""
    customers = Customers(rules(revision), reload=lambda: True)
    state = decode_state(bytes.fromhex(recorded.state))
    customers.clock = recorded.clock
    customers.states["c-1"] = state
    customers.wakes = [(state.wake, "c-1")] if state.wake else []
    return customers


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_stored_state_says_what_it_said(path: Path) -> None:
    recorded = read(path)
    state = decode_state(bytes.fromhex(recorded.state))
    version = recorded.fields["version"], recorded.fields.get("minor", 0)
    fields = as_version_1(state) if version < (2, 0) else decoded(state) if version >= (2, 5) else as_version_2_4(state)
    said = recorded.fields.keys() - {"minor"}  # that of the engine that has read it
    assert {name: fields[name] for name in said} == {name: recorded.fields[name] for name in said}
    assert decode_state(encode_state(state)) == state


@pytest.mark.parametrize("revision", ["1" * 12, "2" * 12], ids=["the same rules", "a new revision"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_customer_goes_on_from_a_stored_state(path: Path, revision: str) -> None:
    recorded = read(path)
    customers = loaded(recorded, revision)
    if revision != "1" * 12:
        customers.meet(customers.book)
    assert what_comes(customers, recorded) == recorded.expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recorded_history_replays_the_same(path: Path) -> None:
    recorded = read(path)
    customers = Customers(rules("1" * 12)).tell(*recorded.history).until(recorded.clock)
    assert what_comes(customers, recorded) == recorded.expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_state_written_before_some_field_was_added_loads(path: Path) -> None:
    fields = msgspec.msgpack.decode(bytes.fromhex(read(path).state))
    for length in range(1 if fields[0] == 1 else 2, len(fields)):
        assert decode_state(msgspec.msgpack.encode(fields[:length])).version == STATE_VERSION
