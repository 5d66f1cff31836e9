"""`engine experiment plan`: how many weeks an experiment takes, and what it cannot answer."""

import json

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.errors import UsageError


def test_a_plan_says_how_many_weeks_an_experiment_takes() -> None:
    ran = CliRunner().invoke(app, ["experiment", "plan", "--conversion", "5", "--per-week", "2000", "--json"])
    told = json.loads(ran.stdout)
    assert (told["customers"], told["weeks"]) == (31_247, 16)
    assert told["lift_found"]["13"] == pytest.approx(0.22, abs=0.01)
    wrong = CliRunner().invoke(app, ["experiment", "plan", "--conversion", "5", "--per-week", "9", "--shares", "90/90"])
    assert "expected two percentages" in str(wrong.exception)


def test_a_plan_for_revenue_and_one_for_few_customers() -> None:
    revenue = ["--mean", "5", "--deviation", "20", "--buyers", "10", "--per-week", "1000", "--json"]
    told = json.loads(CliRunner().invoke(app, ["experiment", "plan", *revenue]).stdout)
    assert (told["customers"], told["weeks"]) == (29_354, 30)
    few = ["experiment", "plan", "--conversion", "5", "--per-week", "100"]
    told = json.loads(CliRunner().invoke(app, [*few, "--json"]).stdout)
    assert told["lift_found"]["1"] is None
    assert "after  1 week:  too few customers for any lift" in CliRunner().invoke(app, few).stdout


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--conversion", "60", "--lift", "100"], "60 % can become 100 % at most, a lift of 66.67"),
        (["--conversion", "5", "--lift", "nan"], "expected percent, at least 0.01"),
        (["--conversion", "5", "--lift", "1e-300"], "expected percent, at least 0.01"),
        (["--conversion", "5", "--shares", "nan/5"], "expected two percentages"),
        (["--mean", "5", "--deviation", "inf", "--buyers", "5"], "must be above 0, and at most 1e+12"),
    ],
)
def test_a_plan_for_what_cannot_be_says_why(asked: list[str], message: str) -> None:
    ran = CliRunner().invoke(app, ["experiment", "plan", "--per-week", "100", *asked])
    assert isinstance(ran.exception, UsageError)
    assert message in str(ran.exception)
