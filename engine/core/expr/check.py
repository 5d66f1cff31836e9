"""The checker: which of Python's syntax is allowed, and which kinds of values go together.

`compile_expression` calls it with the parsed tree; it returns nodes and collects problems. It must never evaluate
anything: what is not listed as allowed becomes a problem.
"""

import ast
import re
from itertools import pairwise
from types import NoneType
from typing import Any, NamedTuple

from engine.core.catalog import Catalog
from engine.core.expr.calls import Calls
from engine.core.expr.doubts import doubtful, may_be_missing
from engine.core.expr.kinds import HOW_TO_WRITE, NUMBERS, advice, as_kind, comparable, fits_in, with_article
from engine.core.expr.names import offer
from engine.core.expr.nodes import (
    BROKEN,
    LIST,
    Arithmetic,
    Comparison,
    Constant,
    Contained,
    Junction,
    Listed,
    Node,
    Not,
    Now,
    NullTest,
    Order,
    SegmentLevel,
    SegmentRank,
    Sign,
    Sort,
    Today,
    Variant,
    compared,
)
from engine.core.expr.syntax import NO_SPANS, Source
from engine.core.scope import MISSING, NO_LEVEL
from engine.errors import BadExpression

_WORDS = {"true": True, "false": False, "null": None}
_KINDS: dict[type, Sort] = {bool: "boolean", int: "integer", float: "number", str: "string", NoneType: "null"}
_ORDERS: dict[type[ast.cmpop], Order] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="
}  # fmt: skip
_SIGNS: dict[type[ast.operator], Sign] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_MAX_NUMBER = 2**63
"""Beyond it a constant does not fit the 64 bits of stored integers, so no stored value could equal it."""
_A_LIST = 'such as ["DE", "AT"]'

_ALLOWED = "use and, or, not, comparisons, in, + - * /, constants, lists of constants, names, count() and sum()"
_FORBIDDEN: dict[type[ast.AST], tuple[str, str]] = {
    ast.Subscript: ("[...] after a value", "write profile.<field> or event.<property>"),
    ast.Is: ("'is'", "write '=='"),
    ast.IsNot: ("'is not'", "write '!='"),
    ast.BitAnd: ("'&'", "write 'and'"),
    ast.BitOr: ("'|'", "write 'or'"),
    ast.Invert: ("'~'", "write 'not'"),
    ast.JoinedStr: ("an f-string", "write plain text in quotes"),
    ast.IfExp: ("'if ... else'", "write 'and' and 'or', or two rules"),
    ast.Set: ("a set", "write a list: [1, 2]"),
    ast.Pow: ("'**'", _ALLOWED),
    ast.Mod: ("'%'", _ALLOWED),
    ast.FloorDiv: ("'//'", "write '/'"),
    ast.Lambda: ("a lambda", _ALLOWED),
    ast.ListComp: ("a comprehension", "count with events.<type>.count()"),
    ast.SetComp: ("a comprehension", "count with events.<type>.count()"),
    ast.DictComp: ("a comprehension", "count with events.<type>.count()"),
    ast.GeneratorExp: ("a comprehension", "count with events.<type>.count()"),
    ast.NamedExpr: ("':='", "write '==' to compare"),
    ast.Starred: ("'*' before a value", _ALLOWED),
    ast.Dict: ("a dictionary", _ALLOWED),
}


class Operand(NamedTuple):
    """One operand: its meaning and its place in the text."""

    node: Node
    at: ast.expr


class Checker:
    """Turns the tree of one expression into nodes and collects the problems on the way."""

    def __init__(
        self, source: Source, catalog: Catalog, event_types: frozenset[str], steps: frozenset[str] = frozenset()
    ) -> None:
        self.problems: list[BadExpression] = []
        self.doubts: list[BadExpression] = []
        self._source = source
        self._names = Calls(catalog, event_types, self._report, steps)

    def condition(self, node: ast.expr) -> Node:
        """The meaning of what is asked for its truth; BROKEN if a problem was reported."""
        checked = self.check(node)
        if isinstance(checked, SegmentLevel):
            help_ = f'compare it: {self._source.excerpt(node)} != "{NO_LEVEL}"'
            return self._broken("level-alone", "a level is a text, which is always true", node, help_)
        if isinstance(checked, Now | Today):
            name, other = ("now", "a time") if isinstance(checked, Now) else ("today", "a day")
            return self._broken("type-mismatch", f"'{name}' alone is always true", node, f"compare it with {other}")
        return checked

    def check(self, node: ast.expr) -> Node:
        """The meaning of a part of the tree; BROKEN if a problem was reported."""
        constant = self._constant(node)
        if constant is not None:
            return constant
        match node:
            case ast.Name() | ast.Attribute():
                return self._names.value(node)
            case ast.Call():
                return self._names.call(node)
            case ast.BoolOp(op=op, values=values):
                parts: list[tuple[Node, ast.expr]] = [(self.condition(value), value) for value in values]
                return self._junction(isinstance(op, ast.And), parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.condition(operand))
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
                sign: Sign = "-" if isinstance(op, ast.USub) else "+"
                return _calculation(sign, Constant(0, "integer"), self._number(operand, sign))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _SIGNS:
                sign = _SIGNS[type(op)]
                return _calculation(sign, self._number(left, sign), self._number(right, sign))
            case ast.Compare():
                return self._comparisons(node)
            case ast.List() | ast.Tuple():
                help_ = _list_help(self._source.excerpt(node))
                return self._broken("type-mismatch", "a list is not a value", node, help_)
        return self._forbidden(node, getattr(node, "op", node))

    def _report(self, code: str, message: str, at: ast.expr, help_: str, last: ast.expr | None = None) -> None:
        self.problems.append(self._source.problem(code, message, at, help_, last))

    def _broken(self, code: str, message: str, at: ast.expr, help_: str, last: ast.expr | None = None) -> Constant:
        self._report(code, message, at, help_, last)
        return BROKEN

    def _forbidden(self, at: ast.expr, what: ast.AST, last: ast.expr | None = None) -> Constant:
        name, help_ = _FORBIDDEN.get(type(what), ("this", _ALLOWED))
        return self._broken("expression-forbidden", f"{name} is not allowed in an expression", at, help_, last)

    def _constant(self, node: ast.expr) -> Constant | None:
        """The constant, BROKEN if it can't be used, None if the node is not a constant."""
        match node:
            case ast.Name(id=word) if word in _WORDS:
                value: Any = _WORDS[word]
            case ast.Constant(value=value):
                pass
            case ast.UnaryOp(ast.USub(), ast.Constant(value=int(number) | float(number))) if type(number) is not bool:
                value = -number
            case _:
                return None
        kind = _KINDS.get(type(value))
        if kind is None:
            return self._forbidden(node, node)
        if kind in NUMBERS and abs(value) > _MAX_NUMBER:
            return self._broken("expression-forbidden", "this number is too large", node, f"at most {_MAX_NUMBER}")
        return Constant(MISSING if value is None else value, kind)

    def _number(self, node: ast.expr, sign: Sign) -> Node:
        """An operand of arithmetic."""
        checked = self.check(node)
        if checked.kind in NUMBERS:
            return checked
        code = "expression-forbidden" if sign == "*" and checked.kind == "string" else "type-mismatch"
        help_ = f"'{sign}' takes numbers only"
        if checked.kind in ("time", "date"):
            help_ = f"{help_}: {NO_SPANS}"
        return self._broken(code, self._what(Operand(checked, node)), node, help_)

    def _what(self, operand: Operand) -> str:
        excerpt = self._source.excerpt(operand.at)
        return (
            f"{excerpt if isinstance(operand.node, Constant) else repr(excerpt)} is {with_article(operand.node.kind)}"
        )

    def _comparisons(self, node: ast.Compare) -> Node:
        operands = [Operand(self.check(node.left), node.left)]
        for op, at in zip(node.ops, node.comparators, strict=True):
            listed = isinstance(op, ast.In | ast.NotIn) and isinstance(at, ast.List | ast.Tuple)
            operands.append(Operand(LIST if listed else self.check(at), at))
        tests = tuple(self._comparison(op, *pair) for op, pair in zip(node.ops, pairwise(operands), strict=True))
        return tests[0] if len(tests) == 1 else self._junction(True, [(test, node) for test in tests])

    def _junction(self, every: bool, parts: list[tuple[Node, ast.expr]]) -> Junction:
        if found := doubtful(every, parts):
            first, last, help_ = found
            code, message = ("never-true", "the two are never both true")
            if not every:
                code, message = ("always-true", "one of the two is true for every value")
            self.doubts.append(self._source.problem(code, message, first, help_, last))
        return Junction(every, tuple(node for node, _ in parts))

    def _comparison(self, op: ast.cmpop, left: Operand, right: Operand) -> Node:
        if isinstance(op, ast.In | ast.NotIn):
            return self._membership(left, right, isinstance(op, ast.NotIn))
        order = _ORDERS.get(type(op))
        if order is None:
            return self._forbidden(left.at, op, right.at)
        kinds = (left.node.kind, right.node.kind)
        if order in ("==", "!=") and "null" in kinds and "list" not in kinds:
            asked = left if kinds[1] == "null" else right
            if isinstance(asked.node, SegmentLevel):
                help_ = f'outside of all levels it is "{NO_LEVEL}"'
                return self._broken("type-mismatch", "a level is never null", left.at, help_, right.at)
            return NullTest(asked.node, order == "!=")
        if isinstance(left.node, SegmentLevel) or isinstance(right.node, SegmentLevel):
            return self._levels(order, left, right)
        nodes = self._beside(left, kinds[1]), self._beside(right, kinds[0])
        for operand, other in ((left, right), (right, left)):
            if isinstance(other.node, Constant) and not self._is_variant(operand.node, other.node.value, other.at):
                return BROKEN
        if comparable(nodes[0].kind, nodes[1].kind, order):
            self._doubt_unlike(order, left, right)
            return compared(order, *nodes)
        message, help_ = f"{self._what(left)}, {self._what(right)}", advice(*kinds, order)
        if set(kinds) == {"date", "time"}:
            help_ = "a day compares with days and with `today`, a time with times and with `now`"
        return self._broken("type-mismatch", message, left.at, help_, right.at)

    def _doubt_unlike(self, order: Order, left: Operand, right: Operand) -> None:
        """Doubt `x != false`: it is false where x is missing, so that it says no more than `x` alone."""
        asked, value = (left, right.node) if isinstance(right.node, Constant) else (right, left.node)
        if order == "!=" and isinstance(value, Constant) and value.kind == "boolean" and may_be_missing(asked.node):
            name = self._source.excerpt(asked.at)
            message = f"this is false where {name} is not known"
            through, else_ = (f"not {name}", f"{name} == false") if value.value else (f"not {name} == false", name)
            help_ = f"write {through} to let those through, else {else_}"
            self.doubts.append(self._source.problem("odd-comparison", message, left.at, help_, right.at))

    def _levels(self, order: Order, left: Operand, right: Operand) -> Node:
        """Levels compare by their height, not by their letters."""
        one, other = (left, right) if isinstance(left.node, SegmentLevel) else (right, left)
        level, against = one.node, other.node
        assert isinstance(level, SegmentLevel)
        if isinstance(against, SegmentLevel):
            if against.segment == level.segment:
                return Comparison(order, *(SegmentRank(operand.node) for operand in (left, right)))  # type: ignore[arg-type]
            message, help_ = "levels of two segments have no order between them", "compare each with a level's name"
            return self._broken("type-mismatch", message, left.at, help_, right.at)
        if not isinstance(against, Constant) or against.kind != "string":
            message, help_ = f"{self._what(other)}, not a level", f"levels: {self._heights(level)}"
            return BROKEN if against is BROKEN else self._broken("type-mismatch", message, other.at, help_)
        if self._is_level(level, against.value, other.at):
            rank = Constant((NO_LEVEL, *level.levels).index(against.value), "integer")
            return (
                compared(order, SegmentRank(level), rank) if one is left else compared(order, rank, SegmentRank(level))
            )
        return BROKEN

    def _is_level(self, level: SegmentLevel, name: Any, at: ast.expr) -> bool:
        """Whether a segment has the level; reported if not."""
        known = (NO_LEVEL, *level.levels)
        if name in known:
            return True
        meant = offer("", level.levels, str(name)).partition("; ")[2]
        help_ = f"levels: {self._heights(level)}" + (f"; {meant}" if meant else "")
        self._report("unknown-level", f"segment {level.segment} has no level {name!r}", at, help_)
        return False

    def _is_variant(self, operand: Node, name: Any, at: ast.expr) -> bool:
        """Whether an experiment has the variant that is compared with its value; reported if not."""
        known = operand.experiment.shares if isinstance(operand, Variant) else {}
        if not known or not isinstance(name, str) or name in known:
            return True
        help_ = offer("variants", list(known), name)
        self._report("unknown-variant", f"the experiment has no variant {name!r}", at, help_)
        return False

    def _heights(self, level: SegmentLevel) -> str:
        return ", ".join((NO_LEVEL, *level.levels))

    def _beside(self, operand: Operand, kind: Sort) -> Node:
        return self._as(kind, operand.node, operand.at) if isinstance(operand.node, Constant) else operand.node

    def _as(self, kind: Sort, constant: Constant, at: ast.expr) -> Constant:
        """A constant as the other operand needs it: text next to a time or a date is converted to one."""
        if constant.kind != "string" or kind not in ("time", "date"):
            return constant
        converted = as_kind(constant.value, kind)
        message = f"{self._source.excerpt(at)} is not {with_article(kind)}"
        return converted or self._broken("type-mismatch", message, at, HOW_TO_WRITE[kind])

    def _membership(self, left: Operand, right: Operand, negated: bool) -> Node:
        kind = left.node.kind
        if isinstance(left.node, Now):
            message = "'now' is looked for in a list"
            return self._broken("type-mismatch", message, left.at, "compare it with <, <=, > or >=")
        if isinstance(left.node, Today) and not isinstance(right.at, ast.List | ast.Tuple):
            message = "'today' is looked for in data"
            return self._broken("type-mismatch", message, left.at, 'write the days: today in ["12-24", "12-25"]')
        match right.at:
            case ast.List(elts=elements) | ast.Tuple(elts=elements) if kind not in ("null", "list"):
                return self._listed(left, elements, right.at, negated)
        if right.node is BROKEN or (fits_in(kind, right.node.kind) and not isinstance(right.node, Constant)):
            return Contained(left.node, right.node, negated)
        message = f"{self._what(left)}, {self._what(right)}"
        return self._broken("type-mismatch", message, left.at, f"'in' looks for a value in a list, {_A_LIST}", right.at)

    def _listed(self, left: Operand, elements: list[ast.expr], at: ast.expr, negated: bool) -> Node:
        if not elements:
            return self._broken("type-mismatch", "nothing is in an empty list", at, _A_LIST)
        constants = [self._element(element, left) for element in elements]
        if isinstance(left.node, Today):
            days = tuple(Comparison("==", left.node, constant) for constant in constants)
            return Not(Junction(False, days)) if negated else Junction(False, days)
        return Listed(left.node, tuple(constant.value for constant in constants), negated)

    def _element(self, at: ast.expr, left: Operand) -> Constant:
        """An element of a list that `left` is looked up in."""
        constant = self._constant(at)
        if constant is None:
            return self._broken("expression-forbidden", "a list holds constants only", at, _A_LIST)
        if isinstance(left.node, SegmentLevel) and not self._is_level(left.node, constant.value, at):
            return BROKEN
        if not self._is_variant(left.node, constant.value, at):
            return BROKEN
        fitting = self._as(left.node.kind, constant, at)
        if comparable(left.node.kind, fitting.kind, "=="):
            return fitting
        message = f"{self._what(Operand(constant, at))}, {self._what(left)}"
        return self._broken("type-mismatch", message, at, advice(constant.kind, left.node.kind, "=="))


def _calculation(sign: Sign, left: Node, right: Node) -> Node:
    return BROKEN if left is BROKEN or right is BROKEN else Arithmetic(sign, left, right)


def _list_help(written: str) -> str:
    in_brackets = f"a list stands to the right of 'in', {_A_LIST}"
    if re.search(r"\bin \d+,", written):
        return in_brackets
    if re.search(r"\d,\d{3}(?!\d)", written):
        return "thousands are written without a comma, such as 1000"
    if re.search(r"\d,\d", written):
        return "a number is written with a point, such as 19.99"
    return in_brackets
