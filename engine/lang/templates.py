"""Checks the rules' templates: whether they exist, and whether each rule supplies the values its template reads."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from engine.core.actions.send import Send
from engine.core.catalog import Catalog
from engine.core.expression import Needs
from engine.core.points.view import PARTS
from engine.core.scope import NO_LEVEL
from engine.core.scores import SCORES
from engine.core.template_facts import (
    KEY,
    LINKS,
    OUTREACH_PARTS,
    ROOTS,
    ROW,
    SURVEY_LINKS,
    TALLY_PARTS,
    TemplateFacts,
    TemplateRead,
)
from engine.lang.diagnostics import Diagnostic, closest, did_you_mean, one_of, severity_of, shown_path
from engine.lang.site import RESERVED, Site
from engine.model import TRANSACTIONAL

_CLOCK = ("now", "today")
OF_RULE_FILES = ("event", "events", "segments", "points", "experiments", "coupons")
"""Roots whose names rule files add to; `event` and `events` know what the engine makes of them."""
FIXED: Mapping[tuple[str, ...], Collection[str]] = {
    ("scores",): SCORES,
    ("customer",): ("id",),
    ("rule",): ("id", "why", "purpose", "channel"),
    ("outreach",): OUTREACH_PARTS,
}


class Templates:
    """The facts about the templates folder; None: no templates are checked."""

    def __init__(self, facts: Sequence[TemplateFacts] | None) -> None:
        self.facts = facts
        self.by_name = {(each.template, each.channel): each for each in facts or ()}
        self.used: set[tuple[str, str]] = set()
        self.reported: set[tuple[str, TemplateRead]] = set()

    def use(
        self, site: Site, rule: str, send: Send, types: frozenset[str], steps: frozenset[str] | None = None
    ) -> Needs:
        """The needs of the rule's template. `types`: the possible types of the template's `event`.

        `steps`: those of the journey that come before; None: the rule is no journey.
        """
        facts = self.by_name.get((send.template, send.channel))
        if facts is None:
            if self.facts is not None:
                self._missing(site, send)
            return Needs()
        self.used.add((send.template, send.channel))
        for read in facts.reads:
            if read.path[0] == "steps":
                self._check_step(site, rule, facts, read, steps)
            else:
                self._check(site, rule, facts, read, types)
            if read.path[0] == "scores":
                site.scores()
            if send.purpose == TRANSACTIONAL and read.path in LINKS and not read.asked:
                self._no_link(site, rule, facts, read)
        for read in facts.compared:
            self._check_compared(site, facts, read)
        return facts.needs

    def _missing(self, site: Site, send: Send) -> None:
        name = f"{send.template}.{send.channel}.j2"
        others = sorted(channel for template, channel in self.by_name if template == send.template)
        same_channel = [template for template, channel in self.by_name if channel == send.channel]
        help = f"it is there for {', '.join(others)}" if others else did_you_mean(send.template, same_channel)
        site.report("missing-template", f"there is no template {name}", help)

    def _check(self, site: Site, rule: str, facts: TemplateFacts, read: TemplateRead, types: frozenset[str]) -> None:
        if read.path[0] == "event" and types and not types & site.catalog.events.keys():
            return  # that none of its event types exists has been reported
        unknown = _unknown(read.path, site.catalog, types)
        if unknown:
            self._unsupplied(site, rule, facts, read, *unknown)

    def _check_step(
        self, site: Site, rule: str, facts: TemplateFacts, read: TemplateRead, steps: frozenset[str] | None
    ) -> None:
        if steps is None:
            self._unsupplied(site, rule, facts, read, "steps", "it is no journey; only a journey's steps can be read")
        elif len(read.path) > 1 and read.path[1] not in steps:
            help = one_of("steps before this one", read.path[1], sorted(steps)) or "no step comes before this one"
            self._unsupplied(site, rule, facts, read, ".".join(read.path[:2]), help)
        elif read.path[2:] != ("sent",):
            help = f"write {'.'.join(read.path[:2]) if len(read.path) > 1 else 'steps.<step>'}.sent"
            self._unsupplied(site, rule, facts, read, ".".join(read.path), help)

    def _unsupplied(
        self, site: Site, rule: str, facts: TemplateFacts, read: TemplateRead, what: str, help: str
    ) -> None:
        if self._is_new(facts, read):
            site.findings.append(_unsupplied(facts, read, f"rule {rule} does not supply '{what}'", what, help))

    def _is_new(self, facts: TemplateFacts, read: TemplateRead) -> bool:
        """Whether nothing has been reported of this read yet: one finding is enough for all rules."""
        known = len(self.reported)
        self.reported.add((facts.path, read))
        return len(self.reported) > known

    def _check_compared(self, site: Site, facts: TemplateFacts, read: TemplateRead) -> None:
        """Report a variant or a level that there is not."""
        catalog, *path, text = site.catalog, *read.path
        match path:
            case ["experiments", name] if name in catalog.experiments:
                what, known = f"experiment {name} has no variant", [*catalog.experiments[name].shares]
            case ["segments", name, *part] if name in catalog.segments and part in ([], ["next"], ["above"]):
                what, known = f"segment {name} has no level", [NO_LEVEL, *catalog.segments[name].levels]
            case _:
                return
        if len(known) > 1 and text not in known and self._is_new(facts, read):
            help = one_of("variants" if path[0] == "experiments" else "levels", text, known)
            site.findings.append(_report(facts, read.line, "never-true", f"{what} '{text}'", help, text))

    def _no_link(self, site: Site, rule: str, facts: TemplateFacts, read: TemplateRead) -> None:
        if self._is_new(facts, read):
            name = ".".join(read.path)
            message = f"rule {rule} is transactional, so '{name}' is empty"
            help = f"print it only where it is there: {{% if {name} %}} .. {{% endif %}}"
            site.findings.append(_report(facts, read.line, "empty-link", message, help, name))

    def check_surveys(self, site: Site, surveys: Collection[str]) -> None:
        """Report surveys without a question in policy.yaml, and questions that no template asks. `site`: `surveys`."""
        asked = {
            read.path[1]: (self.by_name[name], read)
            for name in sorted(self.used)
            for read in self.by_name[name].reads
            if read.path[0] == SURVEY_LINKS
        }
        for survey in surveys:
            if self.facts is not None and survey not in asked:
                message = f"no template asks the survey '{survey}'"
                site.at(survey).report("unused-survey", message, did_you_mean(survey, asked), key=True)
        for survey, (facts, read) in asked.items():
            if surveys and survey not in surveys:
                help = did_you_mean(survey, surveys) or "add it to `surveys` in policy.yaml"
                message = f"there is no survey '{survey}'"
                site.findings.append(_report(facts, read.line, "unknown-survey", message, help, survey))

    def problems(self) -> list[Diagnostic]:
        """Report problems of the templates that do not depend on rules."""
        return [
            _report(facts, problem.line, problem.code, problem.message, problem.help, problem.text)
            for facts in self.facts or ()
            for problem in facts.problems
        ]

    def alone(self, catalog: Catalog, roots: Collection[str]) -> list[Diagnostic]:
        """What nothing supplies to templates that no rule has used, as the rules that do are wrong themselves.

        `roots`: those of which the catalog knows all.
        """
        return [
            _unsupplied(facts, read, f"nothing supplies '{found[0]}'", *found)
            for name, facts in self.by_name.items()
            if name not in self.used
            for read in facts.reads
            if (read.path[0] in roots or read.path[0] not in ROOTS)
            and (found := _unknown(read.path, catalog, frozenset(catalog.events)))
        ]

    def unused(self) -> list[Diagnostic]:
        """Report templates that no rule uses; call it after all rules."""
        unused = [facts for name, facts in self.by_name.items() if name not in self.used and not _is_broken(facts)]
        return [_report(facts, 1, "unused-template", "no rule uses this template") for facts in unused]


def _is_broken(facts: TemplateFacts) -> bool:
    return any(severity_of(problem.code) == "error" for problem in facts.problems)


_KEPT = "where the segment has `keep`"
_CONDITIONAL = {
    "kept_until": _KEPT,
    "next": _KEPT,
    "above": "where it has levels",
    "missing": "where each level asks for a number above a constant, as in points.stars.balance >= 100",
}
"""Parts that only some segments have -> which."""


def _unknown(path: tuple[str, ...], catalog: Catalog, types: frozenset[str]) -> tuple[str, str] | None:
    """The path up to its first part that is not supplied, and help; None if all of it is supplied."""
    for end, name in enumerate(path, start=1):
        label, known = _parts(path[: end - 1], catalog, types)
        if known is None:
            return None
        if name not in known:
            help = _elsewhere(path[end - 1 :], catalog, types) or one_of(label, name, sorted(known))
            if path == (name,) and help.startswith(label) and not closest(name, known):
                help += f"; a text needs quotes: '{name}'"
            if path[0] == "segments" and name in _CONDITIONAL:
                help += f"; {name} is there {_CONDITIONAL[name]}"
            return ".".join(path[:end]).replace(".[", "["), help
    return None


def _elsewhere(path: tuple[str, ...], catalog: Catalog, types: frozenset[str]) -> str:
    """The help where the first unknown part of a path, or the one after it, is known under another root."""
    if path[0] in _CLOCK:
        return "templates have no clock; outreach.at is when it was decided"
    if path[0] == "variant" and catalog.experiments:
        return "did you mean " + " or ".join(f"experiments.{name}" for name in catalog.experiments) + "?"
    owned = [f"{owner}.{name}" for name in path[:2] for owner in _owners(name, catalog, types)]
    return f"did you mean {' or '.join(owned)}?" if owned else ""


def _owners(name: str, catalog: Catalog, types: frozenset[str]) -> list[str]:
    """The roots that have something of this name which is a value, or a type of events."""
    roots = ("profile", "event", "events", "segments", "points", "coupons", "experiments", "outreach")
    found = [root for root in roots if name in (_parts((root,), catalog, types)[1] or ())]
    return [root for root in found if name not in RESERVED or root in ("profile", "outreach")]


def _parts(path: tuple[str, ...], catalog: Catalog, types: frozenset[str]) -> tuple[str, Collection[str] | None]:
    """The diagnostic's word for the part after `path`, and the names it may have; None: any."""
    match path:
        case ():
            return "variables", ROOTS
        case ("profile",):
            return "profile fields", catalog.profile
        case ("event",):
            return "properties", _properties(catalog, types)
        case ("events", *names):
            return _of_events(names, catalog)
        case ("tables", *names):
            return _of_tables(names, catalog)
        case ("coupons" | "experiments" | "points" | "segments" as root, *names):
            return _of_section(root, names, catalog)
    return "parts", FIXED.get(path)


def _of_events(names: list[str], catalog: Catalog) -> tuple[str, Collection[str] | None]:
    """The same after `events`: a type, then what is asked of it."""
    match names:
        case []:
            return "event types", catalog.events
        case [_]:
            return "parts", TALLY_PARTS
        case [name, "last" | "sum"] | [name, "list", _]:
            return "properties", _properties(catalog, {name})
        case [_, "list"]:
            return "parts", (ROW,)
    return "parts", None


def _of_section(root: str, names: list[str], catalog: Catalog) -> tuple[str, Collection[str] | None]:
    """The same after a root that is named like a section of the rule files."""
    sections: Mapping[str, Mapping[str, object]] = {
        "coupons": catalog.coupons,
        "experiments": catalog.experiments,
        "points": catalog.points,
        "segments": catalog.segments,
    }
    match names:
        case []:
            return root, sections[root]
        case [name] if root == "segments":
            return "parts", None if name not in catalog.segments else catalog.segments[name].shown
        case [_] if root == "points":
            return "parts", (*PARTS, "earned")
        case [_] if root == "coupons":
            return "parts", ("code", "valid_until")
    return "parts", None


def _of_tables(names: list[str], catalog: Catalog) -> tuple[str, Collection[str] | None]:
    """The same for reference tables: a table, then a key, then a row, then its columns."""
    match names:
        case []:
            return "tables (files <name>.table.json beside the rules)", catalog.tables
        case [_]:
            return "parts", (KEY,)
        case [_, _]:
            return "parts", (ROW,)
        case [table, _, _]:
            return "columns", catalog.tables[table].columns
    return "parts", None


def _properties(catalog: Catalog, types: Collection[str]) -> set[str]:
    declared = (catalog.events[name].properties for name in types if name in catalog.events)
    return {*RESERVED, *(key for properties in declared for key in properties)}


def _unsupplied(facts: TemplateFacts, read: TemplateRead, message: str, what: str, help: str) -> Diagnostic:
    is_row = read.path[0] == "tables" or ROW in read.path
    text = what.rpartition(".")[2] if is_row else ".".join(read.path)
    return _report(facts, read.line, "unknown-variable", message, help, text)


def _report(facts: TemplateFacts, line: int, code: str, message: str, help: str = "", text: str = "") -> Diagnostic:
    """A finding in a template; `text` is underlined if the line has it."""
    lines = facts.source.splitlines() or [""]
    source = lines[line - 1] if line <= len(lines) else ""
    alone = rf"(?<!\w){re.escape(text)}(?!\w)"
    found = re.search(rf"(?<!\.){alone}", source) or re.search(alone, source) if text else None
    column, length = (found.start(), len(text)) if found else (0, 1)
    file = shown_path(Path(facts.path))
    return Diagnostic(file, line, column + 1, length, severity_of(code), code, message, help, source)
