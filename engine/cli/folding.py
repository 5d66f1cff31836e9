"""Tables of a terminal that cut nothing."""

from typing import Any

from rich.console import OverflowMethod
from rich.table import Table


class FoldingTable(Table):
    """A cell that is too wide goes on in the line below; rich's own ends in an ellipsis, and could be any id."""

    def add_column(
        self, header: Any = "", footer: Any = "", *, overflow: OverflowMethod = "fold", **given: Any
    ) -> None:
        super().add_column(header, footer, overflow=overflow, **given)
