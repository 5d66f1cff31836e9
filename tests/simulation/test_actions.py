"""Actions beside `send`, defined here: what they make goes through decide, batch, outbox and relay."""

from collections.abc import Sequence

import msgspec
import pytest

from engine.adapters.memory import MemorySink, MemoryStore
from engine.adapters.redis.commit_arguments import encode_outbox, read_outbox
from engine.core.actions.base import Action
from engine.core.actions.send import Send
from engine.core.book import Reentry, Rule, RuleBook
from engine.core.effects import effect_id
from engine.core.firing import Candidate
from engine.core.guards import Guard, HoldOut, Verdict
from engine.core.policy import Cap, Policy
from engine.core.state.model import State
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.errors import EndlessEvents, NoSuchDestination
from engine.model import Event, Outcome
from engine.ports import OUTREACH, Entry, Record
from engine.wire.derived import DERIVED
from engine.worker.partition import Partition
from engine.worker.relay import Relay
from engine.worker.result import Arrival
from tests.support.actions import Tell
from tests.support.books import DAY, HOUR, START, Plain, book, event, rule
from tests.support.drive import Customers

BUY = frozenset({"buy"})


class Control(Send):
    """A message that its whole audience is held out of."""

    @property
    def guards(self) -> tuple[Guard, ...]:
        return *super().guards, _held_out


def _held_out(book: RuleBook, state: State, candidate: Candidate) -> Verdict:
    return HoldOut("control group")


def idle(id: str, action: Action, after: int = DAY) -> Rule:
    return rule(Inactivity(id, of=BUY, after=after), action=action)


def on(id: str, type: str, action: Action | None = None) -> Rule:
    return rule(OnEvent(id, event=type), action=action or Send(id))


def buy(hours: int = 0, **more: str) -> Event:
    return event("buy", START + hours * HOUR, **more)


def outcomes(customers: Customers) -> list[tuple[str, Outcome]]:
    return [(one.rule, one.outcome) for one in customers.outcomes]


def test_an_event_that_a_rule_makes_is_answered_in_the_same_decision() -> None:
    there = Customers(book(idle("lost", Tell("subscribed")), on("hello", "subscribed")))
    there.tell(buy()).until(START + 2 * DAY)
    assert outcomes(there) == [("lost", Outcome.EMITTED), ("hello", Outcome.FIRED)]
    assert [one.moment for one in there.outreach] == [START + DAY], "it happened when it was due"


def test_it_comes_before_the_next_due_timer() -> None:
    rules = book(idle("lost", Tell("cart")), idle("later", Send("later"), DAY + 1), on("left", "cart"))
    there = Customers(rules).tell(buy()).until(START + 9 * DAY)
    assert [one.rule for one in there.outreach] == ["left", "later"]


def test_the_first_made_goes_first_and_what_they_lead_to_comes_after_both() -> None:
    rules = book(
        on("a", "buy", Tell("cart")), on("b", "buy", Tell("trial")), on("c", "cart", Tell("visit")), on("d", "trial")
    )
    there = Customers(rules).tell(buy())
    assert [rule for rule, _ in outcomes(there)] == ["a", "b", "c", "d"]


def test_the_same_event_made_again_adds_nothing() -> None:
    there = Customers(book(on("copy", "buy", Tell("cart")), on("left", "cart")))
    there.tell(buy(id="b-1"), buy(1, id="b-1"))
    made = Event(effect_id("copy", "c-1", "b-1"), "cart", "c-1", START + 2 * HOUR)
    there.tell(made)
    assert [one.rule for one in there.outreach] == ["left"]
    assert there.states["c-1"].events["cart"].count == 1


def test_what_a_rule_makes_keeps_nobody_from_being_forgotten() -> None:
    policy = Policy(fresh_for=None, forget_after=10 * DAY)
    there = Customers(book(idle("lost", Tell("cart"), 9 * DAY), policy=policy))
    there.tell(buy()).until(START + 10 * DAY)
    assert there.states == {}


def test_rules_that_set_off_each_other_are_stopped() -> None:
    rules = book(on("ping", "cart", Tell("visit")), on("pong", "visit", Tell("cart")))
    with pytest.raises(EndlessEvents, match="more than 100 events"):
        Customers(rules).tell(event("cart", START))


def test_reentry_counts_events_that_a_rule_made() -> None:
    once = rule(OnEvent("copy", event="buy"), action=Tell("cart"), reentry=Reentry(once=True))
    there = Customers(book(once)).tell(buy(), buy(1))
    assert outcomes(there) == [("copy", Outcome.EMITTED), ("copy", Outcome.SUPPRESSED)]


def test_a_customer_who_is_held_out_counts_as_one_who_was_written_to() -> None:
    policy = Policy(fresh_for=None, caps=(Cap(1, span=DAY),))
    control = rule(OnEvent("test", event="buy"), action=Control("test", priority=1), reentry=Reentry(once=True))
    there = Customers(book(control, on("other", "buy"), policy=policy)).tell(buy(), buy(1))
    assert outcomes(there) == [
        ("test", Outcome.HELD_OUT),
        ("other", Outcome.CAPPED),
        ("test", Outcome.SUPPRESSED),
        ("other", Outcome.CAPPED),
    ]
    assert there.outreach == []


REFERRAL = book(on("reward", "buy", Tell("subscribed", to="friend")), on("receipt", "buy"))


class Shop:
    """A partition whose worker may die between commit and publishing; store and topics outlive it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.topics = {OUTREACH: MemorySink(), DERIVED: MemorySink()}

    def start(self, *destinations: str) -> Relay:
        self.partition = Partition(0, REFERRAL, self.store, Plain())
        sinks = {name: self.topics[name] for name in destinations or self.topics}
        return Relay(0, self.store, self.partition.outbox, sinks)

    def decide(self, *events: Event) -> Sequence[Entry]:
        at = self.partition.meta.offsets.get("events", 0)
        arrivals = [Arrival(Record("events", 0, at + n, None), one.time, one) for n, one in enumerate(events, 1)]
        [result] = list(self.partition.process(arrivals))[-1:]
        return result.outbox  # type: ignore[union-attr]

    def published(self, name: str) -> list[Entry]:
        return self.topics[name].entries.get(0, [])


def test_an_event_for_another_customer_leaves_by_the_outbox_for_its_own_topic() -> None:
    shop = Shop()
    relay = shop.start()
    relay.publish(1, shop.decide(buy(id="b-1")))
    [made], [receipt] = shop.published(DERIVED), shop.published(OUTREACH)
    assert (made.key, made.id) == ("friend", effect_id("reward", "c-1", "b-1"))
    assert msgspec.json.decode(made.value)["customer"] == "friend"
    assert msgspec.json.decode(receipt.value)["rule"] == "receipt"
    list(shop.partition.advance(START + HOUR))
    assert shop.store.outbox(0) == {}


def test_after_a_crash_each_topic_gets_only_what_it_has_not() -> None:
    shop = Shop()
    shop.start()
    entries = shop.decide(buy(id="b-1"))
    shop.topics[DERIVED].publish(0, [one for one in entries if one.destination == DERIVED])
    assert shop.start().recover() == 1
    assert (len(shop.published(DERIVED)), len(shop.published(OUTREACH))) == (1, 1)


def test_a_worker_without_the_topic_leaves_the_outbox_alone() -> None:
    shop = Shop()
    shop.start()
    shop.decide(buy(id="b-1"))
    with pytest.raises(NoSuchDestination, match="entries for 'derived'"):
        shop.start(OUTREACH).recover()
    assert shop.published(OUTREACH) == []


def test_an_outbox_that_an_older_version_wrote_is_outreach() -> None:
    older = msgspec.msgpack.encode([("o-1", b"text")])
    assert read_outbox({b"7": older}) == {7: [Entry("o-1", b"text", OUTREACH)]}
    fresh = Entry("o-1", b"text", OUTREACH, "c-1", "2026-11-30T10:00:00Z")
    assert encode_outbox([fresh]) == older, "and takes no more room now"


def test_an_older_version_does_not_take_other_entries_for_outreach() -> None:
    stored = encode_outbox([Entry("e-1", b"{}", DERIVED, "friend")])
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(stored, type=list[tuple[str, bytes]])
    assert read_outbox({b"7": stored}) == {7: [Entry("e-1", b"{}", DERIVED, "friend")]}
