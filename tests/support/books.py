"""Rule books built by hand, and the small words the simulation tests are written in."""

from collections.abc import Callable
from typing import Any

from engine.core.actions.send import Send
from engine.core.book import Rule, RuleBook
from engine.core.catalog import Catalog, EventType
from engine.core.expression import Expression, Keeps, Needs, Reads
from engine.core.policy import Cap, Policy, QuietHours
from engine.core.scope import Scope
from engine.core.state.model import State
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.base import Trigger
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.milestone import Milestone
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.errors import RenderFailed
from engine.model import Event, Outreach

START = 1_767_225_600_000
"""2026-01-01T00:00:00Z, a Thursday."""
HOUR = 3_600_000
DAY = 24 * HOUR
OPEN = Policy(fresh_for=None)
"""No guard stops anything."""
POLICIES = {
    "open": Policy(fresh_for=None),
    "late": Policy(fresh_for=None, allowed_lateness=6 * HOUR),
    "strict": Policy(
        fresh_for=4 * HOUR,
        quiet_hours=(QuietHours(0, 6 * 60),),
        caps=(Cap(2, span=DAY), Cap(4, calendar="week")),
        forget_after=2 * DAY,
    ),
}
CATALOG = Catalog(
    events={
        "visit": EventType("visit"),
        "buy": EventType("buy"),
        "cart": EventType("cart"),
        "subscribed": EventType("subscribed"),
        "trial": EventType("trial", profile={"trial_ends_at": "ends"}),
        "person": EventType("person", profile_all=True),
    }
)


def rule(trigger: Trigger, **changes: Any) -> Rule:
    """A rule named after its trigger's rule id."""
    return Rule(trigger.rule, trigger, **{"action": Send(trigger.rule), **changes})


def book(*rules: Rule, policy: Policy = OPEN, revision: str = "1" * 12) -> RuleBook:
    placed = tuple(
        Rule(r.id, r.trigger, r.action, place, r.why, r.was, r.condition, r.reentry, r.exits, r.match, r.needs)
        for place, r in enumerate(rules)
    )
    return RuleBook(placed, CATALOG, policy, revision)


def expression(text: str, test: Callable[[Scope], Any], **needs: Any) -> Expression:
    reads = {name: needs.pop(name) for name in ("fields", "types", "event") if name in needs}
    return Expression(text, test, Needs(Reads(**reads), Keeps(**needs)))


def profile_is(field: str, value: Any = True) -> Expression:
    return expression(f"profile.{field}", lambda scope: scope.state.profile.get(field) == value)


def profile_value(field: str) -> Expression:
    return expression(f"profile.{field}", lambda scope: scope.state.profile.get(field))


def dear(scope: Scope) -> bool:
    amount = scope.event.properties.get("amount") if scope.event else None
    return isinstance(amount, int | float) and amount > 5


DEAR = expression("event.amount > 5", dear, event=True)


def event(type: str, time: int, *, customer: str = "c-1", id: str = "", **properties: Any) -> Event:
    return Event(id or f"{type}-{time}", type, customer, time, properties)


def every_kind(span: int, slack: int = 0) -> tuple[Rule, ...]:
    """Rules of every kind but `date`; `span` is the length of a short while."""
    anything = frozenset({"visit", "buy"})
    buy = frozenset({"buy"})
    return (
        rule(Inactivity("quiet", of=anything, after=3 * span, slack=slack)),
        rule(Inactivity("no-buy", of=buy, after=7 * span, slack=slack)),
        rule(Inactivity("no-dear-buy", of=buy, after=4 * span, where=DEAR, slack=slack)),
        rule(Milestone("levels", event="buy", levels=(2.0, 3.0, 5.0))),
        rule(Milestone("every", event="buy", every=4)),
        rule(Milestone("dear-levels", event="buy", levels=(1.0, 3.0), where=DEAR)),
        rule(Milestone("spent", event="buy", property="amount", levels=(10.0, 25.0, 60.0))),
        rule(Milestone("spent-every", event="buy", property="amount", every=15)),
        rule(Abandoned("cart", after="cart", without=buy, within=2 * span, slack=slack)),
        rule(Abandoned("this-cart", after="cart", without=buy, within=3 * span, match="cart_id", slack=slack)),
        rule(TrialExpiring("trial", before=5 * span)),
        rule(OnEvent("dear", event="buy", where=DEAR)),
    )


class Plain:
    """A renderer that writes the customer's name, or fails for the templates it is told to."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing

    def render(self, outreach: Outreach, state: State) -> None:
        if outreach.template in self.failing:
            raise RenderFailed(outreach.template, "told to fail")
        outreach.text = f"dear {state.profile.get('name', 'friend')}"
