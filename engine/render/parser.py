"""Parses templates as Jinja does, but says which tag is open, and where, in words for those who write templates."""

import re
from difflib import get_close_matches
from typing import Any, Final, NoReturn

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.parser import Parser

_OPENING: Final = ("autoescape", "block", "call", "filter", "for", "if", "macro", "raw", "set", "with")
_ENDS: Final = {f"end{name}": name for name in _OPENING}
_WITHIN: Final = _ENDS | {"else": "if", "elif": "if"}
"""The tag that must be open before each of these."""
_BRANCHED: Final = {"else": ("if", "for"), "elif": ("if",)}
"""The tags that have these branches."""
_TAGS: Final = (*_OPENING, *_WITHIN, "extends", "from", "import", "include")
_DELIMITERS: Final = {
    "begin of print statement": "{{",
    "end of print statement": "}}",
    "begin of statement block": "{%",
    "end of statement block": "%}",
}
_CHARACTER: Final = re.compile(r"unexpected char (.+) at \d+")
_WORDS: Final = re.compile(f"'({'|'.join(_DELIMITERS)})'")


ONLY_TAGS: Final = re.compile(
    r"^[ \t]*+(?:\{(?:%(?:[^%\n]|%(?!}))*+%|#(?:[^#\n]|#(?!}))*+#)\}[ \t]*+)++\r?\n", re.MULTILINE
)
"""A line of nothing but tags. `Sandbox` moves the line's end into the last tag, so that tag's end counts as below."""


class TemplateParser(Parser):
    """Knows the tags around the place where it is. It overrides methods that Jinja may change."""

    def __init__(self, environment: Environment, source: str, name: str | None, filename: str | None) -> None:
        super().__init__(environment, source, name, filename)
        self._lines = source.splitlines(keepends=True)
        self._around: list[tuple[str, str, int]] = []
        """Of each open tag: its word, as it is written, and its line. What is open when parsing fails stays here."""

    def parse(self) -> nodes.Template:
        try:
            return super().parse()
        except TemplateSyntaxError as error:
            message, line = self._told(error.message or "", error.lineno)
            raise type(error)(message, line, error.name, error.filename) from None

    def _told(self, message: str, line: int) -> tuple[str, int]:
        """The message in a template's own words, and the line that it is about."""
        message = _CHARACTER.sub(r"\1 cannot stand here", message)
        message = _WORDS.sub(lambda found: f"'{_DELIMITERS[found[1]]}'", message)
        if message.endswith("'%}'") and not (self._around and self._around[-1][2] == line):
            line -= bool(ONLY_TAGS.fullmatch("".join(self._lines[line - 2 : line - 1])))
        for begin, end in (("{{", "}}"), ("{%", "%}")):
            above, begun, inside = "".join(self._lines[: line - 1]).rpartition(begin)
            if message.startswith(f"expected token '{end}'") and begun and end not in inside:
                return f"the {begin} that begins here has no {end} before line {line}", above.count("\n") + 1
        return message, line

    def parse_statement(self) -> Any:
        tag = self.stream.current
        shown = f"block {self.stream.look().value}" if tag.value == "block" else tag.value
        self._around.append((tag.value, f"{{% {shown} %}}", tag.lineno))
        statement = super().parse_statement()
        self._around.pop()
        return statement

    def fail_eof(self, end_tokens: tuple[str, ...] | None = None, lineno: int | None = None) -> NoReturn:
        self._fail_open(self._around[-1], "before the end of the file")

    def fail_unknown_tag(self, name: str, lineno: int | None = None) -> NoReturn:
        if name not in _WITHIN:
            close = " or ".join(f"'{tag}'" for tag in get_close_matches(name, _TAGS, 2, 0.75))
            self.fail(f"there is no tag '{name}'" + (f"; did you mean {close}?" if close else ""), lineno)
        tag, written, line = self._around[-2] if len(self._around) > 1 else ("", "", 0)
        if tag in _BRANCHED.get(name, ()):  # it would be known here, if there had been no else before
            already = f"{written} in line {line} has an {{% else %}} already, or no {{% end{tag} %}}"
            self.fail(f"{{% {name} %}} cannot stand here: {already}", lineno)
        if _WITHIN[name] not in [tag for tag, _, _ in self._around[:-1]]:
            self.fail(f"{{% {name} %}} belongs to no {{% {_WITHIN[name]} %}}", lineno)
        self._fail_open(self._around[-2], f"before {{% {name} %}} in line {lineno}")

    def _fail_open(self, opened: tuple[str, str, int], until: str) -> NoReturn:
        tag, written, line = opened
        self.fail(f"{written} has no {{% end{tag} %}} {until}", line)
