"""Runs of journeys: how many a customer has at a time, when the next may begin, and what each keeps."""

from engine.core.state.codec import encode_state
from engine.model import Outcome
from engine.testing import Simulator
from tests.support.journeys import ENDS, ONBOARDING, START, journey, outcomes


def test_a_run_takes_about_seventy_bytes() -> None:
    sim = Simulator(journey(ONBOARDING))
    sim.event("signup", "0d", id="s-100042")
    state = sim.states["c-1"]
    with_run = len(encode_state(state))
    state.rules["j"].runs = []
    assert with_run - len(encode_state(state)) <= 80


def test_a_second_start_while_the_first_run_is_open_is_suppressed() -> None:
    sim = Simulator(journey(ONBOARDING))
    sim.event("signup", "0d")
    sim.event("signup", "1d")
    assert outcomes(sim, *ENDS, Outcome.SUPPRESSED) == ["0d entered", "1d suppressed"]
    assert sim.outcomes[-1].reason == "is on the journey already, since 2026-01-01T00:00:00Z"


def test_reentry_counts_from_the_entry() -> None:
    book = journey("[{ send: hello }, { wait: 20d }, { send: tips }]", "reentry: after 30d")
    sim = Simulator(book, strict=True)
    for at in ("0d", "29d", "30d"):
        sim.event("signup", at)
    assert outcomes(sim, Outcome.ENTERED) == ["0d entered", "30d entered"]


def test_reentry_is_given_back_to_a_run_that_ends_before_it_has_reached_the_customer() -> None:
    book = journey("[{ wait: 5d }, { send: hello }]", "reentry: once\nexit: { event: closed }")
    sim = Simulator(book, strict=True)
    sim.event("signup", "0d")
    sim.event("closed", "1d")
    sim.event("signup", "2d")
    sim.run("10d")
    sim.event("signup", "20d")
    assert outcomes(sim, Outcome.ENTERED, Outcome.SUPPRESSED) == ["0d entered", "2d entered", "20d suppressed"]


def test_one_run_per_order_each_ended_by_its_own_refund() -> None:
    book = journey(
        "[{ wait: 10d }, { send: review }]",
        "match: order_id\nexit: { event: refund, match: order_id }",
        when="{ event: buy }",
    )
    sim = Simulator(book, strict=True)
    for at, order in (("0d", "a"), ("1d", "b"), ("2d", "c")):
        sim.event("buy", at, order_id=order)
    sim.event("refund", "3d", order_id="b")
    sim.run("30d")
    assert [(one.at - START) // 86_400_000 for one in sim.outreach] == [10, 12]


def test_a_customer_has_at_most_32_runs_of_a_journey() -> None:
    book = journey("[{ wait: 10d }, { send: review }]", "match: order_id", when="{ event: buy }")
    sim = Simulator(book)
    for number in range(40):
        sim.event("buy", "1d", order_id=f"o-{number}")
    sim.event("buy", "1d")
    assert len(sim.states["c-1"].rules["j"].runs) == 32
    assert sim.outcomes[-2].reason == "32 runs are open, one per order_id"
    assert sim.outcomes[-1].reason == "the event has no order_id"


def test_a_sign_up_that_comes_after_the_end_of_its_own_order_alone_begins_nothing() -> None:
    sim = Simulator(journey(ONBOARDING, "match: sku\nexit: { event: buy, match: sku }"), strict=True)
    sim.event("signup", "0h", sku="nut", plan="x")
    sim.event("buy", "2h", sku="tea")
    sim.event("signup", "1h", arrives="3h", sku="tea", plan="x")
    sim.event("signup", "1h", arrives="4h", sku="oil", plan="x")
    assert outcomes(sim, Outcome.ENTERED, Outcome.SUPPRESSED) == ["0d entered", "0d3h suppressed", "0d4h entered"]
