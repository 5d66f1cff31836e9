"""What is wrong with text that is not YAML, in the words of somebody who writes rules.

`yaml_reader` asks it about what PyYAML refuses: PyYAML speaks of its grammar ("while parsing a block mapping"), and
points at the place where it could not go on, which may be the end of the file.
"""

import re
from typing import Any

import yaml

_HELP = {
    "found character that cannot start any token": "quote a text that begins with @, ` or %",
}
_KEY = re.compile(r"\s*(- +)*[\w-]+")
_LAST_WORD = re.compile(r": +([\w-]+)$")
"""A word alone that a colon follows: perhaps the name of a field."""
_OPEN = {"while parsing a flow mapping": "{", "while parsing a flow sequence": "["}
_BLOCKS = ("while parsing a block mapping", "while parsing a block collection")


def explained(text: str, error: yaml.MarkedYAMLError) -> tuple[Any, str, str]:
    """The mark of the place that is wrong, the message and the help."""
    mark: Any = error.problem_mark or error.context_mark
    problem, context, began = error.problem or "not YAML", error.context or "", error.context_mark
    if "\t" in text[max(mark.index - 1, 0) : mark.index + 1]:
        return mark, "a tab character", "YAML is indented with spaces, not tabs"
    line = text[text.rfind("\n", 0, mark.index) + 1 : mark.index]
    if problem.startswith("mapping values are not allowed"):
        return mark, *_colon(line)
    if began is None:
        return mark, problem, _HELP.get(problem, "")
    place = f"{began.line + 1}:{began.column + 1}"
    if context == "while scanning a quoted scalar":
        return began, "the quote that begins here does not end", "end the text with the same quote, on this line"
    if context in _OPEN:
        return mark, problem, f"the '{_OPEN[context]}' at {place} is still open"
    if context in _BLOCKS and line.rstrip()[-1:] in ("]", "}") and text[mark.index : mark.index + 1] == ",":
        return mark, "nothing can follow here", "a list of them stands in brackets: [{ … }, { … }]"
    if context in _BLOCKS and line.rstrip()[-1:] in ("'", '"', "]", "}"):
        return mark, "nothing can follow here", "put the whole value into quotes of the other kind"
    if context in _BLOCKS:
        help = f"fields that belong together stand in one column, as those from {place} on; an item begins with '- '"
        return mark, "this line is indented unlike the lines above", help
    return mark, problem, _HELP.get(problem) or f"{context}, which began at {place}"


def _colon(line: str) -> tuple[str, str]:
    """Why the colon after `line` cannot be one that ends a name: message and help."""
    if _KEY.fullmatch(line):
        help = "indent this line as its neighbours, and put a space after each colon"
        return "this line is read as the end of the text above it", help
    help = "put the text into quotes"
    if name := _LAST_WORD.search(line):
        help += f"; or, where '{name[1]}' is a field, it and its value into brackets: {{ {name[1]}: … }}"
    return "a colon and a space within a text", help
