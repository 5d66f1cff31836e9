"""What a checkout promises before anything of it runs."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from engine.examples import rules_folder, templates_folder

ROOT = Path(__file__).parents[2]


def test_everything_the_project_needs_is_pinned_within_its_range() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    for text in sum(project["optional-dependencies"].values(), project["dependencies"]):
        requirement = Requirement(text)
        if requirement.name == project["name"]:
            continue
        assert requirement.specifier.contains(pins[requirement.name.lower()]), text


def test_a_checkout_has_its_examples_at_the_top() -> None:
    assert rules_folder() == ROOT / "rules"
    assert templates_folder() == ROOT / "templates"
    assert rules_folder("loyalty") == ROOT / "examples" / "loyalty-club" / "rules"


def test_no_module_that_is_compiled_has_structs_or_abstract_classes() -> None:
    """msgspec could not tell the types of a struct's fields there, and classes of one ABC would share its caches."""
    hook = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]
    modules = {path for pattern in hook["custom"]["modules"] for path in ROOT.glob(pattern)}
    assert len(modules) > 40
    assert [
        path for path in modules if re.search(r"^class \w+\(.*\b(Struct|ABC)\b", path.read_text(), re.MULTILINE)
    ] == []
