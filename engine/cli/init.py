"""`engine init`: makes a new project whose checks and tests pass."""

import re
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer
from rich.markup import escape

from engine.cli.console import out
from engine.errors import CommandFailed, UsageError
from engine.examples import EXAMPLES, rules_folder, templates_folder
from engine.lang.schema import write_schemas

MODELINE = re.compile(r"\$schema=(\.\./)+engine/lang/schemas/")
"""Where editors find the schemas of an example: in the repository."""
ALLOWED_FILES = frozenset({".git", ".gitattributes", ".github", ".gitignore", ".idea", ".vscode", "license", "readme"})
"""Files that a new repository may have already, in lower case and without suffix. They are not touched."""
IGNORED = "# What the engine keeps and writes on this machine: customers.\n/.engine-data/\n/out/\n"


def init(
    folder: Annotated[
        Path,
        typer.Argument(help="The folder to make; it may exist with nothing in it but .git, a README and the like."),
    ],
    example: Annotated[
        str, typer.Option(help="What to begin with: shop (records), or loyalty (stars, tiers, friends, a survey).")
    ] = "shop",
) -> None:
    """Start a project: rules, templates and tests of an example, to be changed into yours.

    Example: engine init shop && cd shop && engine test
    """
    if example not in EXAMPLES:
        message = f"there is no example '{example}'; there are {' and '.join(EXAMPLES)}"
        raise UsageError(message)
    _refuse_other_work(folder)
    for name, source in (("rules", rules_folder(example)), ("templates", templates_folder(example))):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for path in sorted(path for path in source.iterdir() if path.suffix in (".yaml", ".j2")):
            text = MODELINE.sub("$schema=../schemas/", path.read_text(encoding="utf-8"))
            (folder / name / path.name).write_text(text, encoding="utf-8")
    write_schemas(folder / "schemas")
    _ignore(folder / ".gitignore")
    here = folder.resolve() == Path.cwd()
    out.print(f"[green]Made a project[/] in {'this folder' if here else escape(str(folder))}. Next:\n", highlight=False)
    there = "" if here else f"  cd {quote(str(folder))}\n"
    out.print(f"{there}  engine check\n  engine test", markup=False, highlight=False, soft_wrap=True)


def _refuse_other_work(folder: Path) -> None:
    """Raises CommandFailed if the folder is a file or has other files than ALLOWED_FILES."""
    if folder.exists() and not folder.is_dir():
        message = f"{folder} is there already and is not a folder"
        raise CommandFailed(message)
    names = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    others = [name for name in names if not {name.lower(), name.lower().partition(".")[0]} & ALLOWED_FILES]
    if others:
        which = "this folder" if folder.resolve() == Path.cwd() else folder
        message = f"{which} has {', '.join(others[:3])} already; a new project needs a folder of its own"
        raise CommandFailed(message)


def _ignore(path: Path) -> None:
    """Append to an existing file, unless it has the text already."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if IGNORED not in before:
        gap = "" if not before or before.endswith("\n") else "\n"
        path.write_text(before + gap + IGNORED, encoding="utf-8")
