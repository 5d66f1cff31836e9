"""Nobody can make a link that acts for a customer but us."""

import pytest

from engine.errors import BadToken
from engine.wire.link_tokens import LinkToken, SurveyToken, make_token, read_token, read_token_of

TOKEN = LinkToken("c-1 ü", "email", "0a" * 16, "marketing", "o-1", 1_750_000_000_000)


def test_a_token_says_whose_link_it_is() -> None:
    assert read_token(["s"], make_token(["s"], TOKEN)) == TOKEN


def test_a_token_goes_into_a_url_as_it_is() -> None:
    assert set(make_token(["s"], TOKEN)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def test_a_link_survives_a_change_of_the_secret() -> None:
    assert read_token(["new", "old"], make_token(["old"], TOKEN)) == TOKEN


@pytest.mark.parametrize("text", ["", ".", "a", "a.b", "ü.ü", "A" * 5_000, make_token(["other"], TOKEN)])
def test_a_forged_token_is_refused(text: str) -> None:
    with pytest.raises(BadToken):
        read_token(["s"], text)


@pytest.mark.parametrize("place", [0, 10, 40, -20])
def test_a_token_with_one_letter_changed_is_refused(place: int) -> None:
    text = make_token(["s"], TOKEN)
    changed = "B" if text[place] == "A" else "A"
    where = place % len(text)
    with pytest.raises(BadToken):
        read_token(["s"], text[:where] + changed + text[where + 1 :])


def test_an_old_token_is_refused_where_a_limit_is_asked_for() -> None:
    with pytest.raises(BadToken, match="expired"):
        read_token(["s"], make_token(["s"], TOKEN), since=TOKEN.at + 1)


def test_a_link_that_answers_a_survey_unsubscribes_nobody_and_the_other_way_round() -> None:
    survey = make_token(["s"], SurveyToken("c-1", "email", "o-1", 1_750_000_000_000, "nps", "nps", 0, 10))
    assert read_token_of(SurveyToken, ["s"], survey).survey == "nps"
    with pytest.raises(BadToken, match="forged"):
        read_token(["s"], survey)
    with pytest.raises(BadToken, match="forged"):
        read_token_of(SurveyToken, ["s"], make_token(["s"], TOKEN))
