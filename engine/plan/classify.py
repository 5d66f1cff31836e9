"""What kind of change each rule sees between two rule books, compared as compiled: comments and order don't count.

`build` calls it. The strongest kind counts: a rule that arms differently may have another text too.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

import msgspec

from engine.core.actions.base import Action
from engine.core.book import Rule, RuleBook
from engine.core.coupons import Coupon
from engine.core.experiments.model import Experiment
from engine.core.points.model import Points
from engine.core.segments.model import Segment
from engine.plan.cautions import cautions
from engine.plan.described import described

Texts = Mapping[tuple[str, str], str]
"""(template, channel) -> its source, shared files included."""


class Named(Protocol):
    """A rule, segment or the like: `was` has its former ids."""

    @property
    def id(self) -> str: ...
    @property
    def was(self) -> Sequence[str]: ...


T = TypeVar("T")
N = TypeVar("N", bound=Named)


class Kind(StrEnum):
    """The kinds of change, the weakest first."""

    SAME = "same"
    TEXT = "text only"
    GUARD = "guard"
    STRUCTURE = "structure"
    REARMS = "re-arms"
    KIND = "another kind"
    NEW = "new"
    REMOVED = "removed"


MEANING: Final[Mapping[Kind, str]] = {
    Kind.TEXT: "the next messages have the new text; timers stay",
    Kind.GUARD: "timers stay; other guards are asked from now on",
    Kind.STRUCTURE: "it does another thing when it comes true, or in other steps; people in it stay before a named one",
    Kind.REARMS: "timers are armed anew for the customers who are there",
    Kind.KIND: "another kind of trigger under the same id: its old timers are parked, new ones armed",
    Kind.NEW: "timers are armed for the customers who are there",
    Kind.REMOVED: "its timers are parked for 30 days, and nothing is sent",
}


_WITHOUT_TIMERS: Final[Mapping[Kind, str]] = {
    Kind.REARMS: "from now on events make it come true otherwise; it has no timers",
    Kind.NEW: "from now on events make it come true; it has no timers",
}
"""The same of rules that events alone make come true."""


class PlannedChange(msgspec.Struct, frozen=True):
    """One rule's change. `was`: its old id, if it was renamed. `like`: one that goes and does what this does.

    `cautions`: what it does to customers that neither the kind nor the numbers say.
    """

    rule: str
    kind: Kind
    was: str = ""
    like: str = ""
    cautions: list[str] = []
    asked: list[str] = []
    """The fields of the rule, of those that are only asked when it comes true, that differ."""
    is_immediate: bool = False
    """Events alone make it come true; it has no timers."""

    @property
    def meaning(self) -> str:
        meaning = MEANING.get(self.kind, "")
        if self.is_immediate:
            meaning = _WITHOUT_TIMERS.get(self.kind, meaning)
        if self.asked:
            meaning = f"{meaning} ({', '.join(self.asked)})"
        return meaning + self.offer

    @property
    def offer(self) -> str:
        """The advice where it is most likely another one's new name; "": it is not."""
        return f". If it is {self.like} renamed, write was: [{self.like}]" if self.like else ""


def earlier(one: Named, there: Mapping[str, T]) -> T | None:
    """What `there` has under the id, or else under a former one."""
    return next((there[name] for name in (one.id, *one.was) if name in there), None)


def classify(old: RuleBook, new: RuleBook, old_texts: Texts, new_texts: Texts) -> list[PlannedChange]:
    """Every rule of both books: those of the new one in its order, then the removed ones."""

    def kind(before: Rule, rule: Rule) -> Kind:
        return _kind(before, rule, old_texts, new_texts)

    changes = _changes(old.by_id, new.by_id, kind, (Kind.SAME, Kind.TEXT))
    return [_cautioned(one, old, new) for one in changes]


def _cautioned(change: PlannedChange, old: RuleBook, new: RuleBook) -> PlannedChange:
    before, rule = old.by_id.get(change.was or change.rule), new.by_id.get(change.rule)
    if rule is None:
        return change
    change = msgspec.structs.replace(change, is_immediate=rule.trigger.is_immediate)
    if before is None:
        return change
    return msgspec.structs.replace(
        change, cautions=cautions(before, rule, (old.policy, new.policy)), asked=_asked(before, rule)
    )


def _changes(
    old: Mapping[str, N], new: Mapping[str, N], kind: Callable[[N, N], Kind], alike: Collection[Kind] = (Kind.SAME,)
) -> list[PlannedChange]:
    """`alike`: the kinds by which a new one may be one that goes, under another id."""
    there = {one.id: before.id for one in new.values() if (before := earlier(one, old)) is not None}
    gone = [before for id_, before in old.items() if id_ not in there.values()]
    changes = []
    for one in new.values():
        if one.id in there:
            was = there[one.id] if there[one.id] != one.id else ""
            changes.append(PlannedChange(one.id, kind(old[there[one.id]], one), was))
        else:
            like = next((before.id for before in gone if kind(before, one) in alike), "")
            changes.append(PlannedChange(one.id, Kind.NEW, like=like))
    return [*changes, *(PlannedChange(before.id, Kind.REMOVED) for before in gone)]


def _kind(old: Rule, new: Rule, old_texts: Texts, new_texts: Texts) -> Kind:
    if old.trigger.code != new.trigger.code:
        return Kind.KIND
    if type(old.action) is not type(new.action) or _shape(old.action) != _shape(new.action):
        return Kind.STRUCTURE
    if old.arming != new.arming or not (old.arming or new.arming):
        return Kind.REARMS
    if _guards(old) != _guards(new):
        return Kind.GUARD
    return Kind.SAME if _texts(old, old_texts) == _texts(new, new_texts) else Kind.TEXT


def _shape(action: Action) -> Any:
    """Where customers of a journey may stand, and for how long."""
    return action.journey.shape if action.journey is not None else ()


def _asked(old: Rule, new: Rule) -> list[str]:
    """The fields that differ of what is asked, or done, when the rule comes true."""
    before, after = _guards(old), _guards(new)
    return [name for name in after if name and before.get(name) != after[name]] if before[""] == after[""] else []


def _guards(rule: Rule) -> dict[str, Any]:
    """What is asked when the rule comes true, and what it does then, by field; under "" the kind of its action."""
    asked = described({"if": rule.condition, "reentry": rule.reentry, "exit": rule.exits, "match": rule.match})
    done = described(rule.action)
    if rule.action.journey is not None:
        steps, *goal = done.pop("journey")
        done |= {"goal": goal, "steps": steps}
    return {**asked, **done}


def _texts(rule: Rule, texts: Texts) -> list[tuple[str, str]]:
    return [(send.template, texts.get((send.template, send.channel), "")) for send in rule.action.sends]


def _differing(changes: Iterable[PlannedChange]) -> list[PlannedChange]:
    return [one for one in changes if one.kind is not Kind.SAME]


def segment_changes(old: RuleBook, new: RuleBook) -> list[PlannedChange]:
    """The segments that are new, gone, or defined differently."""

    def kind(before: Segment, segment: Segment) -> Kind:
        return Kind.SAME if before.mark == segment.mark else Kind.REARMS

    return _differing(_changes(old.segments, new.segments, kind))


OF_POINTS: Final[Mapping[Kind, str]] = {
    Kind.NEW: "every balance begins at 0",
    Kind.REMOVED: "balances are parked for 30 days; what happens meanwhile earns nothing",
    Kind.REARMS: "points end otherwise; none sooner than one whole new period from now",
    Kind.GUARD: "from now on other events, or other numbers; balances stay",
}
"""What a change of points means for the customers who are there."""


def point_changes(old: RuleBook, new: RuleBook) -> list[PlannedChange]:
    """The points that are new, gone, end otherwise, or are earned and spent otherwise."""

    def kind(before: Points, points: Points) -> Kind:
        if before.terms != points.terms:
            return Kind.REARMS
        return Kind.SAME if before.lines_as_text == points.lines_as_text else Kind.GUARD

    return _differing(_changes(old.points, new.points, kind))


OF_COUPONS: Final[Mapping[Kind, str]] = {
    Kind.NEW: "a code with the next message that shows it",
    Kind.REMOVED: "no message shows it; codes that customers have stay as they are",
    Kind.TEXT: "new runs get such codes; codes that customers have stay as they are",
}
"""What a change of a coupon means for the customers who are there."""


def coupon_changes(old: RuleBook, new: RuleBook) -> list[PlannedChange]:
    """The coupons that are new, gone, or look or last otherwise."""

    def kind(before: Coupon, coupon: Coupon) -> Kind:
        return Kind.SAME if before.terms == coupon.terms else Kind.TEXT

    return _differing(_changes(old.catalog.coupons, new.catalog.coupons, kind))


OF_EXPERIMENTS: Final[Mapping[Kind, str]] = {
    Kind.NEW: "customers are exposed from now on",
    Kind.REMOVED: "nobody is exposed any more; who was is remembered",
    Kind.GUARD: "other shares, participants or goal; who was exposed keeps their variant, unless it is gone",
}
"""What a change of an experiment means for the customers who are there."""


def experiment_changes(old: RuleBook, new: RuleBook) -> list[PlannedChange]:
    """The experiments that are new, gone, or divide, choose or judge customers otherwise."""
    before, after = old.catalog.experiments, new.catalog.experiments
    gone = [PlannedChange(id_, Kind.REMOVED) for id_ in before if id_ not in after]
    came = [
        PlannedChange(id_, Kind.NEW, like=next((one.rule for one in gone if _alike(before[one.rule], after[id_])), ""))
        for id_ in after
        if id_ not in before
    ]
    both = [id_ for id_ in after if id_ in before and _terms(before[id_]) != _terms(after[id_])]
    return [*(PlannedChange(id_, Kind.GUARD) for id_ in both), *came, *gone]


def _alike(old: Experiment, new: Experiment) -> bool:
    """Whether one may be the other under another id, from which its variants are drawn where it has no salt."""
    return bool(_terms(old)[1:] == _terms(new)[1:])


def _terms(experiment: Experiment) -> Any:
    """The order of the shares matters: a customer's place is counted from the first."""
    among = experiment.among and experiment.among.text
    return experiment.salt, list(experiment.shares.items()), experiment.goal, among


def policy_changes(old: RuleBook, new: RuleBook) -> list[str]:
    """The fields of policy.yaml that say another thing; they concern every rule."""
    names = [name for name in old.policy.__struct_fields__ if name != "preferences"]
    return [name for name in names if _policy_field(old, name) != _policy_field(new, name)]


def _policy_field(book: RuleBook, name: str) -> Any:
    zones = book.policy.zones
    return (str(zones.default), zones.field) if name == "zones" else described(getattr(book.policy, name))
