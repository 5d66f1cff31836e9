"""A place in a file that is being compiled: compilers report problems and look names up there."""

from collections.abc import Collection, Iterable
from typing import Any, cast

from msgspec.structs import replace

from engine.core.catalog import Catalog, Kind, SegmentForm
from engine.core.expr import compile_expression
from engine.core.expr.grouped import grouped_in, told
from engine.core.expr.kinds import fits
from engine.core.expr.nodes import Sort
from engine.core.expression import Expression, Needs
from engine.core.scores import ScoreModel
from engine.core.zones import OF_PROFILE
from engine.lang.diagnostics import Diagnostic, did_you_mean
from engine.lang.located import Document, Route
from engine.lang.made_names import never_met
from engine.model import Outcome
from engine.wire.feedback import FeedbackKind

RESERVED = ("time", "type", "id")
"""The fields of every event besides its properties."""
_OF_FEEDBACK = frozenset(FeedbackKind) | {f"outreach_{outcome.value}" for outcome in Outcome}
"""Types of events that senders and pages tell."""


class Site:
    """`findings` and `needs` are shared by all sites that `at` makes from one."""

    def __init__(
        self, document: Document, route: Route, catalog: Catalog, findings: list[Diagnostic], needs: list[Needs]
    ) -> None:
        self.document = document
        self.route = route
        self.catalog = catalog
        self.findings = findings
        self.needs = needs

    def at(self, *steps: str | int) -> "Site":
        return Site(self.document, self.route + steps, self.catalog, self.findings, self.needs)

    def report(self, code: str, message: str, help: str = "", *, key: bool = False) -> None:
        self.findings.append(self.document.report(self.document.place(self.route, key=key), code, message, help))

    def expression(
        self,
        text: str,
        types: Collection[str],
        *,
        value: bool = False,
        steps: Iterable[str] = (),
        experiments: bool = False,
    ) -> Expression | None:
        """The compiled expression; None if it is empty or wrong. `types`: the possible types of the root `event`.

        `value`: its value counts, not only whether it is true. `steps`: the steps of a journey that come before it.
        `experiments`: whether it may read variants.
        """
        if not text:
            return None
        for offset, number in grouped_in(text):
            place = self.document.place(self.route, offset=offset, length=len(number))
            self.findings.append(self.document.report(place, *told(number)))
        known = frozenset(types).intersection(self.catalog.events)
        catalog = self.catalog if experiments or not self.catalog.experiments else replace(self.catalog, experiments={})
        compiled, problems = compile_expression(text, catalog, known, value, frozenset(steps))
        for problem in problems if known or not types else ():
            place = self.document.place(self.route, offset=problem.offset, length=problem.length)
            help = problem.help
            if problem.code == "unknown-root" and problem.length == len(text) and self._is_quoted():
                help = f"these quotes are those of YAML; a text has its own within them: \"'{text}'\""
            self.findings.append(self.document.report(place, problem.code, problem.message, help))
        if compiled:
            for message, help in never_met(text, known, self.catalog):
                self.report("never-fires", message, help)
            self.needs.append(compiled.needs)
            if compiled.needs.reads.scores:
                self.scores()
        return compiled

    def _is_quoted(self) -> bool:
        return self.document.text[self.document.node(self.route).place.start] in "\"'"

    def value(
        self, text: str, types: Collection[str], kinds: Collection[Sort], help: str, *, steps: Iterable[str] = ()
    ) -> Expression | None:
        """As `expression`, for a value that must be of one of `kinds`; reported with this help if it cannot be."""
        compiled = self.expression(text, types, value=True, steps=steps)
        if compiled is not None and not fits(cast(Sort, compiled.kind), kinds):
            self.report("type-mismatch", f"this is of type {compiled.kind}", help)
        return compiled

    def scores(self) -> ScoreModel | None:
        """The model of scores; reported if there is none yet."""
        if self.catalog.scores is None:
            help = "until then every score is null; run `engine fit` on what customers bought"
            self.report("no-scores", "there is no scores.json beside the rules", help)
        return self.catalog.scores

    def written(self, *steps: str | int) -> Any:
        """The YAML value at this place, as written."""
        value = self.document.data
        for step in (*self.route, *steps):
            value = value[step]
        return value

    def event(self, name: str, *, key: bool = False) -> str:
        """The name; reported if no such event type is declared."""
        if name not in self.catalog.events:
            help = did_you_mean(name, self.catalog.events) or "declare it in events.yaml, under `events`"
            if name in _OF_FEEDBACK:
                about = f"{name}: {{ properties: {{ outreach: string }} }}"
                help = f"senders and pages tell it on the feedback topic: make that a source, and declare {about}"
            self.report("unknown-event", f"there is no event type '{name}'", help, key=key)
        return name

    def events(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(self.at(index).event(name) for index, name in enumerate(names))

    def segment(self, name: str) -> SegmentForm | None:
        """The segment; None, and reported, if there is no such segment."""
        found = self.catalog.segments.get(name)
        if found is None:
            help = did_you_mean(name, self.catalog.segments)
            self.report("unknown-segment", f"there is no segment '{name}'", help)
        return found

    def points(self, name: str, *, key: bool = False) -> None:
        """Report it if there are no such points."""
        if name not in self.catalog.points:
            help = did_you_mean(name, self.catalog.points)
            self.report("unknown-points", f"there are no points '{name}'", help, key=key)

    def field(self, name: str, kinds: Collection[Kind] = (), *, key: bool = False) -> str:
        """The name; reported if there is no such profile field or it is not of one of `kinds`."""
        found = self.catalog.profile.get(name)
        if found is None:
            help = did_you_mean(name, self.catalog.profile)
            self.report("unknown-profile-field", f"the profile has no field '{name}'", help, key=key)
        elif kinds and found.kind not in kinds:
            self.report("type-mismatch", f"profile.{name} is of type {found.kind}", f"it must be {' or '.join(kinds)}")
        return name

    def zone(self, name: str) -> str:
        """The name of a zone; reported if it is that of a profile field which has none."""
        if name.startswith(OF_PROFILE):
            self.field(name.removeprefix(OF_PROFILE), ("string", "any"))
        return name

    def property(self, event: str, name: str, kinds: Collection[Kind] = ()) -> str:
        """As `field`, for a property of an event type; reports nothing if the event type is unknown."""
        declared = self.catalog.events.get(event)
        if declared is None:
            return name
        found = declared.properties.get(name)
        if found is None:
            self.report(
                "unknown-property", f"{event} has no property '{name}'", did_you_mean(name, declared.properties)
            )
        elif kinds and found.kind not in kinds:
            self.report("type-mismatch", f"{event}.{name} is of type {found.kind}", f"it must be {' or '.join(kinds)}")
        return name
