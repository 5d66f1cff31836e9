"""Rule books as files that travel: into a plan, from there into the store, and to workers that do not have the folder.

`engine plan` packs both books, `engine apply` keeps them in the store, and a worker unpacks what its folders lack.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from engine.errors import BookMissing, CommandFailed
from engine.lang.scores import FILE as SCORES
from engine.lang.tables import paths_of
from engine.model import UNREADABLE
from engine.ports import StateStore
from engine.render.files import read_sources
from engine.testing import Project, load_project

Files = Mapping[str, str]
"""Path below a project -> text."""


def files_of(folder: Path, templates: Path) -> Files:
    """Everything that a revision depends on, without rule tests."""
    rules = [path for path in sorted(folder.glob("*.yaml")) if not path.name.endswith(".test.yaml")]
    rules += [path for path in (folder / SCORES, *paths_of(folder)) if path.is_file()]
    found = {f"rules/{path.name}": path.read_bytes().decode() for path in rules}
    return found | {f"templates/{name}": text for name, text in read_sources(templates).items()}


def unpacked(files: Files) -> Project:
    """The project of these files. Raises RulesBroken."""
    with TemporaryDirectory(prefix="engine-rules-") as name:
        folder = Path(name).resolve()
        for each in ("rules", "templates"):
            (folder / each).mkdir()
        for each, text in files.items():
            path = (folder / each).resolve()
            if not path.is_relative_to(folder):
                message = f"the plan has a file outside its own folders: {each}"
                raise CommandFailed(message)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return load_project(folder / "rules", folder / "templates")


def stored_project(store: StateStore, revision: str) -> Project:
    """The project of a revision that is rolled out. Raises BookMissing."""
    return unpacked(stored_files(store, revision))


def packed(files: Files) -> bytes:
    """For the store."""
    return zlib.compress(msgspec.json.encode(files))


def stored_files(store: StateStore, revision: str) -> Files:
    """Raises BookMissing, also for one that is damaged: what helps is the same."""
    found = store.book(revision)
    if found is None:
        raise BookMissing(revision)
    try:
        return msgspec.json.decode(zlib.decompress(found), type=dict[str, str])
    except (zlib.error, *UNREADABLE) as error:
        raise BookMissing(revision) from error
