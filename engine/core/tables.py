"""Reference tables: data beside the rules that templates look up, such as what customers bought with an item.

`engine/lang` makes them of `<name>.table.json`, and the renderer hands them to templates. Deciding never reads them, so
a new table re-arms nobody.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

Row = Mapping[str, Any]
"""Column -> text, number, true or false. A column without a value is absent."""


class Table(msgspec.Struct, frozen=True, eq=False):
    """`rows`: key -> its rows, best first. `columns`: those of all rows; None: not known, as the file has errors."""

    rows: Mapping[str, tuple[Row, ...]] = {}
    columns: frozenset[str] | None = None

    @classmethod
    def of(cls, rows: Mapping[str, tuple[Row, ...]]) -> "Table":
        return cls(rows, frozenset(column for found in rows.values() for row in found for column in row))

    def find(self, key: Any) -> tuple[Row, ...]:
        """The rows of a key; none if there is no such key. A whole number finds the key that is written like it."""
        return self.rows.get(_text(key), ())


def _text(key: Any) -> str:
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    return str(key)
