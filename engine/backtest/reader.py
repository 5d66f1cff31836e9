"""Reads a piece of a prepared history, customer by customer. The processes of a backtest call it."""

from collections.abc import Iterator
from typing import Final

from engine.backtest.history import Piece, Prepared
from engine.backtest.inputs import Whose, decode_inputs
from engine.backtest.sorting import working

FETCHED: Final = 100
"""Rows in memory as text at a time: 100,000 inputs at most."""
_SELECT: Final = "SELECT customer, repeats, guests, small, inputs FROM read_parquet(?)"


class Reader:
    """An open history. `until` (epoch ms): the first event after it ends the history, as in `engine replay`."""

    def __init__(self, prepared: Prepared, until: int | None) -> None:
        self._prepared = prepared
        self._until = until
        self._working = working(prepared.folder)
        self._connection = self._working.__enter__()
        self._connection.execute("SET threads = 1")

    def close(self) -> None:
        self._working.__exit__(None, None, None)

    def customers(self, piece: Piece) -> Iterator[Whose]:
        """Each customer who has an input, in the order of customers."""
        whose = Whose("", [])
        found = self._connection.execute(_SELECT, [str(self._prepared.inputs_of(piece))])
        while rows := found.fetchmany(FETCHED):
            for customer, repeats, guests, small, text in rows:
                inputs = decode_inputs(text, guests, self._until)
                if customer == whose.customer:
                    whose.inputs.extend(inputs)
                    continue
                if whose.inputs:
                    yield whose
                whose = Whose(customer, inputs, not (repeats or guests), small)
        if whose.inputs:
            yield whose
