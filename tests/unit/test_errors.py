"""Every error can be raised with what its callers give it, and says it."""

import pytest

from engine.errors import BadRecord, EngineError, HistoryChanged
from engine.insight.figures.shop import NoPurchases
from engine.insight.figures.trial import NobodyExposed
from engine.insight.recommending import NoItems


@pytest.mark.parametrize("kind", [NoPurchases, NobodyExposed, NoItems])
def test_an_error_without_fields_says_the_message_it_was_given(kind: type[EngineError]) -> None:
    assert str(kind("there is no purchase")) == "there is no purchase"


def test_an_error_may_have_nothing_to_be_given() -> None:
    assert "changed while they were read" in str(HistoryChanged())


def test_fields_that_are_lacking_or_too_many_are_a_fault_of_the_engine() -> None:
    for given in (("code",), ("code", "reason", "more")):
        with pytest.raises(TypeError, match="BadRecord takes code, reason"):
            BadRecord(*given)
