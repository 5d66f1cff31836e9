"""Calls of the Segment spec as Segment's, RudderStack's and careless people's libraries write them."""

import json
from typing import Any

import pytest

from engine.core.catalog import PLACEHOLDER_IDS, Accept, Catalog, EventType, Source
from engine.errors import BadRecord
from engine.model import Event
from engine.ports import Record
from engine.wire.decode import Decoder

TIME = "2026-09-21T10:00:00Z"
NOW = 1_790_000_000_000
SOURCE = Source("web", "web", format="segment")
OWN = Source("own", "own")
CLOUD = Source("cloud", "cloud", format="cloudevents")
TYPES = {name: EventType(name) for name in ("identify", "page", "screen", "group", "alias", "Order Completed")}


def read(call: dict[str, Any], source: Source = SOURCE, accept: Accept = Accept()) -> Event:  # noqa: B008
    record = Record(source.topic, 0, 1, json.dumps(call).encode())
    event = Decoder(source, Catalog((source,), TYPES, accept=accept)).decode(record, NOW)
    assert event
    return event


def call(type: str, **more: Any) -> dict[str, Any]:
    return {"type": type, "messageId": "m-1", "userId": "eve", "timestamp": TIME, **more}


def refused(body: dict[str, Any], source: Source = SOURCE, accept: Accept = Accept()) -> str:  # noqa: B008
    with pytest.raises(BadRecord) as error:
        read(body, source, accept)
    return error.value.code


def test_traits_are_found_under_context_where_there_are_no_others() -> None:
    under = {"traits": {"email": "eve@example.org"}}
    assert read(call("identify", context=under)).properties == {"email": "eve@example.org"}
    assert read(call("identify", context=under, traits={})).properties == {"email": "eve@example.org"}
    assert read(call("identify", context=under, traits={"plan": "pro"})).properties == {"plan": "pro"}
    assert read(call("identify", context=None)).properties == {}


@pytest.mark.parametrize("type", ["page", "screen"])
def test_the_name_of_a_page_or_screen_is_a_property(type: str) -> None:
    said = read(call(type, name="Checkout", category="Shop", properties={"url": "/checkout"}))
    assert said.properties == {"name": "Checkout", "category": "Shop", "url": "/checkout"}
    assert read(call(type, name="Checkout")).properties == {"name": "Checkout"}
    assert read(call(type, name="Checkout", properties={"name": "own"})).properties == {"name": "own"}
    assert read(call(type)).properties == {}


def test_a_group_call_tells_the_group_and_its_traits() -> None:
    assert read(call("group", groupId="g-1", traits={"name": "Acme"})).properties == {"groupId": "g-1", "name": "Acme"}


@pytest.mark.parametrize("name", ["timestamp", "originalTimestamp", "sentAt", "receivedAt"])
def test_any_of_the_specs_times_will_do(name: str) -> None:
    body = call("page", **{name: TIME})
    if name != "timestamp":
        del body["timestamp"]
    assert read(body).time == 1_789_984_800_000


def test_the_corrected_time_is_believed_before_that_of_a_device() -> None:
    assert read(call("page", originalTimestamp="2001-01-01T00:00:00Z")).time == 1_789_984_800_000


def test_what_events_yaml_declares_counts() -> None:
    source = Source("web", "web", format="segment", id=("properties", "order"), customer=("properties", "buyer"))
    said = read(call("page", anonymousId="a-1", properties={"order": "o-1", "buyer": "bob"}), source)
    assert (said.id, said.customer) == ("o-1", "bob")
    seconds = Source("web", "web", format="segment", time=("properties", "at"), unit="s")
    assert read(call("page", properties={"at": 1_789_984_800}), seconds).time == 1_789_984_800_000
    assert refused(call("page"), seconds) == "missing-time"


def test_an_anonymous_visitor_is_a_customer_and_an_alias_is_of_the_known_one() -> None:
    assert read(call("page", userId=None, anonymousId="a-1")).customer == "a-1"
    assert read(call("page", userId="", anonymousId="a-1")).customer == "a-1"
    assert read(call("page", userId=0, anonymousId="a-1")).customer == "0"
    assert read(call("alias", previousId="a-1")).customer == "eve"


@pytest.mark.parametrize("word", [*sorted(PLACEHOLDER_IDS), " ", "\t\n", "\u3000"])
def test_strangers_whose_id_a_program_forgot_are_not_one_customer(word: str) -> None:
    own = {"id": "e-1", "type": "page", "customer": word, "time": 1_789_984_800_000, "properties": {}}
    cloud = {"specversion": "1.0", "id": "1", "source": "/", "type": "page", "subject": word, "time": TIME}
    assert refused(call("identify", userId=word, anonymousId="a-1")) == "bad-customer"
    assert refused(call("page", userId=None, anonymousId=word)) == "bad-customer"
    assert refused(own, OWN) == refused(own | {"time": TIME}, OWN) == "bad-customer"
    assert refused(cloud, CLOUD) == "bad-customer"


def test_an_id_that_a_program_forgot_would_make_repeats_of_different_events() -> None:
    own = {"id": "undefined", "type": "page", "customer": "eve", "time": 1_789_984_800_000, "properties": {}}
    assert refused(own, OWN) == refused(call("page", messageId="undefined")) == "bad-id"


@pytest.mark.parametrize("name", ["Nan", "Nil", "Null", "UNDEFINED"])
def test_people_may_be_called_nearly_so(name: str) -> None:
    assert read(call("page", userId=name)).customer == name


def test_which_words_are_nobody_can_be_declared() -> None:
    accept = Accept(nobody=frozenset({"guest"}))
    assert refused(call("page", userId="guest"), accept=accept) == "bad-customer"
    assert read(call("page", userId="null"), accept=accept).customer == "null"
