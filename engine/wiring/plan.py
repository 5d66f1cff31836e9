"""Builds plans from settings, for `engine plan`: the two rule books, the live store, and a history if there is one."""

from dataclasses import replace
from functools import partial
from typing import Final

from engine.config import Settings
from engine.plan.build import Plan, look, planned
from engine.plan.live import Looked, Side
from engine.plan.sample import Chosen, choose
from engine.render import inspect_templates
from engine.wiring.books import files_of
from engine.wiring.processes import Begin, Progress, Stage, in_processes, processors
from engine.wiring.rule_folders import RuleFolders
from engine.wiring.store import open_for_processes, open_store

WORTHWHILE: Final = 2_000
"""Customers for which another process is worth its start, in which it loads both rule books if it is not forked."""


class _Sides:
    """Both books. A process that is not forked gets their folders, and loads them. Raises RulesBroken."""

    def __init__(self, old: RuleFolders, new: RuleFolders) -> None:
        self._folders = old, new
        self.old, self.new = side_of(old), side_of(new)

    def __reduce__(self) -> tuple[type["_Sides"], tuple[RuleFolders, RuleFolders]]:
        return _Sides, self._folders


def plan_for(
    settings: Settings, old: RuleFolders, new: RuleFolders, days: int, sample: int | None, begin: Begin
) -> Plan:
    """A plan for the customers of the store that the settings name, which is only read. Raises EngineError."""
    sides = _Sides(old, new)
    with open_for_processes(settings) as shared:
        with open_store(shared) as store:
            chosen = choose(store, sample, begin(Stage("finding customers")))
        number = max(1, min(processors(), len(chosen.names) // WORTHWHILE))
        shares = [replace(chosen, names=chosen.names[place::number]) for place in range(number)]
        works = [partial(_look, shared, share, sides, days) for share in shares]
        found = in_processes(works, begin(Stage("looking at customers", len(chosen.names))))
    looked = found[0]
    for other in found[1:]:
        looked.take(other)
    made = planned(chosen, looked, sides.old, sides.new, days)
    for side, one in zip((sides.old, sides.new), (old, new), strict=True):
        made.files[side.book.revision] = dict(files_of(one.rules, one.templates))
    return made


def _look(settings: Settings, share: Chosen, sides: _Sides, days: int, progress: Progress) -> Looked:
    """In a process of its own, with a connection of its own."""
    with open_store(settings) as store:
        return look(store, share, sides.old, sides.new, days, progress)


def side_of(rules: RuleFolders) -> Side:
    """The book of these folders, with its texts. Raises RulesBroken."""
    project = rules.load()
    facts = inspect_templates(rules.templates) or ()
    return Side(project.book, project.renderer, {(one.template, one.channel): one.source for one in facts})
