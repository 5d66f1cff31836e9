"""A journey as an indented list of rows, in the order of the file, for pictures of it.

`engine show` draws the rows. Nothing here decides anything.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from engine.core.actions.send import Send
from engine.core.journeys.steps import Act, Journey, Step, Wait

Mark = Literal["send", "emit", "wait", "if", "then", "else", "stop"]


class Row(msgspec.Struct, frozen=True):
    """One step, or the head of a branch. `condition`: what must hold for it; "": nothing."""

    depth: int
    mark: Mark
    name: str = ""
    text: str = ""
    condition: str = ""


def outline(journey: Journey) -> list[Row]:
    """All steps; those of a branch are one deeper than its head."""
    return list(_rows(journey.first, None, 0))


def _rows(step: Step | None, until: Step | None, depth: int) -> Iterator[Row]:
    """The steps from one on, up to where the branches meet again."""
    while step is not until:
        if step is None:
            yield Row(depth, "stop", text="the journey is over")
            return
        yield from _row(step, depth)
        step = step.next


def _row(step: Step, depth: int) -> Iterator[Row]:
    if isinstance(step, Act):
        sends = step.action.sends
        text = "; ".join(_message(send, step.name) for send in sends)
        condition = step.condition.text if step.condition is not None else ""
        yield Row(
            depth, "send" if sends else "emit", step.name, text or ", ".join(sorted(step.action.makes)), condition
        )
    elif isinstance(step, Wait):
        yield Row(depth, "wait", step.name, _wait(step), step.condition.text if step.condition is not None else "")
        if step.fact is not None:
            yield from _branch(step.answered, step.next, "then", f"{step.fact.text} came", depth)
            yield from _branch(step.over, step.next, "else", f"it did not within {step.length.text}", depth)
    else:
        yield Row(depth, "if", text=step.condition.text)
        yield from _branch(step.yes, step.next, "then", "it holds", depth)
        yield from _branch(step.no, step.next, "else", "it does not", depth)


def _message(send: Send, name: str) -> str:
    template = f"template {send.template}, " if send.template != name else ""
    return f"{template}{send.channel}, {send.purpose}"


def _branch(first: Step | None, until: Step | None, mark: Mark, text: str, depth: int) -> Iterator[Row]:
    rows = list(_rows(first, until, depth + 1))
    if rows:
        yield Row(depth, mark, text=text)
        yield from rows


def _wait(step: Wait) -> str:
    if step.fact is None:
        return step.length.text
    about = f" about {step.about}" if step.about else ""
    return f"for {step.fact.text}{about}, at most {step.length.text}"
