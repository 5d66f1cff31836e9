"""Inspects templates without rendering them: the facts that checks and the rule book need."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from jinja2 import nodes
from jinja2.exceptions import TemplateNotFound, TemplateSyntaxError

from engine.core.expr.grouped import ODD as ODD_NUMBER
from engine.core.template_facts import TemplateFacts
from engine.render.arguments import ODD
from engine.render.files import SHOWN, TemplateFile, read_sources, required_blocks, template_files
from engine.render.lineage import ancestry
from engine.render.outline import Outline
from engine.render.patterns import ADD_HALF, HALF_ALONE
from engine.render.placeholders import PRINTED
from engine.render.rendering import Rendering
from engine.render.sandbox import Sandbox
from engine.render.slips import slip_in
from engine.render.walk import Walk


def inspect_templates(folder: Path) -> list[TemplateFacts]:
    """The facts of every template in the folder, by file name; what its layouts and partials read is its own.

    A read of `events.<type>.sum("amount")` has the path events, <type>, sum, amount.
    """
    sources = read_sources(folder)
    environment = _Inspection(sources)
    inspected = [_inspect(environment, sources, file) for file in template_files(sources)]
    for one in inspected:
        _check_compiles(environment, one)
    return [_facts(folder, sources, one) for one in inspected]


class _Inspected(NamedTuple):
    """One template: what was found in it, and the names of its file and its layouts; none if they cannot be parsed."""

    file: TemplateFile
    walk: Walk
    names: tuple[str, ...]


class _Inspection(Sandbox):
    """Parses each file once, however many templates extend it, and compiles it once, if that could fail.

    Compiling changes a tree, so all templates are read before the first is compiled.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        super().__init__(sources, Rendering(), autoescape=True)
        self.trees: dict[str, nodes.Template] = {}
        self.outlines: dict[str, Outline] = {}
        self.compiled: dict[str, TemplateSyntaxError | None] = {}

    def parse(self, source: str, name: str | None = None, filename: str | None = None) -> nodes.Template:
        if name is None:
            return super().parse(source)
        if name not in self.trees:
            self.trees[name] = super().parse(source, name, filename)
        return self.trees[name]

    def outline(self, name: str) -> Outline:
        """What a file that has been parsed holds."""
        if name not in self.outlines:
            self.outlines[name] = Outline(self.trees[name])
        return self.outlines[name]

    def trouble(self, name: str) -> TemplateSyntaxError | None:
        """What only the compiler sees, such as a block that is there twice."""
        if name not in self.compiled:
            try:
                self.compiled[name] = None
                if not self.outline(name).certainly_compiles(self.filters, self.tests):
                    self.compile(self.trees[name], name, name)
            except TemplateSyntaxError as error:
                self.compiled[name] = error
        return self.compiled[name]


def _inspect(environment: _Inspection, sources: dict[str, str], file: TemplateFile) -> _Inspected:
    walk = Walk(environment, sources)
    _check_file(walk, sources[file.name], file)
    try:
        return _Inspected(file, walk, _read(environment, walk, file))
    except RecursionError:
        _note_depth(walk)
    return _Inspected(file, walk, ())


def _note_depth(walk: Walk) -> None:
    walk.findings.problem("template-syntax", "the template is nested too deeply", 1)


def _facts(folder: Path, sources: dict[str, str], inspected: _Inspected) -> TemplateFacts:
    file, walk, _ = inspected
    source = sources[file.name] + "".join(sources[name] for name in sorted(sources) if name.startswith("_"))
    needless = ADD_HALF if HALF_ALONE.search(source) else None
    return TemplateFacts(
        template=file.template,
        channel=file.channel,
        path=(folder / file.name).as_posix(),
        source=source,
        needs=walk.findings.needs,
        reads=tuple(walk.findings.reads),
        compared=tuple(walk.findings.compared),
        problems=tuple(each for each in walk.findings.problems if not needless or needless not in each.help),
    )


def _check_file(walk: Walk, source: str, file: TemplateFile) -> None:
    if not file.channel:
        help_ = f"such as {file.template}.email.j2; layouts and partials begin with an underscore"
        walk.findings.problem("template-name", "a template's file name is <template>.<channel>.j2", 1, help_)
    if "\ufffd" in source:
        line = source[: source.index("\ufffd")].count("\n") + 1
        walk.findings.problem("template-encoding", "the file is not UTF-8 text", line)


def _read(environment: _Inspection, walk: Walk, file: TemplateFile) -> tuple[str, ...]:
    """The names of the template and its layouts."""
    try:
        lineage = ancestry(environment, walk.sources, file.name)
    except TemplateNotFound as error:
        walk.findings.problem("template-include", str(error), _extends_line(walk, file))
        return ()
    except TemplateSyntaxError as error:
        _note(walk, error, file)
        return ()
    outlines = {name: environment.outline(name) for name, _ in lineage}
    _walk(walk, outlines)
    _check_blocks(walk, list(outlines.values()), file)
    return tuple(outlines)


def _note(walk: Walk, error: TemplateSyntaxError, file: TemplateFile) -> None:
    message, name = error.message or "cannot be parsed", error.name or file.name
    help, line = slip_in(message, walk.sources[name], error.lineno), error.lineno
    if name != file.name:
        message, line = f"{name} line {line}: {message}", _extends_line(walk, file)
    walk.findings.problem("template-syntax", message, line, help)


def _extends_line(walk: Walk, file: TemplateFile) -> int:
    extends = walk.environment.parse(walk.sources[file.name]).find(nodes.Extends)
    return extends.lineno if extends else 1


def _walk(walk: Walk, lineage: Mapping[str, Outline]) -> None:
    """Walk the parts outside blocks first, since they run before them, then the blocks that are not overridden."""
    for file, line, outline in _places(lineage):
        with walk.findings.within(file, line, walk.findings.scopes):
            walk.numbers(walk.sources[file or next(iter(lineage))])
            walk.all(outline.preamble)
    for file, line, outline in _places(lineage):
        with walk.findings.within(file, line, walk.findings.scopes):
            walk.all(outline.with_blocks)
        walk.overridden |= outline.replacing


def _places(lineage: Mapping[str, Outline]) -> Iterator[tuple[str, int, Outline]]:
    """File and line as messages name them: for a layout, the line of the template that extends it."""
    (_, template), *layouts = lineage.items()
    yield "", 0, template
    for name, outline in layouts:
        yield name, template.extends.lineno if template.extends else 1, outline


def _check_blocks(walk: Walk, lineage: list[Outline], file: TemplateFile) -> None:
    template, *layouts = lineage
    of_layouts = frozenset[str]().union(*(layout.blocks for layout in layouts))
    for block in required_blocks(file.channel):
        if block not in of_layouts | template.blocks:
            help_ = f"add {{% block {block} %}} .. {{% endblock %}}"
            walk.findings.problem("template-block", f"there is no block {block!r}", 1, help_)
    for node in template.tree.body:
        if isinstance(node, nodes.Block) and node.name not in of_layouts.union(SHOWN):
            message = f"the block {node.name!r} is shown nowhere"
            help_ = f"blocks of a message: {', '.join(SHOWN)}"
            walk.findings.problem("template-block", message, node.lineno, help_, node.name)
        if isinstance(node, nodes.Output) and (line := _printed_line(node)):
            walk.findings.problem("template-block", "text outside the blocks is shown nowhere", line)


def _printed_line(output: nodes.Output) -> int:
    """The line of the first thing that would print, 0 where it is only white space."""
    for node in output.nodes:
        if not isinstance(node, nodes.TemplateData):
            return node.lineno
        if node.data.strip():
            return node.lineno + node.data[: -len(node.data.lstrip())].count("\n")
    return 0


def _check_compiles(environment: _Inspection, inspected: _Inspected) -> None:
    file, walk, names = inspected
    if any(problem.code not in (ODD, ODD_NUMBER, PRINTED) for problem in walk.findings.problems):
        return
    try:
        for name in names:
            if trouble := environment.trouble(name):
                _note(walk, trouble, file)
    except RecursionError:
        _note_depth(walk)
