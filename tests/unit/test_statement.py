"""What operators see of a customer's points: a statement that adds up, and what comes next."""

from pathlib import Path

import msgspec

from engine.core.explain import points
from engine.core.zones import iso
from engine.operate.statement import in_words, statement, sum_in_words
from tests.support.backtests import write_lines
from tests.support.books import DAY, START
from tests.support.command import engine
from tests.support.drive import Customers
from tests.support.points_shop import PLAIN, STARS, buy, ledger, refund, shop, take


def test_the_statement_lists_what_came_in_what_is_left_of_it_and_until_when(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, STARS)).tell(buy(0, 50, "o-1"), buy(10, 300, "o-2"), take(30, 120))
    there.tell(refund(40, 20, "o-2"), buy(45, 30, "o-3"), refund(46, 5, "o-9"))
    said = statement(ledger(there))
    assert in_words(said)[1:] == [
        ("2026-01-15T00:00:00Z", "o-1", "50", "50", "0", "end of January 2027"),
        ("2026-01-25T00:00:00Z", "o-2", "280", "70", "210", "end of January 2027"),
        ("pending", "", "30", "", "", ""),
        ("2026-03-01T00:00:00Z", "o-3", "30", "0", "30", "end of February 2027"),
        ("2026-02-16T00:00:00Z", "o-9", "-5", "", "", "awaited"),
    ]
    assert sum_in_words(said) == "350 earned - 20 taken back - 120 spent = 210"


def test_a_statement_adds_up_when_its_oldest_lines_are_gone_and_there_is_a_debt(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN))
    there.tell(buy(0, 50, "o-1"), take(1, 50), buy(200, 30, "o-2"), take(201, 45)).until(START + 700 * DAY)
    said = statement(ledger(there))
    rows = in_words(said)
    assert ("earlier", "", "50", "50", "0", "") in rows
    assert ("debt", "", "", "", "-15", "") in rows
    assert sum(one["left"] for one in said["lines"]) - said["debt"] == said["balance"] == -15
    assert sum_in_words(said) == "80 earned - 95 spent = -15"


def test_explain_says_when_the_balance_changes_next(tmp_path: Path) -> None:
    book = shop(tmp_path, STARS)
    there = Customers(book).tell(buy(0, 50))
    (view,) = points(book, there.states["c-1"], there.clock)
    assert (view.balance, view.pending, view.expires_at, view.changes) == (0, 50, 0, START + 14 * DAY)
    there.until(view.changes)
    (view,) = points(book, there.states["c-1"], there.clock)
    assert (view.balance, view.expiring, iso(view.expires_at)) == (50, 50, "2027-02-01T00:00:00Z")


def test_operators_see_the_statement_and_hand_it_out(tmp_path: Path) -> None:
    shop(tmp_path, STARS)
    told = [buy(0, 50, "o-1"), take(20, 70), buy(21, 30, "o-2")]
    write_lines(
        tmp_path / "events.jsonl",
        [
            {"id": f"e{n}", "type": one.type, "customer": "c-1", "time": iso(one.time), "properties": one.properties}
            for n, one in enumerate(told)
        ],
    )
    store = "--store", "embedded", "--data", tmp_path / "data"
    assert engine("replay", "events.jsonl", *store, "--out", "out.jsonl", folder=tmp_path).code == 0
    shown = engine("customer", "show", "c-1", *store, folder=tmp_path).said
    assert "stars: statement" in shown
    assert "50 earned - 70 spent = -20" in shown
    exported = msgspec.json.decode(engine("customer", "export", "c-1", *store, folder=tmp_path).out)
    assert (exported["points"]["stars"]["debt"], exported["points"]["stars"]["pending"]) == (20, 30)
    explained = engine("explain", "c-1", *store, folder=tmp_path).said
    assert "stars -20 30 the balance changes at 2026-02-05T00:00:00Z" in explained
