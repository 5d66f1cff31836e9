"""Compiles a template with the layouts it extends to the blocks that make a message.

Rendering a template's root would run its layout from top to bottom, once per escaping. A message needs three blocks,
so their override chains are put together once, from the child to the outermost layout. What stands beside the blocks
at the top (imports, macros, `set`) is compiled by itself and run before them: the child's first, as Jinja does.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from jinja2 import Environment, Template, nodes
from jinja2.exceptions import TemplateAssertionError, TemplateNotFound
from jinja2.runtime import Context

from engine.render.sandbox import referenced_names

Block = Callable[[Context], Iterator[str]]


class Lineage(msgspec.Struct, frozen=True):
    """One template, compiled in one environment. `blocks` lists each block's definitions, the child's first."""

    environment: Environment
    name: str
    blocks: dict[str, list[Block]]
    preambles: tuple[Template, ...]
    constant: dict[str, str]
    """The blocks that print the same for everybody, such as most subjects, with what they print."""

    def context(self, variables: dict[str, Any]) -> Context:
        """A context to render blocks in; raises what a template may raise."""
        context = Context(self.environment, variables, self.name, {})
        context.blocks = self.blocks
        for preamble in self.preambles:
            for _ in preamble.root_render_func(context):
                pass
        return context

    def render(self, block: str, context: Context) -> str:
        text = self.constant.get(block)
        return text if text is not None else "".join(self.blocks[block][0](context))


def compile_lineage(environment: Environment, sources: Mapping[str, str], name: str) -> Lineage:
    """Raises jinja2's TemplateError where the template, or a layout of it, cannot be compiled."""
    blocks: dict[str, list[Block]] = {}
    preambles, constant = [], dict[str, str]()
    for name_, tree in ancestry(environment, sources, name):
        for block, definition in environment.get_template(name_).blocks.items():
            if block not in blocks and (text := _constant(tree, block)) is not None:
                constant[block] = text
            blocks.setdefault(block, []).append(definition)
        if preamble := _preamble(environment, name_, tree):
            preambles.append(preamble)
    return Lineage(environment, name, blocks, tuple(preambles), constant)


def _constant(tree: nodes.Template, block: str) -> str | None:
    """What the block prints if it is nothing but text."""
    definition = next(one for one in tree.find_all(nodes.Block) if one.name == block)
    printed = [part for node in definition.body for part in (node.nodes if isinstance(node, nodes.Output) else [node])]
    texts = [part.data for part in printed if isinstance(part, nodes.TemplateData)]
    return "".join(texts) if len(texts) == len(printed) else None


def ancestry(environment: Environment, sources: Mapping[str, str], name: str) -> list[tuple[str, nodes.Template]]:
    """(name, syntax tree) of the template, then of each layout outwards. Raises jinja2's TemplateError."""
    found: dict[str, nodes.Template] = {}
    next_: str | None = name
    while next_ is not None:
        if next_ not in sources:
            raise TemplateNotFound(next_, f"there is no file {next_!r}")
        found[next_] = environment.parse(sources[next_], next_, next_)
        next_ = _extended(found, next_)
    return list(found.items())


def _extended(found: dict[str, nodes.Template], name: str) -> str | None:
    extends = found[name].find(nodes.Extends)
    if extends is None:
        return None
    names = referenced_names(extends)
    if names and names[0] not in found:
        return names[0]
    trouble = "the layouts extend each other in a circle" if names else "the name of another file must be written out"
    raise TemplateAssertionError(trouble, extends.lineno, name)


def preamble_nodes(tree: nodes.Template) -> list[nodes.Node]:
    """What stands at the top and can matter to blocks."""
    return [node for node in tree.body if not isinstance(node, (nodes.Output, nodes.Extends)) and not _has_block(node)]


def _has_block(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Block) or node.find(nodes.Block) is not None


def _preamble(environment: Environment, name: str, tree: nodes.Template) -> Template | None:
    body = preamble_nodes(tree)
    if not body:
        return None
    root = nodes.Template(body, lineno=1)
    root.set_environment(environment)
    return Template.from_code(environment, environment.compile(root, name, name), environment.globals)
