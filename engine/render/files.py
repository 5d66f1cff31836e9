"""Template files: `<template>.<channel>.j2`; names that begin with an underscore are layouts and partials."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

SUFFIX = ".j2"
SHOWN = ("subject", "text", "html")
"""The blocks that make a message."""
SUBJECT_CHANNEL = "email"


class TemplateFile(NamedTuple):
    """A template's file, with its name taken apart. An empty channel means a wrong file name."""

    name: str
    template: str
    channel: str


def file_name(template: str, channel: str) -> str:
    return f"{template}.{channel}{SUFFIX}"


def required_blocks(channel: str) -> tuple[str, ...]:
    return ("subject", "text") if channel == SUBJECT_CHANNEL else ("text",)


def read_sources(folder: Path) -> dict[str, str]:
    """Path below the folder -> text of the template; bytes that are not UTF-8 become replacement characters."""
    files = sorted(path for path in folder.rglob(f"*{SUFFIX}") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode("utf-8-sig", errors="replace") for path in files
    }


def files_of(sources: Mapping[str, str], name: str) -> dict[str, str]:
    """The template and all files whose names its text, or theirs, has in it: at least those that it is made of."""
    found, ahead = dict[str, str](), [name]
    while ahead:
        one = ahead.pop()
        text = found[one] = sources[one]
        ahead += [other for other in sources if other in text and other not in found]
    return found


def template_files(names: Iterable[str]) -> list[TemplateFile]:
    """The templates among the files, in the order given: those at the top of the folder, without an underscore."""
    return [_apart(name) for name in names if "/" not in name and not name.startswith("_")]


def _apart(name: str) -> TemplateFile:
    template, dot, channel = name.removesuffix(SUFFIX).rpartition(".")
    return TemplateFile(name, template, channel) if dot else TemplateFile(name, channel, "")
