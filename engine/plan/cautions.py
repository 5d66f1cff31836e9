"""What an edit of a rule does to the customers who are there that neither its kind nor the forecast says.

`classify` asks for it, rule by rule. It compares compiled rules and never looks at customers, so it says what may
happen to some of them, not to how many.
"""

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

from engine.core.actions.send import Send, counts
from engine.core.book import Rule
from engine.core.expression import EVERY
from engine.core.facts import Fact
from engine.core.journeys.steps import WAIT, Act, Journey, Wait
from engine.core.policy import Policy, on_channel
from engine.core.triggers.milestone import Milestone
from engine.model import TRANSACTIONAL
from engine.plan.described import described

_STOPS = ("a lack of consent", "suppression", "quiet hours", "caps", "the holdout")
_OF_EVERY_EVENT = frozenset({"id", "type", "time"})
"""What is kept of an event whatever is read of it."""


def cautions(old: Rule, new: Rule, policies: tuple[Policy, Policy]) -> list[str]:
    """Sentences for a reviewer; none for most edits. `policies`: of the live book and of the new one."""
    before, after = old.action.journey, new.action.journey
    found = [*_freed(old, new, policies), *_ends("exit", old.exits, new.exits)]
    found += _ends("goal", _goals(before), _goals(after))
    if isinstance(old.trigger, Milestone) and isinstance(new.trigger, Milestone):
        found += _milestone(old.trigger, new.trigger)
    if old.match != new.match and new.action.waits:
        told = f"by {new.match}" if new.match else "by nothing"
        found.append(f"new runs are told apart {told}; those that are open go on, and new ones begin beside them")
    if before is not None and after is not None:
        found += [*_renamed(before, after), *_unkept(before, after)]
    return found


def _freed(old: Rule, new: Rule, policies: tuple[Policy, Policy]) -> Iterator[str]:
    """What no longer stops messages of the rule, as the policy or their purpose or channel is another."""
    before, after = _stops(old, policies[0]), _stops(new, policies[1])
    freed = [word for word in before if word not in after]
    if freed and new.action.sends:
        yield f"messages are no longer stopped by {', '.join(freed)}"


def _stops(rule: Rule, policy: Policy) -> list[str]:
    """What of the policy may stop each message of the rule."""
    sends = [{*_stopped_by(policy, send)} for send in rule.action.sends]
    return [word for word in _STOPS if sends and all(word in each for each in sends)]


def _stopped_by(policy: Policy, send: Send) -> Iterator[str]:
    """What of the policy may stop a message."""
    purpose, channel = send.purpose, send.channel
    if purpose in policy.consent:
        yield "a lack of consent"
    if any(on_channel(policy.suppress.get(name), channel) is not None for name in ("all", purpose)):
        yield "suppression"
    if any(hours.concern(purpose, channel) for hours in policy.quiet_hours):
        yield "quiet hours"
    if any(counts(cap, purpose, channel) for cap in policy.caps):
        yield "caps"
    if policy.holdout and purpose != TRANSACTIONAL:
        yield "the holdout"


def _ends(word: str, old: Iterable[Fact], new: Iterable[Fact]) -> Iterator[str]:
    """Of ends that are put in only those are known to have been that are an event without conditions."""
    known = [described(fact) for fact in old]
    for fact in new:
        if not fact.is_plain and described(fact) not in known:
            yield f"{word}: {_of_fact(fact)} counts from this edit on; what happened before it ends nothing"


def _goals(journey: Journey | None) -> list[Fact]:
    return [journey.goal] if journey is not None and journey.goal is not None else []


def _of_fact(fact: Fact) -> str:
    parts = [fact.text]
    parts += [f"where {fact.where.text}"] if fact.where is not None else []
    parts += [f"with the same {fact.match}"] if fact.match else []
    return " ".join(parts)


def _milestone(old: Milestone, new: Milestone) -> Iterator[str]:
    before, after = _counted(old), _counted(new)
    if before != after and not _has_own_number(new):
        yield f"it counts all {new.event} there ever were; levels that a customer is past by that do not come"
    elif before != after and not _has_own_number(old):
        yield f"it begins at 0 for everybody and counts {after}; levels that were reached before come again"
    elif before != after:
        yield f"each customer's number goes on from what it is: it has counted {before}, and now counts {after}"
    if _has_own_number(old) and _has_own_number(new) and (old.levels, old.every) != (new.levels, new.every):
        yield f"a new level that a customer's number is past already comes with their next {new.event}"


def _has_own_number(trigger: Milestone) -> bool:
    """Whether the rule has a number for each customer; else it is that of all their events."""
    return trigger.property is not None or trigger.where is not None


def _counted(trigger: Milestone) -> str:
    what = f"{trigger.event}.{trigger.property}" if trigger.property else trigger.event
    return f"{what} where {trigger.where.text}" if trigger.where is not None else what


def _renamed(old: Journey, new: Journey) -> Iterator[str]:
    """Offers `was` for steps in the place of which another book has one that does the same under another name."""
    before = [name for name in old.named if not name.endswith(WAIT)]
    after = [name for name in new.named if not name.endswith(WAIT)]
    present = [new.renamed.get(name, name) for name in before]
    for what, start, end, first, last in SequenceMatcher(None, present, after, autojunk=False).get_opcodes():
        come = [name for name in after[first:last] if name not in present]
        for name in before[start:end] if what == "replace" else ():
            like = next((step for step in come if _alike(old.named[name], new.named[step])), "")
            if like and new.place(name) is None:
                come.remove(like)
                lost = f"else customers who stand before {name} leave, and it counts as not sent"
                yield f"if step {like} is {name} renamed, write was: [{name}] into it; {lost}"


def _alike(old: Act | Wait, new: Act | Wait) -> bool:
    """Whether one may be the other with another name, and so with another template or event."""
    if isinstance(old, Act) and isinstance(new, Act):
        return type(old.action) is type(new.action) and described(old.action) == described(new.action)
    return isinstance(old, Wait) and isinstance(new, Wait) and described(old.fact) == described(new.fact)


def _unkept(old: Journey, new: Journey) -> Iterator[str]:
    """Runs keep of the event that began them what steps read then."""
    kept = old.reads.properties | _OF_EVERY_EVENT if old.reads.event else frozenset[str]()
    read = sorted(new.reads.properties - kept) if EVERY not in old.reads.properties else []
    if read and new.reads.event:
        names = ", ".join("event" if name == EVERY else f"event.{name}" for name in read)
        yield f"it now reads {names}, which runs that are there have not kept: in them it is missing"
