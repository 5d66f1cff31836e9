"""Warnings about journeys that load, and probably do not do what their author means.

`compile_rule` calls `check_journey` with the compiled rule.
"""

from collections.abc import Collection, Iterator, Sequence

from engine.core.book import Rule
from engine.core.facts import Fact
from engine.core.journeys.steps import Act
from engine.core.journeys.waits import Span
from engine.core.policy import Policy, expressions_of
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.lang.site import Site
from engine.lang.step_fields import StepFields

OPENED, CLICKED = "outreach_opened", "outreach_clicked"
ABOUT = frozenset({CLICKED, "survey_answered"})
"""Events about a message, for which journeys wait."""
_OF_CUSTOMER = ("events.", "profile.", "segments.", "points.", "scores.")
"""What a condition reads that may know of a return."""
_MACHINES = "mail programs open messages that nobody reads"


def check_journey(site: Site, steps: Sequence[StepFields], rule: Rule, policy: Policy) -> None:
    """Report at `site`, the rule's place, what its journey probably does otherwise than meant."""
    sent = ""
    for place, step in _all(site.at("steps"), steps):
        if sent and step.wait is not None and step.wait.event in ABOUT and not (step.wait.step or step.wait.where):
            message = f"{step.wait.event} about any message ends this wait, also about one of another rule"
            place.at("wait", "event").report("any-message", message, f"add step: {sent}")
        sent = step.name if step.send is not None else sent
        if step.wait is not None and step.wait.event is not None:
            _check_ends(place.at("wait", "event"), rule, step.wait.event)
        if step.wait is not None and step.wait.event == OPENED:
            place.at("wait", "event").report(
                "machine-opens", f"a wait for {OPENED}: {_MACHINES}", f"wait for {CLICKED}"
            )
        if f"events.{OPENED}." in step.condition:
            place.at("if").report("machine-opens", f"a condition on {OPENED}: {_MACHINES}", f"ask for {CLICKED}")
    _check_consent(site, rule, policy)
    _check_memory(site, rule, policy)
    _check_return(site, steps, rule)


def _all(site: Site, steps: Sequence[StepFields]) -> Iterator[tuple[Site, StepFields]]:
    """All steps with their places, those of branches too."""
    for index, step in enumerate(steps):
        yield site.at(index), step
        for key, branch in (("then", step.then), ("else", step.otherwise)):
            yield from _all(site.at(index, key), branch or ())


def _check_ends(place: Site, rule: Rule, event: str) -> None:
    """Report a wait for an event that ends the journey itself, or that leads to one which does."""
    goal = rule.action.journey.goal if rule.action.journey is not None else None
    for fact in (*rule.exits, *((goal,) if goal is not None else ())):
        if fact.event == event and fact.where is None and not fact.match:
            word = "goal" if fact is goal else "exit"
            message = f"{event} ends the journey (`{word}`) before this wait can go on"
            place.report("wait-never-answered", message, "name another event here, or narrow the other with `where`")
        elif event == CLICKED and fact is not goal and _follows_a_click(fact, rule):
            message = f"who clicks comes back, so `exit` by {fact.event} ends the journey before what follows"
            place.report("exit-after-click", message, f"leave {fact.event} out of `exit`")


def _follows_a_click(fact: Fact, rule: Rule) -> bool:
    """Whether the fact is plain activity, which a click in a message leads to."""
    plain = bool(fact.event) and fact.where is None and not fact.match
    return plain and isinstance(rule.trigger, Inactivity) and fact.event in rule.trigger.of


def _check_consent(site: Site, rule: Rule, policy: Policy) -> None:
    """Report a first message that needs a consent which only a later event brings."""
    journey, trigger = rule.action.journey, rule.trigger
    first = journey.first if journey is not None else None
    if not (rule.reentry.once and isinstance(trigger, OnEvent) and isinstance(first, Act)):
        return
    for send in first.action.sends:
        asked = expressions_of(policy.consent.get(send.purpose, {}))
        fields = frozenset[str]().union(*(each.needs.reads.fields for each in asked))
        types = site.catalog.events
        begun = types.get(trigger.event)
        if begun is not None and not begun.feeds(fields) and any(each.feeds(fields) for each in types.values()):
            message = f"{trigger.event} does not bring the consent to {send.purpose}, so '{first.name}' is suppressed"
            help = "begin with the event that brings it, or with a segment"
            site.at("steps", 0).report("consent-comes-later", message, help, key=True)


def _check_return(site: Site, steps: Sequence[StepFields], rule: Rule) -> None:
    """Report a message after a wait that reaches customers who have come back: a silence that is over ends no run."""
    journey, back = rule.action.journey, _ending_silence(rule)
    if not back or journey is None:
        return
    facts = (*rule.exits, journey.goal, *(wait.fact for wait in journey.waits))
    if any(fact is not None and (fact.segment or fact.event in back) for fact in facts):
        return
    waits = False
    for place, step in _all(site.at("steps"), steps):
        if any(root in step.condition for root in _OF_CUSTOMER):
            return
        waits = waits or step.wait is not None
        if waits and step.send is not None:
            message = f"'{step.name}' also goes to customers who have come back by then: nothing ends the journey"
            exits = ", ".join(f"{{ event: {name} }}" for name in sorted(back))
            place.report("goes-on", message, f"add exit: {f'[{exits}]' if ',' in exits else exits}")
            return


def _ending_silence(rule: Rule) -> Collection[str]:
    """The events that end the silence which starts the rule; none where something else does."""
    match rule.trigger:
        case Inactivity(of=types) | Abandoned(without=types):
            return types
    return ()


def _check_memory(site: Site, rule: Rule, policy: Policy) -> None:
    """Report a wait so long that its customers are forgotten meanwhile."""
    journey = rule.action.journey
    for wait in journey.waits if journey is not None and policy.forget_after else ():
        if isinstance(wait.length, Span) and policy.forget_after and wait.length.millis >= policy.forget_after:
            message = f"a customer may be forgotten before the wait '{wait.name}' is over"
            site.at("steps").report("never-fires", message, "see forget_after in policy.yaml", key=True)
