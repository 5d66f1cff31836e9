"""Everything that docs/api.md promises to programs can be imported."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import BuiltinFunctionType

import pytest

DOCUMENTED = re.findall(
    r"^\| `(engine\.[\w.]+)\.(\w+)` \| ", (Path(__file__).parents[2] / "docs/api.md").read_text("utf-8"), re.MULTILINE
)


@pytest.mark.parametrize(("module", "name"), DOCUMENTED)
def test_a_documented_name_can_be_imported_and_says_what_it_is(module: str, name: str) -> None:
    found = getattr(import_module(module), name)
    compiled = isinstance(found, BuiltinFunctionType)  # mypyc drops what a function says of itself
    assert found.__doc__ or name.isupper() or compiled


def test_all_that_testing_and_the_embedding_offer_is_documented() -> None:
    for module in ("engine.testing", "engine.embed"):
        assert {name for place, name in DOCUMENTED if place == module} == set(import_module(module).__all__)


def test_a_program_that_embeds_a_worker_needs_no_extra() -> None:
    program = "import sys, engine.embed; sys.exit('faust' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
