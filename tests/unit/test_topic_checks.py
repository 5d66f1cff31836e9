"""What `engine run --check` and `engine doctor` say of how long topics keep their records."""

import pytest

from engine.config import load_settings
from engine.core.catalog import Catalog, Source
from engine.core.zones import DAY
from engine.errors import UsageError
from engine.operate.checks import keeping_findings, partitions_findings
from engine.operate.findings import Level
from engine.operate.topics import partitions_for, topics_wanted
from tests.support.journeys import journey

OUTREACH, EVENTS, LETTERS = "engine.outreach", "shop.events", "engine.dead-letters"


def said(kept: dict[str, str], cleanup: dict[str, str] | None = None, days: int = 30) -> list[str]:
    settings = load_settings(send_claims_days=days)
    return [f"{one.what}: {one.says}" for one in keeping_findings(settings, kept, cleanup or {})]


@pytest.mark.parametrize("kept", [{}, {OUTREACH: str(7 * DAY)}, {OUTREACH: str(30 * DAY), EVENTS: "-1", LETTERS: "-1"}])
def test_outreach_that_goes_before_senders_forget_it_is_as_it_should_be(kept: dict[str, str]) -> None:
    assert said(kept) == []


@pytest.mark.parametrize(
    ("kept", "cleanup", "how_long"),
    [("-1", "delete", "ever"), (str(30 * DAY + 1), "delete", "30d1ms"), (str(7 * DAY), "compact", "ever")],
)
def test_outreach_that_is_kept_longer_than_senders_remember_is_told(kept: str, cleanup: str, how_long: str) -> None:
    told = said({OUTREACH: kept}, {OUTREACH: cleanup})
    assert told[0].startswith(f"{OUTREACH}: keeps outreach for {how_long}, and senders know for 30d")


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_a_topic_that_keeps_one_record_of_each_customer_is_told(policy: str) -> None:
    told = said({OUTREACH: str(DAY)}, {EVENTS: policy, OUTREACH: "delete", LETTERS: policy})
    assert [one.startswith(f"{EVENTS}: is compacted: ") for one in told] == [True]


@pytest.mark.parametrize("days", [1, 3, 30])
def test_topics_that_the_engine_makes_are_as_they_should_be(days: int) -> None:
    made = topics_wanted(load_settings(send_claims_days=days), journey("[{ send: a }]").catalog, 3, None)
    assert said({one.name: one.config["retention.ms"] for one in made if "retention.ms" in one.config}, days=days) == []


@pytest.mark.parametrize(
    ("counts", "level", "says"),
    [
        ({"shop": 8, "web": 8, "out": 8}, Level.OK, "8 in shop, web, out"),
        ({"shop": 8, "web": 8, "out": 12}, Level.OK, "8 in shop, web, out 12"),
        ({"shop": 8, "web": 12, "out": 12}, Level.FAIL, "the numbers differ: shop 8, web 12, out 12"),
        ({"shop": 8, "web": 8, "out": 4}, Level.FAIL, "the numbers differ: shop 8, web 8, out 4"),
        ({"shop": 8, "out": 8}, Level.OK, "8 in shop, out"),
    ],
)
def test_what_is_only_written_to_may_have_grown_alone(counts: dict[str, int], level: Level, says: str) -> None:
    (found,) = partitions_findings(["shop", "web"], ["out"], counts)
    assert (found.level, found.says) == (level, says)


@pytest.mark.parametrize(
    ("counts", "asked", "made"),
    [({}, None, 8), ({}, 5, 5), ({EVENTS: 3, OUTREACH: 6}, None, 3), ({OUTREACH: 6}, None, 6), ({OUTREACH: 6}, 4, 4)],
)
def test_topics_are_made_as_those_are_that_workers_read(counts: dict[str, int], asked: int | None, made: int) -> None:
    catalog = Catalog(sources=(Source(EVENTS, EVENTS),))
    assert partitions_for(load_settings(), catalog, counts, asked) == made


@pytest.mark.parametrize(("counts", "asked"), [({EVENTS: 8, OUTREACH: 3}, None), ({EVENTS: 3}, 8), ({OUTREACH: 3}, 8)])
def test_topics_that_would_not_fit_are_not_made(counts: dict[str, int], asked: int | None) -> None:
    with pytest.raises(UsageError, match="need the same number"):
        partitions_for(load_settings(), Catalog(sources=(Source(EVENTS, EVENTS),)), counts, asked)
