"""Compiles one rule of a rule file to a core rule. `project` calls it for each."""

import json
from typing import Any

from pydantic import BaseModel

from engine.core.book import CancelOn, Needs, Policy, Rule
from engine.lang.actions import Around, Defaults
from engine.lang.grammar import RuleFields
from engine.lang.site import Site
from engine.lang.templates import Templates
from engine.lang.triggers import Common


def compile_rule(site: Site, fields: RuleFields, defaults: Defaults, policy: Policy, templates: Templates) -> Rule:
    """The rule; problems are reported at `site`, its place in the file. The project sets its order."""
    kind, steps = fields.when.chosen()
    types = kind.events(site.catalog)
    condition = site.at("if").expression(fields.condition, types)
    doing, key = fields.action()
    around = Around(fields.id, fields.purpose, defaults, templates, types)
    action, template_needs = doing.build(site.at(key), around)
    keeps_event = template_needs.reads.event or bool(condition and condition.needs.reads.event)
    common = Common(keeps_event=keeps_event, zones=policy.zones, slack=policy.allowed_lateness)
    trigger = kind.build(fields.id, site.at("when", *steps), common)
    if policy.forget_after and kind.silence >= policy.forget_after:
        message = "a customer is forgotten before this silence is long enough"
        site.at("when", *steps).report("never-fires", message, "see forget_after in policy.yaml")
    return Rule(
        fields.id,
        trigger,
        action,
        why=fields.why,
        was=tuple(fields.was),
        condition=condition,
        reentry=fields.reentry,
        cancel_on=_cancel_on(site.at("cancel_on"), fields, kind.timers),
        needs=_union(site.needs) | template_needs,
        arming=_arming(fields, keeps_event, policy),
    )


def _arming(fields: RuleFields, keeps_event: bool, policy: Policy) -> str:
    """When the rule's timers are armed and disarmed, and what they keep; not what is said then, or asked."""
    written = {"when": canonical(fields.when), "cancel_on": canonical(fields.cancel_on) if fields.cancel_on else None}
    zones = (policy.zones.default.key, policy.zones.field)
    return json.dumps([written, keeps_event, zones, policy.allowed_lateness], sort_keys=True)


def canonical(content: BaseModel) -> Any:
    """What was written, under its names in the file; what is not given, or has its default value, is not in it."""
    return content.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _cancel_on(site: Site, fields: RuleFields, timers: bool) -> CancelOn | None:
    cancel = fields.cancel_on
    if cancel is None:
        return None
    if not timers:
        site.report("cancel-without-timer", "this trigger fires at once, so there is nothing to cancel", key=True)
    event = site.at("event").event(cancel.event)
    return CancelOn(event, site.at("where").expression(cancel.where, {event}))


def _union(needs: list[Needs]) -> Needs:
    union = Needs()
    for each in needs:
        union |= each
    return union
