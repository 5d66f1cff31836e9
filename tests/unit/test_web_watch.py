"""Whether a copy of `engine web` should get requests, as far as those that it got can tell."""

from engine.errors import SinkUnavailable, StoreUnavailable
from engine.telemetry.web import PATIENCE, REST, WebWatch

AWAY = SinkUnavailable("engine.feedback", "is away")


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_broker_that_restarts_leaves_it_ready() -> None:
    clock = Clock()
    watch = WebWatch(clock)
    for _ in range(10):
        watch.failed("unsubscribe", AWAY)
        clock.now += PATIENCE / 11
        assert watch.serves


def test_a_copy_that_only_fails_gets_nothing_until_it_has_rested() -> None:
    clock = Clock()
    watch = WebWatch(clock)
    watch.failed("unsubscribe", AWAY)
    clock.now += PATIENCE
    watch.failed("unsubscribe", AWAY)
    assert not watch.serves
    clock.now += REST + 1
    assert watch.serves
    watch.failed("unsubscribe", AWAY)
    assert not watch.serves


def test_a_store_that_is_away_takes_no_copy_out_of_service() -> None:
    """All copies ask the same store: who then only looks at preferences would keep everybody from unsubscribing."""
    clock = Clock()
    watch = WebWatch(clock)
    for _ in range(3):
        watch.failed("preferences", StoreUnavailable("redis", "it cannot be reached"))
        clock.now += PATIENCE
    assert watch.serves


def test_one_that_was_written_makes_it_ready_again() -> None:
    clock = Clock()
    watch = WebWatch(clock)
    watch.failed("unsubscribe", AWAY)
    clock.now += PATIENCE
    watch.failed("unsubscribe", AWAY)
    watch.published([])
    assert watch.serves
