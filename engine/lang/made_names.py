"""Finds comparisons of an event that the engine makes with a name that no such event has, such as unknown points.

`Site.expression` calls it and warns: the condition is right in every other way, but its rule never fires.
"""

import ast
from collections.abc import Collection, Iterator, Mapping

from engine.core.catalog import Catalog
from engine.core.coupons import COUPON_ISSUED
from engine.core.experiments.model import EXPOSED
from engine.core.expr.names import offer
from engine.core.expr.syntax import tree_of
from engine.core.points.model import CHANGED
from engine.core.scope import NO_LEVEL
from engine.core.segments.model import MOVE_TYPES
from engine.core.state.model import IN


def never_met(text: str, types: Collection[str], catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Message and help about each comparison in a valid expression that no event of these types meets."""
    named = _names(types, catalog)
    for part in ast.walk(tree_of(text)) if named else ():
        match part:
            case ast.Compare(
                left=ast.Attribute(value=ast.Name(id="event"), attr=property),
                ops=[ast.Eq() | ast.In()],
                comparators=[ast.Constant() | ast.List() | ast.Tuple() as other],
            ) if property in named:
                label, known = named[property]
                given = [one.value for one in ast.walk(other) if isinstance(one, ast.Constant)]
                if known.isdisjoint(given):
                    message = f"event.{property} is never {' or '.join(map(repr, given))}"
                    yield message, offer(label, known, str(given[0]))


def _names(types: Collection[str], catalog: Catalog) -> Mapping[str, tuple[str, frozenset[str]]]:
    """What a property of all these events names, and the names that there are."""
    if types and MOVE_TYPES.keys() >= set(types):
        levels = {level for each in catalog.segments.values() for level in each.levels or (IN,)}
        reached = "levels", frozenset({NO_LEVEL, *levels})
        return {"segment": ("segments", frozenset(catalog.segments)), "old": reached, "new": reached}
    one: dict[str, tuple[str, str, Collection[str]]] = {
        CHANGED: ("points", "points", catalog.points),
        COUPON_ISSUED: ("coupon", "coupons", catalog.coupons),
        EXPOSED: ("experiment", "experiments", catalog.experiments),  # not compiled yet where points are
    }
    property, label, known = one.get("".join(types), ("", "", ()))
    return {property: (label, frozenset(known))} if known else {}
