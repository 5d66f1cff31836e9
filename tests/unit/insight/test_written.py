"""How figures are written for people."""

from engine.insight.report.content import written


def test_a_figure_that_rounds_to_zero_from_below_has_no_sign() -> None:
    assert [written(-0.001, "money", "EUR"), written(-0.0001, "share"), written(-0.4, "count")] == [
        "0.00 EUR",
        "0.0 %",
        "0",
    ]
    assert [written(-0.0001, "number"), written(-0.25, "money")] == ["0.000", "-0.25"]
