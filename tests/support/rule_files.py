"""A project of two rules as files, to be edited and compiled."""

from pathlib import Path

from engine.core.book import RuleBook
from engine.lang.project import load
from engine.render import inspect_templates
from tests.support.project_files import write_project

EVENTS = "version: 1\nevents: { buy: { properties: { amount: number }, profile: { spent: amount } }, visit: {} }\n"
POLICY = "version: 1\nzone: Europe/Berlin\nfresh_for: 3d\n"
RULES = """\
version: 1
rules:
  - id: quiet
    why: Nobody is forgotten.
    when: { inactivity: { of: buy, for: 14d } }
    if: profile.spent > 1
    reentry: after 30d
    send: note
  - id: thanks
    when: { event: buy }
    send: note
"""
NOTE = "{% block subject %}Hello{% endblock %}{% block text %}Dear customer{% endblock %}\n"
PROJECT = {"events.yaml": EVENTS, "policy.yaml": POLICY, "rules.yaml": RULES, "note.email.j2": NOTE}


def compiled(folder: Path, files: dict[str, str]) -> RuleBook:
    write_project(folder, files)
    loaded = load(folder / "rules", inspect_templates(folder / "templates"))
    assert loaded.book, [each.human() for each in loaded.diagnostics]
    return loaded.book


NO_PURCHASE = (
    PROJECT["rules.yaml"]
    + """\
  - id: never-bought
    when: { event: visit }
    if: events.buy.count("90d") == 0
    send: note
"""
)


def new_rule(tmp_path: Path) -> tuple[RuleBook, RuleBook]:
    """A book, and the same with a rule for those who have bought nothing for 90 days."""
    return compiled(tmp_path / "a", PROJECT), compiled(tmp_path / "b", {**PROJECT, "rules.yaml": NO_PURCHASE})
