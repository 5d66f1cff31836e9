"""What the syntax tree of one file of templates holds, found in one pass; inspection asks it once per file.

It also tells whether the file certainly compiles, as most do. Generating Python and compiling it to find out is half of
the time that `engine check` spends on templates. Only files that may not compile are compiled.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from keyword import iskeyword
from math import inf
from typing import Any, Final

from jinja2 import nodes

from engine.render.lineage import preamble_nodes
from engine.render.sandbox import referenced_names

_LEVELS: Final = 16
"""Levels of a tree that Python certainly compiles: it refuses 20 nested loops and 100 indentations, and a node makes at
most one loop and two indentations. Templates have some 10."""
_DIGITS: Final = 15
"""Digits of a number that Python certainly compiles; it refuses numbers of some thousands."""
# fmt: off
_PLAIN: Final = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.Assign, nodes.Block, nodes.With,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Concat, nodes.CondExpr,
    nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Compare, nodes.Operand,
)
"""Nodes that compile if all nodes in them do."""
# fmt: on


class Outline:
    """One tree: its first `extends`, its blocks, and those of them that show nothing of the block they replace."""

    def __init__(self, tree: nodes.Template) -> None:
        self.tree = tree
        self.nodes, self._levels = _nodes(tree)
        self.extends = next((node for node in self.nodes if isinstance(node, nodes.Extends)), None)
        self._blocks = [node for node in self.nodes if isinstance(node, nodes.Block)]
        self.blocks = frozenset(block.name for block in self._blocks)
        self.replacing = frozenset(block.name for block in self._blocks if not _calls_super(block))
        self.preamble = preamble_nodes(tree)
        self.with_blocks = [node for node in tree.body if isinstance(node, nodes.Block) or node.find(nodes.Block)]

    def certainly_compiles(self, filters: Collection[str], tests: Collection[str]) -> bool:
        """Whether neither Jinja's compiler, nor the sandbox, nor Python can refuse it. False: perhaps one does."""
        return (
            self._levels <= _LEVELS
            and len(self._blocks) == len(self.blocks)
            and (self.extends is None or self.extends in self.tree.body)
            and all(_CHECKS.get(type(node), _unknown)(node) for node in self.nodes)
            and all(node.name in filters for node in self.nodes if isinstance(node, nodes.Filter))
            and all(node.name in tests for node in self.nodes if isinstance(node, nodes.Test))
        )


def _nodes(tree: nodes.Template) -> tuple[list[nodes.Node], int]:
    """All nodes, the upper levels first, and the number of levels. Jinja's own search takes five times as long."""
    found: list[nodes.Node] = []
    level: list[nodes.Node] = [tree]
    levels = 0
    while level:
        found += level
        levels += 1
        level = [one for node in level for name in node.fields for one in _listed(getattr(node, name))]
    return found, levels


def _listed(value: Any) -> Iterable[nodes.Node]:
    if isinstance(value, nodes.Node):
        return (value,)
    return [one for one in value if isinstance(one, nodes.Node)] if isinstance(value, list) else ()


def _calls_super(block: nodes.Block) -> bool:
    return any(name.name == "super" for name in block.find_all(nodes.Name))


def _unknown(_: Any) -> bool:
    return False


def _plain(_: Any) -> bool:
    return True


def _name(node: nodes.Name) -> bool:
    return node.name.isascii() and not (node.name == "loop" and node.ctx == "store")


def _const(node: nodes.Const) -> bool:
    return isinstance(node.value, str) or (node.value != inf and len(str(node.value)) <= _DIGITS)


def _loop(node: nodes.For) -> bool:
    return not node.recursive


def _arguments(node: Any) -> bool:
    return _are_distinct(one.key for one in node.kwargs)


def _parameters(node: nodes.Macro | nodes.CallBlock) -> bool:
    return _are_distinct(["caller", *(one.name for one in node.args)])


def _are_distinct(names: Iterable[str]) -> bool:
    given = list(names)
    return len(given) == len({*given}) and not any(map(iskeyword, given))


def _file(node: nodes.Extends | nodes.Include | nodes.Import | nodes.FromImport) -> bool:
    return referenced_names(node) is not None


_CHECKS: Final[Mapping[type[nodes.Node], Callable[[Any], bool]]] = {
    nodes.Name: _name,
    nodes.Const: _const,
    nodes.For: _loop,
    **dict.fromkeys((nodes.Call, nodes.Filter, nodes.Test), _arguments),
    **dict.fromkeys((nodes.Macro, nodes.CallBlock), _parameters),
    **dict.fromkeys((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport), _file),
    **dict.fromkeys(_PLAIN, _plain),
}
