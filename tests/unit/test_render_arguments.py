"""Arguments of filters that a template's author can hardly mean: patterns, and amounts in cents."""

from pathlib import Path

import pytest
from babel import Locale

from engine.render.patterns import flaw_of
from tests.support.rendering import facts_of, push


@pytest.mark.parametrize(
    "call",
    [
        "money('EUR')",
        "money('DEM')",
        "money(event.currency)",
        "money(event.currency | default('EUR'))",
        "money(*event.arguments)",
        "number(none)",
        "number(digits=12)",
        "round(-2, 'floor')",
        "plural('day', other='days', few='days')",
        "date",
        "date(event.format)",
        "date('full')",
        "date('dd.MM.yyyy')",
        "date('EEEE d MMMM')",
        "date('yyyy年M月d日')",
        "date('yyyyMMdd')",
        "date('MMMMEEEEd')",
        "date(\"d 'de' MMMM\")",
        "date(\"YYYY-'W'ww\")",
        "date('D')",
        "time('H')",
        "time('h:mma')",
        "time('ha')",
        "time('ah:mm')",
        "time('mm')",
        "time('mm:ss')",
        "time(\"HH'h'mm\")",
        "datetime('yyyy-MM-ddTHH:mm:ssXXX')",
        "datetime('HH:mm, dd/MM z')",
        "datetime('mm')",
        "time('h:mm') }} {{ event.time | time('a')",
        "datetime('K.mm') }} {{ event.time | datetime(\"b\")",
        "datetime(\"HH'Z' MMM d\")",
    ],
)
def test_arguments_that_may_be_meant_as_they_are_raise_no_alarm(tmp_path: Path, call: str) -> None:
    assert facts_of(tmp_path, push(f"{{{{ event.time | {call} }}}}")).problems == ()


@pytest.mark.parametrize("locale", ["ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "zh"])
def test_patterns_of_the_languages_themselves_raise_no_alarm(locale: str) -> None:
    known = Locale.parse(locale)
    for filter_, formats in (
        ("date", known.date_formats),
        ("time", known.time_formats),
        ("datetime", known.datetime_skeletons),
    ):
        flawed = [each.pattern for each in formats.values() if flaw_of(filter_, each.pattern)]
        assert [pattern for pattern in flawed if "Y" not in pattern] == []  # CLDR 48 has such faults of its own


def test_an_hour_written_as_for_php_prints_no_count_of_days_unnoticed() -> None:
    flaw = flaw_of("datetime", "g:i a")
    assert flaw
    assert flaw.message == "'g' prints the number of days since 4713 BC"


@pytest.mark.parametrize(
    ("name", "counts_cents"), [("price_cents", True), ("totalCents", True), ("CENTS", True), ("percents", False)]
)
def test_an_amount_is_in_cents_if_its_name_has_that_word(tmp_path: Path, name: str, counts_cents: bool) -> None:
    facts = facts_of(tmp_path, push(f'{{{{ event.{name} | money("EUR") }}}}'))
    assert [problem.code for problem in facts.problems] == ["odd-argument"] * counts_cents
