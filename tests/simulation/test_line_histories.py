"""Journeys without branches against an oracle: zones, changing clocks, appointments, late events, edits of steps."""

from random import Random

from engine.core.book import RuleBook
from engine.model import Outcome
from engine.testing import Simulator
from tests.support.examples import so_many
from tests.support.journeys import ENDS, loaded
from tests.support.line_oracle import Found, Oracle
from tests.support.lines import DAY, EVENTS, HOUR, Drawn, Line, Told, history

MESSAGES = (Outcome.FIRED, Outcome.EXPIRED, Outcome.SUPPRESSED)


def told(sim: Simulator) -> list[Found]:
    found = [one for one in sim.outcomes if one.outcome in (*MESSAGES, *ENDS)]
    steps = [one.step if one.outcome in MESSAGES else "" for one in found]
    return sorted(
        Found(one.at, one.occurrence, step, one.outcome.value) for one, step in zip(found, steps, strict=True)
    )


def test_who_stands_in_a_journey_goes_on_as_the_documents_say_whatever_is_edited_and_wherever_they_go() -> None:
    for number in range(so_many(100)):
        random = Random(f"lines {number}")
        drawn = Drawn(random)
        line = drawn.line(lateness=random.choice((0, 0, 6 * HOUR)))
        happened = history(random, drawn, line)
        sim, oracle = Simulator(_book(line), start=happened[0].arrives - DAY), Oracle(line)
        for one in happened:
            if isinstance(one, Told):
                sim.deliver(one.event, one.arrives)
                oracle.hear(one.event, one.arrives)
            else:
                sim.run(one.arrives)
                sim.adopt(_book(one.line))
                oracle.adopt(one.line, one.arrives)
        end = happened[-1].arrives + 60 * DAY
        sim.run(end)
        oracle.pass_to(end)
        assert told(sim) == sorted(oracle.found), f"lines {number}"


def _book(line: Line) -> RuleBook:
    return loaded(line.rules, line.policy, EVENTS)
