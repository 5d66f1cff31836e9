"""Every error can be raised with what its callers give it, and says it."""

from collections.abc import Iterator
from string import Formatter

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


def kinds(base: type[EngineError]) -> Iterator[type[EngineError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_the_message_of_an_error_shows_nothing_but_its_fields() -> None:
    """A name that is none of them would be found only when somebody must read the message."""
    for kind in kinds(EngineError):
        shown = {name for _, name, _, _ in Formatter().parse(kind.says) if name}
        assert shown <= {*kind._fields} or kind.__str__ is not EngineError.__str__ or not kind._fields, kind
