"""Zones come from the installed tzdata alone, and workers whose data differ are told."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from engine.adapters.memory import MemoryRecords, MemorySink, MemoryStore
from engine.core.book import RuleBook
from engine.core.catalog import Catalog, EventType, Source
from engine.core.state.model import State
from engine.core.zones import DAY, EPOCH, ZONES_VERSION, LocalDays, Zones, from_millis, zone_or_none
from engine.model import Outreach
from engine.operate.checks import check_store
from engine.ports import Commit, Hooks, Meta, Record
from engine.wire.decode import Decoder
from engine.worker.context import Rules, WorkerContext
from engine.worker.partition_owner import PartitionOwner

NOW = 1_767_225_600_000


@pytest.mark.parametrize(
    ("zone", "hours"), [("America/Edmonton", -6), ("America/Winnipeg", -5), ("Africa/Casablanca", 0)]
)
def test_countries_that_gave_up_changing_clocks_lately_are_at_their_new_time(zone: str, hours: int) -> None:
    """Systems have data of years before; the first two stay at summer time since 2026, Morocco left it."""
    place = zone_or_none(zone)
    assert place is not None
    assert datetime(2026, 12, 1, 12, tzinfo=UTC).astimezone(place).utcoffset() == timedelta(hours=hours)
    assert place.key == zone


@pytest.mark.parametrize("name", ["", "Europe", "../zones", "/etc/passwd", "\0", "Europe/Berlin\n", "x" * 100_000])
def test_what_is_no_zone_never_reaches_the_file_system(name: str) -> None:
    assert zone_or_none(name) is None
    with pytest.raises(ValueError, match=r"^"):
        Zones(name)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "America/Sao_Paulo"])
def test_a_local_day_that_is_asked_for_often_is_that_of_the_calendar(name: str) -> None:
    zone = zone_or_none(name)
    assert zone is not None
    random, starts = Random(name), range(-10 * 365 * DAY, 57 * 365 * DAY, DAY)
    offsets = [(start, from_millis(start, zone).utcoffset()) for start in starts]
    changes = [start for (start, before), (_, after) in pairwise(offsets) if before != after]
    instants = [start + random.randrange(DAY) for start in changes for _ in range(50)]
    instants += [random.randrange(starts.start, starts.stop) for _ in range(5_000)]
    days = LocalDays(zone)
    for instant in instants:
        day = (from_millis(instant, zone).date() - EPOCH.date()).days
        assert days.of(instant) == day
        assert days.between(instants[0], instant) == day - days.of(instants[0])


class Silent:
    """A renderer for books without rules."""

    def render(self, outreach: Outreach, state: State) -> None:
        """Nothing comes here."""


class Differing(Hooks):
    """Notes whose time zone data differ."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str, str]] = []

    def zones_differ(self, partition: int, theirs: str, ours: str) -> None:
        self.told.append((partition, theirs, ours))


def opened(store: MemoryStore) -> list[tuple[int, str, str]]:
    """What a worker says that takes the partition over and handles an event."""
    catalog = Catalog(events={"visit": EventType("visit")})
    rules = Rules(RuleBook((), catalog), Silent(), {"shop": Decoder(Source("shop", "shop"), catalog)})
    hooks = Differing()
    context = WorkerContext(store, MemorySink(), MemoryRecords(), MemoryRecords(), lambda: NOW, hooks)
    value = f'{{"id":"1","type":"visit","customer":"ada","time":{NOW}}}'.encode()
    offset = store.meta(0).offsets.get("shop", 0) + 1
    list(PartitionOwner(0, context, rules).handle([Record("shop", 0, offset, value, b"ada", NOW)]))
    return hooks.told


def findings(store: MemoryStore) -> list[tuple[str, str]]:
    return [(one.level.value, one.says) for one in check_store(store, 1) if one.what == "time zones"]


def test_a_worker_says_where_the_last_owner_had_other_zones_and_the_doctor_until_it_has_taken_over() -> None:
    store = MemoryStore()
    assert opened(store) == []
    assert store.meta(0).zones == ZONES_VERSION
    before = store.meta(0)
    store.commit(0, Commit(store.open(0).seal, Meta(seq=before.seq + 1, offsets=before.offsets, zones="2019c")))
    assert findings(store) == [("warn", f"{ZONES_VERSION} here; workers have used 2019c")]
    assert opened(store) == [(0, "2019c", ZONES_VERSION)]
    assert opened(store) == []
    assert findings(store) == [("ok", ZONES_VERSION)]
