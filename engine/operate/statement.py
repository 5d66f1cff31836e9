"""A customer's points as an account statement: what came in and what is left of it, line by line, down to the balance.

`engine customer show` prints it, `engine customer export` hands it out. A state keeps single earnings as long as they
can still matter; what was before is one line, brought forward.
"""

from typing import Any

from engine.core.state.points import ENDED, FOREVER, MONTHS, Ledger, Lot
from engine.core.zones import iso

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def statement(ledger: Ledger) -> dict[str, Any]:
    """`earned` - `taken_back` - `spent` - `expired` is `balance`, and so is what the lines have left, less `debt`.

    `brought_forward`: points of earnings that are not kept one by one any more; all of them are used.
    """
    return {
        "balance": ledger.balance,
        "pending": sum(lot.points for lot in ledger.pending),
        "debt": ledger.debt,
        "earned": ledger.earned,
        "taken_back": ledger.taken,
        "spent": ledger.spent,
        "expired": ledger.expired,
        "brought_forward": ledger.earned - ledger.taken - sum(lot.points for lot in ledger.lots),
        "lines": [_line(lot) for lot in ledger.lots],
        "pending_lines": [_line(lot) for lot in ledger.pending],
        "awaited": [
            {"source": one.source, "points": one.points, "taken_back": iso(one.at * 1000)} for one in ledger.waiting
        ],
    }


def _line(lot: Lot) -> dict[str, Any]:
    return {
        "usable": iso(lot.usable * 1000),
        "source": lot.source,
        "points": lot.points,
        "used": lot.used,
        "left": lot.left,
        "ends": ends(lot.end),
    }


def ends(end: int) -> str:
    """When a lot ends, in words; a month ends where the customer is."""
    if end in (ENDED, FOREVER):
        return "over" if end == ENDED else "never"
    if end >= MONTHS:
        return iso(end * 1000)
    year, month = divmod(end - 1, 12)
    return f"end of {_MONTHS[month]} {year}"


def in_words(said: dict[str, Any]) -> list[tuple[str, ...]]:
    """The statement as rows: usable from, of, points, used, left, ends."""
    rows: list[tuple[str, ...]] = [("usable from", "of", "points", "used", "left", "ends")]
    if said["brought_forward"]:
        number = str(said["brought_forward"])
        rows.append(("earlier", "", number, number, "0", ""))
    rows += [_row(one) for one in said["lines"]]
    if said["pending_lines"]:
        rows += [("pending", "", str(said["pending"]), "", "", ""), *(_row(one) for one in said["pending_lines"])]
    if said["debt"]:
        rows.append(("debt", "", "", "", f"-{said['debt']}", ""))
    rows += [(one["taken_back"], one["source"], f"-{one['points']}", "", "", "awaited") for one in said["awaited"]]
    return rows


def sum_in_words(said: dict[str, Any]) -> str:
    """How the balance comes about."""
    less = "".join(
        f" - {said[part]} {word}"
        for part, word in (("taken_back", "taken back"), ("spent", "spent"), ("expired", "expired"))
        if said[part]
    )
    return f"{said['earned']} earned{less} = {said['balance']}"


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    numbers = (str(line[part]) for part in ("points", "used", "left"))
    return (line["usable"], line["source"], *numbers, line["ends"])
