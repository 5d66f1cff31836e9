"""Whole histories of points against the oracle: every value at every moment, every change, and books that balance."""

from collections.abc import Callable
from random import Random

import pytest

from engine.core.expr import compile_expression
from engine.core.expression import NEVER
from engine.core.points.view import next_change, value
from engine.core.scope import Scope
from engine.core.state.points import Ledger
from tests.support.books import DAY, HOUR
from tests.support.drive import Customers, through_crashes
from tests.support.examples import so_many
from tests.support.points_oracle import CATALOG, SPANS, Oracle, book_of, edited, history, terms

BOOKS, HISTORIES = 60, 35
PARTS = ("balance", "pending", "expires_at", "expiring")


def sometimes(random: Random) -> Callable[[], bool]:
    return lambda: random.random() < 0.3


def values(customers: Customers, at: int) -> list[int]:
    state = customers.states["c-1"]
    zone = customers.book.policy.zones.of(state.profile)
    found = [value(state, "stars", part, at, zone) for part in PARTS]
    return found + [value(state, "stars", "earned", at, zone, span) for span in SPANS]


def expected(oracle: Oracle, at: int) -> list[int]:
    then = oracle.look(at)
    return [then.balance, then.pending, *then.next_end, *(then.earned(span) for span in SPANS)]


def told(customers: Customers) -> list[tuple[str, int]]:
    events = [one.event.properties for one in customers.outreach if one.event]
    assert [one["balance"] for one in events] == _running([one["delta"] for one in events])
    return [(one["reason"], one["delta"]) for one in events]


def _running(deltas: list[int]) -> list[int]:
    return [sum(deltas[: place + 1]) for place in range(len(deltas))]


def balances(ledger: Ledger) -> bool:
    """Earned less taken back, spent and expired is what is there."""
    return ledger.balance == sum(lot.left for lot in ledger.lots) - ledger.debt


def agree(customers: Customers, oracle: Oracle, random: Random, seed: str) -> None:
    at = customers.clock + random.choice((0, 0, 1, 1000, HOUR, 3 * DAY, 12 * DAY, 50 * DAY))
    assert values(customers, at) == expected(oracle, at), f"{seed}, at {at}"
    assert told(customers) == oracle.told, seed
    ledger = customers.states["c-1"].points.get("stars", Ledger())
    assert balances(ledger), seed
    assert sum(delta for _, delta in oracle.told) == ledger.balance, seed


@pytest.mark.parametrize("part", range(10))
def test_every_point_is_where_the_customers_history_says(part: int) -> None:
    """21,000 histories: late, doubled and out of order, refunds before purchases, other zones, other rules."""
    for number in range(so_many(BOOKS)):
        chosen = Random(f"points {part} {number}")
        made, lateness = terms(chosen), chosen.choice((0, 0, 2 * HOUR, 2 * DAY))
        book = book_of(made, lateness)
        for _ in range(HISTORIES):
            seed = chosen.random()
            random = Random(seed)
            customers, oracle = Customers(book, reload=sometimes(random)), Oracle(made, lateness)
            edits = random.random() < 0.3
            for event in history(random):
                customers.tell(event)
                oracle.tell(event)
                if edits and random.random() < 0.2:
                    new = edited(oracle.terms, random)
                    customers.meet(book_of(new, lateness))
                    oracle.meet(new)
                if random.random() < 0.3:
                    agree(customers, oracle, random, f"part {part}, book {number}, history {seed}")
            later = customers.clock + random.choice((HOUR, 20 * DAY, 400 * DAY))
            customers.until(later)
            oracle.pass_time(later)
            agree(customers, oracle, random, f"part {part}, book {number}, history {seed}")


def test_a_value_changes_at_no_moment_that_was_not_announced() -> None:
    for number in range(so_many(600)):
        random = Random(f"changes {number}")
        customers = Customers(book_of(terms(random))).tell(*history(random))
        state, at = customers.states["c-1"], customers.clock
        zone = customers.book.policy.zones.of(state.profile)
        for part, span in [*((part, 0) for part in PARTS), *(("earned", span) for span in SPANS)]:
            moment, before = at, value(state, "stars", part, at, zone, span)
            while (coming := next_change(state, "stars", part, moment, zone, span)) < 2**53:
                assert value(state, "stars", part, coming - 1, zone, span) == before, (number, part, coming)
                moment, before = coming, value(state, "stars", part, coming, zone, span)
            assert value(state, "stars", part, moment + 3000 * DAY, zone, span) == before, (number, part)


def test_a_condition_over_points_says_to_the_millisecond_until_when_it_holds() -> None:
    for number in range(so_many(600)):
        random = Random(f"conditions {number}")
        customers = Customers(book_of(terms(random))).tell(*history(random))
        state, at = customers.states["c-1"], customers.clock
        part = random.choice(("balance", "pending", "expiring", "earned('5d')", "earned('40d')", "earned('40d')"))
        text = f"points.stars.{part} {random.choice(('>=', '>', '<', '<=', '==', '!='))} {random.randint(-5, 30)}"
        expression, problems = compile_expression(text, CATALOG, frozenset())
        assert expression, problems
        while True:
            holds, moment = expression.until(Scope(state, None, at))
            assert holds == bool(expression.test(Scope(state, None, at))), (number, text, at)
            if moment == NEVER:
                break
            assert bool(expression.test(Scope(state, None, moment - 1))) == holds, (number, text, moment)
            assert bool(expression.test(Scope(state, None, moment))) != holds, (number, text, moment)
            at = moment
        assert bool(expression.test(Scope(state, None, at + 3000 * DAY))) == holds, (number, text)


def test_batches_crashes_and_reloads_change_nothing() -> None:
    for number in range(so_many(120)):
        random = Random(f"partition {number}")
        made = history(random, 30)
        book = book_of(terms(random))
        customers = Customers(book).tell(*made)
        end = customers.clock + 500 * DAY
        fired = through_crashes(random, book, made, end, cache_size=1)
        assert fired == customers.until(end).fired, f"partition {number}"


def test_the_books_of_customers_beyond_every_bound_balance_too() -> None:
    for number in range(so_many(40)):
        random = Random(f"busy {number}")
        customers = Customers(book_of(terms(random)), reload=sometimes(random))
        for event in history(random, 400):
            customers.tell(event)
            ledger = customers.states["c-1"].points.get("stars", Ledger())
            assert balances(ledger), f"busy {number}"
            assert all(0 <= lot.used <= lot.points for lot in ledger.lots), f"busy {number}"
        told(customers.until(customers.clock + 500 * DAY))
