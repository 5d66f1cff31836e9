"""Finds the first statements of a template that do the same for every message, so that they run once.

`lineage` asks it when it compiles a template. Nearly all templates begin with such statements: they import macros and
set constants.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Final

from jinja2 import Environment, nodes

from engine.render.sandbox import referenced_names

# fmt: off
_CONSTANT: Final = (
    nodes.Const, nodes.Concat, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Neg, nodes.Pos, nodes.Not,
)
"""Expressions that have one value, if all in them do. Templates cannot change a list or a dict."""
# fmt: on


class Steadiness:
    """Judges the nodes of files. `taken`: the names of variables; what takes one is not steady."""

    def __init__(self, environment: Environment, sources: Mapping[str, str], taken: Container[str]) -> None:
        self._environment = environment
        self._sources = sources
        self._taken = taken
        self._open: list[str] = []

    def first_of(self, body: Sequence[nodes.Node], layouts: set[str]) -> int:
        """How many of the first nodes are steady; 0 if the rest of the file would notice that they ran apart.

        It notices where the rest assigns one of their names again, or a layout does (`layouts`: the names that layouts
        assign): what the rest defines would then find the layout's value, not the file's own.
        """
        number = next((place for place, node in enumerate(body) if not self._is_steady(node)), len(body))
        first, rest = body[:number], body[number:]
        named = names_given(first) | _names_read(first)
        return number if not rest or named.isdisjoint(names_given(rest) | layouts) else 0

    def _is_steady(self, node: nodes.Node) -> bool:
        if any(name in self._taken for name in _given(node)):
            return False
        match node:
            case nodes.Macro():
                return True
            case nodes.Assign():
                return isinstance(node.target, nodes.Name) and _is_constant(node.node)
            case nodes.Import() | nodes.FromImport():
                return self._is_steady_file(referenced_names(node) or [])
            case nodes.Output():
                return all(isinstance(part, nodes.TemplateData) for part in node.nodes)
        return False

    def _is_steady_file(self, names: list[str]) -> bool:
        if len(names) != 1 or names[0] not in self._sources or names[0] in self._open:
            return False
        self._open += names
        body = self._environment.parse(self._sources[names[0]], *names, *names).body
        steady = all(map(self._is_steady, body))
        self._open.pop()
        return steady


def names_given(body: Iterable[nodes.Node]) -> set[str]:
    return {name for node in body for name in _given(node)}


def _names_read(body: Iterable[nodes.Node]) -> set[str]:
    """With those of namespaces that something in the body changes."""
    read = [one for node in body for one in node.find_all((nodes.Name, nodes.NSRef))]
    return {one.name for one in read if isinstance(one, nodes.Name | nodes.NSRef)}


def _given(node: nodes.Node) -> Iterator[str]:
    """The names that the node, or one in it, gives to something."""
    for one in (node, *node.find_all(nodes.Node)):
        match one:
            case nodes.Name(ctx="store") | nodes.Macro():
                yield one.name
            case nodes.Import():
                yield one.target
            case nodes.FromImport():
                yield from (name if isinstance(name, str) else name[1] for name in one.names)


def _is_constant(node: nodes.Node) -> bool:
    return isinstance(node, _CONSTANT) and all(map(_is_constant, node.iter_child_nodes()))
