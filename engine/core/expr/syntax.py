"""From text to Python's syntax tree, within limits, and from places in the tree back to places in the text.

`compile_expression` parses with it; the checker locates problems with it. The text is only parsed, never executed.
"""

import ast
import keyword
import re
import warnings

from engine.errors import BadExpression

MAX_CHARACTERS = 1000
"""Characters of an expression. Without it a pasted file would go to the parser."""
MAX_NODES = 200
"""Parts of an expression. An expression runs for every event; 200 parts take tens of microseconds."""
MAX_DEPTH = 50
"""Levels of nesting. Without it the checker and the closures would reach Python's limit of 1,000 calls."""

_LINE_BREAK = re.compile(r"[\n\r\f]")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\ud800-\udfff]")
_EXAMPLE = "an expression looks like: profile.email_opt_in and event.amount > 0"
CONSTANTS = {"null": "null", "nil": "null", "undefined": "null", "none": "null", "true": "true", "false": "false"}
"""Constants by how they are written elsewhere, in small letters."""
SPOKEN = {"yes": "true", "no": "false"}
"""Words that may be constants, or texts without their quotes: NO is Norway too."""
NO_SPANS = (
    'a span before now is asked for as events.purchase.count("90d") == 0, days after a date are its trigger\'s `offset`'
)
"""What to write where somebody computes with times."""
_HINTS = (  # compiled when an expression is wrong: few are
    (r"=>", "write '>=' instead of '=>'"),
    (r"=<", "write '<=' instead of '=<'"),
    ("\u2265", "write '>=' instead of '\u2265'"),
    ("\u2264", "write '<=' instead of '\u2264'"),
    ("<>|\u2260", "write '!='"),
    ("!==", "write '!=' instead of '!=='"),
    ("===", "write '==' instead of '==='"),
    (r"&&", "write 'and' instead of '&&'"),
    (r"\|\|", "write 'or' instead of '||'"),
    (r"!(?!=)", "write 'not' instead of '!'"),
    (r"(?<![=!<>:])=(?!=)", "write '==' to compare"),
    (r"\b(?:AND|OR|NOT|IN)\b", "write 'and', 'or', 'not' and 'in' in lower case"),
    ("[\u2018-\u201f]", 'write straight quotes: "text"'),
    (rf"\.\s*(?:{'|'.join(keyword.kwlist)})\b", "words such as 'from' or 'class' can't be names here"),
    (r"(?<![\w\"'])\d{4}-\d\d-\d\d", 'write a date in quotes: "2026-01-31"'),
    (r"[+-]\s*\d+(?:ms|[smhdw])\b", NO_SPANS),
    (r"(?<![\w\"'.])\d+(?:ms|[smhdw])\b", 'write a duration in quotes: "30d"'),
    (r"[€$£]|\d\s*(?:EUR|USD|GBP|CHF)\b", "write an amount as a number alone: 20"),
    (r"(?i)(?<![.\w])between\b", "write both bounds: event.amount >= 10 and event.amount <= 20"),
    (r"(?i)(?<![.\w])(?:like|contains|matches)\b", 'whole texts are compared: == "text", or in ["one", "two"]'),
    ("#", "comments belong into the YAML, above the expression"),
)


class Source:
    """An expression's text, put on one line for the parser."""

    def __init__(self, text: str) -> None:
        self._line = _in_one_line(text)
        self._lead = len(text) - len(text.lstrip())

    def parse(self) -> tuple[ast.expr, None] | tuple[None, BadExpression]:
        """The tree, or the problem that prevents it."""
        if not self._line:
            return None, BadExpression("expression-syntax", "the expression is empty", help=_EXAMPLE)
        if len(self._line) > MAX_CHARACTERS:
            return None, self._too_long(f"it has {len(self._line)} characters, {MAX_CHARACTERS} are allowed")
        if control := _NOT_TEXT.search(self._line):
            return None, self._unreadable("this character can't be in a text", control.start(), control.end())
        try:
            tree = _parse(self._line)
        except SyntaxError as error:
            return None, self._syntax_error(error)
        except (RecursionError, MemoryError):
            return None, self._too_long(f"it nests deeper than {MAX_DEPTH} levels")
        return self._within_limits(tree)

    def _within_limits(self, tree: ast.expr) -> tuple[ast.expr, None] | tuple[None, BadExpression]:
        tail = self._line.encode()[tree.end_col_offset or 0 :].decode()
        if "#" in tail:
            place = len(self._line) - len(tail) + tail.index("#")
            return None, self._unreadable("a comment would hide what follows it", place, len(self._line))
        nodes, depth = _size(tree)
        if nodes > MAX_NODES:
            return None, self._too_long(f"it has {nodes} parts, {MAX_NODES} are allowed")
        if depth > MAX_DEPTH:
            return None, self._too_long(f"it nests deeper than {MAX_DEPTH} levels")
        return tree, None

    def excerpt(self, node: ast.expr) -> str:
        """The part's own text, for messages."""
        start, end = self._ends(node)
        return self._line[start:end] if end - start <= 60 else f"{self._line[start : start + 57]}..."

    def problem(
        self, code: str, message: str, node: ast.expr, help_: str, last: ast.expr | None = None
    ) -> BadExpression:
        """A problem that covers `node`, or everything from there to the end of `last`."""
        start, end = self._ends(node)
        if last is not None:
            end = self._ends(last)[1]
        return BadExpression(code, message, self._lead + start, max(1, end - start), help_)

    def _ends(self, node: ast.expr) -> tuple[int, int]:
        return self._characters(node.col_offset), self._characters(node.end_col_offset or 0)

    def _characters(self, column: int) -> int:
        # The tree counts UTF-8 bytes, people count characters.
        return len(self._line.encode()[:column].decode(errors="ignore"))

    def _syntax_error(self, error: SyntaxError) -> BadExpression:
        start, end = max((error.offset or 1) - 1, 0), (error.end_offset or 0) - 1
        if start >= len(self._line):
            return self._unreadable("something is missing at its end", len(self._line) - 1, len(self._line))
        # What follows the first sentence is advice on how to write Python.
        return self._unreadable(re.split(r" \(|[.;] ", error.msg)[0], start, end)

    def _unreadable(self, reason: str, start: int, end: int) -> BadExpression:
        length = max(1, min(end, len(self._line)) - start)
        unquoted = _QUOTED.sub('""', self._line)
        hint = next((hint for pattern, hint in _HINTS if re.search(pattern, unquoted)), _EXAMPLE)
        message = f"the expression can't be read: {reason}"
        return BadExpression("expression-syntax", message, self._lead + start, length, hint)

    def _too_long(self, reason: str) -> BadExpression:
        message = f"the expression is too long: {reason}"
        help_ = "split the rule in two, or compute the value before the event is sent"
        return BadExpression("expression-too-long", message, self._lead, len(self._line), help_)


def last_name(node: ast.Attribute) -> ast.Name:
    """The attribute's name as a node, so that a problem can point at it alone."""
    end = node.end_col_offset or 0
    start = max(end - len(node.attr.encode()), node.value.end_col_offset or 0)
    return ast.Name(node.attr, ast.Load(), lineno=1, end_lineno=1, col_offset=start, end_col_offset=end)


def tree_of(text: str) -> ast.expr:
    """The tree of an expression in which no problem has been found."""
    return _parse(_in_one_line(text))


def _in_one_line(text: str) -> str:
    return _LINE_BREAK.sub(" ", text.strip())


def _parse(line: str) -> ast.expr:
    with warnings.catch_warnings():
        # Python only warns of "\d" or `1if`; nobody would see it. Of other things, such as a socket that a client has
        # left to the garbage collector, it may warn meanwhile too.
        for category in (SyntaxWarning, DeprecationWarning):
            warnings.simplefilter("error", category)
        return ast.parse(f"{line}\n", mode="eval").body


def _size(tree: ast.expr) -> tuple[int, int]:
    """The number of nodes and the depth, counted without recursion."""
    nodes = deepest = 0
    waiting: list[tuple[ast.AST, int]] = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        nodes += isinstance(node, ast.expr)
        deepest = max(deepest, depth)
        waiting.extend((child, depth + isinstance(child, ast.expr)) for child in ast.iter_child_nodes(node))
    return nodes, deepest
