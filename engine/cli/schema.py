"""`engine schema`: the JSON Schemas of the YAML files."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import UsageError, out
from engine.lang.schema import FILES, FOLDER, schema_text, write_schemas


def register(app: typer.Typer) -> None:
    app.command("schema")(schema)


def schema(
    name: Annotated[str, typer.Argument(help=f"Which kind of file: {', '.join(FILES)}.")] = "rules",
    write: Annotated[bool, typer.Option("--write", help="Write all of them into --to instead.")] = False,
    to: Annotated[Path, typer.Option(help="The folder for --write.")] = FOLDER,
) -> None:
    """Print the JSON Schema of a kind of file, for editors that complete and check.

    Example: engine schema events > events.schema.json
    """
    if name not in FILES:
        message = f"there is no schema {name}; there are {', '.join(FILES)}"
        raise UsageError(message)
    if not write:
        typer.echo(schema_text(name), nl=False)
        return
    for path in write_schemas(to):
        out.print(str(path), markup=False, highlight=False)
