"""A history decided again: what cannot be decided is left out, wherever it is tried."""

from engine.core.seen import OF_RULES
from engine.core.triggers.event import OnEvent
from engine.model import Event
from engine.replay.comparison import Arrived, Comparison, Recorded
from engine.replay.moment_search import MomentSearch, groups
from engine.replay.one_customer import OneCustomer
from engine.worker.context import Rules
from tests.support.books import START, Plain, book, event, rule

BOOK = book(rule(OnEvent("receipt", event="buy")))


def test_an_event_for_an_unknown_customer_that_is_tried_before_its_turn_ends_no_replay() -> None:
    bought = Arrived(event("buy", START), START, "shop", "shop/0@0")
    made = Event("m-1", "visit", "c-1", START, source=OF_RULES)
    derived = Arrived(made, START + 1, "derived", "derived/0@0")
    recorded = [Recorded(START + 2, "gone", "o-1", "", BOOK.revision, b"{}")]
    customer, found = OneCustomer("c-1", {BOOK.revision: Rules(BOOK, Plain())}, BOOK.revision, []), Comparison()
    MomentSearch(customer, [bought, derived], groups(recorded), found, one_topic=False).through()
    assert found.kinds == {"not recorded": 1, "not decided again": 1}
