"""Generates the JSON Schemas of the four kinds of file from the grammar; they are shipped next to this file.

`python -m engine.lang.schema` writes them anew.
"""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from engine.lang.form import File
from engine.lang.grammar import EventsFile, PolicyFile, RuleFile
from engine.lang.rule_test_grammar import RuleTestsFile

FOLDER = Path(__file__).parent / "schemas"
FILES: dict[str, type[File]] = {"rules": RuleFile, "events": EventsFile, "policy": PolicyFile, "tests": RuleTestsFile}


class _Generator(GenerateJsonSchema):
    """Leaves out parts that help no editor: titles of fields, and defaults that mean "not given"."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default")
        plain = isinstance(default, str | bool | int | float) and default != ""
        return {**inner, "default": default} if plain and "type" in inner else inner

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema_text(name: str) -> str:
    """The schema of one kind of file (rules, events, policy, tests), as it is shipped."""
    model = FILES[name]
    schema = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    schema = {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": f"trigger engine: {model.label}"}
    return json.dumps(schema, indent=2) + "\n"


def write_schemas(folder: Path = FOLDER) -> list[Path]:
    """Write all four; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.schema.json" for name in FILES]
    for name, path in zip(FILES, paths, strict=True):
        path.write_text(schema_text(name), encoding="utf-8")
    return paths


if __name__ == "__main__":
    write_schemas()
