"""How many bytes a customer with three armed timers and fifty events takes in the store."""

import pytest

from engine.core.policy import Policy
from engine.core.state.codec import encode_state
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.model import Event
from tests.support.books import DAY, HOUR, START, book, event, expression, rule
from tests.support.drive import Customers

TYPES = ("visit", "visit", "visit", "cart", "buy")
LAST_MONTH = expression(
    "events.buy.sum('amount', '30d')", lambda scope: True, windows=frozenset({("buy", "amount", 30 * DAY)})
)
SHORT, UUID = "e{:06}", "6f1ed002-ab59-4b3f-8d6e-0000000{:05}"


def fifty_events(gap: int, ids: str) -> list[Event]:
    """A trial first, a cart last, and between them visits, carts and purchases, `gap` apart."""
    events = [event("trial", START, id=ids.format(0), ends=START + 300 * DAY)]
    for n in range(1, 50):
        type = TYPES[n % 5] if n < 49 else "cart"
        events.append(event(type, START + n * gap, id=ids.format(n), amount=19.9, cart_id=f"cart-{n // 5}"))
    return events


@pytest.mark.parametrize(
    ("what", "gap", "ids", "asks", "bound"),
    [
        ("a few events a week", 2 * DAY, SHORT, False, 360),
        ("a few events a week, and sums of the last month", 2 * DAY, SHORT, True, 450),
        ("all fifty within the dedupe window, short ids", 20 * 60_000, SHORT, False, 1_300),
        ("all fifty within the dedupe window, UUIDs", 20 * 60_000, UUID, False, 2_800),
    ],
)
def test_a_customer_with_three_timers_and_fifty_events_takes_little_room(
    what: str, gap: int, ids: str, asks: bool, bound: int
) -> None:
    rules = book(
        rule(Inactivity("win-back", of=frozenset({"buy", "visit"}), after=14 * DAY)),
        rule(Abandoned("cart-abandoned", after="cart", without=frozenset({"buy"}), within=HOUR)),
        rule(TrialExpiring("trial-ending", before=3 * DAY), **({"needs": LAST_MONTH.needs} if asks else {})),
        policy=Policy(),
    )
    state = Customers(rules).tell(*fifty_events(gap, ids)).states["c-1"]
    size = len(encode_state(state))
    print(f"{what}: {size} bytes")
    assert sum(1 for slot in state.rules.values() for timer in slot.timers if timer.due) == 3
    assert size <= bound


@pytest.mark.parametrize(("after", "left"), [(20 * HOUR, ["6f1e"]), (DAY, [])])
def test_of_a_customer_who_falls_silent_no_id_is_kept_for_longer_than_repeats_count(
    after: int, left: list[str]
) -> None:
    rules = book(rule(Inactivity("win-back", of=frozenset({"buy"}), after=after)), policy=Policy())
    customers = Customers(rules).tell(event("buy", START, id="6f1e")).until(START + after)
    assert list(customers.states["c-1"].seen) == left
    assert len(customers.outreach) == 1
