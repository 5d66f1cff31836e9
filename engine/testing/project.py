"""A rules folder and a templates folder, loaded together.

Users' tests call `load_project`. It must refuse exactly the rules that `engine check` refuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine.core.book import RuleBook
from engine.core.tables import Table
from engine.errors import EngineError
from engine.lang.diagnostics import Diagnostic, human
from engine.lang.project import Loaded, load
from engine.render import JinjaRenderer, inspect_templates
from engine.testing.simulator import START, Simulator


class RulesBroken(EngineError):
    """Raised if the rules have errors; `diagnostics` lists all of them."""

    diagnostics: list[Diagnostic]

    def __str__(self) -> str:
        return human(self.diagnostics)


@dataclass(frozen=True, slots=True)
class Project:
    """Compiled rules and the renderer of their templates. `loaded` has the warnings.

    Codes of coupons are those of the public test secret, so that tests get the same everywhere.
    """

    loaded: Loaded
    book: RuleBook
    renderer: JinjaRenderer

    def signing(self, coupon_secret: str) -> "Project":
        """The same with codes of coupons that are made with this secret."""
        return replace(self, renderer=self.renderer.signing(coupon_secret))

    def simulator(self, *, start: int = START, strict: bool = False) -> Simulator:
        """A new simulator of all rules that renders their templates."""
        return Simulator(self.book, self.renderer, start=start, strict=strict)


def load_project(
    rules: Path | str = "rules",
    templates: Path | str = "templates",
    *,
    tables: Mapping[str, Table] | None = None,
    fitting: bool = False,
) -> Project:
    """Raises RulesBroken, with every diagnostic, if `engine check` would exit 1. `tables`, `fitting`: as for `load`."""
    loaded = load(Path(rules), inspect_templates(Path(templates)), tables=tables, fitting=fitting)
    if loaded.book is None:
        raise RulesBroken(loaded.diagnostics)
    return Project(loaded, loaded.book, JinjaRenderer(Path(templates), loaded.book))
