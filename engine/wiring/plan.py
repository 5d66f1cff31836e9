"""Builds plans from settings, for `engine plan`: the two rule books, the live store, and a history if there is one."""

from engine.config import Settings
from engine.plan.build import Begin, Plan, make_plan
from engine.plan.live import Side
from engine.render import inspect_templates
from engine.testing import load_project
from engine.wiring.backtest import RuleFolders
from engine.wiring.books import files_of
from engine.wiring.store import open_store


def plan_for(
    settings: Settings, old: RuleFolders, new: RuleFolders, days: int, sample: int | None, begin: Begin
) -> Plan:
    """A plan for the customers of the store that the settings name, which is only read. Raises EngineError."""
    sides = [side_of(one) for one in (old, new)]
    with open_store(settings) as store:
        made = make_plan(store, sides[0], sides[1], days, sample, begin)
    for side, one in zip(sides, (old, new), strict=True):
        made.files[side.book.revision] = dict(files_of(one.rules, one.templates))
    return made


def side_of(rules: RuleFolders) -> Side:
    """The book of these folders, with its texts. Raises RulesBroken."""
    project = load_project(rules.rules, rules.templates)
    facts = inspect_templates(rules.templates) or ()
    return Side(project.book, project.renderer, {(one.template, one.channel): one.source for one in facts})
