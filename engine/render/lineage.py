"""Compiles a template with the layouts it extends to the blocks that make a message.

Rendering a template's root would run its layout from top to bottom, once per escaping. A message needs three blocks,
so their override chains are put together once, from the child to the outermost layout. What stands beside the blocks
at the top (imports, macros, `set`) is compiled by itself and run before them: the child's first, as Jinja does.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec
from jinja2 import Environment, Template, nodes
from jinja2.exceptions import TemplateAssertionError, TemplateNotFound
from jinja2.runtime import Context

from engine.render.sandbox import GLOBALS, Sandbox, SandboxContext, referenced_names
from engine.render.steady import Steadiness, names_given

Block = Callable[[Context], Iterator[str]]


class Ready(msgspec.Struct, frozen=True):
    """A context in which the steady preambles have run, for any number of messages."""

    context: Context
    places: list[dict[str, Any]]
    """Where blocks, layouts and imported macros look variables up: the next message's replace these."""
    effort: int
    """What the preambles have spent."""
    given: dict[str, Any]
    """The names that they have given."""


class Lineage(msgspec.Struct):
    """One template, compiled in one environment. `blocks` lists each block's definitions, the child's first."""

    environment: Sandbox
    name: str
    blocks: dict[str, list[Block]]
    steady: list[Template]
    """The preambles, up to the first that reads a variable."""
    others: list[Template]
    constant: dict[str, str]
    """The blocks that print the same for everybody, such as most subjects, with what they print."""
    ready: Ready | None = None

    def context(self, variables: dict[str, Any]) -> Context:
        """A context to render blocks in, until the next one is asked for; raises what a template may raise.

        `variables` are the same names each time; one without a value is `missing`.
        """
        ready, rendering = self.ready, self.environment.rendering
        if ready is None or ready.effort > rendering.left:  # which of the preambles spends too much, only they can say
            ready = self.ready = self._prepared(variables)
        else:
            rendering.spend(ready.effort)
            for place in ready.places:
                place.update(variables)
        if self.others:
            ready.context.vars.clear()
            ready.context.vars.update(ready.given)
            _run(self.others, ready.context)
        return ready.context

    def _prepared(self, variables: dict[str, Any]) -> Ready:
        rendering = self.environment.rendering
        before = rendering.left
        with self.environment.contexts_made() as made:
            context = SandboxContext(self.environment, GLOBALS | variables, self.name, {})
            context.blocks = self.blocks
            _run(self.steady, context)
        places = [one.parent for one in made if one.parent.keys() >= variables.keys()]
        return Ready(context, places, before - rendering.left, context.vars.copy())

    def render(self, block: str, context: Context) -> str:
        text = self.constant.get(block)
        return text if text is not None else "".join(self.blocks[block][0](context))


def _run(preambles: Iterable[Template], context: Context) -> None:
    for preamble in preambles:
        for _ in preamble.root_render_func(context):
            pass


def compile_lineage(environment: Sandbox, sources: Mapping[str, str], name: str, variables: Container[str]) -> Lineage:
    """`variables`: all names of what templates may read. Raises jinja2's TemplateError where it cannot be compiled."""
    made = Lineage(environment, name, {}, [], [], {})
    steadiness = Steadiness(environment, sources, variables)
    ancestors = ancestry(environment, sources, name)
    bodies = [preamble_nodes(tree) for _, tree in ancestors]
    for place, (name_, tree) in enumerate(ancestors):
        for block, definition in environment.get_template(name_).blocks.items():
            if block not in made.blocks and (text := _constant(tree, block)) is not None:
                made.constant[block] = text
            made.blocks.setdefault(block, []).append(definition)
        body, layouts = bodies[place], names_given(chain.from_iterable(bodies[place + 1 :]))
        first = 0 if made.others else steadiness.first_of(body, layouts)
        made.steady += _compiled(environment, name_, body[:first])
        made.others += _compiled(environment, name_, body[first:])
    return made


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


def _compiled(environment: Environment, name: str, body: list[nodes.Node]) -> list[Template]:
    if not body:
        return []
    root = nodes.Template(body, lineno=1)
    root.set_environment(environment)
    return [Template.from_code(environment, environment.compile(root, name, name), environment.globals)]
