"""The base install runs rules, replays and workers; what needs more says what to install."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from engine.cli.table import COMMANDS
from engine.extras import EXTRA_OF

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {libraries!r}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Missing())
from engine.cli.main import run
"""
ONE = f"{WITHOUT}\nrun()"
EACH_HELP = f"""{WITHOUT}
for command in sys.argv[1:]:
    sys.argv = ["engine", command, "--help"]
    try:
        run()
    except SystemExit as ended:
        print(command, "ended with", ended.code or 0, file=sys.stderr)
"""
NEEDS = {
    "archive": "insight",
    "backtest": "insight",
    "coupons": "insight",
    "fit": "insight",
    "metrics": "insight",
    "recommend": "insight",
    "plan": "insight",
    "send": "sending",
    "web": "web",
}


def libraries_beyond(extra: str) -> set[str]:
    """Every importable package that is installed here, and would not be by a base install, or with the extra alone."""
    base, waiting = set[str](), [Requirement(f"{PROJECT['name']}[{extra}]")]
    while waiting:
        needed = waiting.pop()
        base.add(canonicalize_name(needed.name))
        for inner in map(Requirement, requires(needed.name) or ()):
            wanted = not inner.marker or any(inner.marker.evaluate({"extra": each}) for each in ("", *needed.extras))
            if wanted and canonicalize_name(inner.name) not in base:
                waiting.append(inner)
    return {
        library
        for library, distributions in packages_distributions().items()
        if not base & {canonicalize_name(each) for each in distributions}
    }


def without_extras(*arguments: str, but: str = "", program: str = ONE) -> subprocess.CompletedProcess[str]:
    program = program.format(libraries=libraries_beyond(but))
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)


def test_a_command_whose_extra_is_missing_says_what_to_install_and_no_other_needs_one() -> None:
    ran = without_extras(*COMMANDS, program=EACH_HELP)
    assert "Traceback" not in ran.stderr
    for name in COMMANDS:
        said, _, ran.stderr = ran.stderr.partition(f"{name} ended with ")
        code, _, ran.stderr = ran.stderr.partition("\n")
        assert code == ("1" if name in NEEDS else "0"), said
        assert (f'pip install "trigger-engine[{NEEDS.get(name)}]"' in said) == (name in NEEDS)
        assert (f"Usage: engine {name} " in ran.stdout) == (name not in NEEDS)


@pytest.mark.parametrize("extra", sorted({*NEEDS.values()}))
def test_a_command_needs_no_other_extra_than_its_own(extra: str) -> None:
    commands = [name for name, needed in NEEDS.items() if needed == extra]
    ran = without_extras(*commands, but=extra, program=EACH_HELP)
    assert re.findall(r"^(\w+) ended with 0$", ran.stderr, re.MULTILINE) == commands, ran.stderr


def test_a_client_library_that_is_chosen_and_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_KAFKA_CLIENT", "kafka-python")
    ran = without_extras("dead-letters", "list")
    assert ran.returncode == 1
    assert 'pip install "trigger-engine[kafka-python]"' in ran.stderr


def test_every_library_that_can_be_missing_comes_with_the_extra_that_is_named() -> None:
    packages = {"faust": "faust-streaming", "kafka": "kafka-python", "mode": "mode-streaming"}
    extras = PROJECT["optional-dependencies"]
    base = {Requirement(text).name for text in PROJECT["dependencies"]}
    for library, extra in EXTRA_OF.items():
        package = packages.get(library, library)
        assert package in {Requirement(text).name for text in extras[extra]}, library
        assert package not in base


def test_all_has_every_extra_that_is_for_users() -> None:
    extras = PROJECT["optional-dependencies"]
    named = set(re.findall(r"[\w-]+", re.findall(r"\[(.*)\]", extras["all"][0])[0]))
    assert named == extras.keys() - {"all", "dev", "test"}
