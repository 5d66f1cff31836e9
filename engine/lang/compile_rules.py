"""Compiles one rule of a rule file to a core rule. `project` calls it for each."""

import json
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from engine.core.actions.base import Action
from engine.core.actions.send import Send
from engine.core.book import Rule
from engine.core.durations import text_of
from engine.core.expression import Needs, Reads, needs_of_all
from engine.core.facts import Fact
from engine.core.journeys.steps import Journey
from engine.core.policy import Policy
from engine.lang.actions import Around, Defaults
from engine.lang.experiments import check_none
from engine.lang.facts import build_facts
from engine.lang.grammar import RuleFields
from engine.lang.journey_checks import check_journey
from engine.lang.site import Site
from engine.lang.templates import Templates
from engine.lang.trigger_fields import Common


class Surroundings(NamedTuple):
    """What stands around a rule: the defaults of its file, the policy, and the templates."""

    defaults: Defaults
    policy: Policy
    templates: Templates


def compile_rule(site: Site, fields: RuleFields, given: Mapping[str, Any], surroundings: Surroundings) -> Rule:
    """The rule; problems are reported at `site`, its place in the file. The project sets its order.

    `given`: `fields` as plain data, under their names in the file; what has its default value is not in it.
    """
    policy = surroundings.policy
    kind, steps = fields.when.chosen()
    when, types = site.at("when", *steps), kind.events(site.catalog)
    condition = site.at("if").expression(fields.condition, types, experiments=True)
    check_none(site.at("if"), condition)
    goal = fields.goal.build(site.at("goal"), types) if fields.goal else None
    action, action_needs = _action(site, fields, types, goal, surroundings)
    exits = _exits(site, fields, types, kind.timers or action.waits)
    facts = (*exits, goal) if goal else exits
    matched = frozenset({fields.match, *(fact.match for fact in facts)} - {""})
    action_needs |= Needs(Reads(event=bool(matched), properties=matched))
    needs = action_needs | needs_of_all([condition])
    keeps_event = needs.reads.event
    if action.journey is not None:
        action.journey.reads = action_needs.reads
    common = Common(
        keeps_event=keeps_event, zones=policy.zones, slack=policy.allowed_lateness, declared=site.catalog.events
    )
    trigger = kind.build(fields.id, when, common)
    _check_silence(when, kind.silence, policy)
    if kind.timers and fields.send is not None:
        _check_lateness(site.at("send"), action.sends[0], policy)
    rule = Rule(
        fields.id,
        trigger,
        action,
        why=fields.why,
        was=tuple(fields.was),
        condition=condition,
        reentry=fields.reentry,
        exits=exits,
        match=_match(site.at("match"), fields.match, types, action.waits),
        needs=reduce(or_, site.needs, needs),
        arming=_arming(given, keeps_event, policy, action.journey),
    )
    if fields.steps is not None:
        check_journey(site, fields.steps, rule, policy)
    return rule


def _action(
    site: Site, fields: RuleFields, types: frozenset[str], goal: Fact | None, surroundings: Surroundings
) -> tuple[Action, Needs]:
    """What the rule does, and what that needs."""
    doing, key = fields.action()
    within = fields.goal.within if fields.goal else 0
    defaults, _, templates = surroundings
    return doing.build(site.at(key), Around(fields.id, fields.purpose, defaults, templates, types, goal, within))


def _check_silence(site: Site, silence: int, policy: Policy) -> None:
    """Report a silence at the end of which nobody is known any more."""
    if policy.forget_after and silence >= policy.forget_after:
        message = "a customer is forgotten before this silence is long enough"
        site.report("never-fires", message, "see forget_after in policy.yaml")


def _check_lateness(site: Site, send: Send, policy: Policy) -> None:
    """Report a message that has expired whenever its timer fires, as timers wait for events that are late."""
    fresh_for = policy.fresh_for if send.expires is None else send.expires
    if fresh_for is not None and fresh_for < policy.allowed_lateness:
        message = f"timers wait {text_of(policy.allowed_lateness)} for late events, and this expires before"
        site.report("never-fires", message, "let it expire later, or see allowed_lateness in policy.yaml")


def _arming(given: Mapping[str, Any], keeps_event: bool, policy: Policy, journey: Journey | None) -> str:
    """When the rule's timers are armed and disarmed, and what they keep; not what is said then, or asked."""
    ends = [given["cancel_on"]] if "cancel_on" in given else given.get("exit", [])
    # `cancel_on`, and one fact alone, as the mark of a rule was made before there were several.
    written = {"when": given["when"], "cancel_on": ends if len(ends) > 1 else next(iter(ends), None)}
    zones = (policy.zones.default.key, policy.zones.field)
    parts = [written, keeps_event, zones, policy.allowed_lateness]
    if journey is not None:
        goal = {name: value for name, value in (given.get("goal") or {}).items() if name != "within"}
        parts += [journey.shape, goal] if goal else [journey.shape]
    return json.dumps(parts, sort_keys=True)


def _exits(site: Site, fields: RuleFields, began: frozenset[str], waits: bool) -> tuple[Fact, ...]:
    facts, key = fields.exits()
    if facts and not waits:
        message = "this rule acts at once, so there is nothing to end"
        site.at(key).report("exit-without-wait", message, "only quiet hours could hold it back", key=True)
    return build_facts(site.at(key), facts, began)


def _match(site: Site, name: str, began: frozenset[str], waits: bool) -> str:
    if name and not waits:
        message = "this rule acts at once, so there are no runs to tell apart"
        site.report("match-without-run", message, "`match` is for `steps`, and for `emit` with `after`", key=True)
    elif name:
        for event in sorted(began):
            site.property(event, name)
    return name
