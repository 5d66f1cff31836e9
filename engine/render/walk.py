"""Walks a template's syntax tree with its names in scope, through the layouts and partials it names."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.visitor import NodeVisitor

from engine.core.expr.grouped import grouped_in, looks_grouped, told
from engine.core.template_facts import KEY, SURVEY_LINKS, TemplateProblem
from engine.model import Answer
from engine.render.arguments import ODD, applied, check_arguments, check_range
from engine.render.placeholders import printed
from engine.render.reads import Findings, Path, Paths, constant_text
from engine.render.sandbox import Sandbox, referenced_names
from engine.render.slips import slip_in
from engine.render.views import READABLE

_KEEP_ALL = {"count", "length", "list", "reverse"}
"""Filters that read nothing of the events of a list; of others it is not known."""
_GUARDS = {"defined", "undefined", "none"}
_OF_A_VALUE = {"default", "d", "number", "money", "percent", "round", "int", "float"}
"""Filters of one value: what has only parts cannot go through them."""
_TEXTS = {"money", "number", "percent", "date", "datetime", "time", "plural"}
"""Filters that make a text of a number or a time."""
_ANSWER = READABLE[Answer]
_CENTS = re.compile("(?i:(.*_)?(cents?|pence|minor(_units?)?))|.*Cents")


class Walk(NodeVisitor):
    """Fills `findings`. Blocks in `overridden` are passed over: a child has its own."""

    def __init__(self, environment: Sandbox, sources: Mapping[str, str]) -> None:
        self.environment = environment
        self.sources = sources
        self.findings = Findings()
        self.overridden: set[str] = set()
        self._open: list[str] = []
        self._answers: list[str] = []
        """The variables of the loops over answers of a survey that are being walked."""

    # What is read

    def visit_Name(self, node: nodes.Name) -> None:
        for path in self.findings.paths(node):
            if path == (node.name,) or _is_alias(path):  # what another name stands for was read when it was set
                self.findings.read(path, node.lineno)

    def visit_Getattr(self, node: nodes.Getattr) -> None:
        if node.attr.startswith("_"):
            message = f"{node.attr!r} is not for templates to read"
            help_ = "names that begin with _ are closed"
            self.findings.problem("template-sandbox", message, node.lineno, help_, node.attr)
        elif isinstance(node.node, nodes.Name) and node.node.name in self._answers and node.attr not in _ANSWER:
            message = f"an answer of {SURVEY_LINKS} has no '{node.attr}'"
            self.findings.problem("template-sandbox", message, node.lineno, "it has .score and .link", node.attr)
        elif not self._read(node):
            self.visit(node.node)

    def visit_Getitem(self, node: nodes.Getitem) -> None:
        if self._read(node):
            return
        for path in self.findings.paths(node.node):
            if path == ("profile",) and constant_text(node.arg) is None:
                self.findings.problem("template-dynamic", "a profile field's name must be written out", node.lineno)
        self.generic_visit(node)

    def visit_TemplateData(self, node: nodes.TemplateData) -> None:
        self._note(printed(node.data, node.lineno))

    def visit_Test(self, node: nodes.Test) -> None:
        self._check_call(node)
        guard = node.name in _GUARDS
        if not (guard and self._read(node.node, guard=True)):
            self.generic_visit(node)

    def visit_Compare(self, node: nodes.Compare) -> None:
        for operand in node.ops:
            self.findings.compare(node.expr, operand.expr)
            self.findings.compare(operand.expr, node.expr)
        self.generic_visit(node)

    def visit_Output(self, node: nodes.Output) -> None:
        for printed_ in node.nodes:
            self._check_printed(printed_)
        self.generic_visit(node)

    def visit_Filter(self, node: nodes.Filter) -> None:
        self._check_call(node)
        if node.name == "money":
            self._check_cents(node)
        if other := applied(node):
            self._check_call(other)
        if node.node is not None and node.name not in _KEEP_ALL:
            self.findings.read_rows(node.node)
        self.generic_visit(node)

    def _calculate(self, node: nodes.BinExpr) -> None:
        for part in (node.left, node.right):
            if isinstance(part, nodes.Filter):
                self._check_operand(part, node)
        self.generic_visit(node)

    visit_Add = visit_Sub = visit_Mul = visit_Div = visit_FloorDiv = _calculate

    def _check_operand(self, node: nodes.Filter, whole: nodes.BinExpr) -> None:
        """Report a filter that was meant for the whole calculation: it takes only what stands right before it."""
        help_ = f"put the calculation into brackets: (..) | {node.name}"
        if node.name in _TEXTS and not isinstance(whole, nodes.Add | nodes.Mul):
            message = f"'{node.name}' makes a text, which cannot be calculated with"
            self.findings.problem("template-argument", message, node.lineno, help_, node.name)
        elif isinstance(node.node, nodes.Const) and isinstance(node.node.value, int | float):
            message = f"'{node.name}' is about {node.node.value} alone"
            self.findings.problem(ODD, message, node.lineno, help_, node.name)

    def visit_Call(self, node: nodes.Call) -> None:
        self._callee(node)
        for part in node.iter_child_nodes(exclude=("node",)):
            self.visit(part)

    def visit_If(self, node: nodes.If) -> None:
        self._branch(node.test, node.body, [*node.elif_, *node.else_])

    def visit_CondExpr(self, node: nodes.CondExpr) -> None:
        self._branch(node.test, [node.expr1], [node.expr2] if node.expr2 else [])

    def _branch(self, test: nodes.Node, then: Iterable[nodes.Node], otherwise: Iterable[nodes.Node]) -> None:
        with self.findings.where(self._asked(test)):
            self.all([test, *then])
        self.all(otherwise)

    def _asked(self, test: nodes.Node) -> Paths:
        """The paths that exist wherever the test holds."""
        if isinstance(test, nodes.And):
            return self._asked(test.left) + self._asked(test.right)
        return self.findings.paths(test)

    def _callee(self, call: nodes.Call) -> None:
        method = call.node
        for path in self.findings.paths(method):
            match path:
                case ("events", _, "count" | "sum" | "list"):
                    self.findings.aggregate(path, call)
                case ("points", _, "earned"):
                    self.findings.earned(path, call)
                case ("scores", "buys_within"):
                    self.findings.score(path, call)
                case (name,) if name == SURVEY_LINKS:
                    self.findings.survey(call)
                case ("events", *_):
                    self.findings.read(path, call.lineno)
                case (*owner, _) if owner:
                    self.findings.read(tuple(owner), call.lineno)
                case _:
                    self.findings.read(path, call.lineno)
        if not self.findings.paths(method):
            self.visit(method)
        if isinstance(method, nodes.Name) and method.name == "range" and not self.findings.is_bound("range"):
            self._note(check_range(call))

    def _read(self, node: nodes.Node, *, guard: bool = False) -> bool:
        """Note what the node reads; False where it isn't a path from a root, so that its parts are to be visited."""
        paths = self.findings.paths(node)
        for path in paths:
            self.findings.read(path, node.lineno, guard=guard)
        if paths:
            self._keys(node)
        return bool(paths)

    def _keys(self, node: nodes.Node) -> None:
        """Visit what the path was computed with, as event.sku in tables.similar[event.sku][0].name."""
        while isinstance(node, nodes.Getattr | nodes.Getitem):
            if isinstance(node, nodes.Getitem):
                self.visit(node.arg)
            node = node.node
        if isinstance(node, nodes.Call):
            self.visit(node)

    def _check_printed(self, node: nodes.Node) -> None:
        """Report what is no value, as it is several or only has parts."""
        if isinstance(node, nodes.Tuple):
            help_ = 'write {{ one }} {{ other }}, or {{ one | default("other") }}'
            self.findings.problem(
                "template-dynamic", "a comma makes a list, which cannot be printed", node.lineno, help_
            )
        while isinstance(node, nodes.Filter) and node.name in _OF_A_VALUE and node.node is not None:
            node = node.node
        for path in self.findings.paths(node):
            if path[0] in ("events", "tables") and path[2:] in (("list",), (KEY,)):
                message = f"{'.'.join(path[:2])} gives a list, which cannot be printed"
                help_ = "write {% for one in .. %} .. {% endfor %}"
                self.findings.problem("template-dynamic", message, node.lineno, help_, ".".join(path[:2]))
            elif part := _a_part(path):
                message = f"'{'.'.join(path)}' alone is not a value"
                self.findings.problem("template-dynamic", message, node.lineno, f"as in {part}", ".".join(path))

    def _check_cents(self, node: nodes.Filter) -> None:
        for path in self.findings.paths(node.node):
            if _CENTS.fullmatch(path[-1]):
                name = ".".join(path)
                help_ = f"if it counts cents, write ({name} / 100) | money(..)"
                message = f"'{name}' is printed as whole units of the currency"
                self.findings.problem(ODD, message, node.lineno, help_, name)

    def _check_call(self, node: nodes.Filter | nodes.Test) -> None:
        is_filter = isinstance(node, nodes.Filter)
        known: Mapping[str, Any] = self.environment.filters if is_filter else self.environment.tests
        public = [other for other in known if not other.startswith("_")]
        if node.name in public:
            self._note(check_arguments(node, known[node.name]))
            return
        close = get_close_matches(node.name, public, 1)
        help_ = f"did you mean {close[0]!r}?" if close else ""
        message = f"there is no {'filter' if is_filter else 'test'} {node.name!r}"
        self.findings.problem("template-filter", message, node.lineno, help_, node.name)

    def _note(self, problems: Iterable[TemplateProblem]) -> None:
        for each in problems:
            self.findings.problem(each.code, each.message, each.line, each.help, each.text)

    # What the template names itself

    def visit_Assign(self, node: nodes.Assign) -> None:
        self._bind(node.target, self._value(node.node))

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> None:
        self._scoped(node.body)
        if node.filter:
            self.visit(node.filter)
        self._bind(node.target)

    def visit_For(self, node: nodes.For) -> None:
        self.visit(node.iter)
        answers = [node.target.name] if _are_answers(node.iter) and isinstance(node.target, nodes.Name) else []
        self._answers += answers
        with self.findings.scope():
            self._bind(node.target, self.findings.rows(node.iter))
            self.all([*([node.test] if node.test else []), *node.body])
        del self._answers[len(self._answers) - len(answers) :]
        self._scoped(node.else_)

    def visit_With(self, node: nodes.With) -> None:
        values = [self._value(value) for value in node.values]
        with self.findings.scope():
            for target, paths in zip(node.targets, values, strict=True):
                self._bind(target, paths)
            self.all(node.body)

    def visit_Macro(self, node: nodes.Macro) -> None:
        self.findings.bind(node.name)
        self._macro(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> None:
        self.visit(node.call)
        self._macro(node)

    def visit_Block(self, node: nodes.Block) -> None:
        if node.name not in self.overridden:
            self._scoped(node.body)

    def _macro(self, node: nodes.Macro | nodes.CallBlock) -> None:
        self.all(node.defaults)
        with self.findings.scope(argument.name for argument in node.args):
            self.all(node.body)

    def _value(self, node: nodes.Node) -> Paths:
        """Note what a value reads, and return what the name it is given to will stand for."""
        paths = self.findings.paths(node)
        if not (paths and all(map(_is_alias, paths))):
            self.visit(node)
        return paths

    def _bind(self, target: nodes.Node, paths: Paths = ()) -> None:
        for name in target.find_all(nodes.Name) if not isinstance(target, nodes.Name) else [target]:
            self.findings.bind(name.name, paths)

    def _scoped(self, body: list[nodes.Node]) -> None:
        with self.findings.scope():
            self.all(body)

    def all(self, found: Iterable[nodes.Node]) -> None:
        for node in found:
            self.visit(node)

    def numbers(self, source: str) -> None:
        """Report numbers of the file that is being walked whose digits look grouped: its tree has only their values."""
        if any(grouped_in(source)):
            for line, kind, written in self.environment.lex(source):
                if kind == "float" and looks_grouped(written):
                    code, message, help_ = told(written)
                    self.findings.problem(code, message, line, help_, written)

    # Other files

    def visit_Include(self, node: nodes.Include) -> None:
        self._files(node, isolated=not node.with_context, optional=node.ignore_missing)

    def visit_Extends(self, node: nodes.Extends) -> None:
        self._files(node, isolated=False)

    def visit_Import(self, node: nodes.Import) -> None:
        self._import(node)
        self.findings.bind(node.target)

    def visit_FromImport(self, node: nodes.FromImport) -> None:
        self._import(node)
        for name in node.names:
            self.findings.bind(name if isinstance(name, str) else name[1])

    def _import(self, node: nodes.Import | nodes.FromImport) -> None:
        before = len(self.findings.reads)
        self._files(node, isolated=not node.with_context)
        if not node.with_context and (reads := self.findings.reads[before:]):
            message = f"the imported file reads {'.'.join(reads[0].path)}, which it cannot see"
            self.findings.problem("template-include", message, node.lineno, "end the import with `with context`")

    def _files(self, node: Any, *, isolated: bool, optional: bool = False) -> None:
        names = referenced_names(node)
        if names is None:
            self.findings.problem("template-dynamic", "the name of another file must be written out", node.lineno)
            return
        there = [name for name in names if name in self.sources]
        if not there and not optional:
            close = get_close_matches(names[0], self.sources, 1)
            help_ = f"did you mean {close[0]!r}?" if close else ""
            self.findings.problem("template-include", f"there is no file {names[0]!r}", node.lineno, help_, names[0])
        for name in there:
            self._partial(name, node.lineno, isolated=isolated)

    def _partial(self, name: str, line: int, *, isolated: bool) -> None:
        if name in self._open:
            return
        self._open.append(name)
        scopes: list[dict[str, Paths]] = [{}] if isolated else [*self.findings.scopes, {}]
        with self.findings.within(name, line, scopes):
            try:
                self.visit(self.environment.parse(self.sources[name], name, name))
                self.numbers(self.sources[name])
            except TemplateSyntaxError as error:
                message = error.message or ""
                help_ = slip_in(message, self.sources[name], error.lineno)
                self.findings.problem("template-syntax", message, error.lineno, help_)
        self._open.pop()


def _a_part(path: Path) -> str:
    """An example of a part of what is no value by itself; empty where it is one."""
    match path:
        case ("points", _):
            return ".".join((*path, "balance"))
        case ("events", _, "last" | "first"):
            return ".".join((*path, "time"))
        case ("customer" | "outreach" | "rule",):
            return ".".join((*path, "id"))
        case ("profile",):
            return "profile.first_name"
        case ("event",):
            return "event.time"
    return ""


def _are_answers(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == SURVEY_LINKS


def _is_alias(path: Path) -> bool:
    """A name for `events` or `events.<type>` reads nothing yet; what is done with the name does."""
    return path[0] == "events" and len(path) < 3
