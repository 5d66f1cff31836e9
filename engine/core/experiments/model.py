"""What an experiment is, which variant a customer is in, and under which variants a rule would act.

Expressions, templates and guards ask here; `engine/lang` makes experiments when the rule files are loaded. Nothing here
writes to a state: `settle` notes who was exposed.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import msgspec

from engine.arithmetic.assignment import position_of, variant_of
from engine.core.catalog import EventType, Property
from engine.core.expression import Expression
from engine.core.scope import MISSING, Missing, Scope
from engine.core.state.model import State
from engine.model import Event

if TYPE_CHECKING:
    from engine.core.book import RuleBook
    from engine.core.firing import Candidate

NONE: Final = "none"
"""The variant that gets nothing of what the experiment's rules send."""
HOLDOUT: Final = "global"
"""The salt of the policy's holdout. Another one would put other customers into it."""
EXPOSED: Final = "exposed"
EXPOSED_TYPE: Final = EventType(
    EXPOSED, {name: Property(name, "string", required=True) for name in ("experiment", "variant")}, made=True
)


class Goal(msgspec.Struct, frozen=True):
    """The event that an exposed customer shall have, and within how many milliseconds; 0: at any time."""

    event: str
    within: int = 0


class Experiment(msgspec.Struct, frozen=True, eq=False):
    """One compiled experiment. `shares`: percent by variant, in the file's order; `holdout`: the policy's share."""

    id: str
    salt: str
    shares: Mapping[str, float]
    goal: Goal
    hypothesis: str = ""
    among: Expression | None = None
    holdout: float = 0.0

    def variant(self, state: State, customer: str) -> str:
        """The variant, whether or not the customer takes part now. Changed shares move nobody who was exposed."""
        known = state.exposed.get(self.id, "")
        return known if known in self.shares else variant_of(self.shares, self.salt, customer)

    def value(self, scope: Scope) -> str | Missing:
        """The variant as expressions see it; MISSING for a customer who does not take part now."""
        customer = scope.customer
        if not customer or (self.among and not self.among.test(scope)) or is_held_out(self.holdout, customer):
            return MISSING
        if scope.supposed and self.id in scope.supposed:
            return scope.supposed[self.id]
        return self.variant(scope.state, customer)


def is_held_out(share: float, customer: str) -> bool:
    """Whether the customer is in the policy's holdout."""
    return share > 0 and position_of(HOLDOUT, customer) < share


def own_variants(book: "RuleBook", state: State, candidate: "Candidate") -> dict[str, str]:
    """The customer's variants in the experiments that rule or step reads, except those they take no part in."""
    scope = candidate.scope(state)
    experiments = book.catalog.experiments
    found = {id_: experiments[id_].value(scope) for id_ in sorted(candidate.experiments)}
    return {id_: value for id_, value in found.items() if not isinstance(value, Missing)}


def acts_under(state: State, candidate: "Candidate", variants: Mapping[str, str]) -> bool:
    """Whether rule or step would act if these were the customer's variants, as far as its condition says."""
    if NONE in variants.values():
        return False
    expression = candidate.condition
    return expression is None or bool(expression.test(candidate.scope(state, variants)))


def decided_by(book: "RuleBook", state: State, candidate: "Candidate", own: Mapping[str, str]) -> Iterator[str]:
    """The experiments in which another variant than the customer's own would make the rule act."""
    for id_, mine in own.items():
        others = (variant for variant in book.catalog.experiments[id_].shares if variant != mine)
        if any(acts_under(state, candidate, {**own, id_: variant}) for variant in others):
            yield id_


def is_kept_back(book: "RuleBook", state: State, candidate: "Candidate", own: Mapping[str, str]) -> bool:
    """Whether rule or step would act if each `none` among the customer's variants were another one."""
    nones = [id_ for id_ in own if own[id_] == NONE]
    others = ([one for one in book.catalog.experiments[id_].shares if one != NONE] for id_ in nones)
    ways = (dict(zip(nones, each, strict=True)) for each in product(*others)) if nones else ()
    return any(acts_under(state, candidate, {**own, **each}) for each in ways)


def exposed_event(experiment: str, variant: str, candidate: "Candidate", id_: str) -> Event:
    properties: dict[str, Any] = {"experiment": experiment, "variant": variant}
    return Event(id_, EXPOSED, candidate.customer, candidate.at, properties)


class ExperimentsView:
    """The root `experiments` in templates: the variant as text, None for a customer who takes no part now."""

    __slots__ = ("_experiments", "_scope")

    def __init__(self, experiments: Mapping[str, Experiment], scope: Scope) -> None:
        self._experiments = experiments
        self._scope = scope

    def __getattr__(self, name: str) -> str | None:
        try:
            value = self._experiments[name].value(self._scope)
        except KeyError:
            raise AttributeError(name) from None
        return None if isinstance(value, Missing) else value
