"""How points stand, as rule tests ask: `points: [{ 14d: { stars: { balance: 50, pending: 0 } } }]`.

`rule_tests` asks on the way, at each moment that a test names, after everything that has arrived by then.
"""

from collections.abc import Sequence

from engine.core.durations import text_of
from engine.core.points.view import value
from engine.core.state.model import State
from engine.core.zones import iso
from engine.lang.rule_tests import ExpectedPoints, TestCase
from engine.testing.simulator import Simulator


def standing_of(sim: Simulator, customer: str, asked: ExpectedPoints) -> ExpectedPoints:
    """The same parts of the points as they are then; the clock runs to that moment."""
    sim.run(asked.at)
    state = sim.states.get(customer) or State()
    zone = sim.book.policy.zones.of(state.profile)
    parts = {name: value(state, asked.points, name, asked.at, zone) for name in asked.parts}
    return ExpectedPoints(asked.at, asked.points, parts)


def standing_difference(case: TestCase, got: Sequence[ExpectedPoints]) -> list[str]:
    """Lines for a person: each moment at which the points stand otherwise."""
    different = [(want, one) for want, one in zip(case.points, got, strict=True) if want != one]
    return [line for want, one in different for line in (f"  want  {_line(case, want)}", f"  got   {_line(case, one)}")]


def _line(case: TestCase, one: ExpectedPoints) -> str:
    shown = {name: moment(case, part) if name == "expires_at" and part else part for name, part in one.parts.items()}
    parts = [f"{name}: {part}" for name, part in shown.items()]
    return "  ".join([f"{moment(case, one.at):>8}  points {one.points}", *parts])


def moment(case: TestCase, at: int) -> str:
    """An instant as test files write it: a duration from the start of the test."""
    return text_of(at - case.start) if at > case.start else ("0d" if at == case.start else iso(at))
