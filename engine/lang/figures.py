"""The grammar of the file that `engine metrics --against` reads: goals of figures, costs, and what carries MRR."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.core.catalog import Catalog
from engine.lang.diagnostics import Diagnostic, has_errors
from engine.lang.fields import Name
from engine.lang.form import File, NotNull, OneOrMore, Parsed, Strict, refuse, said
from engine.lang.site import Site
from engine.lang.validate import validate
from engine.lang.yaml_reader import read


def _goal(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = re.fullmatch(r"(-?\d+(?:\.\d+)?) ?%", value) if isinstance(value, str) else None
    if not found:
        refuse("bad-value", f"{said(value)} is not a goal", "write a number, or a share such as 45%")
    return float(found[1]) / 100


Goal = Annotated[float, Parsed(_goal, {"type": ["number", "string"]})]


class CostFields(Strict):
    """Money, in the shop's currency."""

    label = "costs"
    per_message: float = Field(0.0, ge=0, description="What a message costs.")
    monthly: float = Field(0.0, ge=0, description="What goes into keeping customers besides, in a month.")


class RecurringFields(Strict):
    """Which events say what a customer pays a month, and by which definition churn of it is told."""

    label = "mrr"
    sets: dict[Name, Name] = Field(
        min_length=1, description="Event type -> its property with the monthly amount from then on."
    )
    ends: Annotated[list[Name], OneOrMore()] = Field([], description="Event types after which it is 0.")
    per: Annotated[Name | None, NotNull()] = Field(
        None, description="The property that tells a customer's subscriptions apart; one for each customer without it."
    )
    definition: Literal["cohort", "chartmogul", "baremetrics", "stripe"] = Field(
        "cohort", description="Whose definition of churn (docs/insight.md)."
    )


class FiguresFile(File):
    """Goals, costs and recurring revenue, for the figures of `engine metrics`."""

    label = "file of goals"
    goals: dict[str, Goal] = Field({}, description="Id of a figure, as in --json -> what it shall be.")
    costs: Annotated[CostFields | None, NotNull()] = Field(None, description="What keeping customers costs.")
    mrr: Annotated[RecurringFields | None, NotNull()] = Field(None, description="Recurring revenue.")


def load_figures(path: Path, catalog: Catalog | None = None) -> tuple[FiguresFile | None, list[Diagnostic]]:
    """The file; None if it has errors. `catalog`: what events.yaml declares; None: names are not looked up."""
    document, findings = read(path)
    if document is None:
        return None, findings
    content, more, _ = validate(FiguresFile, document)
    findings += more
    if content and content.mrr and catalog:
        _look_up(content.mrr, Site(document, ("mrr",), catalog, findings, []))
    return (None if has_errors(findings) else content), findings


def _look_up(mrr: RecurringFields, site: Site) -> None:
    for type_, amount in mrr.sets.items():
        site.at("sets", type_).event(type_, key=True)
        site.at("sets", type_).property(type_, amount, ("number", "integer"))
    site.at("ends").events(mrr.ends)
    for type_ in (*mrr.sets, *mrr.ends) if mrr.per else ():
        site.at("per").property(type_, str(mrr.per))
