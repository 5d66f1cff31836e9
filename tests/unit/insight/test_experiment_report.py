"""`engine experiment report`: from decisions in the stream to words, over an archive."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.arithmetic.assignment import position_of, variant_of
from engine.cli.main import app
from engine.insight.archive import Archive, Place, decode_outcome
from engine.insight.experiments.arms import Arm
from engine.insight.experiments.ratios import as_arm
from engine.insight.figures.trial import NobodyExposed, Trial, TrialOptions
from engine.model import Event, Outcome, OutcomeRecord
from engine.wire.records import encode_outcome
from tests.support import shop_history as shop
from tests.support.project_files import write_project

HOUR, DAY = 3_600_000, 86_400_000
START = 1_767_225_600_000
SHARES = {"weekly": 45.0, "biweekly": 45.0, "none": 10.0}
CUSTOMERS = 6_000
RULES = """\
version: 1
experiments:
  - id: rhythm
    hypothesis: Who hears from us every second week buys no less.
    variants: { weekly: 45, biweekly: 45, none: 10 }
    goal: { event: buy, within: 30d }
rules:
  - { id: letter, when: { event: visit }, if: experiments.rhythm == "weekly", send: note }
"""
EVENTS = "version: 1\nevents: { buy: { properties: { amount: number } }, visit: {} }\n"
NOTE = "{% block subject %}Hello{% endblock %}{% block text %}Dear customer{% endblock %}\n"


class Filling:
    """An archive of decisions and purchases; each record has the next place in its topic."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.offsets = {"outcomes": 0, "events": 0}

    def place(self, topic: str) -> Place:
        self.offsets[topic] += 1
        return Place(topic, 0, self.offsets[topic] - 1)

    def decided(
        self, customer: str, at: int, outcome: Outcome, reason: str = "", exposed: str = "", outreach: str = ""
    ) -> None:
        shown = {"rhythm": exposed} if exposed else {}
        record = OutcomeRecord(at, customer, "letter", f"{at}", outcome, reason, "r", outreach, exposed=shown)
        self.archive.add_outcome(self.place("outcomes"), at, decode_outcome(encode_outcome(record)[1]))

    def bought(self, customer: str, at: int, amount: float, currency: str = "EUR", arrived: int = 0) -> None:
        place = self.place("events")
        properties = {"amount": amount, "currency": currency}
        self.archive.add_event(place, arrived or at, Event(f"b-{place.offset}", "buy", customer, at, properties))


def chance(customer: str) -> float:
    """Of a purchase: 8 % without letters, 12 % with one a fortnight, 25 % with one a week."""
    return {"none": 0.08, "biweekly": 0.12, "weekly": 0.25}[variant_of(SHARES, "rhythm", customer)]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, rng = tmp_path_factory.mktemp("archive"), random.Random(7)
    with Archive.opened(folder) as archive:
        filling = Filling(archive)
        for n in range(CUSTOMERS):
            customer, at = f"c-{n}", START + n % 40 * DAY
            variant = variant_of(SHARES, "rhythm", customer)
            outcome = {"weekly": Outcome.FIRED, "none": Outcome.HELD_OUT}.get(variant, Outcome.SUPPRESSED)
            filling.decided(customer, at, outcome, exposed=variant)
            filling.decided(customer, at + DAY, outcome)
            filling.bought(customer, at - HOUR, 5.0)  # before it: does not count
            if rng.random() < chance(customer):
                filling.bought(customer, at + rng.randrange(1, 29) * DAY, 20.0)
            filling.bought(customer, at + 31 * DAY, 7.0)  # too late to count
        archive.commit()
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    policy = "version: 1\nholdout: 5%\n"
    files = {"events.yaml": EVENTS, "rules.yaml": RULES, "policy.yaml": policy, "note.email.j2": NOTE}
    return write_project(tmp_path, files)


def trial(archive: Path, within: int = 30 * DAY) -> Trial:
    return Trial.opened(
        [archive], TrialOptions("rhythm", {"none": 10.0, "weekly": 45.0, "biweekly": 45.0}, "buy", within)
    )


def reported(project: Path, *arguments: object) -> dict[str, Any]:
    where = ["--rules", str(project / "rules"), "--templates", str(project / "templates"), "--json"]
    ran = CliRunner().invoke(app, ["experiment", "report", *map(str, arguments), *where])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def told(project: Path, *arguments: object) -> dict[str, dict[str, object]]:
    return {one["id"]: one for one in reported(project, *arguments)["sections"]}


def test_everybody_exposed_counts_once_and_only_what_they_do_in_time_after_it(archive: Path) -> None:
    now = trial(archive).looks()[-1]
    customers = [variant_of(SHARES, "rhythm", f"c-{n}") for n in range(CUSTOMERS)]
    for variant, arm in now.converted.items():
        assert arm.customers == customers.count(variant)
        assert now.revenue[variant] == Arm(arm.customers, 20.0 * arm.total, 400.0 * arm.total, int(arm.total))
        assert 0 < arm.mean < 0.3


def test_without_a_limit_later_purchases_count_too(archive: Path) -> None:
    assert all(arm.mean > 0.9 for arm in trial(archive, within=0).looks()[-1].converted.values())


def test_the_course_never_looks_ahead(archive: Path) -> None:
    looks = trial(archive).looks()
    assert 10 < len(looks) <= 31
    totals = [sum(arm.customers for arm in look.converted.values()) for look in looks]
    assert totals == sorted(totals)
    assert totals[0] < CUSTOMERS / 10
    assert totals[-1] == CUSTOMERS


def test_the_report_says_in_words_what_is_decided(project: Path, archive: Path) -> None:
    sections = told(project, "rhythm", archive)
    assert set(sections) == {"arms", "compared_weekly", "compared_biweekly"}
    note = str(sections["compared_weekly"]["note"])
    assert note.startswith("Decided: of 100 customers ")
    assert note.endswith("more have buy in weekly than in none.")
    assert sections["arms"]["note"] == ""
    assert "buy after it counts within 30d" in str(sections["arms"]["definition"])


def test_the_report_is_of_the_days_from_the_first_exposure_to_the_last_event(project: Path, archive: Path) -> None:
    report = reported(project, "rhythm", archive)
    assert (report["since"], report["until"]) == ("2026-01-01", "2026-03-13")  # the last purchase is of the day before
    assert report["period"] == ["2026-01-01", "2026-03-13"]


def test_a_split_that_is_off_is_told_before_anything_else(project: Path, archive: Path) -> None:
    rules = project / "rules" / "rules.yaml"
    rules.write_text(RULES.replace("weekly: 45, biweekly: 45", "weekly: 40, biweekly: 50"))
    assert str(told(project, "rhythm", archive)["arms"]["note"]).startswith("Do not believe these figures")


def test_the_page_shows_the_course_and_loads_nothing(project: Path, archive: Path) -> None:
    page = project / "out" / "rhythm.html"
    told(project, "rhythm", archive, "--html", page, "--cuped")
    text = page.read_text()
    assert "Experiment rhythm" in text
    assert "Who hears from us every second week buys no less." in text
    assert "Evidence day by day" in text
    assert "://" not in text


def test_an_experiment_that_nobody_was_exposed_to_says_so(tmp_path: Path) -> None:
    with Archive.opened(tmp_path) as archive:
        Filling(archive).decided("c-1", START, Outcome.FIRED)
        archive.commit()
    with pytest.raises(NobodyExposed, match="nobody who was exposed to experiment rhythm"):
        trial(tmp_path)


def test_the_holdout_is_compared_with_who_got_messages_of_the_same_rules(project: Path, tmp_path: Path) -> None:
    folder, rng = tmp_path / "held", random.Random(3)
    with Archive.opened(folder) as archive:
        filling = Filling(archive)
        for n in range(8_000):
            customer, held = f"h-{n}", position_of("global", f"h-{n}") < 0.05
            outcome, reason = (Outcome.HELD_OUT, "in the holdout") if held else (Outcome.FIRED, "bought")
            filling.decided(customer, START + n, outcome, reason)
            if rng.random() < (0.1 if held else 0.3):
                filling.bought(customer, START + DAY, 10.0)
        archive.commit()
    sections = told(project, "holdout", folder, "--goal", "buy", "--within", "90d")
    assert "more have buy in messages than in holdout" in str(sections["compared_messages"]["note"])
    assert sections["arms"]["note"] == ""


def test_a_holdout_that_began_later_is_compared_from_then_on(project: Path, tmp_path: Path) -> None:
    """Who is in it now got messages before, as everybody did: by the first of these nobody would be in it."""
    with Archive.opened(tmp_path / "held") as archive:
        filling = Filling(archive)
        for n in range(2_000):
            customer, held = f"h-{n}", position_of("global", f"h-{n}") < 0.05
            filling.decided(customer, START + n, Outcome.FIRED)
            outcome, reason = (Outcome.HELD_OUT, "in the holdout") if held else (Outcome.FIRED, "bought")
            filling.decided(customer, START + 90 * DAY, outcome, reason)
        archive.commit()
    sections = told(project, "holdout", tmp_path / "held", "--goal", "buy")
    figures: Any = sections["arms"]["figures"]
    counted = {one["id"]: one["value"] for one in figures}
    withheld = sum(position_of("global", f"h-{n}") < 0.05 for n in range(2_000))
    assert (counted["exposed_holdout"], counted["exposed_messages"]) == (withheld, 2_000 - withheld)
    assert sections["arms"]["note"] == ""


def test_with_changed_shares_those_who_came_since_can_be_compared(project: Path, tmp_path: Path) -> None:
    rules = project / "rules" / "rules.yaml"
    rules.write_text(RULES.replace("weekly: 45, biweekly: 45, none: 10", "weekly: 90, biweekly: 0, none: 10"))
    with Archive.opened(tmp_path / "changed") as archive:
        filling = Filling(archive)
        for n in range(2_000):
            later, place = n >= 1_000, n % 10
            variant = "none" if place == 0 or (not later and place < 5) else "weekly"
            filling.decided(f"c-{n}", START + 40 * DAY * later, Outcome.FIRED, exposed=variant)
        archive.commit()
    note = str(told(project, "rhythm", tmp_path / "changed")["arms"]["note"])
    assert note.startswith("Do not believe these figures")
    assert "If the shares were changed, --since that day" in note
    since = told(project, "rhythm", tmp_path / "changed", "--since", "2026-02-01")
    assert since["arms"]["note"] == ""
    assert "compared_biweekly" not in since
    where = ["--rules", str(project / "rules"), "--templates", str(project / "templates"), "--since", "2027-01-01"]
    nobody = CliRunner().invoke(app, ["experiment", "report", "rhythm", str(tmp_path / "changed"), *where])
    assert "exposed to experiment rhythm from 2027-01-01 on" in str(nobody.exception)


def test_with_one_variant_left_there_is_nothing_to_compare(project: Path, archive: Path) -> None:
    rules = project / "rules" / "rules.yaml"
    rules.write_text(RULES.replace("weekly: 45, biweekly: 45, none: 10", "weekly: 100, biweekly: 0, none: 0"))
    sections = told(project, "rhythm", archive)
    assert sections["arms"]["note"] == "There is nothing to compare: only weekly has a share of the customers."


def test_yen_are_not_added_to_euros_and_still_are_a_purchase(tmp_path: Path) -> None:
    with Archive.opened(tmp_path) as archive:
        filling = Filling(archive)
        for n in range(4):
            filling.decided(f"c-{n}", START, Outcome.FIRED, exposed="weekly")
            filling.bought(f"c-{n}", START + DAY, *((9_000.0, "JPY") if n == 0 else (10.0, "EUR")))
        archive.commit()
    found = trial(tmp_path)
    assert found.currency == "EUR"
    assert found.looks()[-1].converted["weekly"].total == 4
    assert found.looks()[-1].revenue["weekly"] == Arm(4, 30.0, 300.0, 3)


def test_with_less_noise_too_few_buyers_are_still_too_few(project: Path, tmp_path: Path) -> None:
    """What spending before explains is taken off everybody's nothing too: no outcome is 0 then."""
    with Archive.opened(tmp_path / "few") as archive:
        filling = Filling(archive)
        for n in range(200):
            filling.decided(f"c-{n}", START, Outcome.FIRED, exposed=["weekly", "none"][n % 2])
            filling.bought(f"c-{n}", START - DAY, float(n % 7))
            if n < 20:
                filling.bought(f"c-{n}", START + DAY, 10.0)
        archive.commit()
    figures: Any = told(project, "rhythm", tmp_path / "few", "--cuped")["compared_weekly"]["figures"]
    assert next(one["note"] for one in figures if one["id"] == "revenue").endswith("too few have bought")


def test_with_less_noise_a_third_of_the_variance_of_the_record_shops_revenue_is_gone(tmp_path: Path) -> None:
    """Exposed with the end of the papers' calibration; the goal counts for the 39 weeks after it.

    All arrives at once: an archive has a file for each day of arrival, and writing 545 takes a second.
    """
    exposed_at, within = 875_663_999_000, shop.WEEKS_AFTER * 7 * DAY  # 1997-09-30T23:59:59Z
    with Archive.opened(tmp_path) as archive:
        filling = Filling(archive)
        for number, one in enumerate(shop.customers()):
            filling.decided(one.customer, exposed_at, Outcome.FIRED, exposed=["weekly", "none"][number % 2])
        for bought in shop.purchases():
            filling.bought(bought.customer, int(bought.at.timestamp() * 1000), bought.amount, arrived=exposed_at)
        archive.commit()
    found = Trial.opened([tmp_path], TrialOptions("rhythm", {"none": 50.0, "weekly": 50.0}, "buy", within))
    plain, less = found.looks()[-1].revenue, found.less_noisy()
    before, after = (arms["none"].with_(arms["weekly"]) for arms in (plain, less))
    assert 1 - after.variance / before.variance == pytest.approx(0.327, abs=0.005)
    assert after.mean == pytest.approx(before.mean)


def test_the_goal_per_message_counts_each_customers_messages_and_goals(project: Path, tmp_path: Path) -> None:
    """`weekly` sends three times as much for twice the goals: better by customer, worse by message."""
    rng = random.Random(5)
    pairs: dict[str, list[tuple[float, float]]] = {"weekly": [], "biweekly": []}
    with Archive.opened(tmp_path / "clicks") as archive:
        filling = Filling(archive)
        for n in range(1_000):
            variant, messages, clicking = (("weekly", 6, 0.1), ("biweekly", 2, 0.15))[n % 2]
            habit, clicks = clicking * 2 * rng.random(), 0
            filling.decided(f"c-{n}", START - DAY, Outcome.FIRED, outreach=f"o-{n}-before")
            filling.decided(f"c-{n}", START, Outcome.SUPPRESSED, exposed=variant)
            for sent in range(messages):
                filling.decided(f"c-{n}", START + sent * DAY, Outcome.FIRED, outreach=f"o-{n}-{sent}")
                if rng.random() < habit:
                    filling.bought(f"c-{n}", START + sent * DAY + HOUR, 1.0)
                    clicks += 1
            filling.decided(f"c-{n}", START + 31 * DAY, Outcome.FIRED, outreach=f"o-{n}-late")
            pairs[variant].append((clicks, messages))
        filling.decided("c-none", START, Outcome.HELD_OUT, exposed="none")
        archive.commit()
    arms = trial(tmp_path / "clicks").per_message()
    assert arms == {"none": None, "weekly": as_arm(pairs["weekly"]), "biweekly": as_arm(pairs["biweekly"])}
    rules = project / "rules" / "rules.yaml"
    rules.write_text(RULES.replace("weekly: 45, biweekly: 45, none: 10", "biweekly: 50, weekly: 50"))
    sections = told(project, "rhythm", tmp_path / "clicks", "--per-message")
    figures: Any = sections["compared_weekly"]["figures"]
    found = {one["id"]: one for one in figures}
    assert found["difference"]["value"] > 0 > found["per_message"]["value"]
    assert "per_message" not in str(told(project, "rhythm", tmp_path / "clicks"))


def test_a_variant_without_messages_has_nothing_per_message(project: Path, archive: Path) -> None:
    sections = told(project, "rhythm", archive, "--per-message")
    parts: list[Any] = [sections["arms"], sections["compared_weekly"]]
    found = {one["id"]: (one["value"], one["note"]) for part in parts for one in part["figures"]}
    assert found["per_message_none"] == (None, "nobody got a message")
    assert found["per_message"] == (None, "one of the two got no message")


def test_an_unknown_experiment_is_named_with_those_there_are(project: Path, archive: Path) -> None:
    where = ["--rules", str(project / "rules"), "--templates", str(project / "templates")]
    ran = CliRunner().invoke(app, ["experiment", "report", "rythm", str(archive), *where])
    assert "did you mean 'rhythm'" in str(ran.exception)
    ran = CliRunner().invoke(app, ["experiment", "report", "x", str(archive), *where])
    assert str(ran.exception) == "there is no experiment 'x'"


@pytest.mark.parametrize("option", [("--goal", "visit"), ("--within", "1d")])
def test_another_goal_than_the_experiment_has_is_refused_and_not_passed_over(
    project: Path, archive: Path, option: tuple[str, str]
) -> None:
    """Otherwise the report would be of 30 days, to somebody who has asked for one."""
    where = ["--rules", str(project / "rules"), "--templates", str(project / "templates")]
    ran = CliRunner().invoke(app, ["experiment", "report", "rhythm", str(archive), *option, *where])
    assert ran.exit_code != 0
    assert f"{' '.join(option)}: experiment rhythm has its goal in the rules" in str(ran.exception)


def test_a_goal_of_the_holdout_that_no_event_has_is_refused(project: Path, archive: Path) -> None:
    """Otherwise nobody would ever have reached it, in either arm."""
    where = ["--rules", str(project / "rules"), "--templates", str(project / "templates")]
    ran = CliRunner().invoke(app, ["experiment", "report", "holdout", str(archive), "--goal", "bye", *where])
    assert "there is no event type 'bye'; did you mean 'buy'" in str(ran.exception)
