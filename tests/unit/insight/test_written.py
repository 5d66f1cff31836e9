"""How figures are written for people."""

from engine.insight.experiments.decision import Verdict
from engine.insight.report.content import written
from engine.insight.report.experiment import _between


def test_a_figure_that_rounds_to_zero_from_below_has_no_sign() -> None:
    assert [written(-0.001, "money", "EUR"), written(-0.0001, "share"), written(-0.4, "count")] == [
        "0.00 EUR",
        "0.0 %",
        "0",
    ]
    assert [written(-0.0001, "number"), written(-0.25, "money")] == ["0.000", "-0.25"]


def test_two_shares_are_not_said_to_differ_by_more_than_everybody() -> None:
    few = Verdict(difference=-0.133, low=-3.98, high=3.71, e_value=0.989, ready=False)
    assert _between(few) == "-100.00% to +100.00%"
    assert _between(Verdict(0.0, -0.01, -0.00001, 1.0, True)) == "-1.00% to +0.00%"
