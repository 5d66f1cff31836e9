"""`make test-compiled`, `make bench-compiled`: tests or the benchmark on an installed wheel with compiled modules.

They run in a copy of the checkout, in which engine/ is a link to the installed package.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
TESTS = (
    "tests/unit",
    "tests/simulation",
    "tests/golden",
    "tests/contract",
    "tests/e2e/test_faults_worker.py",
    "tests/e2e/test_faults_members.py",
)
OF_A_CHECKOUT = "tests/unit/test_packaging.py::test_a_checkout_has_its_examples_at_the_top"
LEFT_OUT = {".git", ".venv", "dist", "engine", "out"}
WHERE = "import engine; print(engine.__path__[0])"
PROOF = "from engine.core import decide; assert not decide.__file__.endswith('.py'), decide.__file__"


def main(what: str, arguments: list[str]) -> int:
    """Arguments are those of pytest (without any, most tests) or of the benchmark. Returns its exit status."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        checkout = shutil.copytree(ROOT, folder / "checkout", ignore=_left_out)
        python = _install(_wheel(folder), folder / "venv")
        package = subprocess.run([python, "-c", WHERE], cwd=folder, check=True, capture_output=True, text=True).stdout
        (checkout / "engine").symlink_to(package.strip())
        subprocess.run([python, "-c", PROOF], cwd=checkout, check=True)
        if what == "bench":
            return _bench(python, checkout, arguments)
        command = [python, "-m", "pytest", "--deselect", OF_A_CHECKOUT, *(arguments or TESTS)]
        return subprocess.run(command, cwd=checkout).returncode


def _bench(python: Path, checkout: Path, arguments: list[str]) -> int:
    """Its results are written where those of `make bench` are."""
    results = checkout / "bench" / "results"
    shutil.rmtree(results, ignore_errors=True)
    results.symlink_to(ROOT / "bench" / "results")
    environment = os.environ | {"GIT_DIR": str(ROOT / ".git"), "GIT_WORK_TREE": str(ROOT)}
    return subprocess.run([python, "-m", "bench", *arguments], cwd=checkout, env=environment).returncode


def _left_out(folder: str, names: list[str]) -> set[str]:
    return LEFT_OUT if Path(folder) == ROOT else {"__pycache__"}


def _wheel(folder: Path) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, env=os.environ | {"ENGINE_COMPILE": "1"}, check=True)
    return next(folder.glob("*.whl"))


def _install(wheel: Path, venv: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = venv / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", str(ROOT / "constraints.txt"), f"{wheel}[test]"], check=True)
    return python


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
