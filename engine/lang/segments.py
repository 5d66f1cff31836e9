"""The grammar of `segments`, and how they are compiled, in the order in which they depend on each other."""

import ast
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, NamedTuple

from msgspec.structs import replace
from pydantic import Field, model_validator

from engine.core.catalog import Catalog, SegmentForm
from engine.core.durations import text_of
from engine.core.expr.syntax import tree_of
from engine.core.expression import Needs, needs_of_all
from engine.core.scope import NO_LEVEL
from engine.core.segments.model import MOVE_TYPES, Keep, Level, Segment
from engine.core.state.model import IN
from engine.lang.fields import READ_ID, Expr, ReadId, matching, span_of
from engine.lang.form import NotNull, Parsed, Strict, named, refuse, said
from engine.lang.site import Site

_KEEPS = {"end of year": Keep(years=1), "end of next year": Keep(years=2)}
_LEVEL = matching(READ_ID, "bad-id", "the name of a level", "a small letter, then small letters, digits and _")


def _level(value: Any) -> str:
    name = str(_LEVEL.parse(value))
    if name == NO_LEVEL:
        refuse("bad-id", f"a level can't be called '{NO_LEVEL}'", "that is what a customer outside of all levels has")
    return name


def _keep(value: Any) -> Keep:
    if isinstance(value, str) and value in _KEEPS:
        return _KEEPS[value]
    if isinstance(value, str) and not any(char.isdigit() for char in value):
        refuse("bad-duration", f"{said(value)} is not a time to keep", f"write {', '.join(_KEEPS)}, or such as 365d")
    return Keep(span=span_of(value))


LevelName = Annotated[str, Parsed(_level, _LEVEL.schema)]
KeepField = Annotated[
    Keep, Parsed(_keep, {"anyOf": [{"enum": [*_KEEPS]}, {"type": "string", "pattern": r"^(\d+(ms|s|m|h|d|w) ?)+$"}]})
]


class SegmentFields(Strict):
    """A group that customers are in as long as a condition holds, or that has levels."""

    label = "segment"
    id: ReadId = Field(description="Permanent name of the segment; rename with `was`.")
    why: str = Field("", description="One sentence: what the segment is for.")
    was: list[ReadId] = Field([], description="Former ids of this segment.")
    condition: Expr = Field("", alias="if", description="Customers are in it as long as this holds.")
    levels: Annotated[dict[LevelName, Expr], Field(min_length=1)] = Field(
        {}, description="Level -> what must hold, from the lowest; the highest that holds counts."
    )
    keep: Annotated[KeepField | None, NotNull()] = Field(
        None, description="How long a level is kept at least: a duration, end of year, or end of next year."
    )

    @classmethod
    def lacks(cls, given: Set[str]) -> tuple[str, str] | None:
        return None if given & {"if", "levels"} else ("segment needs 'if' or 'levels'", "")

    @model_validator(mode="after")
    def _one_of_each(self) -> "SegmentFields":
        given = self.model_fields_set & {"condition", "levels"}
        if len(given) == 2:
            refuse("bad-value", "segment has both 'if' and 'levels'", "make one segment of each", "levels")
        if self.keep and not self.levels:
            refuse("bad-value", "'keep' holds levels, and this segment has none", "give it levels, or drop it", "keep")
        return self


def forms(written: Iterable[Any]) -> dict[str, SegmentForm]:
    """What others may read of the segments, as they are written, right or wrong: one mistake is to be reported once."""
    return {id_: SegmentForm(levels, "keep" in each) for id_, each, levels in named(written, "levels")}


def with_segments(catalog: Catalog, segments: Mapping[str, SegmentForm]) -> Catalog:
    """The catalogue with the segments, and the events that they make."""
    return replace(catalog, segments=dict(segments), events=catalog.events | MOVE_TYPES) if segments else catalog


def with_measures(catalog: Catalog, segments: Iterable[Segment]) -> Catalog:
    """The catalogue, where segments are noted of which can be said what is missing for the next level."""
    found = {each.id: replace(catalog.segments[each.id], measured=True) for each in segments if each.measured}
    return replace(catalog, segments=catalog.segments | found) if found else catalog


class _Draft(NamedTuple):
    """A segment whose expressions are compiled, at its place."""

    site: Site
    fields: SegmentFields
    levels: tuple[Level, ...]
    needs: Needs


def compile_segments(written: Sequence[tuple[Site, SegmentFields]]) -> tuple[Segment, ...]:
    """The segments, those that others read first; problems are reported at their places."""
    drafts = {fields.id: _draft(site, fields) for site, fields in written}
    read = {id_: sorted(draft.needs.reads.segments & drafts.keys()) for id_, draft in drafts.items()}
    try:
        order = [*TopologicalSorter(read).static_order()]
    except CycleError as error:
        circle = error.args[1][::-1]  # each is read by the one before it
        site = drafts[circle[0]].site.at("id")
        site.report("segment-circle", f"segment {circle[0]} depends on itself: {' -> '.join(circle)}")
        return ()
    done: dict[str, Segment] = {}
    for id_ in order:
        if drafts[id_].levels:
            done[id_] = _segment(drafts[id_], [done[other].mark for other in read[id_] if other in done])
    return tuple(done.values())


def _draft(site: Site, fields: SegmentFields) -> _Draft:
    texts = fields.levels or {IN: fields.condition}
    places = {name: site.at("levels", name) if fields.levels else site.at("if") for name in texts}
    levels = []
    for name, text in texts.items():
        condition = places[name].expression(text, ())
        if condition is None:
            continue
        levels.append(Level(name, condition))
        if condition.ticks:
            message, help = "this changes every second", "compare a score with a number, as in scores.alive < 0.5"
            places[name].report("changing-score", message, help)
        if made := sorted(condition.needs.reads.types & MOVE_TYPES.keys()):
            help = "read the other segment itself, as in segments.vip"
            places[name].report("segment-circle", f"a segment can't depend on {made[0]}, which segments make", help)
    _check_heights(site.at("levels"), levels)
    return _Draft(site, fields, tuple(levels), needs_of_all(level.condition for level in levels))


def _check_heights(site: Site, levels: Sequence[Level]) -> None:
    """Warn of a level that nobody has, as the one above it asks for no more of the same number."""
    limits = [_limit(level.condition.text) for level in levels]
    for lower, upper, level, above in zip(limits, limits[1:], levels, levels[1:], strict=False):
        if lower and upper and lower[:2] == upper[:2] and lower[2] >= upper[2]:
            message = f"nobody has this level: '{above.name}' above it asks for no more"
            site.at(level.name).report("hidden-level", message, "list the levels from the lowest")


def _limit(text: str) -> tuple[str, type[ast.cmpop], float] | None:
    """What a level compares with a number from which on it holds, how, and the number; None if it does not."""
    match tree_of(text):
        case ast.Compare(
            left=left, ops=[ast.GtE() | ast.Gt() as order], comparators=[ast.Constant(int() | float() as n)]
        ):
            return ast.dump(left), type(order), n
    return None


def _segment(draft: _Draft, read: list[int]) -> Segment:
    """`read`: the marks of the segments that it reads."""
    site, fields, levels, needs = draft
    if needs.reads.scores and site.catalog.scores:
        read.append(site.catalog.scores.fit)
    keep = fields.keep
    kept = [keep.years, text_of(keep.span)] if keep else None
    return Segment(
        fields.id,
        levels,
        needs,
        keep=keep,
        plain=not fields.levels,
        why=fields.why,
        was=tuple(fields.was),
        definition=json.dumps([[[level.name, level.condition.text] for level in levels], kept, *read]),
    )
