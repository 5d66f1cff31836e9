"""The table of settings in docs/deployment.md. GOLDEN_UPDATE=1 writes it anew."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from engine.config import Settings

PAGE = Path(__file__).parents[2] / "docs" / "deployment.md"
BEGIN, END = "<!-- settings: generated from engine/config.py -->\n", "<!-- end of settings -->"


def test_the_page_lists_every_setting_as_it_is() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    listed, _, after = rest.partition(END)
    if os.environ.get("GOLDEN_UPDATE"):
        PAGE.write_text(before + BEGIN + table() + END + after, encoding="utf-8")
    else:
        assert listed == table()


def table() -> str:
    rows = [f"| {name} | {values(field)} | {default(field)} | {field.description} |\n" for name, field in variables()]
    return "| variable | value | default | what for |\n|---|---|---|---|\n" + "".join(rows)


def variables() -> Iterator[tuple[str, FieldInfo]]:
    for name, field in Settings.model_fields.items():
        variable = f"`ENGINE_{name.upper()}`"
        yield (f"{variable} or `…_FILE`" if field.annotation is SecretStr else variable), field


def values(field: FieldInfo) -> str:
    names: dict[Any, str] = {
        str: "text",
        int: "number",
        float: "number",
        bool: "true, false",
        Path: "path",
        SecretStr: "secret",
    }
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if isinstance(kind, UnionType):
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
    return names[kind]


def default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value in ("", SecretStr("")):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
