"""The outreach record is a public interface: it reads back as it was, and its schema is the shipped one."""

import json

import pytest

from engine.errors import BadRecord
from engine.wire.outreach_schema import SCHEMA_FILE, schema_text
from engine.wire.records import decode_outreach, encode_outreach
from tests.support.outreach import outreach


@pytest.mark.parametrize("changes", [{}, {"event": None}, {"expires_at": 1_760_000_000_001}])
def test_an_outreach_reads_back_as_it_was_written(changes: dict[str, object]) -> None:
    assert decode_outreach(encode_outreach(outreach(**changes)).value) == outreach(**changes)


def test_fields_of_a_later_engine_are_passed_over() -> None:
    record = json.loads(encode_outreach(outreach()).value) | {"experiment": {"variant": "b"}}
    assert decode_outreach(json.dumps(record).encode()) == outreach()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"version": 2}, "unknown-version"),
        ({"version": None}, "not-outreach"),
        ({"at": "yesterday"}, "not-outreach"),
        ({"customer": 7}, "not-outreach"),
    ],
)
def test_what_cannot_be_understood_is_refused(change: dict[str, object], code: str) -> None:
    record = json.loads(encode_outreach(outreach(step="hello")).value) | change
    with pytest.raises(BadRecord) as refused:
        decode_outreach(json.dumps(record).encode())
    assert refused.value.code == code


def test_the_shipped_schema_is_the_declared_form_and_has_every_field() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run python -m engine.wire.outreach_schema"
    record = json.loads(encode_outreach(outreach(step="hello")).value)
    assert set(json.loads(schema_text())["$defs"]["OutreachForm"]["properties"]) == set(record)
