"""The meaning of names: profile fields, the event, and the customer's history of events.

The checker calls it for every path. For a name that the catalogue lacks it reports a list of what exists.
"""

import ast
import difflib
from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from engine.core.catalog import Catalog, Kind, Property as Declared
from engine.core.expr.nodes import (
    BROKEN,
    CustomerId,
    EventPart,
    Field,
    InSegment,
    LastProperty,
    Node,
    Now,
    PointsValue,
    Property,
    Score,
    SegmentLevel,
    SegmentTime,
    StepSent,
    TallyTime,
    Today,
    Variant,
)
from engine.core.expr.syntax import CONSTANTS, SPOKEN, last_name
from engine.core.points.view import PARTS

Report: TypeAlias = Callable[[str, str, ast.expr, str], None]
"""Takes code, message, place and help."""

_OF_TIME = {"now": "profile.trial_ends_at > now", "today": 'today >= "2026-12-01"'}
ROOTS = ("profile", "event", "events", "customer", "segments", "points", "scores", "experiments", "steps", *_OF_TIME)
_EVENT_PARTS = {"time": Declared("time", "time"), "type": Declared("type", "string"), "id": Declared("id", "string")}
_PARTS = 'count(), count("7d"), sum("amount"), sum("amount", "30d"), last.<property>, last.time, first.time'
_WHERE_VARIANTS = "only templates, and the `if` of a rule or of a step that sends or emits, read experiments"
POINTS_PARTS = 'balance, pending, earned("365d"), expiring, expires_at'
_OF_STEPS = "only a journey's steps can read 'steps', and only those that sent something before them"
SCORES = 'the scores are scores.alive and scores.buys_within("39w")'


class Names:
    """Resolves the names of one expression, and reports those it can't resolve."""

    def __init__(
        self, catalog: Catalog, event_types: frozenset[str], report: Report, steps: frozenset[str] = frozenset()
    ) -> None:
        self._steps_before = steps
        self._catalog = catalog
        self._event_types = event_types
        self._report = report

    def value(self, node: ast.Name | ast.Attribute) -> Node:
        """The meaning of a path such as `profile.country`."""
        steps = self._steps(node)
        if not steps:
            return BROKEN
        root, *rest = steps
        match root.id:
            case "now" | "today":
                return self._of_time(root, rest)
            case "customer":
                kind = self._declared("customer", root, rest, {"id": Declared("id", "string")})
                return CustomerId() if kind else BROKEN
        meanings: dict[str, Callable[[ast.Name, list[ast.Name]], Node]] = {
            "profile": self._field,
            "event": self._event,
            "events": self._history,
            "scores": self._score,
            "segments": self._segment,
            "points": self._points,
            "experiments": self._variant,
            "steps": self._step,
        }
        return meanings.get(root.id, self._unknown_root)(root, rest)

    def _broken(self, code: str, message: str, at: ast.expr, help_: str) -> Node:
        self._report(code, message, at, help_)
        return BROKEN

    def _steps(self, node: ast.expr) -> list[ast.Name]:
        """The names of a path, root first; empty if the path may not be read."""
        steps: list[ast.Name] = []
        while isinstance(node, ast.Attribute):
            steps.insert(0, last_name(node))
            node = node.value
        if not isinstance(node, ast.Name):
            self._broken("expression-forbidden", "this has no parts", node, f"paths begin with {', '.join(ROOTS)}")
            return []
        steps.insert(0, node)
        for step in steps:
            if step.id.startswith("_"):
                help_ = "names that begin with an underscore can't be read"
                self._broken("expression-forbidden", f"'{step.id}' is not allowed", step, help_)
                return []
        return steps

    def _unknown_root(self, root: ast.Name, rest: list[ast.Name]) -> Node:
        if root.id == "coupons":
            return self._broken("unknown-root", "expressions can't read coupons", root, "templates show them")
        paths = [f"{owner}.{root.id}" for owner in self._owners(root.id)]
        paths = paths or [meant for word, meant in CONSTANTS.items() if word == root.id.lower()]
        help_ = f"did you mean {' or '.join(paths)}?" if paths else offer("an expression can read", ROOTS, root.id)
        if root.id.lower() in SPOKEN:
            help_ = f"write {SPOKEN[root.id.lower()]}; a text needs quotes: '{root.id}'"
        elif not (paths or rest or difflib.get_close_matches(root.id, ROOTS, 1)):
            help_ += f"; a text needs quotes: '{root.id}'"
        return self._broken("unknown-root", f"'{root.id}' is not known here", root, help_)

    def _owners(self, name: str) -> list[str]:
        """The roots that have something of this name."""
        catalog = self._catalog
        owners: dict[str, Collection[str]] = {
            "profile": catalog.profile,
            "event": self._properties(),
            "events": catalog.events,
            "segments": catalog.segments,
            "points": catalog.points,
            "experiments": catalog.experiments,
        }
        return [owner for owner, has in owners.items() if name in has]

    def _step(self, root: ast.Name, rest: list[ast.Name]) -> Node:
        known = self._steps_before
        if not known:
            return self._broken("unknown-step", "there is no step before this", root, _OF_STEPS)
        match [step.id for step in rest]:
            case [name, "sent"] if name in known:
                return StepSent(name)
            case [name, *_] if name in known:
                return self._broken(
                    "unknown-property", f"step {name} has 'sent' only", rest[-1], f"write steps.{name}.sent"
                )
            case [name, *_]:
                message = f"'{name}' is not a step before this one"
                return self._broken("unknown-step", message, rest[0], offer("steps", known, name))
        return self._broken("unknown-step", "'steps' alone is not a value", root, offer("steps", known))

    def _field(self, root: ast.Name, rest: list[ast.Name]) -> Node:
        kind = self._declared("profile", root, rest, self._catalog.profile)
        return Field(rest[0].id, kind) if kind else BROKEN

    def _event(self, root: ast.Name, rest: list[ast.Name]) -> Node:
        if not self._event_types:
            help_ = "no event leads to this decision; use profile.<field> or events.<type>.last.<property>"
            return self._broken("unknown-root", "there is no event here", root, help_)
        if self._event_types.isdisjoint(self._catalog.events):
            # The rule names an unknown event, which is reported there.
            return BROKEN
        kind = self._declared("event", root, rest, self._properties())
        if not kind:
            return BROKEN
        name = rest[0].id
        return EventPart(name, kind) if name in _EVENT_PARTS else Property(name, kind)

    def _properties(self) -> dict[str, Declared]:
        """All properties the root `event` may have. A name that two types declare differently is of kind `any`."""
        merged: dict[str, Declared] = {}
        for type_ in sorted(self._event_types & self._catalog.events.keys()):
            for name, declared in self._catalog.events[type_].properties.items():
                known = merged.setdefault(name, declared)
                if known.kind != declared.kind:
                    merged[name] = Declared(name, "any")
        return merged | _EVENT_PARTS if self._event_types else {}

    def _declared(
        self, owner: str, at: ast.Name, rest: list[ast.Name], declared: Mapping[str, Declared]
    ) -> Kind | None:
        """The kind of `<owner>.<name>`, where `rest` is one declared name."""
        code, what = ("unknown-profile-field", "fields") if owner == "profile" else ("unknown-property", "properties")
        match [step.id for step in rest]:
            case []:
                self._report(code, f"'{owner}' alone is not a value", at, offer(what, declared))
            case [name] if name in declared:
                return declared[name].kind
            case [name, part, *_] if name in declared:
                self._report(code, f"'{owner}.{name}' is a value and has no '{part}'", rest[1], offer(what, declared))
            case [name, *_]:
                self._report(
                    code, f"'{name}' is not one of the {what} of {owner}", rest[0], offer(what, declared, name)
                )
        return None

    def _of_time(self, root: ast.Name, rest: list[ast.Name]) -> Node:
        if not rest:
            return Now() if root.id == "now" else Today(self._catalog.zones)
        message = f"'{root.id}' is a value and has no parts"
        return self._broken("unknown-property", message, rest[0], f"write {_OF_TIME[root.id]}")

    def _segment(self, root: ast.Name, rest: list[ast.Name]) -> Node:
        known = self._catalog.segments
        if not self._is_known(root, rest, "unknown-segment", "segments", known, "there is no segment '{}'"):
            return BROKEN
        match [step.id for step in rest]:
            case [name]:
                return SegmentLevel(name, known[name].levels) if known[name].levels else InSegment(name)
            case [name, "since"]:
                return SegmentTime(name, "since")
            case [name, "kept_until"] if known[name].keeps:
                return SegmentTime(name, "kept_until")
            case [name, "next"] if known[name].keeps:
                return SegmentLevel(name, known[name].levels, next=True)
        parts = known[rest[0].id].parts
        message = f"'{rest[-1].id}' is not a part of segment {rest[0].id}"
        if rest[1].id in ("kept_until", "next") and len(rest) == 2:
            message = f"segment {rest[0].id} has no `keep`, so it has no '{rest[1].id}'"
        return self._broken("unknown-property", message, rest[-1], offer("parts", parts, rest[-1].id))

    def _points(self, root: ast.Name, rest: list[ast.Name]) -> Node:
        if not self._known_points(root, rest):
            return BROKEN
        name = rest[0].id
        match [step.id for step in rest[1:]]:
            case [part] if part in PARTS:
                kind: Kind = "time" if part == "expires_at" else "integer"
                return PointsValue(name, part, self._catalog.points[name].zones, kind=kind)
            case []:
                message, place = f"'{name}' alone is not a value", rest[0]
            case ["earned", *_]:
                message, place = "'earned' must be called", rest[1]
            case [part, *_]:
                message, place = f"'{part}' is not a part of points", rest[1]
        return self._broken("unknown-property", message, place, f"points.{name} has {POINTS_PARTS}")

    def _known_points(self, root: ast.Name, rest: list[ast.Name]) -> bool:
        known, code = self._catalog.points, "unknown-points"
        return self._is_known(root, rest, code, "points", known, "there are no points '{}'")

    def _is_known(
        self, root: ast.Name, rest: list[ast.Name], code: str, what: str, known: Collection[str], message: str
    ) -> bool:
        """Whether the path names one of these; reported if not."""
        if not rest:
            self._report(code, f"'{root.id}' alone is not a value", root, offer(what, known))
        elif rest[0].id not in known:
            name = rest[0].id
            self._report(code, message.format(name), rest[0], offer(what, known, name))
        else:
            return True
        return False

    def _variant(self, root: ast.Name, rest: list[ast.Name]) -> Node:
        known = self._catalog.experiments
        match [step.id for step in rest]:
            case [name] if name in known:
                return Variant(known[name])
            case []:
                message, place = "'experiments' alone is not a value", root
            case [name, part, *_] if name in known:
                message, place = f"'experiments.{name}' is a value and has no '{part}'", rest[1]
            case [name, *_]:
                message, place = f"there is no experiment '{name}'", rest[0]
                message = message if known else f"'experiments.{name}' is not known here"
        help_ = offer("experiments", known, place.id) if known else _WHERE_VARIANTS
        return self._broken("unknown-experiment", message, place, help_)

    def _history(self, root: ast.Name, rest: list[ast.Name]) -> Node:
        if not self._known_type(root, rest):
            return BROKEN
        type_ = rest[0].id
        match [step.id for step in rest[1:]]:
            case ["last" | "first" as which, "time"]:
                return TallyTime(type_, which)
            case ["last", *_]:
                properties = self._catalog.events[type_].properties | {"time": _EVENT_PARTS["time"]}
                kind = self._declared(f"events.{type_}.last", rest[1], rest[2:], properties)
                return LastProperty(type_, rest[2].id, kind) if kind else BROKEN
            case ["first", *_]:
                message, place = "only the time of the first event is known", rest[-1]
            case ["count" | "sum" as call, *_]:
                message, place = f"'{call}' must be called", rest[1]
            case []:
                message, place = f"'{type_}' alone is not a value", rest[0]
            case [part, *_]:
                message, place = f"'{part}' is not something a history has", rest[1]
        return self._broken("unknown-property", message, place, f"events.{type_} has {_PARTS}")

    def _known_type(self, root: ast.Name, rest: list[ast.Name]) -> bool:
        known, code = self._catalog.events, "unknown-event"
        return self._is_known(root, rest, code, "event types", known, "'{}' is not an event type")

    def _score(self, root: ast.Name, rest: list[ast.Name]) -> Node:
        match [step.id for step in rest]:
            case ["alive"]:
                return Score("alive", 0, self._catalog.scores)
            case ["buys_within", *_]:
                message, place = "'buys_within' must be called", rest[0]
            case []:
                message, place = "'scores' alone is not a value", root
            case ["alive", part, *_]:
                message, place = f"'scores.alive' is a value and has no '{part}'", rest[1]
            case [name, *_]:
                message, place = f"'{name}' is not a score", rest[0]
        return self._broken("unknown-property", message, place, SCORES)


def offer(what: str, options: Collection[str], word: str = "") -> str:
    """A help text that lists the options and suggests the closest one."""
    names = sorted(options)
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    close = difflib.get_close_matches(word, names, 1)
    return f"{what}: {listed or 'none'}" + (f"; did you mean '{close[0]}'?" if close else "")
