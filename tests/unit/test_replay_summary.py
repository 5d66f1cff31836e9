"""What a replay prints at its end."""

from io import StringIO

from rich.console import Console

from engine.cli.summary import show
from engine.model import Outcome
from engine.replay.summary import Summary
from tests.support.journeys import journey


def test_failures_that_are_not_told_one_by_one_are_counted() -> None:
    summary = Summary()
    for number in range(1, 8):
        summary.reasons["j", Outcome.FAILED, f"template t: line {number}"] = number
    said = StringIO()
    show(summary, journey("- send: t"), Console(file=said, width=200), None)
    assert "7 j failed: template t: line 7\n" in said.getvalue()
    assert "line 2" not in said.getvalue()
    assert "3 more failed for other reasons; --outcomes FILE tells all\n" in said.getvalue()
