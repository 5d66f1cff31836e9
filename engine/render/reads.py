"""Collects what a template reads, from its syntax tree: paths from the roots, and the history they need."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from jinja2 import nodes

from engine.core.durations import milliseconds
from engine.core.expression import EVERY, Keeps, Needs, Reads
from engine.core.template_facts import KEY, LINKS, ROW, SURVEY_LINKS, TemplateProblem, TemplateRead
from engine.model import MAX_ANSWERS, MAX_SCORE, Survey
from engine.render.sandbox import GLOBALS

Path = tuple[str, ...]
Paths = tuple[Path, ...]
"""What a name may stand for: several where branches set it differently, none where it is the template's own."""

_JINJA = {*GLOBALS, "loop", "self", "super", "caller", "varargs", "kwargs"}
_CALLED = {"count": 'count("7d")', "sum": 'sum("amount", "30d")', "list": 'list("7d")'}
_PARAMETERS = {"count": ("span",), "sum": ("property_", "span"), "list": ("span",)}
_NEEDS_NO_KEEPING = {"time", "type"}
_NAMED: Final[Mapping[str, Callable[[frozenset[str]], Reads]]] = {
    "segments": lambda names: Reads(segments=names),
    "experiments": lambda names: Reads(experiments=names),
    "points": lambda names: Reads(points=names),
    "coupons": lambda names: Reads(coupons=names),
}
_SURVEY_ID = re.compile("[a-z][a-z0-9_]{0,63}")
_OF_TABLES = "write tables.<table>[key], with the table written out"
_OF_EVENTS = "write events.<type>.count(), .sum(..), .last or .first, with the type written out"
_OF_KEY = 3
"""Parts of a path that stands for the rows of a key, or for a list of events."""
_KEEP_ROWS: Final = frozenset({"reverse", "sort", "list", "selectattr", "rejectattr"})
"""Filters that give the rows that they get."""


class Findings:
    """What a walk over one template and its layouts and partials finds, in order of appearance.

    `scopes` holds the template's own names, innermost last. While a partial is walked `line` is where the template
    names it, as a read's or problem's line is always the template's own; `file` is then the partial.
    """

    def __init__(self) -> None:
        self.reads: list[TemplateRead] = []
        self.compared: list[TemplateRead] = []
        self.problems: list[TemplateProblem] = []
        self.needs = Needs()
        self.scopes: list[dict[str, Paths]] = [{}]
        self.asked: Paths = ()
        self.line = 0
        self.file = ""

    def problem(self, code: str, message: str, line: int, help: str = "", text: str = "") -> None:
        if self.file:
            message, text = f"{self.file} line {line}: {message}", ""
        found = TemplateProblem(code, message, self.line or line, help, text)
        if found not in self.problems:
            self.problems.append(found)

    @contextmanager
    def scope(self, names: Iterable[str] = ()) -> Iterator[None]:
        self.scopes.append(dict.fromkeys(names, ()))
        yield
        self.scopes.pop()

    @contextmanager
    def within(self, file: str, line: int, scopes: list[dict[str, Paths]]) -> Iterator[None]:
        """Walk another file, named at `line` of this one, with these names in scope."""
        before = self.file, self.line, self.scopes
        self.file, self.line, self.scopes = file, self.line or line, scopes
        yield
        self.file, self.line, self.scopes = before

    @contextmanager
    def where(self, asked: Paths) -> Iterator[None]:
        """What is walked only matters where there is something at these paths."""
        before, self.asked = self.asked, self.asked + asked
        yield
        self.asked = before

    def bind(self, name: str, paths: Paths = ()) -> None:
        self.scopes[-1][name] = self.scopes[-1].get(name, ()) + paths

    def is_bound(self, name: str) -> bool:
        """Whether the template has given something this name."""
        return any(name in scope for scope in self.scopes)

    def paths(self, node: nodes.Node | None) -> Paths:
        """The paths a name or a chain of attributes stands for."""
        if isinstance(node, nodes.Name):
            return self._of_name(node.name)
        if isinstance(node, nodes.Getattr):
            return tuple((*path, node.attr) for path in self.paths(node.node))
        if isinstance(node, nodes.Call):
            return tuple(path for path in self.paths(node.node) if _is_list(path))
        if isinstance(node, nodes.Getitem):
            return tuple(found for path in self.paths(node.node) if (found := _element(path, node.arg)))
        return ()

    def rows(self, node: nodes.Node) -> Paths:
        """What the variable of a loop over it stands for: rows of a table, events of a list, or nothing known."""
        while isinstance(node, nodes.Filter) and node.name in _KEEP_ROWS and node.node is not None:
            node = node.node
        return tuple((*path, ROW) for path in self.paths(node) if len(path) == _OF_KEY and _has_rows(path))

    def read_rows(self, node: nodes.Node) -> None:
        """Note that all properties may be read of the events of a list."""
        for path in self.rows(node):
            if path[0] == "events":
                self.read(path, node.lineno)

    def _of_name(self, name: str) -> Paths:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return () if name in _JINJA else ((name,),)

    def read(self, path: Path, line: int, *, guard: bool = False) -> None:
        """Note a read. A guard (`is defined`) doesn't need the newest event to be kept."""
        self._note(path, line)
        match path:
            case ("profile", name, *_):
                self.needs |= Needs(Reads(fields=frozenset({name})))
            case ("event", *rest):
                self.needs |= Needs(Reads(event=True, properties=frozenset({rest[0] if rest else EVERY})))
            case ("scores", *_):
                self.needs |= Needs(Reads(scores=True))
                if path[1:2] == ("buys_within",):
                    self.problem("template-call", "buys_within is called with parentheses", line, text="buys_within")
            case ("segments" | "experiments" | "points" | "coupons" as root, *names):
                self._read_named(root, names, line)
                if names[1:2] == ["earned"] and root == "points":
                    self.problem("template-call", "earned is called with parentheses", line, text="earned")
            case ("events" | "tables" as root,) | ("events" | "tables" as root, _):
                message = f"'{'.'.join(path)}' alone doesn't say what is read"
                help_ = _OF_EVENTS if root == "events" else _OF_TABLES
                self.problem("template-dynamic", message, line, help_, ".".join(path))
            case ("events", _, "count" | "sum" as method) | ("survey_links" as method, *_):
                self.problem("template-call", f"{method} is called with parentheses", line, text=method)
            case ("events", type_, "last" | "list" as which, *rest) if not guard:
                self._read_kept(type_, which, rest, line)

    def compare(self, node: nodes.Node, with_: nodes.Node) -> None:
        """Note the texts that a path is compared with."""
        if isinstance(node, nodes.Filter) and node.name in ("d", "default") and node.node is not None:
            node = node.node
        texts = map(constant_text, with_.items if isinstance(with_, nodes.List | nodes.Tuple) else [with_])
        line = self.line or node.lineno
        self.compared += [TemplateRead((*path, text), line) for text in texts if text for path in self.paths(node)]

    def _note(self, path: Path, line: int) -> None:
        asked = path in LINKS and not LINKS.isdisjoint(self.asked)
        self.reads.append(TemplateRead(path, self.line or line, asked))

    def _read_kept(self, type_: str, which: str, rest: list[str], line: int) -> None:
        """Note what is read of single events, which are kept for that: the newest, or those of a list."""
        if which == "list" and not rest:
            self.problem("template-call", "list is called with parentheses", line, text="list")
        elif which == "list":
            self.needs |= Needs(keeps=Keeps(lists=frozenset({(type_, rest[1] if rest[1:] else EVERY, 0)})))
        elif not rest or rest[0] not in _NEEDS_NO_KEEPING:
            self.needs |= Needs(keeps=Keeps(last=frozenset({type_})))

    def _read_named(self, root: str, names: list[str], line: int) -> None:
        """Note a read of `segments.<segment>`, and so on: of what rule files name themselves."""
        if names:
            self.needs |= Needs(_NAMED[root](frozenset(names[:1])))
        else:
            what = "id" if root == "points" else root[:-1]
            help_ = f"write {root}.<{what}>, with the {what} written out"
            self.problem("template-dynamic", f"'{root}' alone doesn't say what is read", line, help_, root)

    def aggregate(self, path: Path, call: nodes.Call) -> None:
        """Note `events.<type>.count(..)`, `.sum(..)` or `.list(..)`; a sum's path goes on with the property."""
        _, type_, method = path
        given = _arguments(call, _PARAMETERS[method])
        if given is None:
            message = f"the arguments of {method} must be written out"
            help_ = f"as in {_CALLED[method]}"
            self.problem("template-dynamic", message, call.lineno, help_, method)
            return
        if method == "list":
            self._list(path, given, call.lineno)
            return
        property_ = given.get("property_")
        self._note((*path, property_) if property_ else path, call.lineno)
        if "span" in given:
            self._window(type_, property_, given["span"], call.lineno)
        elif property_:
            self.needs |= Needs(keeps=Keeps(sums=frozenset({(type_, property_)})))

    def earned(self, path: Path, call: nodes.Call) -> None:
        """Note `points.<id>.earned(..)`."""
        self.needs |= Needs(Reads(points=frozenset({path[1]})))
        self._note(path, call.lineno)
        given = _arguments(call, ("span",))
        if given is None:
            message = "the argument of earned must be written out"
            self.problem("template-dynamic", message, call.lineno, 'as in earned("365d")', "earned")
            return
        for text in given.values():
            if span := self._span(text, call.lineno):
                self.needs |= Needs(keeps=Keeps(points=frozenset({(path[1], span)})))

    def score(self, path: Path, call: nodes.Call) -> None:
        """Note `scores.buys_within(..)`."""
        self.needs |= Needs(Reads(scores=True))
        self._note(path, call.lineno)
        given = _arguments(call, ("span",))
        if not given:
            message = "the argument of buys_within must be written out"
            self.problem("template-dynamic", message, call.lineno, 'as in buys_within("39w")', "buys_within")
            return
        self._span(given["span"], call.lineno)

    def survey(self, call: nodes.Call) -> None:
        """Note `survey_links(..)`."""
        given = [getattr(node, "value", None) for node in call.args]
        match given:
            case [str() as id_, int(low), int(high)] if not (call.kwargs or call.dyn_args or call.dyn_kwargs):
                if not _SURVEY_ID.fullmatch(id_):
                    message = f"'{id_}' cannot be the id of a survey"
                    self.problem(
                        "template-call", message, call.lineno, "a small letter, then small letters, digits and _"
                    )
                elif not Survey(id_, low, high).sound:
                    message = f"a scale has 2 to {MAX_ANSWERS} answers from 0 to {MAX_SCORE}"
                    self.problem("template-call", message, call.lineno, 'as in survey_links("nps", 0, 10)')
                self._note((SURVEY_LINKS, id_), call.lineno)
            case _:
                message = "the arguments of survey_links must be written out"
                self.problem("template-dynamic", message, call.lineno, 'as in survey_links("nps", 0, 10)')

    def _list(self, path: Path, given: Mapping[str, str], line: int) -> None:
        self._note(path, line)
        if "span" not in given:
            self.problem("template-call", "a list has a span", line, 'as in list("7d")', "list")
            return
        if span := self._span(given["span"], line):
            self.needs |= Needs(keeps=Keeps(lists=frozenset({(path[1], "time", span)})))

    def _window(self, type_: str, property_: str | None, text: str, line: int) -> None:
        if span := self._span(text, line):
            self.needs |= Needs(keeps=Keeps(windows=frozenset({(type_, property_, span)})))

    def _span(self, text: str, line: int) -> int:
        """Milliseconds of a duration; 0 if a problem was noted."""
        try:
            span = milliseconds(text)
        except ValueError as error:
            self.problem("template-duration", str(error), line, text=text)
            return 0
        if not span:
            self.problem("template-duration", f"'{text}' is no time at all", line, "it must be longer than 0", text)
        return span


def _is_list(path: Path) -> bool:
    return path[0] == "events" and path[2:] == ("list",)


def _has_rows(path: Path) -> bool:
    return path[0] == "tables" or _is_list(path)


def constant_text(node: nodes.Node | None) -> str | None:
    """The text of a constant, None for anything else."""
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else None


def _element(path: Path, key: nodes.Node) -> Path | None:
    """The path of path[key]; None if that depends on data."""
    match path:
        case ("tables", _):
            return (*path, KEY)
        case ("tables", _, _) | ("events", _, "list"):
            return path if isinstance(key, nodes.Slice) else (*path, ROW)
    text = constant_text(key)
    return None if text is None else (*path, text)


def _arguments(call: nodes.Call, parameters: tuple[str, ...]) -> dict[str, str] | None:
    """The constant arguments by parameter; None where one is computed, missing or too many."""
    pairs = [*zip(parameters, call.args, strict=False), *((item.key, item.value) for item in call.kwargs)]
    given = {name: text for name, node in pairs if (text := constant_text(node)) is not None}
    unclear = call.dyn_args or call.dyn_kwargs or len(call.args) > len(parameters) or len(given) < len(pairs)
    lacking = "property_" in parameters and "property_" not in given
    return None if unclear or lacking or not given.keys() <= set(parameters) else given
