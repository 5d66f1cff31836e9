"""The grammar of `experiments`, and how they are compiled. `project` calls it before the rules that read them."""

import ast
from collections.abc import Iterable
from math import fsum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from engine.core.experiments.model import HOLDOUT, NONE, Experiment, Goal
from engine.core.expr.syntax import tree_of
from engine.core.expression import Expression
from engine.lang.fields import READ_ID, Expr, Name, OptionalSpan, ReadId, matching
from engine.lang.form import Parsed, Strict, named, number_text, refuse, said
from engine.lang.site import Site

_ROUNDING = 1e-6
"""Shares such as 33.33, 33.33 and 33.34 sum to 100 only up to rounding."""
_VARIANT = matching(READ_ID, "bad-id", "the name of a variant", "a small letter, then small letters, digits and _")


_REPORTED = "holdout"
"""What `engine experiment report` calls the policy's holdout."""


def _not_reported(value: str) -> str:
    if value == _REPORTED:
        refuse("bad-id", f"'{value}' is what reports call the policy's holdout", "give the experiment another name")
    return value


def _salt(value: Any) -> str:
    """With the holdout's salt the first variant would lack the customers who are in the holdout."""
    if not isinstance(value, str) or not value or ":" in value or value == HOLDOUT:
        refuse("bad-value", f"{said(value)} is not a salt", f"a text without a colon, and not '{HOLDOUT}'")
    return value


VariantName = Annotated[str, Parsed(_VARIANT.parse, _VARIANT.schema)]
Salt = Annotated[str, Parsed(_salt, {"type": "string", "pattern": "^[^:]+$"})]


class GoalFields(Strict):
    label = "goal"
    event: Name = Field(description="The event that customers shall have, such as purchase.")
    within: OptionalSpan = Field(None, description="How long after the exposure; for ever when not given.")


class ExperimentFields(Strict):
    """Variants that customers are put into by chance, to compare what they do then."""

    label = "experiment"
    id: Annotated[ReadId, AfterValidator(_not_reported)] = Field(description="Permanent name of the experiment.")
    why: str = Field("", description="One sentence: why it is worth while.")
    hypothesis: str = Field("", description="What is expected of it, in words; the report shows it.")
    salt: Salt = Field("", description="Two experiments with one salt put customers into the same places; the id.")
    among: Expr = Field("", description="Who takes part; everybody when not given.")
    variants: dict[VariantName, float] = Field(
        description="Variant -> percent of the customers, 100 together; `none` gets nothing of what its rules send."
    )
    goal: GoalFields = Field(description="What counts as success.")

    @model_validator(mode="after")
    def _shares_are_whole(self) -> "ExperimentFields":
        shares = self.variants.values()
        if len(shares) < 2:
            refuse("bad-value", "an experiment compares at least two variants", key="variants")
        if min(shares) < 0:
            refuse(
                "bad-value", f"a share of {number_text(min(shares))} percent", "each is from 0 to 100", key="variants"
            )
        if abs(fsum(shares) - 100) > _ROUNDING:
            message = f"the shares sum to {number_text(fsum(shares))} percent"
            refuse("bad-value", message, "they must sum to 100", key="variants")
        return self


def placeholders(written: Iterable[Any]) -> dict[str, Experiment]:
    """The experiments as they are written, right or wrong, so that a mistake in one is reported once."""
    return {
        id_: Experiment(id_, id_, dict.fromkeys(variants, 0.0), Goal(""))
        for id_, _, variants in named(written, "variants")
    }


def compile_experiment(site: Site, fields: ExperimentFields, holdout: float) -> Experiment:
    """The experiment; problems are reported at `site`, its place in the file."""
    return Experiment(
        fields.id,
        fields.salt or fields.id,
        dict(fields.variants),
        Goal(site.at("goal", "event").event(fields.goal.event), fields.goal.within or 0),
        fields.hypothesis,
        site.at("among").expression(fields.among, ()),
        holdout,
    )


def check_none(site: Site, condition: Expression | None) -> None:
    """Warn of an `if` that asks for the variant `none`: customers in it get nothing of what reads the experiment."""
    tree = tree_of(condition.text) if condition else None
    for part in tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]:
        match part:
            case ast.Compare(
                left=ast.Attribute(value=ast.Name(id="experiments"), attr=id_),
                ops=[ast.Eq()],
                comparators=[ast.Constant(value=variant)],
            ) if variant == NONE:
                message = f"nothing comes of this: the variant none of {id_} gets nothing of what reads it"
                site.report("never-fires", message, "give the control a variant of its own, such as usual: 50")
