"""Runs the rule tests of a test file; `engine test` calls it.

Each test runs twice, the second time with every event delivered twice and the state saved and reloaded: a rule whose
result depends on either fails its test.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.core.explain import explain
from engine.core.scope import NO_LEVEL
from engine.lang.rule_tests import Expected, ExpectedPoints, TestCase, TestFile
from engine.model import Event, Outcome, OutcomeRecord, Outreach
from engine.ports import Renderer
from engine.render import JinjaRenderer
from engine.testing.moves import Made, Move, concerned, made_of
from engine.testing.simulator import Simulator
from engine.testing.standings import moment, standing_difference, standing_of

Got = Outreach | OutcomeRecord | Move | Made

CONTAINED = ("text", "html")
"""Fields of which an expectation may quote a part, as of a reason; `--update` keeps a part that is still there."""

OUTREACH = "outreach"
"""The property by which feedback such as a click names the message that it is about."""

MOMENTS = ("moment", "expires_at", "until")
"""Fields that hold instants; messages show them as times of the test."""


@dataclass
class TestResult:
    """The verdict on one test. `problems`: lines for a person (want, got, why). `got`: what came of what it expects."""

    __test__ = False
    case: TestCase
    index: int
    problems: list[str] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    outcomes: list[OutcomeRecord] = field(default_factory=list)
    standings: list[ExpectedPoints] = field(default_factory=list)
    """How points stood at the moments that the test names."""

    @property
    def unexpected(self) -> list[str]:
        """The messages that could not be written, if the test says nothing of outcomes: it may pass by them alone."""
        failed = [one for one in self.outcomes if one.outcome is Outcome.FAILED] if self.case.outcomes is None else []
        return [f"{label(one.rule, one.step)} failed: {one.reason}" for one in failed]

    @property
    def passed(self) -> bool:
        return not self.problems


def run_test_file(
    file: TestFile, renderer: JinjaRenderer, wanted: Callable[[TestCase], bool] = bool
) -> list[TestResult]:
    """Run the tests that `wanted` accepts; all by default. Templates see the scores and tables that the file fixes."""
    renderer = renderer.of(file.book)
    return [_run(file, renderer, index, case) for index, case in enumerate(file.tests) if wanted(case)]


def _run(file: TestFile, renderer: Renderer, index: int, case: TestCase) -> TestResult:
    sim, standings = _simulate(file, renderer, case, strict=False)
    result = TestResult(case, index, got=[*sim.outreach], outcomes=sim.outcomes)
    if case.expect is not None:
        result.got = in_order(case.expect, sim.outreach, sim.moves, sim.derived)
        if not same(case.expect, result.got):
            result.problems += _difference(case, case.expect, result.got)
    if case.outcomes is not None and not same(case.outcomes, sim.outcomes):
        result.problems += _difference(case, case.outcomes, sim.outcomes)
    result.standings = standings
    if standings != list(case.points):
        result.problems += standing_difference(case, standings)
    if result.problems:
        result.problems += _why(case, sim)
    again, repeated = _simulate(file, renderer, case, strict=True)
    if repeated != standings:
        result.problems.append("with every event delivered twice and the state reloaded the points stand otherwise:")
        result.problems += standing_difference(case, repeated)
    if (again.outreach, again.outcomes, again.moves) != (sim.outreach, sim.outcomes, sim.moves):
        result.problems.append("with every event delivered twice and the state reloaded it gives something else:")
        got = [*again.outreach, *(again.moves if again.moves != sim.moves else ())]
        result.problems += [f"  got   {_line(case, one, ())}" for one in got]
    return result


def _simulate(
    file: TestFile, renderer: Renderer, case: TestCase, *, strict: bool
) -> tuple[Simulator, list[ExpectedPoints]]:
    """The customers at the end, and how points stood on the way."""
    sim = Simulator(file.book, renderer, start=case.start, strict=strict)
    sim.profile(case.customer, **case.profile)
    asked, found = list(case.points), list[ExpectedPoints]()
    for given in sorted(case.given, key=lambda given: given.arrives):
        while asked and asked[0].at < given.arrives:
            found.append(standing_of(sim, case.customer, asked.pop(0)))
        sim.run(given.arrives - 1)
        properties = _about(given.properties, sim.outreach)
        sim.deliver(Event(given.id, given.type, case.customer, given.at, properties), given.arrives)
    found += [standing_of(sim, case.customer, one) for one in asked]
    sim.run(case.until)
    return sim, found


def in_order(
    want: Sequence[Expected], outreach: Sequence[Outreach], moves: Sequence[Move], derived: Sequence[Event] = ()
) -> list[Got]:
    """All outreach, and the moves and events of the segments and types that the test names, by their times.

    A move comes before an event, and an event before outreach.
    """
    named: list[Got] = [*concerned(want, moves), *made_of(want, derived)]
    return sorted([*named, *outreach], key=lambda one: one.at) if named else [*outreach]


def _about(properties: Mapping[str, Any], outreach: Sequence[Outreach]) -> dict[str, Any]:
    """The properties, with the id of a message where `outreach` names its rule, or its rule and step."""
    named = properties.get(OUTREACH)
    made = [one.id for one in outreach if named in (one.rule, label(one.rule, one.step))]
    return {**properties, OUTREACH: made[-1]} if made else dict(properties)


def same(want: Sequence[Expected], got: Sequence[Got]) -> bool:
    """Whether both lists have the same entries in the same order, comparing only the fields that `want` names.

    At one instant the order of moves, events and outreach among each other doesn't matter.
    """
    moves: list[Got] = [one for one in got if isinstance(one, Move)]
    made: list[Got] = [one for one in got if isinstance(one, Made)]
    others = [one for one in got if not isinstance(one, Move | Made)]
    return (
        _all_match(_of_rules(want), others)
        and _all_match([one for one in want if one.segment], moves)
        and _all_match([one for one in want if one.event], made)
    )


def _all_match(want: Sequence[Expected], got: Sequence[Got]) -> bool:
    return len(want) == len(got) and all(map(_matches, want, got))


def _of_rules(want: Sequence[Expected]) -> list[Expected]:
    return [one for one in want if one.rule]


def _matches(want: Expected, got: Got) -> bool:
    return (want.at, want.about) == (got.at, about(got)) and all(_equal(got, *each) for each in want.fields.items())


def about(got: Got) -> str:
    """The rule, the segment or the event."""
    if isinstance(got, Made):
        return f"event {got.event}"
    return f"segment {got.segment}" if isinstance(got, Move) else got.rule


def _equal(got: Got, name: str, value: Any) -> bool:
    if isinstance(got, Made):
        return all(got.properties.get(key) == wanted for key, wanted in value.items())
    found = getattr(got, name)
    if name == "moves" and value in ("in", "out") and isinstance(got, Move):
        return (got.old if value == "in" else got.new) == NO_LEVEL
    return value in found if name in CONTAINED or name == "reason" else value == found


def _difference(case: TestCase, want: Sequence[Expected], got: Sequence[Got]) -> list[str]:
    """Both lists; what is in one of them alone has a sign in front."""
    names = tuple(dict.fromkeys(name for one in want for name in one.fields))
    extra, missing = [*got], list[Expected]()
    for one in want:
        place = next((place for place, came in enumerate(extra) if _matches(one, came)), None)
        if place is None:
            missing.append(one)
        else:
            del extra[place]
    lines = [f"{_sign('-', one, missing)} want  {_wanted(case, one)}" for one in want] or ["  want  nothing"]
    return lines + ([f"{_sign('+', one, extra)} got   {_line(case, one, names)}" for one in got] or ["  got   nothing"])


def _sign(sign: str, one: object, among: Sequence[object]) -> str:
    return sign if any(one is each for each in among) else " "


def _wanted(case: TestCase, want: Expected) -> str:
    values = [f"{name}: {_shown(case, name, value)}" for name, value in want.fields.items() if name != "step"]
    return "  ".join([f"{moment(case, want.at):>8}  {label(want.about, want.fields.get('step', ''))}", *values])


def _line(case: TestCase, got: Got, names: Sequence[str]) -> str:
    shown = [] if isinstance(got, Move | Made) else [name for name in names if name != "step" and hasattr(got, name)]
    values = [f"{name}: {_shown(case, name, getattr(got, name))}" for name in shown or _usual(got)]
    step = "" if isinstance(got, Move | Made) else got.step
    return "  ".join([f"{moment(case, got.at):>8}  {label(about(got), step)}", *values])


def label(rule: str, step: str) -> str:
    """A rule as test files name it; with a step if it is a journey."""
    return f"{rule}/{step}" if step else rule


def _usual(got: Got) -> list[str]:
    """What a line says of it when the test names nothing."""
    if isinstance(got, Made):
        return ["properties"]
    if isinstance(got, Move):
        return ["moves"] if got.moves in ("in", "out") else ["moves", "old", "new"]
    return ["subject"] if isinstance(got, Outreach) else ["outcome", "reason"]


def _shown(case: TestCase, name: str, value: Any) -> str:
    if name in MOMENTS and value:
        return moment(case, value)
    text = " ".join(str(value).split())
    return text if len(text) <= 100 else f"{text[:100]}…"


def _why(case: TestCase, sim: Simulator) -> list[str]:
    """The outcomes with reasons; for each expected rule that did nothing, or is under way, what it waits for."""
    lines = [
        f"  why   {moment(case, one.at):>8}  {label(one.rule, one.step)} {one.outcome.value}: {one.reason}"
        for one in sim.outcomes
    ]
    state = sim.states.get(case.customer)
    if state is None:
        return lines
    asked, seen = {one.rule for one in _of_rules(case.expect or ())}, {one.rule for one in sim.outcomes}
    under_way = {rule for rule, slot in state.rules.items() if slot.runs}
    views = explain(sim.book, state, case.customer, sim.now)
    return lines + [f"  why   {one.rule}: {one.waits}" for one in views if one.rule in asked - (seen - under_way)]
