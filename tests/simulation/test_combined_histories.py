"""Histories of a shop that has everything at once, against the oracle: every outcome, its moment and its order."""

from pathlib import Path
from random import Random

import pytest

from engine.testing import Simulator
from tests.support.combined_oracle import Oracle
from tests.support.combined_shop import HALF, TEMPLATES, history, terms
from tests.support.examples import so_many
from tests.support.rule_files import NOTE, compiled

BOOKS, HISTORIES = 12, 20
OVER = {"completed", "exited", "goal_reached"}


def outcomes(sim: Simulator) -> list[tuple[float, str, str, str]]:
    """Without goals that are reached after a run: they have an oracle of their own."""
    return [
        ((one.at - sim.start) / HALF, one.rule, "" if one.outcome in OVER else one.step, one.outcome.value)
        for one in sim.outcomes
        if not one.reason.endswith("after the run")
    ]


@pytest.mark.parametrize("part", range(4))
def test_everything_together_comes_out_as_the_documents_say(tmp_path: Path, part: int) -> None:
    """960 histories: late, in zones that change and at clocks that change, with nights, caps and a holdout."""
    compared = 0
    for number in range(so_many(BOOKS)):
        random = Random(f"combined {part} {number}")
        made = terms(random)
        book = compiled(tmp_path, made.files | {f"{name}.email.j2": NOTE for name in TEMPLATES})
        for place in range(HISTORIES):
            customer = f"c-{part}-{number}-{place}"
            sim, oracle = Simulator(book, start=made.start, strict=place % 3 == 0), Oracle(made, customer)
            for told in history(random, made):
                sim.event(
                    told.type,
                    made.start + told.at * HALF,
                    arrives=made.start + told.arrives * HALF,
                    customer=customer,
                    **told.properties,
                )
                oracle.tell(told)
            sim.run(made.start + (oracle.now + 260) * HALF)
            oracle.pass_to(oracle.now + 260)
            if not oracle.meets:
                compared += 1
                assert outcomes(sim) == oracle.found, customer
    assert compared > so_many(BOOKS) * HISTORIES / 2
