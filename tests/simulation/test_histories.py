"""Whole histories against the oracle: however they are delivered, the same customers get the same messages."""

from hypothesis import given, strategies as st

from engine.core.policy import Policy
from engine.model import Event
from tests.support.books import HOUR, book, every_kind
from tests.support.drive import Customers, Fired, through_partition
from tests.support.examples import examples
from tests.support.histories import ORDER_FREE, ends, expected, histories

BOOK = book(*every_kind(HOUR))
sizes = st.lists(st.integers(1, 9), max_size=12)
crashes = st.lists(st.sampled_from(["", "", "before", "after"]), max_size=12)


def once_each(fired: list[Fired]) -> set[Fired]:
    """As a set, having checked that nobody got anything twice."""
    assert len(fired) == len(set(fired))
    return set(fired)


@examples(300)
@given(histories(), ends())
def test_customers_get_exactly_what_their_histories_say(events: list[Event], end: int) -> None:
    customers = Customers(BOOK).tell(*events).until(end)
    assert once_each(customers.fired) == expected(events, end)


@examples(100)
@given(histories(), ends(), st.data())
def test_an_event_told_twice_within_the_dedupe_window_counts_once(
    events: list[Event], end: int, data: st.DataObject
) -> None:
    told: list[Event] = []
    for event in events:
        told.append(event)
        if data.draw(st.booleans()):
            told.append(event)
        if data.draw(st.booleans()):
            told.append(data.draw(st.sampled_from(told[-15:])))
    near = book(*every_kind(HOUR), policy=Policy(fresh_for=None, dedupe=100 * HOUR))
    assert once_each(Customers(near).tell(*told).until(end).fired) == expected(events, end)


@examples(100)
@given(histories(), ends(), st.data())
def test_saving_and_loading_between_any_two_inputs_changes_nothing(
    events: list[Event], end: int, data: st.DataObject
) -> None:
    customers = Customers(BOOK, reload=lambda: data.draw(st.booleans())).tell(*events).until(end)
    assert once_each(customers.fired) == expected(events, end)


@st.composite
def delays(draw: st.DrawFn, most: int) -> tuple[list[Event], list[Event]]:
    """A history as it happened, and as it arrived: nothing later than `most` hours."""
    events = draw(histories())
    late = draw(st.lists(st.integers(0, most), min_size=len(events), max_size=len(events)))
    order = sorted(range(len(events)), key=lambda place: events[place].time + late[place] * HOUR)
    return events, [events[place] for place in order]


LATENESS = 6


PATIENT = book(*every_kind(HOUR, LATENESS * HOUR), policy=Policy(fresh_for=None, allowed_lateness=LATENESS * HOUR))


@examples(300)
@given(delays(LATENESS), ends())
def test_disorder_within_the_allowed_lateness_changes_no_message_about_silence(
    history: tuple[list[Event], list[Event]], end: int
) -> None:
    """Sums and trials depend on order: see the two tests below."""
    events, arrived = history
    customers = Customers(PATIENT)
    fired = once_each(customers.tell(*arrived).until(end).fired)
    known = expected(events, customers.clock - LATENESS * HOUR)
    assert {one for one in fired if one[1] in ORDER_FREE} == {one for one in known if one[1] in ORDER_FREE}


@examples(150)
@given(delays(LATENESS), ends())
def test_disorder_never_makes_a_level_of_growing_sums_fire_twice_and_the_highest_is_reached(
    history: tuple[list[Event], list[Event]], end: int
) -> None:
    """An event that jumps levels fires only the highest, so which of the lower ones fire depends on the order."""
    for event in history[1]:
        event.properties = {k: abs(v) if k == "amount" else v for k, v in event.properties.items()}
    known = expected(history[0], end)
    fired = once_each(Customers(BOOK).tell(*history[1]).until(end).fired)
    for rule in ("spent", "spent-every"):
        for customer in {one[0] for one in known}:
            reached = [{int(o) for c, r, o in each if (c, r) == (customer, rule)} for each in (known, fired)]
            assert max(reached[0], default=0) == max(reached[1], default=0)


@examples(150)
@given(delays(LATENESS), ends())
def test_disorder_never_announces_an_end_that_no_trial_had_nor_one_twice(
    history: tuple[list[Event], list[Event]], end: int
) -> None:
    """A value that came after the one that replaced it was never seen in force, so fewer ends may be announced."""
    events, arrived = history
    fired = once_each(Customers(PATIENT).tell(*arrived).until(end).fired)
    said = {(e.customer, str(e.properties["ends"])) for e in events if e.type == "trial"}
    assert {(customer, occurrence) for customer, rule, occurrence in fired if rule == "trial"} <= said


@examples(100)
@given(histories(), ends(), sizes, crashes, st.integers(1, 9))
def test_batches_pages_and_crashes_change_nothing(
    events: list[Event], end: int, sizes: list[int], crashes: list[str], page: int
) -> None:
    fired = through_partition(BOOK, events, end, sizes=sizes, crashes=crashes, page=page, cache_size=1)
    assert once_each(fired) == expected(events, end)


@examples(100)
@given(delays(LATENESS), ends(), sizes, crashes)
def test_batches_and_crashes_change_nothing_about_late_events_either(
    history: tuple[list[Event], list[Event]], end: int, sizes: list[int], crashes: list[str]
) -> None:
    at_once = Customers(PATIENT).tell(*history[1]).until(end).fired
    fired = through_partition(PATIENT, history[1], end, sizes=sizes, crashes=crashes, cache_size=1)
    assert once_each(fired) == set(at_once)


@examples(100)
@given(histories(), ends(), sizes, st.lists(st.integers(0, 90 * HOUR), min_size=1, max_size=12))
def test_a_live_engine_that_lags_says_nothing_that_what_happened_in_time_disproves(
    events: list[Event], end: int, sizes: list[int], lags: list[int]
) -> None:
    """A trial that has ended by the time of telling is not announced; everything else is told, however late."""
    fired = once_each(through_partition(BOOK, events, end, sizes=sizes, lags=lags))
    known = expected(events, end)
    assert {one for one in known if one[1] != "trial"} <= fired <= known


@examples(100)
@given(delays(LATENESS), ends(), sizes, st.lists(st.integers(0, 90 * HOUR), min_size=1, max_size=12))
def test_a_live_engine_that_lags_takes_late_events_as_if_they_had_come_in_time(
    history: tuple[list[Event], list[Event]], end: int, sizes: list[int], lags: list[int]
) -> None:
    fired = once_each(through_partition(PATIENT, history[1], end, sizes=sizes, lags=lags))
    known = expected(history[0], end - LATENESS * HOUR)
    assert {one for one in fired if one[1] in ORDER_FREE} == {one for one in known if one[1] in ORDER_FREE}
