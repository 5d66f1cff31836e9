"""A new fit of scores, where segments read them: members change silently, and go on by the new fit."""

from pathlib import Path

import pytest

from engine.core.book import RuleBook
from engine.core.scope import in_segment, segment_time
from tests.support.books import DAY, START
from tests.support.drive import Customers
from tests.support.segment_shop import buy, shop

SEGMENT = "  - { id: leaving, if: scores.alive < 0.6 or scores.alive > 5 }\n"
RULES = "  - { id: leaves, when: { score: alive, below: 0.6 }, send: note }\n"
RULES += "  - { id: moves, when: { segment: leaving, moves: any }, send: note }\n"
SCORES = """\
{{ "version": 1, "purchase": "buy", "parameters": {{ "r": 0.55, "alpha": {alpha}, "s": {s}, "beta": 11.7 }} }}
"""


def fitted(folder: Path, alpha: float = 10.6, s: float = 0.61) -> RuleBook:
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    (folder / "rules" / "scores.json").write_text(SCORES.format(alpha=alpha, s=s))
    return shop(folder, SEGMENT, RULES)


def falls(book: RuleBook) -> int:
    """When a customer who bought once at START leaves, by this fit."""
    return Customers(book).tell(buy(0, 5)).until(START + 2000 * DAY).outreach[0].moment


@pytest.fixture
def milder(tmp_path: Path) -> RuleBook:
    return fitted(tmp_path / "milder")


@pytest.fixture
def sterner(tmp_path: Path) -> RuleBook:
    return fitted(tmp_path / "sterner", 8.0, 1.2)


@pytest.mark.parametrize("reloaded", [False, True])
def test_who_is_leaving_by_a_new_fit_alone_is_in_the_segment_and_hears_nothing(
    milder: RuleBook, sterner: RuleBook, reloaded: bool
) -> None:
    now = falls(milder) - DAY
    assert falls(sterner) < now
    there = Customers(milder, reload=lambda: reloaded).tell(buy(0, 5)).until(now).meet(sterner)
    assert in_segment(there.states["c-1"], "leaving")
    assert segment_time(there.states["c-1"], "leaving", "since") == now
    assert there.until(START + 1000 * DAY).outreach == []
    there.tell(buy(24 * 1001, 5))
    assert [one.reason for one in there.outreach] == ["left segment leaving"]


def test_who_is_no_longer_leaving_by_a_new_fit_is_out_silently_and_goes_by_its_moment(
    milder: RuleBook, sterner: RuleBook
) -> None:
    now = falls(sterner) + DAY
    there = Customers(sterner).tell(buy(0, 5)).until(now)
    assert [one.rule for one in there.outreach] == ["leaves", "moves"]
    there.meet(milder)
    assert not in_segment(there.states["c-1"], "leaving")
    assert len(there.outreach) == 2
    there.until(falls(milder))
    assert [one.rule for one in there.outreach[2:]] == ["moves"], "the silence has been told of, the move has not"
    assert there.outreach[-1].moment == falls(milder)


def test_who_has_not_moved_moves_in_the_second_of_the_new_fit(milder: RuleBook, sterner: RuleBook) -> None:
    there = Customers(milder).tell(buy(0, 5)).until(START + DAY).meet(sterner).until(falls(milder))
    assert [(one.rule, one.moment) for one in there.outreach] == [
        ("leaves", falls(sterner)),
        ("moves", falls(sterner)),
    ]
