"""The grammar of facts: what `exit` (and in journeys `goal` and `wait`) name, and how they are compiled."""

from collections.abc import Collection, Set
from typing import Annotated, Literal

from pydantic import Field, model_validator

from engine.core.facts import Fact
from engine.lang.fields import Expr, Name
from engine.lang.form import NotNull, OneOrMore, Strict, refuse
from engine.lang.site import Site


class FactFields(Strict):
    """An event, or a move of a segment."""

    label = "fact"
    event: Annotated[str | None, NotNull()] = Field(None, description="An event type.")
    where: Expr = Field("", description="Only events for which this is true.")
    match: Annotated[Name | None, NotNull()] = Field(
        None, description="Only events whose property of this name equals that of the event that began it."
    )
    segment: Annotated[str | None, NotNull()] = Field(
        None, description="A segment that the customer moves in or out of."
    )
    moves: Literal["in", "out", "up", "down", "any"] = Field("in", description="Which way; `in` when not given.")

    @classmethod
    def lacks(cls, given: Set[str]) -> tuple[str, str] | None:
        return None if given & {"event", "segment"} else (f"{cls.label} needs 'event' or 'segment'", "")

    @model_validator(mode="after")
    def _is_one_fact(self) -> "FactFields":
        given = self.model_fields_set
        if {"event", "segment"} <= given:
            refuse("bad-value", f"{self.label} has both 'event' and 'segment'", "keep one of them", "segment")
        wrong = given & ({"where", "match"} if "segment" in given else {"moves"})
        if wrong:
            owner = "event" if "segment" in given else "segment"
            name = min(wrong)
            refuse("unknown-field", f"'{name}' stands beside `{owner}` only", "", name)
        return self

    def build(self, site: Site, began: Collection[str]) -> Fact:
        """The fact; problems are reported at `site`, its place. `began`: the types of the event that begins a run."""
        if self.segment is not None:
            found = site.at("segment").segment(self.segment)
            if self.moves in ("up", "down") and found and not found.levels:
                help = f"write moves: {'in' if self.moves == 'up' else 'out'}"
                site.at("moves").report("bad-value", f"segment {self.segment} has no levels", help)
            return Fact(segment=self.segment, moves=self.moves, levels=found.levels if found else ())
        event = site.at("event").event(self.event or "")
        if self.match:
            _check_match(site.at("match"), self.match, (event,), began)
        return Fact(event, site.at("where").expression(self.where, {event}), self.match or "")


def _check_match(site: Site, name: str, types: Collection[str], began: Collection[str]) -> None:
    if not began:
        site.report("match-without-event", "no event begins this, so there is nothing to match", "leave `match` out")
    for event in sorted({*types, *began}):
        site.property(event, name)


Facts = Annotated[list[FactFields], Field(min_length=1), OneOrMore()]
"""One fact or a list of them."""


def build_facts(site: Site, facts: Collection[FactFields], began: Collection[str]) -> tuple[Fact, ...]:
    """The facts at `site`, which holds one fact or a list."""
    return tuple(fact.build(site.at(index), began) for index, fact in enumerate(facts))
