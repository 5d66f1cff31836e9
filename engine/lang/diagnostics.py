"""Diagnostics: what is wrong in a file, where, and what to do; shown as text, JSON or GitHub workflow commands."""

import json
import os
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import msgspec

Severity = Literal["error", "warning"]

WARNINGS = frozenset(
    {
        "exit-without-wait",
        "always-true",
        "any-message",
        "borrowed-consent",
        "cap-never-fires",
        "consent-comes-later",
        "counts-twice",
        "duplicate-topic",
        "empty-link",
        "exit-after-click",
        "forgotten-points",
        "goes-on",
        "guests-stay",
        "hidden-level",
        "id-of-customer",
        "ignored-file",
        "never-consented",
        "no-address",
        "machine-opens",
        "never-fires",
        "never-true",
        "no-rules",
        "no-scores",
        "odd-argument",
        "odd-comparison",
        "odd-number",
        "odd-time",
        "printed-as-is",
        "shadowed-property",
        "undeclared-property",
        "unheard-preference",
        "unnamed-purpose",
        "unreachable-step",
        "unused-channel",
        "unused-coupon",
        "unused-purpose",
        "unused-survey",
        "unused-template",
        "wait-never-answered",
    }
)
"""Codes that leave the rule book usable; every other code is an error."""

WIDEST = 160


class Diagnostic(msgspec.Struct, frozen=True, order=True):
    """One finding. `line` and `column` count from 1, in characters; `source` is the text of the line."""

    file: str
    line: int
    column: int
    length: int
    severity: Severity
    code: str
    message: str
    help: str = ""
    source: str = ""

    def human(self) -> str:
        """The finding with its line and a caret under the place."""
        head = f"{self.file}:{self.line}:{self.column}: {self.severity}[{self.code}] {self.message}"
        gutter = " " * (len(str(self.line)) + 2)
        lines = [head, *self._excerpt(gutter)]
        if self.help:
            lines.append(f"{gutter}= help: {self.help}")
        return "\n".join(lines)

    def _excerpt(self, gutter: str) -> list[str]:
        if not self.source.strip():
            return []
        start = max(0, self.column - WIDEST // 2) if self.column > WIDEST else 0
        shown = "".join(char if char.isprintable() or char == "\t" else "\ufffd" for char in self.source)
        shown = shown[start : start + WIDEST].rstrip()
        before, marked = shown[: self.column - 1 - start], shown[self.column - 1 - start :][: self.length]
        pad = "".join("\t" if char == "\t" else " " * _cells(char) for char in before)
        carets = "^" * max(1, sum(map(_cells, marked)))
        return [f" {self.line} | {shown}", f"{gutter}| {pad}{carets}"]

    def github(self) -> str:
        """A workflow command that GitHub shows at the line."""
        text = f"{self.message} ({self.help})" if self.help else self.message
        places = f"file={_property(self.file)},line={self.line},col={self.column},endColumn={self.column + self.length}"
        return f"::{self.severity} {places},title={_property(self.code)}::{_escape(text)}"


def _cells(char: str) -> int:
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def human(diagnostics: Iterable[Diagnostic]) -> str:
    """One block per finding, for a terminal."""
    return "\n".join(each.human() for each in diagnostics)


def github(diagnostics: Iterable[Diagnostic]) -> str:
    """One workflow command a line."""
    return "\n".join(each.github() for each in diagnostics)


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON list of objects with the fields of `Diagnostic`."""
    return json.dumps([msgspec.structs.asdict(each) for each in diagnostics], ensure_ascii=False, indent=2)


def exit_code(diagnostics: Sequence[Diagnostic]) -> int:
    """0 all is well, 1 there are errors, 3 there are only warnings."""
    if has_errors(diagnostics):
        return 1
    return 3 if diagnostics else 0


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    return any(each.severity == "error" for each in diagnostics)


def severity_of(code: str) -> Severity:
    return "warning" if code in WARNINGS else "error"


def shown_path(path: Path) -> str:
    """How a file is named in a diagnostic: relative to the current directory when it is below it."""
    absolute = Path(os.path.abspath(path))
    here = Path.cwd()
    return absolute.relative_to(here).as_posix() if absolute.is_relative_to(here) else absolute.as_posix()


def closest(word: str, options: Iterable[str], alike: float = 0.6) -> str:
    """The option most similar to `word`; empty if none is close. `alike`: how much it must be so, of 1."""
    return next(iter(get_close_matches(word, list(options), n=1, cutoff=alike)), "")


ARE_SECONDS = "are these seconds? Then say so in events.yaml: { type: time, unit: s }"
"""The help where an epoch number lies in January 1970."""


def did_you_mean(word: str, options: Iterable[str], alike: float = 0.6) -> str:
    """The help line for a name that isn't one of `options`; empty if none is close, as for `closest`."""
    meant = closest(word, options, alike)
    return f"did you mean '{meant}'?" if meant else ""


def with_closest(message: str, word: str, options: Iterable[str]) -> str:
    """The message, and which of the options may have been meant by the word, if one is close."""
    return "; ".join(part for part in (message, did_you_mean(word, options)) if part)


def one_of(label: str, word: str, options: Sequence[str]) -> str:
    """The help line that lists the options, with the closest one named again."""
    return with_closest(f"{label}: {', '.join(options)}" if options else "", word, options)
