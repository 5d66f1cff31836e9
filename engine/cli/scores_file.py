"""scores.json as `engine fit` writes it and `engine metrics` reads it. Workers read it by `engine/lang/scores.py`."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from engine.cli.whole_files import whole_file
from engine.errors import CommandFailed
from engine.insight.figures.predicting import Check, Fitted
from engine.insight.figures.shop import Shop
from engine.insight.models.fitting import MODELS, Fit
from engine.insight.models.gamma_gamma import GammaGamma
from engine.lang.scores import FILE, VERSION


def write_scores(rules: Path, told: Mapping[str, Any]) -> Path:
    """Workers may load their rules meanwhile."""
    with whole_file(rules / FILE) as file:
        file.write(json.dumps(told, indent=2) + "\n")
    return rules / FILE


def fit_beside(rules: Path, purchase: str) -> Fitted | None:
    """What `engine fit` wrote into this folder, if it was for this type of purchases. Raises CommandFailed."""
    path = rules / FILE
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_bytes())
        if told["purchase"] != purchase:
            return None
        model, fitted = MODELS[told["model"]](**told["parameters"]), told["fit"]
        spending = GammaGamma(**told["spending"]) if told["spending"] else None
        fit: Fit[Any] = Fit(model, fitted["log_likelihood"], fitted["customers"], fitted["converged"])
        how_much = Fit(spending, 0.0, fitted["customers"], True) if spending else None
        return Fitted(fit, how_much, date.fromisoformat(fitted["until"]))
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} is not what `engine fit` writes ({error}); run it again"
        raise CommandFailed(message) from error


def as_data(shop: Shop, fitted: Fitted, check: Check | None) -> dict[str, Any]:
    purchases, spending = fitted.purchases, fitted.spending
    return {
        "version": VERSION,
        "made": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "purchase": shop.asked.purchase,
        "zone": shop.asked.zone.key,
        "model": purchases.model.name,
        "parameters": asdict(purchases.model),
        "spending": asdict(spending.model) if spending else None,
        "fit": {
            "until": fitted.until.isoformat(),
            "customers": purchases.customers,
            "log_likelihood": purchases.log_likelihood,
            "converged": purchases.converged,
        },
        "check": check and _check(check),
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "until": check.until.isoformat(),
        "weeks": check.weeks,
        "expected": check.expected,
        "happened": check.happened,
        "brier": check.calibration.brier,
        "brier_of_chance": check.calibration.base,
        "ranking": check.calibration.ranking,
        "bins": [one._asdict() for one in check.calibration.bins],
    }
