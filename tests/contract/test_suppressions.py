"""What every SuppressionList promises: who is on it, and whose word holds."""

from collections.abc import Iterator
from itertools import count
from random import Random

import pytest

from engine.adapters.memory import MemorySuppressions
from engine.adapters.redis import connect_sending
from engine.ports import Suppression, SuppressionList, SuppressionQuery
from tests.support.examples import so_many
from tests.support.stores import STORES

_namespaces = count()


@pytest.fixture(params=STORES)
def suppressions(request: pytest.FixtureRequest) -> Iterator[SuppressionList]:
    if request.param == "memory":
        yield MemorySuppressions()
        return
    url = request.getfixturevalue(f"{request.param}_url")
    claims, suppressions = connect_sending(url, f"suppressions{next(_namespaces)}")
    yield suppressions
    claims.close()


def test_nobody_is_suppressed_at_first(suppressions: SuppressionList) -> None:
    assert suppressions.reasons([SuppressionQuery("marketing", 1, ["a", "b"]), SuppressionQuery("receipt", 1, [])]) == [
        "",
        "",
    ]
    assert suppressions.reasons([]) == []


def test_a_suppression_is_about_a_purpose_or_about_all(suppressions: SuppressionList) -> None:
    suppressions.suppress("a", "unsubscribed", "marketing")
    suppressions.suppress("b", "bounced")
    asked = [("marketing", ["a"]), ("transactional", ["a"]), ("transactional", ["x", "b"]), ("marketing", ["x"])]
    assert reasons(suppressions, *asked) == ["unsubscribed", "", "bounced", ""]


def test_who_comes_back_after_an_erasure_is_written_to(suppressions: SuppressionList) -> None:
    suppressions.suppress("a", "erased", before=100)
    before, after = SuppressionQuery("marketing", 99, ["a"]), SuppressionQuery("marketing", 100, ["a"])
    assert suppressions.reasons([before, after]) == ["erased", ""]


def test_who_subscribes_again_hears_from_us_again(suppressions: SuppressionList) -> None:
    suppressions.suppress("a", "unsubscribed", "marketing")
    suppressions.suppress("b", "bounced")
    suppressions.change([Suppression("a", "marketing"), Suppression("b", "marketing")])
    assert reasons(suppressions, ("marketing", ["a"]), ("marketing", ["b"])) == ["", "bounced"]


def test_of_several_changes_the_last_one_holds(suppressions: SuppressionList) -> None:
    suppressions.change([])
    changes = [
        Suppression("a", "marketing", "unsubscribed"),
        Suppression("a", "marketing"),
        Suppression("b", "marketing"),
        Suppression("b", "marketing", "unsubscribed"),
        Suppression("c", "*", "complained"),
    ]
    for _ in range(2):
        suppressions.change(changes)
        asked = [("marketing", [who]) for who in ("a", "b", "c")]
        assert reasons(suppressions, *asked) == ["", "unsubscribed", "complained"]


MINUTE = 60_000


def test_an_old_unsubscribe_that_is_told_again_does_not_undo_a_newer_choice(suppressions: SuppressionList) -> None:
    unsubscribed = Suppression("a", "offers", "unsubscribed", at=10 * MINUTE)
    wanted = Suppression("a", "offers", at=20 * MINUTE)
    suppressions.change([unsubscribed, wanted, unsubscribed])
    assert reasons(suppressions, ("offers", ["a"])) == [""]
    later = unsubscribed._replace(at=30 * MINUTE)
    suppressions.change([later, wanted, unsubscribed, wanted])
    assert reasons(suppressions, ("offers", ["a"])) == ["unsubscribed"]
    assert list(suppressions.listed(["a"])) == [later]
    assert suppressions.allowed("a", "offers") == wanted.at
    suppressions.change([wanted._replace(at=40 * MINUTE), wanted, unsubscribed])
    assert reasons(suppressions, ("offers", ["a"])) == [""]
    assert suppressions.allowed("a", "offers") == 40 * MINUTE


PURPOSES = ("marketing", "offers")


def words(random: Random, digest: str) -> list[tuple[float, Suppression]]:
    """What is said about an address, and when it is read. Two minutes lie between, and an operator is never late."""
    found: list[tuple[float, Suppression]] = []
    for place in range(random.randint(1, 7)):
        at = (1 + place) * random.choice((2, 3)) * MINUTE if not found else found[-1][1].at + 2 * MINUTE
        kind, purpose = random.random(), random.choice(PURPOSES)
        if kind < 0.4:
            said = Suppression(digest, purpose, "unsubscribed", at=at)
        elif kind < 0.7:
            said = Suppression(digest, purpose, at=at)
        elif kind < 0.85:
            said = Suppression(digest, "*", random.choice(("bounced", "complained")), at=at)
        else:
            purpose, reason = random.choice((("", ""), (purpose, ""), (purpose, "by phone"), ("*", "by phone")))
            said = Suppression(digest, purpose, reason, at=at, firm=True)
        late = 0 if said.firm else random.choice((0, 0, 1, 3, 20)) * MINUTE
        found += [(at + late + more, said) for more in (0, *(MINUTE,) * (not said.firm and random.random() < 0.3))]
    return found


def stands(said: list[Suppression], purpose: str) -> str:
    """Why it may not be written to for that purpose, by the newest word about it and the newest about all."""
    for name in (purpose, "*"):
        about = [one for one in said if one.purpose in (name, "")]
        newest = max(about, key=lambda one: one.at, default=None)
        if newest and newest.reason:
            return newest.reason
    return ""


def test_in_whatever_order_and_however_often_it_is_said_the_newest_word_counts(suppressions: SuppressionList) -> None:
    random = Random("words")
    people = {f"d{number}": words(random, f"d{number}") for number in range(so_many(400))}
    told = [said for _, said in sorted((one for each in people.values() for one in each), key=lambda one: one[0])]
    for changes in (told[: len(told) // 2], told[len(told) // 2 :], [one for one in told if not one.firm]):
        suppressions.change(changes)
    for digest, each in people.items():
        said = [one for _, one in each]
        found = reasons(suppressions, *((purpose, [digest]) for purpose in PURPOSES))
        assert found == [stands(said, purpose) for purpose in PURPOSES], sorted(each)


def test_an_unsubscribe_counts_where_clocks_that_differ_may_have_dated_it_too_early(
    suppressions: SuppressionList,
) -> None:
    suppressions.change([Suppression("a", "offers", at=20 * MINUTE)])
    suppressions.change([Suppression("a", "offers", "unsubscribed", at=20 * MINUTE - 30_000)])
    assert reasons(suppressions, ("offers", ["a"])) == ["unsubscribed"]


def test_an_operators_word_holds_though_feedback_is_read_again(suppressions: SuppressionList) -> None:
    feedback = [
        Suppression("a", "*", "bounced", at=100),
        Suppression("a", "marketing", "unsubscribed", at=110),
        Suppression("b", "offers", at=120),
    ]
    suppressions.change(feedback)
    suppressions.change([Suppression("a", "", at=200, firm=True), Suppression("b", "*", "by phone", at=200, firm=True)])
    for _ in range(2):
        suppressions.change([*feedback, Suppression("b", "*", at=199)])
        assert reasons(suppressions, ("marketing", ["a"]), ("offers", ["b"])) == ["", "by phone"]
    assert list(suppressions.listed(["a"])) == []
    suppressions.change([Suppression("a", "*", "bounced", at=201), Suppression("b", "*", at=201)])
    assert reasons(suppressions, ("marketing", ["a"]), ("offers", ["b"])) == ["bounced", ""]


def test_an_operator_may_take_back_one_purpose_alone(suppressions: SuppressionList) -> None:
    said = [Suppression("a", purpose, "unsubscribed", at=100) for purpose in ("marketing", "offers")]
    suppressions.change(said)
    suppressions.change([Suppression("a", "offers", at=200, firm=True)])
    suppressions.change(said)
    assert reasons(suppressions, ("marketing", ["a"]), ("offers", ["a"])) == ["unsubscribed", ""]


def test_the_list_says_why_and_since_when(suppressions: SuppressionList) -> None:
    wanted = [
        Suppression("a", "*", "bounced", at=100),
        Suppression("a", "marketing", "asked by phone", at=200),
        Suppression("b", "*", "erased", before=300, at=300),
    ]
    suppressions.change([*wanted[:2], Suppression("c", "*", "complained", at=1), Suppression("c", "*", at=2)])
    suppressions.suppress("b", "erased", before=300)
    assert sorted(suppressions.listed()) == wanted
    assert sorted(suppressions.listed(["b", "c"])) == wanted[2:]


def test_what_was_said_under_a_former_digest_still_counts_until_something_else_is_said(
    suppressions: SuppressionList,
) -> None:
    query, receipt = (
        SuppressionQuery(purpose, 5_000, ["new", "customer"], "old") for purpose in ("marketing", "receipt")
    )
    suppressions.change([Suppression("old", "*", "bounced"), Suppression("old", "marketing", "unsubscribed")])
    assert suppressions.reasons([query, receipt]) == ["unsubscribed", "bounced"]
    suppressions.change([Suppression("new", "marketing", at=100)])
    assert suppressions.reasons([query, receipt]) == ["bounced", "bounced"], "who wants offers has not undone a bounce"
    suppressions.change([Suppression("new", "", at=200, firm=True)])
    assert suppressions.reasons([query, receipt]) == ["", ""]
    suppressions.change([Suppression("old", "marketing", "unsubscribed", at=300)])
    assert suppressions.reasons([query, receipt]) == ["unsubscribed", ""], "by a link in an old mail"


def test_when_a_customer_wanted_it_again_is_known(suppressions: SuppressionList) -> None:
    suppressions.change([Suppression("a", "offers", at=100), Suppression("a", "offers", "unsubscribed", at=200)])
    assert [suppressions.allowed("a", "offers"), suppressions.allowed("a", "marketing")] == [100, 0]
    suppressions.change([Suppression("a", "", at=300, firm=True)])
    assert suppressions.allowed("a", "offers") == 300


def test_entries_of_an_older_sender_are_understood(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("redis_url")
    claims, suppressions = connect_sending(url, f"suppressions{next(_namespaces)}")
    client, prefix = suppressions._client, suppressions._prefix
    client.hset(f"{prefix}a", "*", "0 bounced")
    client.hset(f"{prefix}b", "*", "100 erased")
    assert sorted(suppressions.listed()) == [Suppression("a", "*", "bounced"), Suppression("b", "*", "erased", 100)]
    assert reasons(suppressions, ("offers", ["a"]), ("offers", ["b"])) == ["bounced", "erased"]
    claims.close()


def reasons(suppressions: SuppressionList, *asked: tuple[str, list[str]]) -> list[str]:
    return suppressions.reasons([SuppressionQuery(purpose, 1, digests) for purpose, digests in asked])
