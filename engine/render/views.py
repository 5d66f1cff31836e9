"""The attributes that templates may read, type by type. Everything else is closed."""

from collections.abc import Callable, Container, Mapping
from types import NoneType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import StrictUndefined
from jinja2.environment import TemplateModule
from jinja2.filters import _GroupTuple
from jinja2.runtime import LoopContext, Macro, TemplateReference
from jinja2.utils import Namespace
from markupsafe import Markup

from engine.core.coupons import Coupon
from engine.core.durations import milliseconds
from engine.core.experiments.model import ExperimentsView
from engine.core.points.view import PARTS, value
from engine.core.scope import (
    NO_LEVEL,
    EventsView,
    Missing,
    RecordView,
    Scope,
    TallyView,
    in_segment,
    level_of,
    segment_time,
)
from engine.core.scores import SCORES, ScoresView
from engine.core.segments.model import Level, Segment
from engine.core.state.model import State
from engine.core.tables import Table
from engine.core.template_facts import OUTREACH_PARTS, TALLY_PARTS
from engine.model import Answer, IssuedCoupon, Number, Outreach


class _Fields:
    """Fields as attributes."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def __getattr__(self, name: str) -> Any:
        try:
            return self._fields[name]
        except KeyError:
            raise AttributeError(name) from None


class ProfileView(_Fields):
    """The root `profile`: a customer's fields."""

    __slots__ = ()


class RowView(_Fields):
    """A row of a table: its columns."""

    __slots__ = ()


class TableView:
    """`tables.<table>`: rows by key."""

    __slots__ = ("_table",)

    def __init__(self, table: Table) -> None:
        self._table = table

    def __getitem__(self, key: Any) -> tuple[RowView, ...]:
        """No rows for an unknown key. Raises UndefinedError for a key that is not defined."""
        return tuple(map(RowView, self._table.find(key)))


class TablesView(_Fields):
    """The root `tables`."""

    __slots__ = ()

    @classmethod
    def of(cls, tables: Mapping[str, Table]) -> "TablesView":
        return cls({name: TableView(table) for name, table in tables.items()})


class SegmentView:
    """`segments.<id>` as templates see a segment without levels: true or false, and `.since`."""

    __slots__ = ("_segment", "_state")

    def __init__(self, state: State, segment: str) -> None:
        self._state = state
        self._segment = segment

    def __bool__(self) -> bool:
        return in_segment(self._state, self._segment)

    @property
    def since(self) -> int | None:
        """When the membership became what it is; None: it has never changed."""
        return _time(self._state, self._segment, "since")


class LevelView(str):
    """`segments.<id>` as templates see a segment with levels: the level as text, with the other parts."""

    __slots__ = ("_above", "_scope", "kept_until", "next", "since")
    since: int | None
    kept_until: int | None
    next: str
    _above: Level | None
    _scope: Scope

    @classmethod
    def of(cls, scope: Scope, segment: Segment) -> "LevelView":
        view = cls(level_of(scope.state, segment.id))
        view.since = _time(scope.state, segment.id, "since")
        view.kept_until = _time(scope.state, segment.id, "kept_until")
        view.next = level_of(scope.state, segment.id, next=True)
        view._above, view._scope = segment.above(str(view)), scope
        return view

    @property
    def above(self) -> str:
        """The next level; NO_LEVEL above the highest."""
        return self._above.name if self._above is not None else NO_LEVEL

    @property
    def missing(self) -> Number | Missing:
        """How much is missing for the next level; 0 at the highest. Raises AttributeError where that can't be said."""
        if self._above is None:
            return 0
        if self._above.condition.lacks is None:
            raise AttributeError("missing")
        return self._above.condition.lacks(self._scope)


def _time(state: State, segment: str, which: str) -> int | None:
    time = segment_time(state, segment, which)
    return None if isinstance(time, Missing) else time


class SegmentsView:
    """The root `segments` in templates."""

    __slots__ = ("_scope", "_segments")

    def __init__(self, scope: Scope, segments: Mapping[str, Segment]) -> None:
        self._scope = scope
        self._segments = segments

    def __getattr__(self, name: str) -> SegmentView | LevelView:
        try:
            segment = self._segments[name]
        except KeyError:
            raise AttributeError(name) from None
        return SegmentView(self._scope.state, name) if segment.plain else LevelView.of(self._scope, segment)


class LedgerView:
    """`points.<id>` as templates see it: 0 for a customer without points, never undefined."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[str, int], int]) -> None:
        self._read = read

    @property
    def balance(self) -> int:
        return self._read("balance", 0)

    @property
    def pending(self) -> int:
        return self._read("pending", 0)

    @property
    def expiring(self) -> int:
        return self._read("expiring", 0)

    @property
    def expires_at(self) -> int:
        return self._read("expires_at", 0)

    def earned(self, span: str | None = None) -> int:
        return self._read("earned", milliseconds(span) if span else 0)


class PointsView:
    """The root `points` in templates, as it is at that moment."""

    __slots__ = ("_at", "_points", "_state", "_zone")

    def __init__(self, state: State, points: Container[str], at: int, zone: ZoneInfo) -> None:
        self._state = state
        self._points = points
        self._at = at
        self._zone = zone

    def __getattr__(self, name: str) -> LedgerView:
        if name not in self._points:
            raise AttributeError(name)
        return LedgerView(lambda part, span: value(self._state, name, part, self._at, self._zone, span))


class CouponView(str):
    """`coupons.<id>` in templates: the code as text, with the moment until which it is valid."""

    __slots__ = ("valid_until",)
    valid_until: int

    @classmethod
    def of(cls, issued: IssuedCoupon) -> "CouponView":
        view = cls(issued.code)
        view.valid_until = issued.valid_until
        return view

    @property
    def code(self) -> str:
        return str(self)


class CouponsView:
    """The root `coupons` in templates. What is read of it is what the message shows, and issues where it is new."""

    __slots__ = ("_coupons", "_outreach", "_secret", "_shown")

    def __init__(self, coupons: Mapping[str, Coupon], outreach: Outreach, secret: str) -> None:
        self._coupons = coupons
        self._outreach = outreach
        self._secret = secret
        self._shown: list[IssuedCoupon] = []

    def __getattr__(self, name: str) -> CouponView:
        try:
            coupon = self._coupons[name]
        except KeyError:
            raise AttributeError(name) from None
        known = coupon.known(self._outreach)
        if known is None:
            known = self._outreach.issued.setdefault(name, coupon.new(self._outreach, self._secret))
        self._shown.append(known)
        return CouponView.of(known)


def expire_with_codes(outreach: Outreach, coupons: CouponsView) -> None:
    """Let the message expire with the first of its codes to end; a code that has ended already limits nothing."""
    ends = [one.valid_until for one in coupons._shown if one.valid_until > outreach.at]
    if ends:
        outreach.expires_at = min(ends) if not outreach.expires_at else min(outreach.expires_at, *ends)


class StepView(NamedTuple):
    """`steps.<id>` in templates."""

    sent: bool


class StepsView:
    """The root `steps` in templates of a journey: what this run has made before."""

    __slots__ = ("_sent",)

    def __init__(self, sent: Container[str]) -> None:
        self._sent = sent

    def __getattr__(self, name: str) -> StepView:
        return StepView(name in self._sent)


class CustomerView(NamedTuple):
    """The root `customer`."""

    id: str


class RuleView(NamedTuple):
    """The root `rule`."""

    id: str
    why: str
    purpose: str
    channel: str


class _Everything:
    def __contains__(self, _: object) -> bool:
        return True


OPEN = _Everything()
CLOSED: Container[str] = frozenset()
# fmt: off
_TEXT = frozenset({
    "capitalize", "casefold", "count", "endswith", "find", "isalpha", "isdigit", "isnumeric", "lower", "lstrip",
    "partition", "removeprefix", "removesuffix", "rpartition", "rsplit", "rstrip", "split", "splitlines",
    "startswith", "strip", "swapcase", "title", "upper",
})
# fmt: on

READABLE: dict[type, Container[str]] = {
    ProfileView: OPEN,
    RecordView: OPEN,
    RowView: OPEN,
    TablesView: OPEN,
    TableView: CLOSED,
    EventsView: OPEN,
    TallyView: frozenset(TALLY_PARTS),
    ScoresView: frozenset(SCORES),
    SegmentsView: OPEN,
    ExperimentsView: OPEN,
    PointsView: OPEN,
    LedgerView: frozenset({*PARTS, "earned"}),
    CouponsView: OPEN,
    CouponView: _TEXT | {"code", "valid_until"},
    SegmentView: frozenset({"since"}),
    LevelView: _TEXT | {"since", "kept_until", "next", "above", "missing"},
    Outreach: frozenset(OUTREACH_PARTS),
    Answer: frozenset({"score", "link"}),
    StepsView: OPEN,
    StepView: frozenset(StepView._fields),
    CustomerView: frozenset(CustomerView._fields),
    RuleView: frozenset(RuleView._fields),
    str: _TEXT,
    Markup: _TEXT,
    dict: frozenset({"items", "keys", "values", "get"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    _GroupTuple: frozenset({"grouper", "list"}),
    LoopContext: OPEN,
    Macro: CLOSED,
    Namespace: OPEN,
    TemplateModule: OPEN,
    TemplateReference: OPEN,
    StrictUndefined: OPEN,
    NoneType: OPEN,
}
"""Attributes by exact type; those that begin with an underscore are closed everywhere."""

READERS: dict[type, Callable[[Any, str, None], Any]] = {
    ProfileView: lambda view, name, _: view._fields.get(name),
    EventsView: lambda view, name, _: TallyView(view._state, name, view._now),
}
"""What reads an attribute instead of `getattr`, which looks first for one that the class has: twice as long."""

NAMES: dict[type, str] = {
    ProfileView: "profile",
    RecordView: "the event",
    RowView: "the row",
    TablesView: "tables",
    TallyView: "events.<type>",
    ScoresView: "scores",
    SegmentsView: "segments",
    ExperimentsView: "the list of experiments in which the customer takes part",
    PointsView: "points",
    LedgerView: "points.<id>",
    CouponsView: "coupons",
    CouponView: "the coupon",
    SegmentView: "the segment",
    LevelView: "the segment",
    Outreach: "outreach",
    Answer: "the answer",
    StepsView: "steps",
    StepView: "the step",
    CustomerView: "customer",
    RuleView: "rule",
    NoneType: "an event that has not happened",
    TemplateModule: "the imported file",
}
"""The names of these types in messages."""
