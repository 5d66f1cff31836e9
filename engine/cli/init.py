"""`engine init`: a new project whose checks and tests pass."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import UsageError, out
from engine.examples import rules_folder, templates_folder
from engine.lang.schema import write_schemas

MODELINE = "$schema=../engine/lang/schemas/"
IGNORED = "# What the engine keeps and writes on this machine: customers.\n/.engine-data/\n/out/\n"


def register(app: typer.Typer) -> None:
    app.command("init")(init)


def init(folder: Annotated[Path, typer.Argument(help="The folder to make; it may exist if it is empty.")]) -> None:
    """Start a project: rules, templates and tests of a record shop, to be changed into yours.

    Example: engine init shop && cd shop && engine test
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        message = f"{folder} is there already and is not an empty folder"
        raise UsageError(message)
    for name, source in (("rules", rules_folder()), ("templates", templates_folder())):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for path in sorted(path for path in source.iterdir() if path.suffix in (".yaml", ".j2")):
            text = path.read_text(encoding="utf-8").replace(MODELINE, "$schema=../schemas/")
            (folder / name / path.name).write_text(text, encoding="utf-8")
    write_schemas(folder / "schemas")
    (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
    out.print(f"[green]made[/] {folder}. Next:\n", highlight=False)
    out.print(f"  cd {folder}\n  engine check\n  engine test", markup=False, highlight=False)
