"""Makes the report of `engine experiment report` from the rules, which say what was asked, and an archive."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

from engine.cli.options import duration_of
from engine.core.book import RuleBook
from engine.core.durations import text_of
from engine.core.experiments.model import NONE
from engine.errors import UsageError
from engine.insight.figures.days import UTC, start_of
from engine.insight.figures.trial import HOLDOUT_ARMS, Trial, TrialOptions
from engine.insight.report.content import Report
from engine.insight.report.experiment import Question, experiment_report
from engine.lang.diagnostics import with_closest

HOLDOUT = "holdout"


def write_report(
    book: RuleBook,
    name: str,
    archives: list[Path],
    planned: int,
    goal: str,
    within: str,
    since: date | None,
    *,
    cuped: bool,
    per_message: bool,
) -> Report:
    """Raises UsageError, ArchiveBroken and NobodyExposed."""
    if name == HOLDOUT:
        asked, hypothesis = _holdout(book, goal or "purchase", within)
    else:
        asked, hypothesis = _experiment(book, name)
        _refuse_of_holdout(name, goal=goal, within=within)
    if since:
        asked = replace(asked, since=start_of(since, UTC))
    trial = Trial.opened(archives, asked)
    span = text_of(asked.within) if asked.within else ""
    question = Question(name, hypothesis, asked.goal, span, planned)
    return experiment_report(
        trial, question, trial.less_noisy() if cuped else None, trial.per_message() if per_message else None
    )


def _experiment(book: RuleBook, name: str) -> tuple[TrialOptions, str]:
    found = book.catalog.experiments.get(name)
    if found is None:
        raise UsageError(with_closest(f"there is no experiment {name!r}", name, [*book.catalog.experiments, HOLDOUT]))
    asked = TrialOptions(name, _control_first(found.shares), found.goal.event, found.goal.within)
    return asked, found.hypothesis


def _refuse_of_holdout(name: str, **options: str) -> None:
    """Raises UsageError for options that would be ignored: the goal of an experiment is fixed before it begins."""
    for option, given in options.items():
        if given:
            message = f"--{option} {given}: experiment {name} has its goal in the rules; --{option} is of the holdout"
            raise UsageError(message)


def _control_first(shares: Mapping[str, float]) -> dict[str, float]:
    """Variants without a share are not compared."""
    shared = {variant: share for variant, share in shares.items() if share}
    return {NONE: shared[NONE], **shared} if NONE in shared else shared


def _holdout(book: RuleBook, goal: str, within: str) -> tuple[TrialOptions, str]:
    share = book.policy.holdout
    if not share:
        message = "policy.yaml has no holdout; `holdout: 5%` keeps back all but transactional messages from 5 %"
        raise UsageError(message)
    if goal not in book.catalog.events:
        raise UsageError(with_closest(f"--goal: there is no event type {goal!r}", goal, book.catalog.events))
    span = duration_of(within, "--within")
    shares = dict(zip(HOLDOUT_ARMS, (100 * share, 100 - 100 * share), strict=True))
    return TrialOptions(None, shares, goal, span), "What all messages together do: who gets them against who does not."
