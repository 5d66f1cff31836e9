"""Renders one template from sample data, or for a customer as they are known, for `engine preview`."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.core.book import Rule, RuleBook
from engine.core.journeys.steps import Act
from engine.core.state.model import Run, State
from engine.errors import RenderFailed
from engine.model import KeptEvent, Outreach
from engine.render.renderer import JinjaRenderer
from engine.render.samples import CUSTOMER, sampled


def preview(
    renderer: JinjaRenderer, book: RuleBook, template: str, channel: str, data: Mapping[str, Any], now: int
) -> Outreach:
    """The rendered outreach of the first rule that sends the template. Raises RenderFailed, for wrong data too.

    `data` is as `samples.sampled` has it; its `steps` may list the journey's steps that were sent before.
    """
    try:
        state, event = sampled(book, data, now)
    except (TypeError, ValueError, AttributeError) as error:
        raise RenderFailed(template, f"the data cannot be used: {error}") from error
    outreach = _outreach(book.rules, book, template, channel, event, now)
    outreach.sent = tuple(data.get("steps") or ())
    renderer.render(outreach, state)
    return outreach


def preview_state(
    renderer: JinjaRenderer, book: RuleBook, template: str, channel: str, customer: str, state: State, now: int
) -> Outreach:
    """The same for a customer as they are known. Raises RenderFailed.

    A customer who is on a journey that sends the template sees what their run would send, or has sent. For others
    `event` is the newest that the state keeps. Coupons are new ones in any case, of a secret that everybody knows.
    """
    way = _on_the_way(book, template, channel, state)
    if way is not None:
        rule, act, run = way
        outreach = _outreach((rule,), book, template, channel, run.event, now)
        outreach.occurrence, outreach.step = run.occurrence, act.name
        before = run.sent.index(act.name) if act.name in run.sent else len(run.sent)
        outreach.sent = tuple(run.sent[:before])
    else:
        kept = [memory.history.latest for memory in state.events.values() if memory.history and memory.history.latest]
        newest = max(kept, key=lambda event: event.time, default=None)
        outreach = _outreach(book.rules, book, template, channel, newest, now)
    outreach.customer = customer
    renderer.render(outreach, state)
    return outreach


def _on_the_way(book: RuleBook, template: str, channel: str, state: State) -> tuple[Rule, Act, Run] | None:
    """The customer's run of a journey that sends the template, and the step: where it is next, else the newest run."""
    found = [
        (rule, act, run)
        for rule in book.journeys
        for act in (rule.action.journey.acts if rule.action.journey is not None else ())
        if any((send.template, send.channel) == (template, channel) for send in act.action.sends)
        for run in (state.rules[rule.id].runs if rule.id in state.rules else ())
    ]
    return max(found, key=lambda one: (one[2].step == one[1].name, one[2].began), default=None)


def _outreach(
    rules: Iterable[Rule], book: RuleBook, template: str, channel: str, event: KeptEvent | None, now: int
) -> Outreach:
    """The outreach of the first of these rules that sends the template."""
    using = ((rule, send) for rule in rules for send in rule.action.sends)
    rule, send = next((one for one in using if (one[1].template, one[1].channel) == (template, channel)), (None, None))
    expires = send.expires if send else None
    fresh_for = expires if expires is not None else book.policy.fresh_for
    return Outreach(
        id="preview",
        rule=rule.id if rule else "preview",
        occurrence="preview",
        customer=CUSTOMER,
        at=now,
        moment=now,
        expires_at=now + fresh_for if fresh_for is not None else 0,
        channel=channel,
        purpose=send.purpose if send else "marketing",
        template=template,
        revision=book.revision,
        reason="preview",
        event=event,
    )
