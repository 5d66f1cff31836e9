"""Guesses what the author of a template meant where it cannot be parsed, by what other template languages write.

Whoever reports a syntax error asks it for the help; it must know nothing of rules.
"""

import re
from typing import Final

_MARKUP: Final = re.compile(r"\{\{.*?\}\}+|\{%.*?%\}|\{\{.*|\{%.*")
_QUOTED: Final = re.compile(r"\"[^\"]*\"|'[^']*'")
_UNREADABLE: Final = re.compile(r"expected token|unexpected|.* cannot stand here$|there is no tag")
"""What Jinja says where a word or a sign is wrong, not where a tag has no end."""
_SLIPS: Final = (  # compiled when a template is wrong: few are
    (r"\{\{\{|\}\}\}", "write two brackets: {{ profile.first_name }}"),
    (r"\{\{\s*(?:[#/>]|(?:if|for|set)\s)", "tags are written as in {% if profile.vip %} .. {% endif %}"),
    (r"\{%-?\s*(?:end)?unless\b", "write {% if not .. %} and {% endif %}"),
    (r"\{%-?\s*(?:assign|capture)\b", "write {% set name = .. %}"),
    (r"\{%-?\s*(?:end)?foreach\b", "write {% for one in .. %} and {% endfor %}"),
    (r"\{%-?\s*(?:end)?comment\b", "write {# .. #}"),
    (r"\{%-?\s*(?:case|when|switch)\b", "write {% if .. %}, {% elif .. %} and {% endif %}"),
    (r"\|\s*(?P<name>\w+)\s*:", "write what a filter takes in brackets: {name}(..)"),
    (
        r"\?\?|\{\{[^}]*\|\|",
        'where there may be nothing: {{ profile.first_name | default("there") }}',
    ),
    (r"\?", "write {{ this if condition else that }}"),
    (r"[!=]==", "write == or !="),
    (r"<>", "write !="),
    (r"&&|\|\||!(?!=)|\b(?:AND|OR|NOT|IN)\b", "write and, or, not and in"),
    (r"\bcontains\b", 'write "part" in whole'),
    (r"\{%-?\s*(?:el)?if\b[^%]*(?<![=!<>])=(?!=)", "write == to compare"),
    (r"\{%[^%}]*\}(?!\})", "a tag ends with %}"),
    (r"\{\{[^}]*\}(?!\})", "a value ends with }}"),
    (r"[\u2018-\u201f]", 'write straight quotes: "text"'),
)


def slip_in(message: str, source: str, line: int) -> str:
    """What to write instead, where the error's line has what other languages write; empty if nothing is known."""
    lines = source.splitlines()
    if not _UNREADABLE.match(message) or not 0 < line <= len(lines):
        return ""
    markup = " ".join(_QUOTED.sub('""', found) for found in _MARKUP.findall(lines[line - 1]))
    for pattern, help in _SLIPS:
        if found := re.search(pattern, markup):
            return help.replace("{name}", found.groupdict().get("name", ""))
    return ""
