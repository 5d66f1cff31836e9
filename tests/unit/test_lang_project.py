import time
from datetime import time as time_of_day
from pathlib import Path

import pytest

from engine.core.book import RuleBook
from engine.core.catalog import Accept, Property, Source
from engine.core.expression import Keeps, Needs, Reads
from engine.core.policy import expressions_of
from engine.core.template_facts import TemplateFacts, TemplateRead
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.date import Date
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.milestone import Milestone
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.lang.project import load
from tests.support.language import EVENTS, POLICY, RULES, codes, loaded, write

HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.fixture
def book(tmp_path: Path) -> RuleBook:
    found = loaded(tmp_path)
    assert found.diagnostics == []
    assert found.book
    return found.book


def test_rules_keep_the_order_in_which_they_are_written(book: RuleBook) -> None:
    ids = ["win-back", "trial-ending", "loyal", "big", "cart", "birthday", "receipt"]
    assert [(rule.id, rule.order) for rule in book.rules] == [(id_, order) for order, id_ in enumerate(ids)]
    assert book.renamed == {"lapsed": "win-back"}


def test_silence_is_measured_as_the_author_wrote_it(book: RuleBook) -> None:
    trigger = book.by_id["win-back"].trigger
    assert isinstance(trigger, Inactivity)
    assert (trigger.of, trigger.after, trigger.slack) == (frozenset({"login", "purchase"}), 14 * DAY, 60_000)
    assert trigger.where
    assert book.by_id["win-back"].reentry.after == 90 * DAY


def test_a_trial_is_announced_at_nine_in_the_customers_zone(book: RuleBook) -> None:
    rule = book.by_id["trial-ending"]
    assert isinstance(rule.trigger, TrialExpiring)
    assert (rule.trigger.field, rule.trigger.before, rule.trigger.at) == ("trial_ends_at", 3 * DAY, time_of_day(9))
    assert (rule.trigger.zones.default.key, rule.trigger.zones.field) == ("Europe/Berlin", "timezone")
    [ended] = rule.exits
    [send] = rule.action.sends
    assert (ended.event, send.expires, send.priority) == ("subscribed", 2 * DAY, 10)


def test_milestones_take_levels_or_steps(book: RuleBook) -> None:
    loyal, big = book.by_id["loyal"].trigger, book.by_id["big"].trigger
    assert isinstance(loyal, Milestone)
    assert isinstance(big, Milestone)
    assert (loyal.event, loyal.levels, loyal.every, loyal.property) == ("purchase", (3, 5), 0, None)
    assert (big.event, big.levels, big.every, big.property) == ("purchase", (), 500, "amount")


def test_a_cart_is_matched_by_its_id(book: RuleBook) -> None:
    rule = book.by_id["cart"]
    assert isinstance(rule.trigger, Abandoned)
    assert (rule.trigger.after, rule.trigger.without) == ("cart_updated", frozenset({"purchase"}))
    [send] = rule.action.sends
    assert (rule.trigger.within, rule.trigger.match, send.channel) == (HOUR, "cart_id", "push")


def test_a_birthday_greeting_may_come_before_the_day(book: RuleBook) -> None:
    trigger = book.by_id["birthday"].trigger
    assert isinstance(trigger, Date)
    assert (trigger.field, trigger.yearly, trigger.at, trigger.offset) == ("birthday", True, time_of_day(9), -3 * DAY)


def test_a_receipt_follows_every_purchase(book: RuleBook) -> None:
    rule = book.by_id["receipt"]
    assert isinstance(rule.trigger, OnEvent)
    [send] = rule.action.sends
    assert (rule.trigger.event, send.purpose, rule.reentry.once) == ("purchase", "transactional", True)


def test_a_timer_keeps_its_event_only_where_the_condition_reads_it(book: RuleBook) -> None:
    keeping = {rule.id for rule in book.rules if rule.trigger.keeps_event}
    assert keeping == {"big", "cart"}


def test_the_policy_holds_for_everybody(book: RuleBook) -> None:
    policy = book.policy
    hours = policy.quiet_hours[0]
    assert (hours.start, hours.end, hours.channels) == (21 * 60, 8 * 60, frozenset({"email"}))
    assert [(cap.limit, cap.span, cap.calendar, cap.channel) for cap in policy.caps] == [
        (2, 7 * DAY, None, None),
        (1, 0, "day", "email"),
    ]
    assert (policy.fresh_for, policy.dedupe, policy.forget_after) == (None, 12 * HOUR, 730 * DAY)
    assert [each.text for each in expressions_of(policy.consent["marketing"])] == [
        "profile.email_opt_in",
        "profile.push_opt_in",
    ]


def test_without_a_policy_its_defaults_hold(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "policy.yaml").unlink()
    found = load(tmp_path, None)
    assert found.book
    assert (found.book.policy.fresh_for, found.book.policy.dedupe, found.book.policy.caps) == (3 * DAY, DAY, ())


def test_events_say_where_everything_sits(book: RuleBook) -> None:
    catalog = book.catalog
    assert catalog.sources == (
        Source(
            "shop.events",
            "shop.events",
            id=("event_id",),
            customer=("who", "id"),
            time=("ts",),
            unit="s",
            properties=(),
            types={"Order Completed": "purchase"},
        ),
    )
    assert catalog.accept == Accept(946_684_800_000, HOUR, 1000, "dead_letter")
    assert catalog.events["purchase"].properties["amount"] == Property("amount", "number", required=True)
    assert catalog.events["purchase"].profile == {"country": "country"}
    assert catalog.profile["country"] == Property("country", "string")


def test_an_event_that_feeds_the_whole_profile_may_carry_any_of_its_fields(book: RuleBook) -> None:
    fed = book.catalog.events["profile_updated"]
    assert fed.profile_all
    assert fed.properties["trial_ends_at"].kind == "time"


def test_the_revision_is_about_what_the_rules_say_and_not_about_how_they_are_written(tmp_path: Path) -> None:
    def revision(rules: str = RULES, events: str = EVENTS, policy: str = POLICY) -> str:
        found = loaded(tmp_path, rules=rules, events=events, policy=policy).book
        assert found
        return found.revision

    first = revision()
    assert first == revision(RULES.replace("for: 14d", 'for:  "2w"') + "# more\n")
    assert len({first, revision(RULES.replace("14d", "15d")), revision(policy=POLICY.replace("730d", "731d"))}) == 3


def test_a_changed_template_makes_another_revision(tmp_path: Path) -> None:
    write(tmp_path, rules=f"{RULES.partition('  - id: trial')[0]}", policy="version: 1\n")
    books = [load(tmp_path, [TemplateFacts("win_back", "email", "w", source)]).book for source in ("a", "b")]
    assert all(books)
    assert len({book.revision for book in books if book}) == 2


def test_what_a_template_reads_is_kept_for_it(tmp_path: Path) -> None:
    write(tmp_path, rules=RULES.partition("  - id: trial")[0], policy="version: 1\n")
    needs = Needs(Reads(event=True), Keeps(last=frozenset({"login"})))
    found = load(tmp_path, [TemplateFacts("win_back", "email", "w", "", needs, (TemplateRead(("event", "id"), 1),))])
    assert found.book
    rule = found.book.by_id["win-back"]
    assert rule.trigger.keeps_event
    assert rule.needs.keeps.last == {"login"}
    assert rule.needs.keeps.windows == {("purchase", None, 30 * DAY)}


def test_rules_of_several_files_follow_the_names_of_the_files(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "a.yaml").write_text(
        "version: 1\nrules:\n  - { id: first, when: { event: login }, send: first }\n", encoding="utf-8"
    )
    found = load(tmp_path, None)
    assert found.book
    assert found.book.rules[0].id == "first"
    assert [path.name for path in found.files] == ["a.yaml", "events.yaml", "lifecycle.yaml", "policy.yaml"]
    assert [rule.id for rule in found.only("a.yaml").rules] == ["first"]


def test_all_errors_of_all_files_are_found_in_one_run(tmp_path: Path) -> None:
    rules = RULES.replace("for: 14d", "for: 14").replace("cart_id }", "card_id }").replace("id: loyal", "id: big")
    found = loaded(tmp_path, rules=rules, policy=POLICY.replace("limit: 2", "limit: 0"))
    assert found.book is None
    assert codes(found.diagnostics) == ["bad-duration", "duplicate-id", "unknown-property", "bad-value"]
    assert [each.file.rpartition("/")[2] for each in found.diagnostics][-1] == "policy.yaml"


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    found = load(tmp_path / "rulse", None)
    assert codes(found.diagnostics) == ["missing-file"]
    assert "no such rules folder" in found.diagnostics[0].message
    assert found.diagnostics[0].file.endswith("rulse")
    assert "engine init" in found.diagnostics[0].help


def test_three_hundred_rules_load_soon(tmp_path: Path) -> None:
    one = RULES[RULES.index("  - id: win-back") : RULES.index("  - id: trial")].replace("    was: [lapsed]\n", "")
    many = "".join(one.replace("win-back", f"win-back-{number}") for number in range(300))
    write(tmp_path, rules=RULES + many)
    load(tmp_path, None)
    start = time.process_time()
    found = load(tmp_path, None)
    assert time.process_time() - start < 10
    assert found.book
    assert len(found.book.rules) == 307
