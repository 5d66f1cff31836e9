"""Finds what is printed as it stands, and was meant for a value: { event.name }, [[ profile.name ]], *|FNAME|*."""

import re
from collections.abc import Iterator
from typing import Final

from engine.core.template_facts import ROOTS, TemplateProblem

PRINTED: Final = "printed-as-is"
_PATH = rf"(?:{'|'.join(name for name in ROOTS if name != 'tables')})\.\w[\w.]*"
_MEANT = re.compile(rf"(?<!\{{)\{{ *(?P<one>{_PATH}) *\}}|\[\[ *(?P<two>{_PATH}) *\]\]|\*\|[A-Z]\w*\|\*")


def printed(text: str, line: int) -> Iterator[TemplateProblem]:
    """Problems of a template's text that begins at that line."""
    for found in _MEANT.finditer(text):
        path = found["one"] or found["two"] or "profile.first_name"
        help = f"write {{{{ {path} }}}}" if path in found[0] else f"a value is written as in {{{{ {path} }}}}"
        message = f"{found[0]} is printed as it stands"
        yield TemplateProblem(PRINTED, message, line + text.count("\n", 0, found.start()), help, found[0])
