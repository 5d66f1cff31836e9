"""The live clock: lag, of a worker or of the ingest in front of it, makes nobody look inactive."""

from engine.worker.clock import LiveClock

NOW = 1_000_000


def test_while_records_wait_the_clock_is_the_broker_time_of_the_last_one_read() -> None:
    clock = LiveClock(["shop"])
    assert clock.read("shop", 500, NOW) == 500
    assert clock.read("shop", 400, NOW) == 500


def test_once_all_is_read_the_clock_is_the_present() -> None:
    clock = LiveClock(["shop"])
    clock.read("shop", 500, NOW)
    assert clock.caught_up(["shop"], NOW) == NOW


def test_a_broker_time_ahead_of_the_present_counts_as_the_present() -> None:
    assert LiveClock(["shop"]).read("shop", NOW + 5_000, NOW) == NOW


def test_of_several_topics_the_one_furthest_behind_counts() -> None:
    clock = LiveClock(["shop", "web"])
    clock.caught_up(["shop"], NOW)
    assert clock.read("web", 300, NOW) == 300


def test_neither_records_nor_the_end_of_the_internal_topic_move_the_clock() -> None:
    clock = LiveClock(["shop", "engine.events"], ingested=["engine.events"])
    clock.caught_up(["shop", "engine.events"], NOW)
    assert clock.read("engine.events", NOW, NOW) == 0


def test_the_internal_topic_is_as_far_as_the_ingest_was() -> None:
    clock = LiveClock(["shop", "engine.events"], ingested=["engine.events"])
    clock.reached("engine.events", 700)
    assert clock.caught_up(["shop"], NOW) == 700
    clock.reached("engine.events", 600)
    assert clock.caught_up(["shop"], NOW) == 700


def test_a_worker_that_has_read_all_is_behind_by_as_much_as_the_ingest_is() -> None:
    clock = LiveClock(["shop", "engine.events"], ingested=["engine.events"])
    clock.read("shop", 100, NOW)
    clock.reached("engine.events", 700)
    assert clock.time(NOW, reading=False) == 700
    assert clock.time(NOW, reading=True) == 100


def test_without_an_ingest_a_worker_that_has_read_all_is_not_behind() -> None:
    assert LiveClock(["shop"]).time(NOW, reading=False) == NOW
