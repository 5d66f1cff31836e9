"""The page of a survey: looking answers nothing, the first answer counts, and nobody is thanked for what was lost."""

import msgspec
import pytest

from engine.adapters.memory import MemoryClaims, MemoryRecords
from engine.core.zones import DAY, iso
from engine.errors import StoreUnavailable
from engine.ports import Claim
from engine.sender.feedback_consumer import read_change
from tests.support.website import NOW, QUESTION, Away, Browser, Website, survey, token

LINK = f"/survey/{survey()}"


class Unreachable(MemoryClaims):
    """A store that is away."""

    def results(self, ids: object) -> list[Claim | None]:
        raise StoreUnavailable("redis://10.0.0.7", "it cannot be reached")

    def record(self, results: object) -> None:
        raise StoreUnavailable("redis://10.0.0.7", "it cannot be reached")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [LINK, *(f"{LINK}/{score}" for score in range(11))])
def test_a_program_that_follows_every_link_of_the_mail_answers_nothing(
    site: Website, browser: Browser, method: str, path: str
) -> None:
    assert browser.request(method, path).status_code == 200
    assert site.published() == []


def test_a_customer_sees_the_question_and_the_answer_they_clicked(browser: Browser) -> None:
    page = browser.get(f"{LINK}/7").text
    assert f"<h1>{QUESTION}</h1>" in page
    assert page.count('<input type="radio"') == 11
    assert page.count(" checked>") == 1
    assert 'value="7" required checked>' in page
    assert " checked>" not in browser.get(LINK).text
    assert " checked>" not in browser.get(f"{LINK}/12").text


def test_an_answer_is_an_event_of_that_customer_about_that_message(site: Website, browser: Browser) -> None:
    answer = browser.post(f"{LINK}/7", data={"score": "6", "comment": " Too\r\nlate.\x07 👩‍🍳 "})
    assert answer.status_code == 200
    assert "We have your answer: <strong>6</strong>" in answer.text
    (event,) = site.published()
    assert event == {
        "id": "o-1:survey_answered:nps",
        "type": "survey_answered",
        "customer": "c-1042",
        "time": iso(NOW),
        "properties": {
            "survey": "nps", "score": 6, "low": 0, "high": 10, "comment": "Too\nlate. 👩‍🍳", "rule": "nps",
            "outreach": "o-1", "channel": "email",
        },
    }  # fmt: skip
    assert isinstance(site.writer, MemoryRecords)
    assert [(key, identity) for key, identity, _ in site.writer.records] == [("c-1042", "o-1:survey_answered:nps")]
    assert site.counted("feedback_total", type="survey_answered") == 1
    assert read_change(msgspec.json.encode(event)).changes == []


def test_the_first_answer_counts_also_weeks_later_and_whatever_link_of_the_mail_is_used(
    site: Website, browser: Browser
) -> None:
    browser.post(f"{LINK}/9", data={"score": "9"})
    site.now += 20 * DAY
    again = browser.post(f"/survey/{survey(at=NOW)}/2", data={"score": "2"})
    assert again.status_code == 200
    assert "your first answer stays" in again.text
    assert [event["properties"]["score"] for event in site.published()] == [9]
    other = browser.post(f"/survey/{survey(name='coffee')}", data={"score": "3"})
    assert "We have your answer" in other.text


@pytest.mark.parametrize("score", ["", "11", "-1", "7.5", "seven", "٣", "0" * 3 + "7", "1e1"])
def test_what_is_no_answer_of_the_scale_is_asked_for_again(site: Website, browser: Browser, score: str) -> None:
    answer = browser.post(LINK, data={"score": score})
    assert answer.status_code == 400
    assert 'role="alert">Please choose an answer.' in answer.text
    assert site.published() == []


def test_without_the_store_an_answer_counts_and_its_repeat_has_the_same_id() -> None:
    site = Website(claims=Unreachable())
    with site.open() as browser:
        for score in ("8", "3"):
            assert browser.post(LINK, data={"score": score}).status_code == 200
    assert [event["id"] for event in site.published()] == ["o-1:survey_answered:nps"] * 2


def test_nobody_is_thanked_for_an_answer_that_the_broker_does_not_have() -> None:
    claims = MemoryClaims()
    with Website(writer=Away(), claims=claims).open() as browser:
        answer = browser.post(LINK, data={"score": "8"})
    assert answer.status_code == 503
    assert "Please try again" in answer.text
    site = Website(claims=claims)
    with site.open() as browser:
        assert "We have your answer" in browser.post(LINK, data={"score": "8"}).text
    assert len(site.published()) == 1


@pytest.mark.parametrize("given", [{"score": "8"}, {}])
def test_a_customer_need_not_type_a_comment_again_that_could_not_be_saved(given: dict[str, str]) -> None:
    """Browsers keep nothing of a page that must not be stored, and going back shows it empty."""
    with Website(writer=Away()).open() as browser:
        answer = browser.post(f"{LINK}/8", data=given | {"comment": "\n<b>Late</b>\nand cold"})
    assert answer.status_code in (400, 503)
    assert "&lt;b&gt;Late&lt;/b&gt;\nand cold</textarea>" in answer.text
    assert answer.text.count(" checked>") == len(given)


def test_links_that_are_too_old_or_of_another_kind_are_refused(site: Website, browser: Browser) -> None:
    assert browser.post(f"/survey/{survey(at=NOW - 31 * DAY)}", data={"score": "1"}).status_code == 410
    assert browser.post(f"/survey/{token()}", data={"score": "1"}).status_code == 403
    assert browser.post(f"/unsubscribe/{survey()}").status_code == 403
    assert browser.get("/survey/forged/3").status_code == 403
    assert browser.get(f"{LINK}/seven").status_code == 404
    assert site.published() == []
    assert site.counted("refused_total", page="survey", code="expired-token") == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_with_a_number_of_thousands_of_digits_is_no_error_of_ours(
    site: Website, browser: Browser, method: str
) -> None:
    """Python refuses to read a number of more than 4,300 digits."""
    assert browser.request(method, f"{LINK}/{'9' * 5_000}").status_code == (200 if method == "GET" else 400)
    assert site.published() == []


def test_a_comment_has_a_limit_and_is_text(site: Website, browser: Browser) -> None:
    browser.post(LINK, data={"score": "1", "comment": "🙂" * 5_000})
    assert browser.post(LINK, data={"score": "1", "comment": "x" * 70_000}).status_code == 413
    assert site.published()[0]["properties"]["comment"] == "🙂" * 1_000
