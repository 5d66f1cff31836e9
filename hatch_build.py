"""With ENGINE_COMPILE=1 the hot modules get into the wheel twice: as Python, and compiled beside it by mypyc.

Python imports the compiled ones; tracebacks read the others. Which they are is in pyproject.toml. Everything is
made in a temporary folder: a library left in the source tree would go on winning over a module that has changed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SETUP = """
import sys
from mypyc.build import mypycify
from setuptools import setup
compiled = mypycify(["--config-file=", *sys.argv[2:]], group_name="engine", opt_level="3", debug_level="0")
setup(name="engine", packages=[], ext_modules=compiled, script_args=["build_ext", "--build-lib", sys.argv[1]])
"""


class CompileHook(BuildHookInterface):
    """Does nothing without ENGINE_COMPILE=1, nor for an editable install."""

    def dependencies(self) -> list[str]:
        """What mypyc needs, and what the compiled modules import."""
        return self.config["requires"] if _is_wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or not _is_wanted():
            return
        self.folder = TemporaryDirectory()
        for library in _compile(Path(self.root), Path(self.folder.name), self.config["modules"]):
            build_data["force_include"][str(library)] = str(library.relative_to(Path(self.folder.name, "made")))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if folder := getattr(self, "folder", None):
            folder.cleanup()


def _is_wanted() -> bool:
    return os.environ.get("ENGINE_COMPILE") == "1"


def _compile(root: Path, folder: Path, patterns: list[str]) -> list[Path]:
    """The libraries made of the modules, in `folder`/made. Raises CalledProcessError."""
    source, made = folder / "source", folder / "made"
    shutil.copytree(root / "engine", source / "engine")
    modules = [str(path.relative_to(root)) for pattern in patterns for path in sorted(root.glob(pattern))]
    subprocess.run([sys.executable, "-c", SETUP, str(made), *modules], cwd=source, check=True)
    return [path for path in made.rglob("*") if path.is_file()]
