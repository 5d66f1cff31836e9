"""The attributes that templates may read, type by type. Everything else is closed."""

from collections.abc import Container
from types import NoneType
from typing import Any, NamedTuple

from jinja2 import StrictUndefined
from jinja2.environment import TemplateModule
from jinja2.filters import _GroupTuple
from jinja2.runtime import LoopContext, Macro, TemplateReference
from jinja2.utils import Namespace
from markupsafe import Markup

from engine.core.scope import EventsView, RecordView, TallyView
from engine.core.scores import SCORES, ScoresView
from engine.model import Outreach


class ProfileView:
    """The root `profile`: a customer's fields as attributes."""

    __slots__ = ("_fields",)

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def __getattr__(self, name: str) -> Any:
        try:
            return self._fields[name]
        except KeyError:
            raise AttributeError(name) from None


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
_OUTREACH = frozenset({
    "id", "rule", "occurrence", "customer", "at", "moment", "expires_at", "channel", "purpose", "template",
    "unsubscribe_link", "preferences_link",
})
# fmt: on

READABLE: dict[type, Container[str]] = {
    ProfileView: OPEN,
    RecordView: OPEN,
    EventsView: OPEN,
    TallyView: frozenset({"count", "sum", "last", "first"}),
    ScoresView: frozenset(SCORES),
    Outreach: _OUTREACH,
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

NAMES: dict[type, str] = {
    ProfileView: "profile",
    RecordView: "the event",
    TallyView: "events.<type>",
    ScoresView: "scores",
    Outreach: "outreach",
    RuleView: "rule",
    NoneType: "an event that has not happened",
    TemplateModule: "the imported file",
}
"""The names of these types in messages."""
