"""The parameters of scores: scores.json, which `engine fit` writes beside the rules, or those that rule tests fix.

The project loader calls it. JSON is read as YAML is, so that a finding has its place.
"""

import json
from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from engine.arithmetic.bg_nbd import BgNbd
from engine.arithmetic.pareto_nbd import ParetoNbd
from engine.core.marks import mark_of
from engine.core.scores import ScoreModel
from engine.core.zones import Zones, zone_or_none
from engine.lang.fields import Name, Zone
from engine.lang.form import Strict, refuse

FILE = "scores.json"
VERSION = 1
_MODELS: Mapping[str, tuple[Callable[..., ParetoNbd | BgNbd], tuple[str, ...]]] = {
    "pareto_nbd": (ParetoNbd, ("r", "alpha", "s", "beta")),
    "bg_nbd": (BgNbd, ("r", "alpha", "a", "b")),
}
BROKEN = ScoreModel("", Zones().default, ParetoNbd(1.0, 1.0, 1.0, 1.0), 0)
"""Stands in for a scores.json with errors, so that rules are not told that there is none."""
_LARGEST = 1e9
"""A fit gives parameters up to a few thousands; larger ones would overflow in the formulas."""


class ScoresFields(Strict):
    """A model of when customers buy again, and its parameters."""

    label = "scores"
    model: Literal["pareto_nbd", "bg_nbd"] = Field("pareto_nbd", description="Which model; Pareto/NBD when not given.")
    parameters: dict[str, float] = Field(
        description="r, alpha, s and beta (BG/NBD: r, alpha, a and b), times in weeks, as in scores.json."
    )
    purchase: Name = Field("purchase", description="The event type that is a purchase.")
    zone: Zone = Field("UTC", description="Where days begin.")

    @model_validator(mode="after")
    def _has_its_parameters(self) -> "ScoresFields":
        names = _MODELS[self.model][1]
        if set(self.parameters) != set(names):
            refuse("bad-value", f"the parameters of {self.model} are {', '.join(names)}", key="parameters")
        if not all(0 < number < _LARGEST for number in self.parameters.values()):
            refuse("bad-value", f"a parameter is above 0 and below {_LARGEST:g}", key="parameters")
        return self

    def built(self) -> ScoreModel:
        model, names = _MODELS[self.model]
        zone = zone_or_none(self.zone)
        assert zone is not None  # its field has checked it
        return ScoreModel(self.purchase, zone, model(*(self.parameters[name] for name in names)), self._number())

    def _number(self) -> int:
        """A number of the fit. Equal parameters are the same fit, however often they were fitted."""
        told = json.dumps([self.model, self.parameters, self.purchase, self.zone], sort_keys=True)
        return mark_of(told)


class ScoresFile(ScoresFields):
    """scores.json. What it tells of the fit and its check besides is for people."""

    model_config = ConfigDict(extra="ignore")
    label = "scores.json"
    version: Literal[1] = Field(description="The version of the file: 1.")
