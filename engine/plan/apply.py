"""From a plan to a roll-out: what forbids it, and what its brakes compare with.

`engine apply` calls it before `operate/rollout` writes anything.
"""

from collections.abc import Iterator
from datetime import date

from engine.core.book import RuleBook
from engine.plan.build import Plan
from engine.plan.classify import Kind
from engine.plan.estimate import Sums
from engine.ports import Limits


def refusals(plan: Plan, old: RuleBook, new: RuleBook, exits: int) -> Iterator[str]:
    """Why the plan cannot be rolled out as it is. `exits`: how many people may leave a journey by it."""
    if (old.revision, new.revision) != (plan.base.revision, plan.revision):
        yield "the files in the plan do not make the revisions that it names: make it anew with this engine"
        return
    if old.revision == new.revision:
        yield "the plan changes nothing"
    yield from _exits(plan, exits)
    yield from (f"{demand} does not hold" for demand, holds in plan.demands.items() if not holds)
    yield from _not_beside(plan, old, new)


def _exits(plan: Plan, exits: int) -> Iterator[str]:
    leaving = [plan.sum_of(name) for name in ("exited", "stranded")]
    if not any(one.new > one.old for one in leaving):
        return
    most = sum(one.difference(plan.size).high for one in leaving)
    if most > exits:
        steps = ", ".join(sorted(name.removeprefix("waits.") for name, one in plan.sums.items() if _is_left(name, one)))
        yield (
            f"{most:,.0f} people would leave a journey, whose step or rule is removed ({steps}): keep the step, rename"
            f" it with `was`, or say --exits {most:.0f}"
        )


def _is_left(name: str, sums: Sums) -> bool:
    return name.startswith("waits.") and sums.new < sums.old


def _not_beside(plan: Plan, old: RuleBook, new: RuleBook) -> Iterator[str]:
    """Differences that two books in one worker cannot have, as they concern more than one customer."""
    advice = "change that alone first, in the workers' folders"
    if old.policy.allowed_lateness != new.policy.allowed_lateness:
        yield f"allowed_lateness is one for all customers of a partition: {advice}"
    if old.catalog.sources != new.catalog.sources:
        yield f"events.yaml has other sources, and a worker reads one set of topics: {advice}"
    if new.catalog.derives != old.catalog.derives:
        yield f"the topic of derived events is read or written by one of the books only: {advice}"
    if new.shown_coupons and not old.shown_coupons:
        yield f"it issues the first coupons, for which workers need ENGINE_COUPON_SECRET: {advice}"
    for name, declared in old.catalog.events.items():
        other = new.catalog.events.get(name)
        if not declared.made and (other is None or other.properties != declared.properties):
            yield f"events.yaml no longer has the event type {name} as it was: {advice}; new types may be added"
    changed = {one.rule for one in plan.rules if one.kind not in (Kind.SAME, Kind.REMOVED)}
    for rule in new.rules:
        if rule.id in changed and rule.action.makes_for_others:
            yield f"{rule.id} makes events for other customers, who are not all in the canary: {advice}"


def limits_of(plan: Plan, factor: float, most: int) -> Limits:
    """How much outreach of each rule is expected: the upper end of the forecast, or what the history of the plan shows,
    whichever is more."""
    expected = {}
    for rule in (one.rule for one in plan.rules if one.kind is not Kind.REMOVED):
        at_once = plan.sum_of(f"at_once.{rule}").total_new(plan.size).high
        later = max(0.0, plan.sum_of(f"outreach.{rule}").total_new(plan.size).high - at_once) / plan.days
        expected[rule] = (at_once, max(later, _per_day(plan, rule)))
    return Limits(expected, factor, most)


def _per_day(plan: Plan, rule: str) -> float:
    """Messages of a day over the history that the plan was backtested against; 0 without one."""
    past = plan.past or {}
    days: dict[str, int] = past.get("rules", {}).get(rule, {}).get("days", {})
    if not days:
        return 0.0
    first, last = (date.fromisoformat(past[name][:10]) for name in ("from", "to"))
    return sum(days.values()) / ((last - first).days + 1)
