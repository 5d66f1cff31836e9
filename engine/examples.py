"""Where the example projects are: in a checkout, or inside an installed package."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PACKAGE = Path(__file__).parent
EXAMPLES: Final[Mapping[str, str]] = {"shop": "", "loyalty": "loyalty-club"}
"""The example projects, and the folder of each below `examples`; the shop's rules are at the top of a checkout."""


def rules_folder(example: str = "shop") -> Path:
    """The rules of an example, with their tests. Not to be written to."""
    return _folder(example, "rules")


def templates_folder(example: str = "shop") -> Path:
    """The templates that the rules of an example send. Not to be written to."""
    return _folder(example, "templates")


def _folder(example: str, name: str) -> Path:
    installed = _PACKAGE / "_examples" / EXAMPLES[example] / name
    if installed.is_dir():
        return installed
    checkout = _PACKAGE.parent
    return (checkout / "examples" / EXAMPLES[example] if EXAMPLES[example] else checkout) / name
