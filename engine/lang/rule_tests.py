"""Compiles rule test files to test cases with instants as times and checked names. `engine test` runs them."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from pydantic import BaseModel

from engine.core.actions.base import Action
from engine.core.book import Rule, RuleBook
from engine.core.catalog import EventType, Kind, Property
from engine.core.durations import text_of
from engine.core.expr.syntax import SPOKEN
from engine.core.tables import Table
from engine.core.values import day_of, in_first_weeks, is_no_date, number_of, whole_day
from engine.core.zones import iso
from engine.errors import BadRecord
from engine.lang.diagnostics import ARE_SECONDS, Diagnostic, did_you_mean, has_errors
from engine.lang.form import said
from engine.lang.located import Document, Place, Route
from engine.lang.project import Loaded
from engine.lang.rule_test_grammar import (
    CaseFields,
    ExpectedFields,
    GivenFields,
    Moment,
    OutcomeFields,
    RuleTestsFile,
    StandsFields,
    moment_or_none,
)
from engine.lang.site import Site
from engine.lang.validate import validate
from engine.lang.yaml_reader import read
from engine.model import Outcome
from engine.wire.property_checks import value_read


class Given(msgspec.Struct, frozen=True):
    """One event: when it happened and when it arrives, epoch milliseconds."""

    at: int
    arrives: int
    type: str
    properties: dict[str, Any]
    id: str


class Expected(msgspec.Struct, frozen=True):
    """One outreach or outcome of a rule, a move of a segment, or an event that was made.

    `fields` are those that were named beside time and rule, segment or event; times in them are epoch ms.
    """

    at: int
    rule: str
    fields: dict[str, Any]
    place: Place
    segment: str = ""
    event: str = ""

    @property
    def about(self) -> str:
        """The rule, the segment or the event."""
        return self.rule or (f"event {self.event}" if self.event else f"segment {self.segment}")


class ExpectedPoints(msgspec.Struct, frozen=True):
    """How points must stand at a moment: the parts that are named; times in them are epoch ms."""

    at: int
    points: str
    parts: dict[str, int]


class TestCase(msgspec.Struct, frozen=True):
    """One test; `expect` or `outcomes` None: not compared. Times are epoch milliseconds."""

    __test__: ClassVar[bool] = False
    name: str
    customer: str
    profile: dict[str, Any]
    start: int
    given: tuple[Given, ...]
    until: int
    expect: tuple[Expected, ...] | None
    outcomes: tuple[Expected, ...] | None
    place: Place
    points: tuple[ExpectedPoints, ...] = ()
    """In the order of their moments."""


class TestFile(msgspec.Struct, frozen=True):
    """The tests of one file and the book they are run on. `document` finds their places in the text."""

    __test__: ClassVar[bool] = False
    path: Path
    book: RuleBook
    tests: tuple[TestCase, ...]
    document: Document

    def words_of(self, case: TestCase) -> set[str]:
        """The rules and segments of which it expects something, and their templates: -k finds it by them too."""
        expected = (*(case.expect or ()), *(case.outcomes or ()))
        rules = {each.rule for each in expected if each.rule}
        templates = {send.template for rule in rules for send in self.book.by_id[rule].action.sends}
        return rules | templates | {each.segment for each in expected if each.segment}


def load_tests(path: Path, loaded: Loaded) -> tuple[TestFile | None, list[Diagnostic]]:
    """The tests of a file; None if it has errors. `loaded` must have a book."""
    assert loaded.book
    document, findings = read(path)
    if document is None:
        return None, findings
    content, more, _ = validate(RuleTestsFile, document)
    findings += more
    if content is None:
        return None, sorted(findings)
    if (content.scores or content.tables) and loaded.with_data:
        tables = {name: Table.of({key: tuple(rows) for key, rows in of.items()}) for name, of in content.tables.items()}
        loaded = loaded.with_data(content.scores.built() if content.scores else None, tables)
    if loaded.book is None:
        return None, sorted([*findings, _unfit(document, loaded.diagnostics)])
    book = _book(document, content, loaded, findings) or loaded.book
    site = Site(document, ("tests",), book.catalog, findings, [])
    tests = tuple(_Case(site.at(index), fields, book).build() for index, fields in enumerate(content.tests))
    if has_errors(findings):
        return None, sorted(findings)
    return TestFile(path, book, tests, document), sorted(findings)


def _unfit(document: Document, found: Sequence[Diagnostic]) -> Diagnostic:
    """What is wrong with the rules where these scores and tables stand in for those beside them."""
    first = next(each for each in found if each.severity == "error")
    help = "; ".join(filter(None, (f"{first.file}:{first.line}", first.help)))
    place = document.place(("tables",), key=True)
    return document.report(place, "bad-value", f"with these tables the rules are wrong: {first.message}", help)


def _book(document: Document, content: RuleTestsFile, loaded: Loaded, findings: list[Diagnostic]) -> RuleBook | None:
    if not content.rules:
        return loaded.book
    if content.rules in loaded.rules_of:
        return loaded.only(content.rules)
    message = f"there is no rule file {content.rules} beside this one"
    help = did_you_mean(content.rules, loaded.rules_of)
    findings.append(document.report(document.place(("rules",)), "missing-file", message, help))
    return None


OF_SENDERS = frozenset({Outcome.SENT, Outcome.BOUNCED, Outcome.IN_DOUBT})
ABOUT = frozenset({"at", "rule", "segment", "event"})


class _Case:
    """One test being built; its findings go to `site`, its place."""

    def __init__(self, site: Site, fields: CaseFields, book: RuleBook) -> None:
        self.site = site
        self.fields = fields
        self.book = book

    def build(self) -> TestCase:
        fields, start = self.fields, self.fields.start
        for name, value in fields.profile.items():
            self.site.at("profile", name).field(name, key=True)
            _check_value(self.site.at("profile", name), value, self.site.catalog.profile.get(name), "")
        return TestCase(
            fields.name,
            fields.customer,
            _values(fields.profile, self.site.catalog.profile, start),
            start,
            self.story(fields.given),
            fields.until.after(start),
            self.expected("expect", fields.expect),
            self.expected("outcomes", fields.outcomes),
            self.site.document.place((*self.site.route, "name")),
            self.standings(fields.points),
        )

    def standings(self, items: Sequence[StandsFields]) -> tuple[ExpectedPoints, ...]:
        found, start = [], self.fields.start
        for index, item in enumerate(items):
            site = self.site.at("points", index)
            written = site.written()
            inner = site.at("points") if "at" in written else site.at(next(iter(written)))
            for id_, standing in item.points.items():
                inner.at(id_).points(id_, key=True)
                found.append(ExpectedPoints(item.at.after(start), id_, _written(standing, start)))
        return tuple(sorted(found, key=lambda one: one.at))

    def story(self, items: Sequence[GivenFields]) -> tuple[Given, ...]:
        """The events. What happened before the moment to which `advance` has moved the clock arrives then."""
        clock, advanced, found = self.fields.start, None, []
        for index, fields in enumerate(items):
            if fields.advance:
                clock = advanced = clock + fields.advance
                continue
            given = self.given(index, fields, clock, advanced)
            clock = max(clock, given.arrives)
            found.append(given)
        return tuple(found)

    def given(self, index: int, fields: GivenFields, now: int, advanced: int | None) -> Given:
        event, properties = self._given_sites(index)
        event.event(fields.event, key=event is properties)
        declared = self.site.catalog.events.get(fields.event)
        if declared is not None:
            _check_given(event, properties, fields, declared)
        at = fields.at.after(self.fields.start) if fields.at else now
        arrives = fields.arrives.after(self.fields.start) if fields.arrives else max(at, advanced or at)
        self._check_times(self.site.at("given", index), at, arrives)
        values = _values(fields.properties, declared.properties if declared else {}, self.fields.start)
        return Given(at, arrives, fields.event, values, fields.id or f"e-{index + 1}")

    def _check_times(self, site: Site, at: int, arrives: int) -> None:
        ahead = self.site.catalog.accept.ahead
        if arrives > self.fields.until.after(self.fields.start):
            site.report("bad-time", "this comes after `until`, when the test is over", "let the test run longer")
        elif at > arrives + ahead:
            message = f"this arrives more than {text_of(ahead)} before it happens"
            site.report("bad-time", message, "workers refuse it; see accept.ahead in events.yaml")

    def _given_sites(self, index: int) -> tuple[Site, Site]:
        """The routes to the type and the properties of a given event, in either way of writing it."""
        site, written = self.site.at("given", index), self.site.written("given", index)
        if "at" in written:
            return site.at("event"), site.at("properties")
        at, what = next(iter(written.items()))
        if isinstance(what, str):
            return site.at(at), site
        inner = site.at(at, next(iter(what)))
        return inner, inner

    def expected(
        self, name: str, items: Sequence[ExpectedFields | OutcomeFields] | None
    ) -> tuple[Expected, ...] | None:
        if items is None:
            return None
        return tuple(self._item(self.site.at(name, index), each) for index, each in enumerate(items))

    def _check_step(self, site: Site, item: ExpectedFields | OutcomeFields) -> None:
        rule = self.book.by_id.get(item.rule)
        journey = rule.action.journey if rule is not None else None
        if rule is not None and item.step and (journey is None or item.step not in journey.named):
            help = did_you_mean(item.step, journey.named) if journey is not None else "it has no steps"
            site.report("unknown-step", f"rule {item.rule} has no step '{item.step}'", help)

    def _item(self, site: Site, item: ExpectedFields | OutcomeFields) -> Expected:
        written = site.written()
        steps: Route = () if "at" in written else tuple(written)[:1]
        segment, event = (item.segment, item.event) if isinstance(item, ExpectedFields) else ("", "")
        if segment:
            site.at(*steps, "segment").segment(segment)
        elif event:
            self._made(site.at(*steps), event, item)
        elif item.rule not in self.book.by_id:
            message = f"there is no rule '{item.rule}' under test"
            journeys = [(rule.id, journey) for rule in self.book.rules if (journey := rule.action.journey)]
            named = [f"{id_}/{step.name}" for id_, journey in journeys for step in journey.acts]
            help = did_you_mean(item.rule, [*self.book.by_id, *named])
            site.at(*steps, "rule").report("unknown-rule", message, help)
        if isinstance(item, OutcomeFields) and item.outcome in OF_SENDERS:
            message = f"no test ends with '{item.outcome.value}', which senders tell of a message"
            help = "of a message that is made the outcome is fired"
            site.at(*steps, "outcome").report("bad-value", message, help)
        self._check_step(site, item)
        fields = _written(item, self.fields.start, but=ABOUT)
        at, place = item.at.after(self.fields.start), site.document.place(site.route)
        if event:
            declared = self.site.catalog.events.get(event)
            given = _values(getattr(item, "with_", {}), declared.properties if declared else {}, self.fields.start)
            fields = {"with": given} if given else {}
        return Expected(at, item.rule, fields, place, segment, event)

    def _made(self, site: Site, event: str, item: ExpectedFields | OutcomeFields) -> None:
        """Report an event that nothing makes, and properties that it does not have."""
        declared = self.site.catalog.events.get(site.at("event").event(event))
        if declared is None:
            return
        makers = [(rule.id, one) for rule in self.book.rules for one in _acts(rule) if event in one.makes]
        if makers and all(one.makes_for_others for _, one in makers):
            message = f"rule {makers[0][0]} makes {event} for another customer"
            site.at("event").report("bad-value", message, "expect the outcome `emitted` of the rule, in `outcomes`")
        for name in getattr(item, "with_", {}):
            if name not in declared.properties:
                help = did_you_mean(name, declared.properties)
                site.at("with", name).report("unknown-property", f"{event} has no property '{name}'", help, key=True)


def _acts(rule: Rule) -> Iterable[Action]:
    """What the rule does, or each step of its journey."""
    journey = rule.action.journey
    return [step.action for step in journey.acts] if journey else [rule.action]


def _written(item: BaseModel, start: int, but: Set[str] = frozenset()) -> dict[str, Any]:
    """The fields that were written, without these; times in them are epoch ms."""
    named = {key: getattr(item, key) for key in type(item).model_fields if key in item.model_fields_set - but}
    return {key.rstrip("_"): each.after(start) if isinstance(each, Moment) else each for key, each in named.items()}


def _check_given(event: Site, properties: Site, fields: GivenFields, declared: EventType) -> None:
    """Report what no worker would take: the test would tell of something that can never happen."""
    if declared.made:
        event.report("bad-value", f"only the engine makes {declared.name}", "tell what leads to it", key=True)
        return
    for name, value in fields.properties.items():
        if name in declared.properties:
            _check_value(properties.at(name), value, declared.properties[name])
            _check_unit(properties.at(name), value, declared.properties[name])
            continue
        message = f"{declared.name} does not declare '{name}', so no rule can read it"
        help = did_you_mean(name, declared.properties)
        properties.at(name).report("undeclared-property", message, help, key=True)
    for name, each in declared.properties.items():
        if each.required and fields.properties.get(name) is None:
            message = f"{declared.name} must have '{name}'"
            event.report("missing-property", message, "workers refuse it without", key=True)


def _check_value(
    site: Site, value: Any, declared: Property | None, help: str = "workers refuse an event with it"
) -> None:
    if declared is not None and value is not None and not _READERS[declared.kind](value, declared):
        message = f"{said(value)} is not of type {declared.kind}, as events.yaml declares it"
        meant = SPOKEN.get(str(value).lower(), "") if declared.kind == "boolean" else ""
        site.report("type-mismatch", message, f"write {meant}" if meant else help)


def _check_unit(site: Site, value: Any, declared: Property) -> None:
    if declared.kind == "time" and declared.unit == "ms" and in_first_weeks(value):
        message = f"{value} milliseconds are {iso(value)[:10]}"
        site.report("odd-time", message, ARE_SECONDS)


def _is_number(value: Any, declared: Property) -> bool:
    if declared.from_text and isinstance(value, str):
        return not value.strip() or number_of(value) is not None
    exact = int if declared.kind == "integer" else int | float
    return isinstance(value, exact) and not isinstance(value, bool)


def _is_time(value: Any, declared: Property) -> bool:
    if isinstance(value, str):
        return bool(whole_day(value) or moment_or_none(value))
    return type(value) is int if declared.unit == "ms" else _counted(value, declared) is not None


def _counted(value: Any, declared: Property) -> Any:
    """The time or date that a number is in the property's unit; None if it is none, or the unit is the engine's own."""
    if declared.unit == "ms" or type(value) not in (int, float):
        return None
    with suppress(BadRecord):
        return value_read(declared, value)
    return None


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(day_of(value))
    except ValueError:
        return False


_READERS: Mapping[Kind, Callable[[Any, Property], bool]] = {
    "string": lambda value, declared: isinstance(value, str),
    "number": _is_number,
    "integer": _is_number,
    "boolean": lambda value, declared: isinstance(value, bool),
    "time": lambda value, declared: _is_time(value, declared) or _is_no_date(value),
    "date": lambda value, declared: _is_date(value) or _is_no_date(value) or bool(_counted(value, declared)),
    "any": lambda value, declared: True,
}


def _is_no_date(value: Any) -> bool:
    return isinstance(value, str) and is_no_date(value)


def _values(given: Mapping[str, Any], declared: Mapping[str, Property], start: int) -> dict[str, Any]:
    """Properties as an event carries them: a `time` as epoch milliseconds or a day, numbers as numbers."""
    return {name: _value(each, declared.get(name), start) for name, each in given.items()}


def _value(value: Any, declared: Property | None, start: int) -> Any:
    if declared is None or not isinstance(value, str):
        counted = declared and _counted(value, declared)
        return value if counted is None else counted
    if declared.from_text:
        number = number_of(value)
        return value if number is None else number
    moment = moment_or_none(value) if declared.kind == "time" and not whole_day(value) else None
    return moment.after(start) if moment else value
