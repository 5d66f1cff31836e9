"""Where the example rules and templates are: at the top of a checkout, or inside an installed package."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def rules_folder() -> Path:
    """The example rules, with their tests. Not to be written to."""
    return _folder("rules")


def templates_folder() -> Path:
    """The templates that the example rules send. Not to be written to."""
    return _folder("templates")


def _folder(name: str) -> Path:
    installed = _PACKAGE / "_examples" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
