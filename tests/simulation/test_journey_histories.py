"""Whole histories against the oracle: random journeys with waits, branches, exits, goals, caps and nights."""

from collections.abc import Sequence
from random import Random

import pytest

from engine.core.book import RuleBook
from engine.core.effects import effect_id
from engine.model import Event, Outcome
from engine.testing import Simulator
from tests.support import oracle_journeys as oracle
from tests.support.drive import Customers
from tests.support.examples import so_many
from tests.support.journeys import ENDS, HOUR, START, loaded
from tests.support.oracle_credit import late_credit
from tests.support.oracle_journeys import Happening, Told, Tree

BLOCKS = 20
JOURNEYS, HISTORIES = so_many(50), 20
"""Per block: 20 * 50 * 20 are 20,000 histories."""
END = 2_000


def lived(tree: Tree, book: RuleBook, history: Sequence[Happening], strict: bool) -> list[Told]:
    sim = Simulator(book, start=START, strict=strict)
    for index, one in enumerate(history):
        at = START + one.hour * HOUR
        sim.deliver(Event(f"e-{index}", one.type, "c-1", at, properties(one)), at)
    sim.run(START + END * HOUR)
    steps = {one.id: one.step for one in sim.outreach}
    found = [
        Told((one.at - START) // HOUR, steps[one.outreach] if one.outreach else "", one.outcome.value)
        for one in sim.outcomes
        if one.outcome in (*ENDS, Outcome.FIRED)
    ]
    assert len({one.id for one in sim.outreach}) == len(sim.outreach)
    return sorted(found, key=lambda one: (one.hour, one.what, one.step))


@pytest.mark.parametrize("block", range(4))
def test_a_journey_goes_on_the_same_by_the_shorter_way_of_a_worker(block: int) -> None:
    random = Random(f"shortly {block}")
    for _ in range(JOURNEYS):
        tree = oracle.tree(random)
        book = loaded(oracle.rules(tree), oracle.policy(tree), oracle.EVENTS)
        for _ in range(5):
            history = oracle.history(random, tree)
            hours = [START + one.hour * HOUR for one in history]
            events = [
                Event(f"e-{index}", one.type, "c-1", at, properties(one))
                for index, (one, at) in enumerate(zip(history, hours, strict=True))
            ]
            there, shortly = (Customers(book, live=True, shortly=way) for way in (lambda: False, lambda: True))
            for way in (there, shortly):
                way.tell(*events).until(START + END * HOUR)
            assert shortly.outcomes == there.outcomes
            assert shortly.states == there.states


def properties(one: Happening) -> dict[str, object]:
    """What the event says."""
    if one.type == "opted":
        return {"opt_in": 1 if one.amount else 0}
    if one.type == "click":
        return {"outreach": effect_id("j", "c-1", f"e-{one.start}", one.step)}
    return {"sku": one.sku, "amount": one.amount}


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_journey_does_what_the_whole_history_says(block: int) -> None:
    random = Random(block)
    for _ in range(JOURNEYS):
        tree = oracle.tree(random)
        book = loaded(oracle.rules(tree), oracle.policy(tree), oracle.EVENTS)
        for number in range(HISTORIES):
            history = oracle.history(random, tree)
            want = oracle.expected(tree, history, END)
            got = lived(tree, book, history, strict=number % 5 == 0)
            assert got == want, f"{oracle.rules(tree)}{oracle.policy(tree)}{history}"


LATENESS = 6


@pytest.mark.parametrize("block", range(BLOCKS))
def test_a_goal_that_comes_late_is_credited_to_the_newest_message_before_it(block: int) -> None:
    random = Random(100 + block)
    for _ in range(JOURNEYS):
        tree = oracle.tree(random)
        tree.match, tree.goal = False, tree.goal or ("buy", 0)
        book = loaded(oracle.rules(tree), f"{oracle.policy(tree)}allowed_lateness: {LATENESS}h\n", oracle.EVENTS)
        for _ in range(HISTORIES // 10):
            credits_of(tree, Simulator(book, start=START), arrivals(random, oracle.history(random, tree)))


def arrivals(random: Random, history: Sequence[Happening]) -> list[tuple[int, int, Happening]]:
    """(arrival, place, event): what is bought comes late, other events at once."""
    late = [random.randint(0, LATENESS) if one.type == "buy" else 0 for one in history]
    found = [(one.hour + hours, place, one) for place, (one, hours) in enumerate(zip(history, late, strict=True))]
    return sorted(found, key=lambda one: one[:2])


def credits_of(tree: Tree, sim: Simulator, comes: Sequence[tuple[int, int, Happening]]) -> None:
    """Compare after each goal."""
    assert tree.goal is not None
    for arrives, place, one in comes:
        before, time = len(sim.outcomes), START + one.hour * HOUR
        reached = {told.occurrence for told in sim.outcomes if told.outcome is Outcome.GOAL_REACHED}
        sim.deliver(Event(f"e-{place}", one.type, "c-1", time, properties(one)), START + arrives * HOUR)
        told = [one for one in sim.outcomes[before:] if one.outcome is Outcome.GOAL_REACHED]
        messages = [(each.at, each.id, each.occurrence) for each in sim.outreach]
        is_goal = one.type == tree.goal[0] and one.amount >= tree.goal[1]
        want = late_credit(messages, reached, tree.within * HOUR, time) if is_goal else ""
        assert [each.outreach for each in told if each.outreach] == [want] * bool(want), (oracle.rules(tree), comes)
