"""Reads a piece of a prepared history, customer by customer. The processes of a backtest call it."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from engine.backtest.customer import Input
from engine.backtest.history import Piece, Prepared
from engine.backtest.sorting import working
from engine.model import Event, Identified

FETCHED: Final = 5_000
"""Rows in memory as Python objects at a time, beside those of one customer."""
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_SELECT: Final = """
    SELECT customer, id, id_source, scope, type, occurred_at, clock_before, clock, properties, known
    FROM read_parquet(?) WHERE customer >= ?
"""
_CUT: Final = "SELECT min(seq) FROM read_parquet(?) WHERE occurred_at > ? AND known IS NULL"


class Reader:
    """An open history. `until` (epoch ms): the first event after it ends the history, as in `engine replay`."""

    def __init__(self, prepared: Prepared, until: int | None) -> None:
        self._file = str(prepared.events)
        self._working = working(prepared.folder)
        self._connection = self._working.__enter__()
        self._connection.execute("SET threads = 1")
        self._cut = None
        if until is not None:
            row = self._connection.execute(_CUT, [self._file, until]).fetchone()
            self._cut = row[0] if row else None

    def close(self) -> None:
        self._working.__exit__(None, None, None)

    def customers(self, piece: Piece) -> Iterator[tuple[str, list[Input]]]:
        """Each customer with all inputs, in the order of customers."""
        customer, inputs = None, list[Input]()
        found = self._connection.execute(*self._query(piece))
        while rows := found.fetchmany(FETCHED):
            for whose, id_, source, scope, type_, at, before, clock, properties, known in rows:
                if whose != customer:
                    if customer is not None:
                        yield customer, inputs
                    customer, inputs = whose, []
                if known is None:
                    event = Event(id_, type_, whose, at, _decode(properties), source, scope)
                    inputs.append((event, before, clock))
                else:
                    inputs.append((Identified(whose, known, at), before, clock))
        if customer is not None:
            yield customer, inputs

    def _query(self, piece: Piece) -> tuple[str, list[Any]]:
        query, bounds = _SELECT, [self._file, piece.first]
        if piece.end:
            query, bounds = f"{query} AND customer < ?", [*bounds, piece.end]
        if self._cut is not None:
            query, bounds = f"{query} AND seq < ?", [*bounds, self._cut]
        return f"{query} ORDER BY customer, seq", bounds
