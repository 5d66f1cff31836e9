"""A rules folder to a rule book: reads every file, checks all of them, and compiles when nothing is wrong."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from engine.core.book import Policy, Rule, RuleBook, TemplateFacts
from engine.core.catalog import Catalog
from engine.lang.checks import check_ids, check_policy
from engine.lang.compile_events import compile_events
from engine.lang.compile_policy import compile_policy
from engine.lang.compile_rules import compile_rule
from engine.lang.diagnostics import Diagnostic
from engine.lang.form import File
from engine.lang.grammar import EventsFile, PolicyFile, RuleFields, RuleFile
from engine.lang.located import Document
from engine.lang.site import Site
from engine.lang.templates import Templates
from engine.lang.validate import validate
from engine.lang.yaml_reader import read

F = TypeVar("F", bound=File)

EVENTS, POLICY, TESTS = "events.yaml", "policy.yaml", ".test.yaml"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `load` found. `book` is None where there is any error; `rules_of`: rule file -> ids of its rules."""

    book: RuleBook | None
    diagnostics: list[Diagnostic]
    files: tuple[Path, ...]
    rules_of: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def only(self, file: str) -> RuleBook:
        """The book with the rules of one file."""
        assert self.book
        rules = tuple(rule for rule in self.book.rules if rule.id in self.rules_of[file])
        return RuleBook(rules, self.book.catalog, self.book.policy, self.book.revision)


def load(rules_dir: Path, templates: Sequence[TemplateFacts] | None) -> Loaded:
    """Every finding of every file, sorted by place. `templates` None: templates are not checked."""
    return _Project(rules_dir, Templates(templates)).load()


@dataclass(frozen=True, slots=True)
class _RuleFile:
    """A rule file that was understood; `indices` are the places in the file of the rules that were."""

    document: Document
    content: RuleFile
    indices: tuple[int, ...]


class _Project:
    def __init__(self, folder: Path, templates: Templates) -> None:
        self.folder = folder
        self.templates = templates
        self.findings: list[Diagnostic] = []
        self.content: dict[str, Any] = {}

    def load(self) -> Loaded:
        paths = sorted(path for path in self.folder.glob("*.yaml") if path.is_file() and not path.name.endswith(TESTS))
        rule_paths = [path for path in paths if path.name not in (EVENTS, POLICY)]
        events = self._events()
        policy = self._read(PolicyFile, self.folder / POLICY) if self.folder / POLICY in paths else None
        files = [file for path in rule_paths if (file := self._rule_file(path))]
        book = self._compile(events, policy, files, complete=len(files) == len(rule_paths))
        diagnostics = sorted(set(self.findings))
        failed = any(each.severity == "error" for each in diagnostics)
        return Loaded(None if failed else book, diagnostics, tuple(paths), _ids_by_file(files))

    def _read(self, model: type[F], path: Path) -> tuple[Document, F, set[int]] | None:
        document, findings = read(path)
        self.findings += findings
        if document is None:
            return None
        content, findings, left_out = validate(model, document)
        self.findings += findings
        return (document, content, left_out) if content else None

    def _events(self) -> Catalog | None:
        """The catalogue; None where it has errors, as then most of what follows from them would be noise."""
        path = self.folder / EVENTS
        if not path.is_file():
            message = "the rules folder has no events.yaml" if self.folder.is_dir() else "there is no such rules folder"
            self.findings.append(
                Document(path, "").report(None, "missing-file", message, "it declares the event types")
            )
            return None
        before = len(self.findings)
        found = self._read(EventsFile, path)
        if found is None or len(self.findings) > before:
            return None
        catalog, findings = compile_events(found[0], found[1])
        self.findings += findings
        self.content["events"] = _canonical(found[1])
        return catalog

    def _rule_file(self, path: Path) -> _RuleFile | None:
        found = self._read(RuleFile, path)
        if found is None:
            return None
        document, content, left_out = found
        given = range(len(content.rules) + len(left_out))
        return _RuleFile(document, content, tuple(index for index in given if index not in left_out))

    def _compile(
        self,
        catalog: Catalog | None,
        policy: tuple[Document, PolicyFile, set[int]] | None,
        files: list[_RuleFile],
        complete: bool,
    ) -> RuleBook | None:
        check_ids(
            (self._site(file, index, Catalog()), rule.id, rule.was) for file in files for index, rule in _rules(file)
        )
        if catalog is None:
            return None
        compiled = Policy()
        if policy:
            site = Site(policy[0], (), catalog, self.findings, [])
            compiled = compile_policy(site, policy[1])
        rules = self._compile_rules(catalog, compiled, files)
        if policy and complete:
            check_policy(site, policy[1], compiled, rules)
        self.findings += self.templates.problems()
        self._note_empty(files)
        self.content["policy"] = _canonical(policy[1]) if policy else {}
        return RuleBook(tuple(rules), catalog, compiled, self._revision())

    def _compile_rules(self, catalog: Catalog, policy: Policy, files: list[_RuleFile]) -> list[Rule]:
        rules: list[Rule] = []
        kept = self.content["rules"] = []
        for file in files:
            for index, fields in _rules(file):
                site = self._site(file, index, catalog)
                rule = compile_rule(site, fields, file.content.defaults, policy, self.templates)
                rules.append(replace(rule, order=len(rules)))
                kept.append([_canonical(fields), _canonical(file.content.defaults)])
        return rules

    def _site(self, file: _RuleFile, index: int, catalog: Catalog) -> Site:
        return Site(file.document, ("rules", index), catalog, self.findings, [])

    def _note_empty(self, files: list[_RuleFile]) -> None:
        if not files:
            message = "the rules folder has no rule file"
            self.findings.append(Document(self.folder / EVENTS, "").report(None, "no-rules", message))
        for file in files:
            if not file.content.rules and not file.document.data.get("rules"):
                place = file.document.place(("rules",))
                self.findings.append(file.document.report(place, "no-rules", "the file has no rules"))

    def _revision(self) -> str:
        self.content["templates"] = {each.path.rpartition("/")[2]: each.source for each in self.templates.facts or ()}
        return sha256(json.dumps(self.content, sort_keys=True).encode()).hexdigest()[:12]


def _rules(file: _RuleFile) -> list[tuple[int, RuleFields]]:
    return list(zip(file.indices, file.content.rules, strict=True))


def _canonical(content: BaseModel) -> Any:
    return content.model_dump(mode="json", by_alias=True)


def _ids_by_file(files: list[_RuleFile]) -> dict[str, tuple[str, ...]]:
    return {file.document.path.name: tuple(rule.id for rule in file.content.rules) for file in files}
