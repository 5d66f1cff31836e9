"""Writes the files of a project, as an author has them on disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

FOLDERS: Final = {".yaml": "rules", ".j2": "templates"}


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files under their names, byte by byte and in UTF-8; returns the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def write_project(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write rule files and templates where they belong, in `rules` and `templates`; returns the folder."""
    return write_files(folder, {f"{FOLDERS[Path(name).suffix]}/{name}": content for name, content in files.items()})
