"""The folders of one rule book, for commands that take two: backtests, plans, and decisions made again."""

from dataclasses import dataclass
from pathlib import Path

from engine.errors import UsageError
from engine.testing import Project, load_project


@dataclass(frozen=True)
class RuleFolders:
    """The folders of one rule book."""

    rules: Path
    templates: Path

    def load(self) -> Project:
        """Raises RulesBroken."""
        return load_project(self.rules, self.templates)


def rules_in(folder: Path, templates: Path | None = None) -> RuleFolders:
    """The folders of rules and templates; templates are beside the rules where no option names them.

    Raises UsageError.
    """
    if not folder.is_dir():
        message = f"there is no folder {folder}; name a project's folder, or its folder of rules"
        raise UsageError(message)
    if (folder / "rules").is_dir():
        return RuleFolders(folder / "rules", templates or folder / "templates")
    beside = folder.resolve().parent / "templates"
    return RuleFolders(folder, templates or (beside if beside.is_dir() else Path("templates")))
