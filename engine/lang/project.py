"""Loads a rules folder: reads and checks every file, and compiles the rule book if there is no error. Commands, the
worker and tests call `load`; it never raises for what a file says, but returns diagnostics."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from engine.core.book import Rule, RuleBook
from engine.core.catalog import Catalog
from engine.core.coupons import COUPON_ISSUED, COUPON_ISSUED_TYPE
from engine.core.experiments.model import EXPOSED, EXPOSED_TYPE
from engine.core.points.model import CHANGED, Points
from engine.core.policy import Policy
from engine.core.scores import ScoreModel
from engine.core.segments.model import MOVE_TYPES, Segment
from engine.core.survey_answer import ANSWERED_TYPE, SURVEY_ANSWERED
from engine.core.tables import Table
from engine.core.template_facts import ROOTS, TemplateFacts
from engine.core.zones import Zones
from engine.lang import scores
from engine.lang.checks import check_ids, check_policy, check_preferences
from engine.lang.circles import check_circles
from engine.lang.compile_events import compile_events
from engine.lang.compile_policy import compile_policy
from engine.lang.compile_rules import Surroundings, compile_rule
from engine.lang.coupons import CouponFields, check_shown, compile_coupon, placeholders as placeholder_coupons
from engine.lang.diagnostics import Diagnostic, has_errors
from engine.lang.experiments import compile_experiment, placeholders as placeholder_experiments
from engine.lang.form import Strict
from engine.lang.grammar import SECTIONS, EventsFile, PolicyFile, RuleFile
from engine.lang.located import Document
from engine.lang.points import PointsFields, check_forgetting, compile_points, forms as point_forms, with_points
from engine.lang.rule_file import ReadRuleFile, canonical
from engine.lang.segments import SegmentFields, compile_segments, forms, with_measures, with_segments
from engine.lang.site import Site
from engine.lang.tables import name_of, paths_of, read_table
from engine.lang.templates import OF_RULE_FILES, Templates
from engine.lang.validate import validate
from engine.lang.yaml_reader import read

F = TypeVar("F", bound=Strict)

NOTHING = Catalog()
EVENTS, POLICY, TESTS = "events.yaml", "policy.yaml", ".test.yaml"


class Loaded(msgspec.Struct, frozen=True):
    """The result of `load`. `book` is None if there is any error; `rules_of`: rule file -> ids of its rules."""

    book: RuleBook | None
    diagnostics: list[Diagnostic]
    files: tuple[Path, ...]
    rules_of: dict[str, tuple[str, ...]] = {}
    with_data: Callable[[ScoreModel | None, Mapping[str, Table]], "Loaded"] | None = None
    """Loads the same rules with other scores and tables; rule tests fix theirs."""

    def only(self, file: str) -> RuleBook:
        """The book with the rules of one file."""
        assert self.book
        rules = tuple(rule for rule in self.book.rules if rule.id in self.rules_of[file])
        segments, points = tuple(self.book.segments.values()), tuple(self.book.points.values())
        return RuleBook(rules, self.book.catalog, self.book.policy, self.book.revision, segments, points)


def load(
    rules_dir: Path,
    templates: Sequence[TemplateFacts] | None,
    scores: ScoreModel | None = None,
    *,
    tables: Mapping[str, Table] | None = None,
    fitting: bool = False,
) -> Loaded:
    """Every finding of every file, sorted by place. `templates` None: templates are not checked.

    `scores`, `tables`: in place of scores.json, and of the tables of these names. `fitting`: scores.json is about to be
    written anew, and not read.
    """
    loaded = _Project(rules_dir, Templates(templates), scores, tables or {}, fitting).load()
    return replace(loaded, with_data=lambda scores, tables: load(rules_dir, templates, scores, tables=tables))


def _with_answers(catalog: Catalog, files: list[ReadRuleFile]) -> Catalog:
    """The catalog with the type of answers to surveys, if a rule names it and events.yaml does not declare it."""
    if SURVEY_ANSWERED in catalog.events or not any(_names(file.document.data, SURVEY_ANSWERED) for file in files):
        return catalog
    return replace(catalog, events=catalog.events | {SURVEY_ANSWERED: ANSWERED_TYPE})


def _names(data: Any, word: str) -> bool:
    if isinstance(data, dict):
        return any(_names(each, word) for each in data.values())
    if isinstance(data, list):
        return any(_names(each, word) for each in data)
    return isinstance(data, str) and word in data


class _Project:
    def __init__(
        self,
        folder: Path,
        templates: Templates,
        scores: ScoreModel | None,
        tables: Mapping[str, Table],
        fitting: bool,
    ) -> None:
        self.folder = folder
        self.scores = scores
        self.tables = tables
        self.fitting = fitting
        self.templates = templates
        self.findings: list[Diagnostic] = []
        self.content: dict[str, Any] = {}

    def load(self) -> Loaded:
        paths = sorted(path for path in self.folder.glob("*.yaml") if path.is_file() and not path.name.endswith(TESTS))
        rule_paths = [path for path in paths if path.name not in (EVENTS, POLICY)]
        catalog = self._catalog()
        policy = self._read(PolicyFile, self.folder / POLICY) if self.folder / POLICY in paths else None
        files = [ReadRuleFile(*found) for path in rule_paths if (found := self._read(RuleFile, path))]
        self._check_files(rule_paths, files)
        parsed = len(files) == len(rule_paths)
        complete = parsed and not any(file.left_out for file in files)
        book = self._compile(self._with_segments(catalog, files), policy, files, parsed, complete) if catalog else None
        diagnostics = sorted(set(self.findings))
        ids = {file.document.path.name: tuple(rule.id for rule in file.content.rules) for file in files}
        return Loaded(book, diagnostics, tuple(paths), ids)

    def _read(self, model: type[F], path: Path) -> tuple[Document, F, set[int]] | None:
        document, findings = read(path)
        self.findings += findings
        if document is None:
            return None
        content, findings, left_out = validate(model, document)
        self.findings += findings
        return (document, content, left_out) if content else None

    def _catalog(self) -> Catalog | None:
        """The catalog; None if events.yaml has errors, since most further diagnostics would follow from them."""
        path = self.folder / EVENTS
        if not path.is_file():
            if self.folder.is_dir():
                self._report(path, "missing-file", "the rules folder has no events.yaml", "it declares the event types")
            else:
                advice = "go to the project's folder, name the rules folder with --rules, or begin with `engine init`"
                self._report(self.folder, "missing-file", "there is no such rules folder", advice)
            return None
        before = len(self.findings)
        found = self._read(EventsFile, path)
        if found is None or has_errors(self.findings[before:]):
            return None
        catalog, findings = compile_events(found[0], found[1])
        self.findings += findings
        self.content["events"] = canonical(found[1])
        return replace(catalog, scores=self._scores(catalog), tables=self._tables())

    def _scores(self, catalog: Catalog) -> ScoreModel | None:
        path = self.folder / scores.FILE
        if self.scores or self.fitting or not path.is_file():
            return self.scores
        found = self._read(scores.ScoresFile, path)
        if found is None:
            return scores.BROKEN
        document, content, _ = found
        Site(document, (), catalog, self.findings, []).at("purchase").event(content.purchase)
        self.content["scores"] = canonical(content)
        return content.built()

    def _tables(self) -> dict[str, Table]:
        """All tables by name; those that were given stand in for files."""
        found = dict(self.tables)
        for path in paths_of(self.folder):
            if name_of(path) not in self.tables:
                found[name_of(path)], digest, findings = read_table(path)
                self.findings += findings
                self.content[f"table {name_of(path)}"] = digest
        return found

    def _with_segments(self, catalog: Catalog, files: list[ReadRuleFile]) -> Catalog:
        found = with_segments(catalog, forms(_written(files, "segments")))
        self._reserve(catalog, MOVE_TYPES if found.segments else ())
        return found

    def _reserve(self, catalog: Catalog, names: Iterable[str]) -> None:
        """Report event types of events.yaml that the engine makes itself."""
        for name in sorted(catalog.events.keys() & set(names)):
            message = f"'{name}' is an event that the engine makes itself"
            self._report(self.folder / EVENTS, "reserved-event", message, "give it another name")

    def _report(self, path: Path, code: str, message: str, help: str = "") -> None:
        self.findings.append(Document(path, "").report(None, code, message, help))

    def _check_files(self, paths: list[Path], files: list[ReadRuleFile]) -> None:
        """Check the rules as far as that is possible without the catalog."""
        if not paths and self.folder.is_dir():
            self._report(self.folder, "no-rules", "the rules folder has no rule file")
        for path in sorted(self.folder.glob("*.yml")):
            self._report(path, "ignored-file", "the file is not read", f"rename it to {path.stem}.yaml")
        for file in files:
            if not any(file.document.data.get(section) for section in SECTIONS):
                place = file.document.place(("rules",))
                self.findings.append(file.document.report(place, "no-rules", "the file has no rules"))
        check_ids((self._site(file, index), rule.id, rule.was) for file in files for index, rule in file.rules())
        check_ids((site, segment.id, segment.was) for site, segment in self._segments(files))
        check_ids((site, points.id, points.was) for site, points in self._points(files))
        self.findings += self.templates.problems()

    def _compile(
        self,
        catalog: Catalog,
        policy: tuple[Document, PolicyFile, set[int]] | None,
        files: list[ReadRuleFile],
        parsed: bool,
        complete: bool,
    ) -> RuleBook | None:
        catalog = _with_answers(catalog, files)
        catalog, coupons = self._with_coupons(self._with_exposures(catalog, files), files)
        document, content, _ = policy or (None, PolicyFile(version=1), None)
        zones = Zones(content.zone.default, content.zone.field or None)
        catalog = self._with_points(replace(catalog, zones=zones), files, zones)
        site = Site(document, (), catalog, self.findings, []) if document else None
        compiled = compile_policy(site, content) if site else Policy()
        points = self._compile_points(catalog, files, compiled.forget_after)
        segments = self._compile_segments(catalog, files)
        catalog = with_measures(catalog, segments)
        catalog = self._with_experiments(catalog, files, compiled.holdout)
        rules = self._compile_rules(catalog, compiled, files)
        if complete:
            self.findings += self.templates.unused()
            self._check_shown(coupons, rules)
        else:
            roots = {*ROOTS} - {"steps"} - {*(() if parsed else OF_RULE_FILES)}
            self.findings += self.templates.alone(catalog, roots)
        if complete and site:
            check_policy(site, content, compiled, rules)
            self.templates.check_surveys(site.at("surveys"), content.surveys)
        self.content["policy"] = canonical(content, but={"preferences", "surveys"})  # nothing is decided by them
        if has_errors(self.findings):
            return None
        leaves = bool(compiled.publish) or any(rule.action.makes_for_others for rule in rules)
        book = RuleBook(tuple(rules), replace(catalog, derives=leaves), compiled, self._revision(), segments, points)
        if site:
            check_preferences(site.at("preferences"), content.preferences, book.needs.reads.fields)
        places = [self._site(file, index) for file in files for index, _ in file.rules()]
        check_circles(book, {rule.id: place for rule, place in zip(rules, places, strict=True)})
        return None if has_errors(self.findings) else book

    def _with_exposures(self, catalog: Catalog, files: list[ReadRuleFile]) -> Catalog:
        if not _written(files, "experiments"):
            return catalog
        self._reserve(catalog, (EXPOSED,))
        return replace(catalog, events={**catalog.events, EXPOSED: EXPOSED_TYPE})

    def _with_experiments(self, catalog: Catalog, files: list[ReadRuleFile], holdout: float) -> Catalog:
        raw = _written(files, "experiments")
        if not raw:
            return catalog
        written = self._sites(files, "experiments", lambda file: enumerate(file.content.experiments), catalog)
        check_ids((site, fields.id, ()) for site, fields in written)
        self.content["experiments"] = _plain(files, "experiments")
        found = {fields.id: compile_experiment(site, fields, holdout) for site, fields in written}
        return replace(catalog, experiments=placeholder_experiments(raw) | found)

    def _with_coupons(
        self, catalog: Catalog, files: list[ReadRuleFile]
    ) -> tuple[Catalog, list[tuple[Site, CouponFields]]]:
        raw = _written(files, "coupons")
        written = self._sites(files, "coupons", lambda file: enumerate(file.content.coupons), catalog)
        if not raw:
            return catalog, written
        check_ids((site, fields.id, fields.was) for site, fields in written)
        self._reserve(catalog, (COUPON_ISSUED,))
        self.content["coupons"] = _plain(files, "coupons")
        found = {fields.id: compile_coupon(fields) for _, fields in written}
        events = {**catalog.events, COUPON_ISSUED: COUPON_ISSUED_TYPE}
        return replace(catalog, coupons=placeholder_coupons(raw) | found, events=events), written

    def _check_shown(self, coupons: list[tuple[Site, CouponFields]], rules: list[Rule]) -> None:
        shown = {name for rule in rules for name in rule.needs.reads.coupons}
        for site, fields in coupons if self.templates.facts is not None else ():
            check_shown(site, fields.id, shown)

    def _with_points(self, catalog: Catalog, files: list[ReadRuleFile], zones: Zones) -> Catalog:
        raw = _written(files, "points")
        if not raw:
            return catalog
        self._reserve(catalog, [CHANGED])
        self.content["points"] = _plain(files, "points")
        return with_points(catalog, point_forms(raw, zones))

    def _compile_points(
        self, catalog: Catalog, files: list[ReadRuleFile], forget_after: int | None
    ) -> tuple[Points, ...]:
        written = self._points(files, catalog)
        for site, fields in written:
            check_forgetting(site, fields, forget_after)
        return tuple(compile_points(site, fields) for site, fields in written)

    def _points(self, files: list[ReadRuleFile], catalog: Catalog = NOTHING) -> list[tuple[Site, PointsFields]]:
        return self._sites(files, "points", ReadRuleFile.points, catalog)

    def _segments(self, files: list[ReadRuleFile], catalog: Catalog = NOTHING) -> list[tuple[Site, SegmentFields]]:
        return self._sites(files, "segments", ReadRuleFile.segments, catalog)

    def _sites(
        self,
        files: list[ReadRuleFile],
        section: str,
        parsed: Callable[[ReadRuleFile], Iterable[tuple[int, F]]],
        catalog: Catalog,
    ) -> list[tuple[Site, F]]:
        """The items of a section of all files, each with its place. `parsed`: a file's items by their index there."""
        return [
            (Site(file.document, (section, index), catalog, self.findings, []), fields)
            for file in files
            for index, fields in parsed(file)
        ]

    def _compile_segments(self, catalog: Catalog, files: list[ReadRuleFile]) -> tuple[Segment, ...]:
        written = self._segments(files, catalog)
        if written:  # without segments a book keeps the revision that it had before there were any
            self.content["segments"] = _plain(files, "segments")
        return compile_segments(written)

    def _compile_rules(self, catalog: Catalog, policy: Policy, files: list[ReadRuleFile]) -> list[Rule]:
        rules: list[Rule] = []
        kept = self.content["rules"] = []
        for file in files:
            for (index, fields), given, plain in zip(
                file.rules(), file.given.get("rules", ()), file.plain["rules"], strict=True
            ):
                site = self._site(file, index, catalog)
                rule = compile_rule(site, fields, given, Surroundings(file.content.defaults, policy, self.templates))
                rules.append(replace(rule, order=len(rules)))
                kept.append([plain, file.plain["defaults"]])
        return rules

    def _site(self, file: ReadRuleFile, index: int, catalog: Catalog = NOTHING) -> Site:
        return Site(file.document, ("rules", index), catalog, self.findings, [])

    def _revision(self) -> str:
        self.content["templates"] = {
            f"{each.template}.{each.channel}": each.source for each in self.templates.facts or ()
        }
        return sha256(json.dumps(self.content, sort_keys=True).encode()).hexdigest()[:12]


def _written(files: list[ReadRuleFile], section: str) -> list[Any]:
    """The items of a section of all files as they are written, right or wrong."""
    return [each for file in files for each in file.written(section)]


def _plain(files: list[ReadRuleFile], section: str) -> list[Any]:
    return [each for file in files for each in file.plain[section]]
