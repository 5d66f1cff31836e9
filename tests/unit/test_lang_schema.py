import json

import pytest

from engine.lang.grammar import EventsFile, PolicyFile, RuleFile
from engine.lang.rule_test_grammar import RuleTestsFile
from engine.lang.schema import FILES, FOLDER, schema_text


@pytest.mark.parametrize("name", FILES)
def test_the_shipped_schemas_are_fresh(name: str) -> None:
    shipped = (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")
    assert shipped == schema_text(name), "run python -m engine.lang.schema"


@pytest.mark.parametrize("name", FILES)
def test_an_editor_is_told_what_every_field_is_for(name: str) -> None:
    schema = json.loads(schema_text(name))
    for model in [schema, *(each for each in schema["$defs"].values() if each["type"] == "object")]:
        assert model["additionalProperties"] is False
        for field in model["properties"].values():
            assert field.get("description") or "$ref" in field


def test_there_is_a_schema_for_every_kind_of_file() -> None:
    assert set(FILES.values()) == {RuleFile, EventsFile, PolicyFile, RuleTestsFile}
