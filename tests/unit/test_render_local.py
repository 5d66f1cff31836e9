"""Money, numbers and moments as the customer reads them."""

from pathlib import Path

import pytest

from engine.core.policy import Policy
from engine.core.state.model import State
from engine.core.zones import Zones
from tests.support.rendering import NOON, purchase, reason_of, text_of

POLICY = Policy(zones=Zones("UTC", "timezone"), locale="en_US", locale_field="locale")
GERMAN = State(profile={"locale": "de-DE", "timezone": "Asia/Tokyo", "birthday": "05-17", "ends": "2026-01-04"})


def said(folder: Path, expression: str, state: State = GERMAN) -> str:
    return text_of(folder, f"{{{{ {expression} }}}}", state, purchase(amount=1234.5), POLICY).replace("\xa0", " ")


@pytest.mark.parametrize(
    ("expression", "german", "american"),
    [
        ("event.amount | money('EUR')", "1.234,50 €", "€1,234.50"),
        ("event.amount | number", "1.234,5", "1,234.5"),
        ("event.amount | number(2)", "1.234,50", "1,234.50"),
        ("0.256 | percent", "26 %", "26%"),
        ("0.256 | percent(1)", "25,6 %", "25.6%"),
        ("1 | plural('Tag', 'Tage')", "Tag", "Tag"),
        ("0 | plural('Tag', 'Tage')", "Tage", "Tage"),
        ("'2026-03-01' | date", "1. März 2026", "March 1, 2026"),
        ("'2026-03-01' | date('short')", "01.03.26", "3/1/26"),
        ("'2026-03-01' | date('EEEE, d MMMM')", "Sonntag, 1 März", "Sunday, 1 March"),
        ("'05-17' | date", "17. Mai", "May 17"),
        (f"{NOON} | time", "21:00", "12:00\u202fPM"),
        (f"{NOON} | datetime('medium')", "01.01.2026, 21:00:00", "Jan 1, 2026, 12:00:00\u202fPM"),
        ("'2026-01-01T20:00:00Z' | date", "2. Januar 2026", "January 1, 2026"),
        ("'2026-01-01T20:00:00' | time", "05:00", "8:00\u202fPM"),
        ("'2026-01-04' | days_until", "3", "3"),
        (f"{NOON - 86_400_000} | days_until", "-1", "-1"),
    ],
)
def test_each_customer_reads_it_their_way(tmp_path: Path, expression: str, german: str, american: str) -> None:
    assert said(tmp_path, expression) == german
    assert said(tmp_path, expression, State()) == american


def test_two_customers_in_two_zones_read_the_same_moment_differently(tmp_path: Path) -> None:
    expression = f"{NOON} | datetime('short')"
    zones = ("Asia/Tokyo", "America/New_York", "nowhere")
    read = [said(tmp_path, expression, State(profile={"timezone": zone, "locale": "de"})) for zone in zones]
    assert read == ["01.01.26, 21:00", "01.01.26, 07:00", "01.01.26, 12:00"]


def test_a_moment_elsewhere_is_read_as_the_clocks_there_show_it(tmp_path: Path) -> None:
    """A hotel's check-in is an hour of the hotel, wherever the guest lives."""
    late = "'2026-03-22T23:30:00Z'"
    assert said(tmp_path, f"{late} | time(zone='Europe/Rome')") == "00:30"
    assert said(tmp_path, f"{late} | date('short', 'America/Lima')") == "22.03.26"
    assert said(tmp_path, f"{late} | datetime('short', profile.timezone)") == "23.03.26, 08:30"
    assert said(tmp_path, "'2026-03-22' | date('short', 'America/Lima')") == "22.03.26", "a day is the same everywhere"


@pytest.mark.parametrize(
    ("zone", "reason"),
    [
        ("'Rome'", "a zone is named like Europe/Berlin"),
        ("'../../etc/passwd'", "a zone is named like Europe/Berlin"),
        ("7", "a zone is named like Europe/Berlin"),
        ("profile.nothing", "profile has no 'nothing'"),
    ],
)
def test_a_zone_that_does_not_exist_is_said(tmp_path: Path, zone: str, reason: str) -> None:
    assert reason_of(said, tmp_path, f"{NOON} | time('short', {zone})") == f"line 1: {reason}"


def test_languages_with_more_plural_forms_have_them(tmp_path: Path) -> None:
    polish = State(profile={"locale": "pl"})
    source = "{} | plural('dzień', 'dnia', few='dni', many='dni')"
    assert [said(tmp_path, source.format(n), polish) for n in (1, 3, 5, 1.5)] == ["dzień", "dni", "dni", "dnia"]


@pytest.mark.parametrize("locale", ["", "xx", "nonsense", "../../etc/passwd", "de_" * 99, "en\n", 7, None, ["de"]])
def test_a_locale_that_does_not_exist_counts_as_the_policys(tmp_path: Path, locale: object) -> None:
    assert said(tmp_path, "1.5 | number", State(profile={"locale": locale})) == "1.5"


def test_a_policy_with_a_wrong_locale_speaks_american_english(tmp_path: Path) -> None:
    assert text_of(tmp_path, "{{ 1.5 | number }}", policy=Policy(locale="tlh_KL")) == "1.5"


@pytest.mark.parametrize(
    "expression",
    [
        "'12' | money('EUR')",
        "true | money('EUR')",
        "event.nothing | money('EUR')",
        "12 | money('EURO')",
        "12 | money(['EUR'])",
        "12 | money",
        "'Anna' | date",
        "'2026-02-30' | date",
        "'02-30' | date",
        "'05-17' | days_until",
        "99999999999999999 | date",
        "-99999999999999999 | time",
        "1 | date(7)",
        "none | time",
    ],
)
def test_what_is_no_amount_or_moment_fails(tmp_path: Path, expression: str) -> None:
    assert "Anna" not in reason_of(said, tmp_path, expression)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("event.time | date('d MMMM HH:mm')", "the filter `datetime` knows both"),
        ("event.time | time('d MMMM HH:mm')", "the filter `datetime` knows both"),
        ("event.time | date('dddd')", "a pattern such as 'd MMMM'"),
        ("event.time | datetime('GGGGGG')", "a pattern such as 'd MMMM'"),
        ("1e30 | number", "too many digits"),
        ("1e30 | money('EUR')", "too many digits"),
        ("1e27 | percent", "too many digits"),
    ],
)
def test_what_cannot_be_printed_is_told_in_words(tmp_path: Path, expression: str, why: str) -> None:
    assert why in reason_of(said, tmp_path, expression)


def test_a_missing_amount_is_called_by_its_name(tmp_path: Path) -> None:
    assert reason_of(said, tmp_path, "profile.spent | money('EUR')") == "line 1: profile has no 'spent'"
    assert reason_of(said, tmp_path, "profile.since | date") == "line 1: profile has no 'since'"


def test_a_missing_amount_can_have_a_default(tmp_path: Path) -> None:
    assert said(tmp_path, "event.nothing | default(0) | money('USD')", State()) == "$0.00"


def test_a_customer_who_pays_by_stripe_is_told_the_amount_in_their_currency(tmp_path: Path) -> None:
    assert said(tmp_path, "29 | money('usd')", State()) == "$29.00"
    assert said(tmp_path, "29 | money('jpy')", State()) == "¥29"
    assert said(tmp_path, "29 | money('Dem')", State()) == "DEM29.00"


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        ("de-US", "9. Januar 2026 / 1.234,50 €"),
        ("de_DE.UTF-8", "9. Januar 2026 / 1.234,50 €"),
        ("zh-MX", "2026年1月9日 / €1,234.50"),
        ("en-US-u-va-posix", "January 9, 2026 / €1,234.50"),
        ("fr-BE", "9 janvier 2026 / 1\u202f234,50 €"),
        ("xx-DE", "9 stycznia 2026 / 1 234,50 €"),
        ("C", "9 stycznia 2026 / 1 234,50 €"),
        ("-" * 10_000, "9 stycznia 2026 / 1 234,50 €"),
    ],
)
def test_a_browsers_language_is_read_in_that_language_and_an_unknown_one_in_the_policys(
    tmp_path: Path, tag: str, written: str
) -> None:
    policy = Policy(locale="pl_PL", locale_field="locale")
    template = "{{ '2026-01-09' | date }} / {{ event.amount | money('EUR') }}"
    state = State(profile={"locale": tag})
    assert text_of(tmp_path, template, state, purchase(amount=1234.5), policy).replace("\xa0", " ") == written


def test_a_trial_that_ends_on_a_day_is_shown_as_that_day_west_of_greenwich(tmp_path: Path) -> None:
    state = State(profile={"ends": "2026-01-15", "timezone": "America/Los_Angeles"})
    assert said(tmp_path, "profile.ends | date", state) == "January 15, 2026"
    assert said(tmp_path, "profile.ends | datetime('short')", state) == "1/15/26, 12:00\u202fAM"


@pytest.mark.parametrize("first", [0, 1])
def test_the_two_half_past_two_of_a_night_in_autumn_are_told_apart_whichever_comes_first(
    tmp_path: Path, first: int
) -> None:
    state = State(profile={"timezone": "Europe/Berlin"})
    before = 1_792_888_200_000 + first * 371 * 86_400_000  # 2:30 of a last Sunday of October; it comes again
    hours = [(before, "+0200"), (before + 3_600_000, "+0100")]
    for moment, offset in reversed(hours) if first else hours:
        assert offset in said(tmp_path, f"{moment} | datetime('long')", state)
        assert offset in said(tmp_path, f"{moment} | time('long')", state)


def test_an_amount_that_rounds_to_zero_from_below_has_no_sign(tmp_path: Path) -> None:
    for value, wanted in {
        "-0.001 | money('EUR')": "€0.00",
        "-0.4 | money('JPY')": "¥0",
        "-0.4 | number(0)": "0",
        "-0.0004 | number": "0",
        "-0.001 | percent": "0%",
        "-0.005 | percent(1)": "-0.5%",
        "-0.01 | money('EUR')": "-€0.01",
    }.items():
        assert said(tmp_path, value, State()) == wanted


def test_what_equals_another_value_is_printed_for_itself(tmp_path: Path) -> None:
    assert said(tmp_path, "-0.0 | money('EUR')", State()) == "€0.00"
    assert said(tmp_path, "0 | money('EUR')", State()) == "€0.00"
    assert said(tmp_path, "1.5 | number(2)", State()) == "1.50"
    assert "float" in reason_of(said, tmp_path, "1.5 | number(2.0)")
