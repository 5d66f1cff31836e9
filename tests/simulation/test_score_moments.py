"""Score timers against a bisection of the formula: any fit, any zone, purchases in any order, states saved or not."""

from random import Random
from zoneinfo import ZoneInfo

import pytest

from engine.arithmetic.bg_nbd import BgNbd
from engine.arithmetic.pareto_nbd import ParetoNbd
from engine.core.actions.send import Send
from engine.core.book import Rule, RuleBook
from engine.core.catalog import Catalog, EventType
from engine.core.policy import Policy
from engine.core.scores import ScoreModel
from engine.core.state.model import Timer
from engine.core.triggers.score import Score
from engine.core.zones import DAY
from tests.support.books import HOUR, START, event
from tests.support.drive import Customers
from tests.support.falling_scores import falls_at

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")


def any_scores(random: Random) -> ScoreModel:
    model = ParetoNbd if random.random() < 0.7 else BgNbd
    fit = (random.uniform(0.2, 3), random.uniform(1, 20), random.uniform(0.2, 3), random.uniform(1, 20))
    return ScoreModel("buy", ZoneInfo(random.choice(ZONES)), model(*fit), 1)


def any_arrivals(random: Random) -> list[int]:
    """Purchases as they come: mostly in order and at the customer's pace, some on one day, some late."""
    pace, moments = random.choice([6 * HOUR, 2 * DAY, 30 * DAY]), [START]
    for _ in range(random.randrange(14)):
        kind = random.random()
        if kind < 0.2:
            moments.append(random.randrange(moments[0] - 40 * DAY, max(moments)) // 1000 * 1000)
        else:
            moments.append(max(moments) + 1000 * (1 + int(random.expovariate(1000 / pace))))
    return moments


@pytest.mark.parametrize("seed", range(40))
def test_at_every_purchase_each_timer_is_due_when_a_bisection_of_the_formula_says(seed: int) -> None:
    random = Random(seed)
    scores, within, below = any_scores(random), random.choice([0, 0, 26 * 7 * DAY]), random.uniform(0.1, 0.9)
    name = "buys_within" if within else "alive"
    trigger = Score("leaving", scores=scores, score=name, within=within, below=below)
    book = RuleBook(
        (Rule("leaving", trigger, Send("leaving"), arming="x"),),
        Catalog(events={"buy": EventType("buy")}, scores=scores),
        Policy(fresh_for=None),
    )
    customers = Customers(book, reload=lambda: random.random() < 0.5)
    for one in range(12):
        known: list[int] = []
        customer = f"c-{one}"
        for number, moment in enumerate(any_arrivals(random)):
            known.append(moment)
            customers.tell(event("buy", moment, customer=customer, id=f"{one}-{number}"))
            due = falls_at(scores.model, known, below, within, scores.zone)
            fired = {each.occurrence for each in customers.outreach if each.customer == customer}
            waiting = [timer for timer in customers.states[customer].timers("leaving") if timer.due]
            if due is None or str(max(known)) in fired:
                assert not waiting
            else:
                assert due > customers.clock
                assert waiting == [Timer(due, max(known))]
        customers.clock = 0
