"""The grammar of `points`, and how they are compiled; `project` does so before segments and rules, which read them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any

from msgspec.structs import replace
from pydantic import Field, model_validator

from engine.core.catalog import Catalog, PointsForm
from engine.core.durations import text_of
from engine.core.expr.kinds import NUMBERS
from engine.core.expression import Expression
from engine.core.points.model import (
    CHANGED,
    CHANGED_TYPE,
    MAX_LINES,
    MAX_POINTS,
    REMEMBERED,
    Earn,
    Expiry,
    Points,
    Spend,
    TakeBack,
)
from engine.core.zones import Zones
from engine.lang.fields import Duration, Expr, Name, ReadId, Span, Value
from engine.lang.form import NotNull, Parsed, Strict, named, refuse, said
from engine.lang.site import Site

_ENDS = {"end of month": "month", "end of year": "year"}


def _to(value: Any) -> str:
    if value not in _ENDS:
        refuse("bad-value", f"{said(value)} is not an end that points can have", f"write {' or '.join(_ENDS)}")
    return _ENDS[value]


To = Annotated[str, Parsed(_to, {"enum": [*_ENDS]})]


class EarnFields(Strict):
    label = "earn"
    event: Name = Field(description="The event that earns.")
    points: Value = Field(description="How many: a number or an expression; rounded down, and never below 0.")
    match: Annotated[Name | None, NotNull()] = Field(
        None, description="The property that names what they were earned with, such as order_id."
    )
    usable_after: Duration = Field(0, description="How long they are pending: seen, but not to be spent.")
    where: Expr = Field("", description="Only events for which this is true.")


class SpendFields(Strict):
    label = "spend"
    event: Name = Field(description="The event that spends.")
    points: Value = Field(description="How many: a number or an expression.")
    where: Expr = Field("", description="Only events for which this is true.")


class TakeBackFields(Strict):
    label = "take_back"
    event: Name = Field(description="The event that takes back, such as a refund.")
    match: Name = Field(description="The property that names what they were earned with.")
    points: Value = Field(description="How many at most: a number or an expression; never more than were earned.")
    within: Span = Field(REMEMBERED, description="How long after the earning they can be taken back; 90d if not given.")
    where: Expr = Field("", description="Only events for which this is true.")


class ExpireFields(Strict):
    label = "expire"
    after: Span = Field(description="How long after the earning they end.")
    to: Annotated[To | None, NotNull()] = Field(None, description="end of month, or end of year: they end then.")


class PointsFields(Strict):
    """Points that customers earn and spend."""

    label = "points"
    id: ReadId = Field(description="Permanent name of the points; rename with `was`.")
    why: str = Field("", description="One sentence: what a point is for, and until when.")
    was: list[ReadId] = Field([], description="Former ids of these points.")
    earn: Annotated[list[EarnFields], Field(min_length=1)] = Field(description="Events that earn points.")
    spend: list[SpendFields] = Field([], description="Events that spend points.")
    take_back: list[TakeBackFields] = Field([], description="Events that take earned points back.")
    expire: Annotated[ExpireFields | None, NotNull()] = Field(None, description="When they end; never if not given.")

    @model_validator(mode="after")
    def _has_codes_enough(self) -> "PointsFields":
        if len(self.earn) > MAX_LINES:
            refuse("bad-value", f"{len(self.earn)} lines earn", f"at most {MAX_LINES} do", "earn")
        return self


def forms(written: Iterable[Any], zones: Zones) -> dict[str, PointsForm]:
    """What others may read of the points, as they are written, right or wrong: one mistake is to be reported once."""
    return {id_: PointsForm(_events(each), zones) for id_, each, _ in named(written, "")}


def _events(written: Mapping[Any, Any]) -> frozenset[str]:
    lines = [
        line for key in ("earn", "spend", "take_back") for line in written.get(key) or () if isinstance(line, dict)
    ]
    return frozenset(line["event"] for line in lines if isinstance(line.get("event"), str))


def with_points(catalog: Catalog, points: Mapping[str, PointsForm]) -> Catalog:
    """The catalogue with the points, and the event that they make."""
    if not points:
        return catalog
    return replace(catalog, points=dict(points), events=catalog.events | {CHANGED: CHANGED_TYPE})


def compile_points(site: Site, fields: PointsFields) -> Points:
    """The points; problems are reported at `site`, their place in the file."""
    earn = [_earn(site.at("earn", index), each) for index, each in enumerate(fields.earn)]
    spend = [_spend(site.at("spend", index), each) for index, each in enumerate(fields.spend)]
    matches = {line.match for line in fields.earn if line.match}
    taken = [_taken(site.at("take_back", index), each, matches) for index, each in enumerate(fields.take_back)]
    expire = Expiry(fields.expire.after, fields.expire.to or "") if fields.expire else None
    _check_pending(site, fields)
    _check_repeats(site, fields)
    return Points(
        fields.id,
        tuple(line for line in earn if line),
        tuple(line for line in spend if line),
        tuple(line for line in taken if line),
        expire,
        fields.why,
        tuple(fields.was),
    )


def check_forgetting(site: Site, fields: PointsFields, forget_after: int | None) -> None:
    """Report points that are forgotten with the customer before they end."""
    if forget_after and (fields.expire is None or fields.expire.after > forget_after):
        message = f"customers who do nothing for {text_of(forget_after)} are forgotten with their points"
        help = "let the points end sooner, or see forget_after in policy.yaml"
        site.at("expire" if fields.expire else "id").report("forgotten-points", message, help, key=bool(fields.expire))


def _earn(site: Site, fields: EarnFields) -> Earn | None:
    event = _event(site, fields.event)
    if fields.match:
        site.at("match").property(event, fields.match)
    points, where = _asked(site, event, fields.points, fields.where)
    return Earn(event, points, fields.match or "", fields.usable_after, where) if points else None


def _spend(site: Site, fields: SpendFields) -> Spend | None:
    event = _event(site, fields.event)
    points, where = _asked(site, event, fields.points, fields.where)
    return Spend(event, points, where) if points else None


def _taken(site: Site, fields: TakeBackFields, matches: Collection[str]) -> TakeBack | None:
    event = _event(site, fields.event)
    site.at("match").property(event, fields.match)
    if fields.match not in matches:
        message = f"nothing is earned with `match: {fields.match}`, so this takes nothing back"
        known = f"it is earned with {', '.join(sorted(matches))}" if matches else "add the same `match` under `earn`"
        site.at("match").report("match-without-earn", message, known)
    points, where = _asked(site, event, fields.points, fields.where)
    return TakeBack(event, fields.match, points, fields.within, where) if points else None


def _event(site: Site, name: str) -> str:
    event = site.at("event").event(name)
    if event == CHANGED:
        help = "name the event that the change comes from"
        site.at("event").report("points-circle", f"{CHANGED} is what points make, and can't change points", help)
    return event


def _asked(site: Site, event: str, points: str, where: str) -> tuple[Expression | None, Expression | None]:
    """The expressions of how many, and for which events."""
    _check_constant(site.at("points"), points)
    number = site.at("points").value(points, {event}, NUMBERS, "points are a number")
    return number, site.at("where").expression(where, {event})


def _check_constant(site: Site, points: str) -> None:
    """Report a number that would always count as none."""
    try:
        number = float(points)
    except ValueError:  # an expression
        return
    if number < 0:
        site.report("bad-value", "points are never below 0", "list what is lost under `spend` or `take_back`")
    elif number < 1:
        site.report("bad-value", "so few points count as none: they are rounded down", "write 1 or more")
    elif not number <= MAX_POINTS:
        site.report("bad-value", "so many points count as none", f"write {MAX_POINTS} at most")


def _check_repeats(site: Site, fields: PointsFields) -> None:
    """Report lines that say the same: every line that applies counts."""
    lines: dict[str, Sequence[Strict]] = {"earn": fields.earn, "spend": fields.spend, "take_back": fields.take_back}
    for name, each in lines.items():
        for index, line in enumerate(each):
            if line in each[:index]:
                message = f"an earlier line of `{name}` says the same, and both count"
                site.at(name, index).report(
                    "counts-twice", message, "take one out, or say in `where` when each applies"
                )


def _check_pending(site: Site, fields: PointsFields) -> None:
    """Report points that end before they can be spent."""
    for index, line in enumerate(fields.earn):
        if fields.expire and line.usable_after >= fields.expire.after:
            message = f"these points end {text_of(fields.expire.after)} after they are earned, before they can be spent"
            site.at("earn", index, "usable_after").report("never-usable", message, "let them end later")
