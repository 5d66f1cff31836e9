"""The sandboxed Jinja2 environment: templates read only what `views` lists, and each render has a budget of work.

Jinja's own sandbox keeps templates away from Python's internals, but not from memory and time. So the syntax tree is
changed before it is compiled: loops and included files pay for their steps and literal text, printing and joining
pay for what they print, and the operators, functions and filters that make large things out of small ones are
bounded or absent.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from types import MethodType
from typing import Any

from jinja2 import DictLoader, StrictUndefined, Template, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError, TemplateAssertionError, TemplateSyntaxError
from jinja2.runtime import Context, Macro, TemplateReference, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from engine.core.scope import MISSING, TallyView
from engine.model import Answer, Survey
from engine.render.elements import absent, keys_of, written
from engine.render.filters import allowed_filters
from engine.render.local import customer_filters
from engine.render.parser import ONLY_TAGS, TemplateParser
from engine.render.rendering import STEP, Rendering, TemplateTrouble
from engine.render.views import CLOSED, NAMES, OPEN, READABLE, READERS

_LONGEST_RANGE = 10_000
_LARGEST_NUMBER_BITS = 512


def bounded_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > _LONGEST_RANGE:
        message = f"a range has at most {_LONGEST_RANGE} numbers"
        raise TemplateTrouble(message)
    return numbers


GLOBALS: dict[str, Any] = {"range": bounded_range, "namespace": Namespace, "dict": dict}


def survey_links(survey: str, low: int, high: int) -> list[Answer]:
    """The answers of a scale. `Walk` checks the arguments when the template is inspected."""
    asked = Survey(survey, low, high)
    return [Answer(asked, score) for score in range(low, high + 1)] if asked.sound else []


def _without_line_end(line: re.Match[str]) -> str:
    tags = line[0].rstrip()
    end = len(tags) - (3 if tags[-3] in "-+" else 2)
    return f"{tags[:end]}\n{tags[end:]}"


class _Code(CodeGenerator):
    """Calls what prints a value once, and with no context: nothing that a template can call takes one."""

    def _make_finalize(self) -> CodeGenerator._FinalizeInfo:
        return self._FinalizeInfo(const=None, src=None)  # constants are printed, and paid for, when a message is made

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if frame.eval_ctx.volatile:
            self.write("(environment.escaped if context.eval_ctx.autoescape else environment.printed)(")
        else:
            self.write("environment.escaped(" if frame.eval_ctx.autoescape else "environment.printed(")

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:
        self._keys = keys_of(node)
        super().visit_Template(node, frame)

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:
        if isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.element(")
        self.visit(node.node, frame)
        self.write(", ")
        self.visit(node.arg, frame)
        keys = self._keys.get(node.node.name, "") if isinstance(node.node, nodes.Name) else ""
        self.write(f", {written(node)!r}, {keys!r})")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:
        self.write("environment.call(context, ")
        self.visit(node.node, frame)
        self.signature(node, frame, {"caller": "caller"} if forward_caller else None)
        self.write(")")


class SandboxContext(Context):
    """The variables of one file in one render."""

    environment: "Sandbox"

    def __init__(self, environment: "Sandbox", *others: Any, **named: Any) -> None:
        super().__init__(environment, *others, **named)
        if environment._made is not None:
            environment._made.append(self)


class _File(Template):
    """A file that another imports or includes."""

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        """Jinja keeps it, with what one customer's message has set and printed in it. Here it is made each time."""
        return self.make_module()


class Sandbox(ImmutableSandboxedEnvironment):
    """One for text, and one, with `autoescape`, for html."""

    template_class = _File
    context_class = SandboxContext
    code_generator_class = _Code
    _made: list[SandboxContext] | None = None
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, sources: Mapping[str, str], rendering: Rendering, *, autoescape: bool) -> None:
        super().__init__(
            loader=DictLoader(sources),
            undefined=StrictUndefined,
            autoescape=autoescape,
            optimized=False,  # constant folding would call filters without a customer
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.rendering = rendering
        self.printed, self.escaped = rendering.printed, rendering.escaped
        self.globals = dict(GLOBALS)
        self.filters = allowed_filters(rendering) | customer_filters(rendering)
        self.filters |= {"_each": rendering.each, "_spend": rendering.spend, "_text": rendering.text}

    @contextmanager
    def contexts_made(self) -> Iterator[list[SandboxContext]]:
        """The contexts that are made meanwhile."""
        self._made = made = list[SandboxContext]()
        try:
            yield made
        finally:
            self._made = None

    def preprocess(self, source: str, name: str | None = None, filename: str | None = None) -> str:
        """Moves the line end of a line that is nothing but tags into its last tag, so that it prints no line.

        Jinja's `trim_blocks` would also join lines that end in a tag, as in `Dear {% if .. %}..{% endif %}`.
        """
        return super().preprocess(ONLY_TAGS.sub(_without_line_end, source), name, filename)

    def getattr(self, obj: Any, attribute: str) -> Any:
        kind = type(obj)
        readable = READABLE.get(kind, CLOSED)
        if kind is TemplateReference or (kind is dict and attribute in obj):
            value = self.getitem(obj, attribute)
        elif attribute.startswith("_") if readable is OPEN else attribute not in readable:
            return self.unsafe_undefined(obj, attribute)
        else:
            value = READERS.get(kind, getattr)(obj, attribute, None)
        if value is None and kind is not TallyView:
            return self.undefined(f"{NAMES.get(kind, 'the value')} has no {attribute!r}", name=attribute)
        return value

    def getitem(self, obj: Any, argument: Any) -> Any:
        """For filters and attributes."""
        return self.element(obj, argument, "such element", "")

    def element(self, obj: Any, argument: Any, what: str, keys: str) -> Any:
        """What a template reads with [ ]. `what`: as it is written; `keys`: of a mapping that is written out."""
        try:
            return obj[argument]
        except (TypeError, LookupError):
            readable = READABLE.get(type(obj), CLOSED)
            if isinstance(argument, str) and argument in readable and not argument.startswith("_"):
                value = getattr(obj, argument, None)
                if value is not None:
                    return value
        return self.undefined(absent(what, keys, obj))

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        return self.undefined(f"{attribute!r} is not for templates to read", exc=SecurityError)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        rendering, kind = self.rendering, type(obj)
        rendering.spend(STEP)
        if kind is Macro:
            result: Any = _called(context, obj, args, kwargs)
        elif kind is MethodType and type(obj.__self__) is TallyView:
            result = obj(*args, **kwargs)  # what Jinja would do, without its many checks
        else:
            result = super().call(context, obj, *args, **kwargs)
        if result is MISSING:
            return self.undefined("this history was not kept from the beginning, and is not known yet")
        if isinstance(result, str):
            rendering.spend(len(result))
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str):
            message = "the operator % is for numbers; use filters to format"
            raise SecurityError(message)
        self.rendering.spend(_size(operator, left, right))
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        try:
            return TemplateParser(self, source, name, filename).parse()
        except ValueError as error:  # Python reads no number of more than 4,300 digits
            message = "a number has too many digits"
            raise TemplateSyntaxError(message, 1, name, filename) from error

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        metered = _Metering(name, filename).visit(source).set_environment(self)
        return super()._generate(metered, name, filename, defer_init)

    def _compile(self, source: str, filename: str) -> Any:
        """Python itself refuses code whose loops and conditions are nested more than 20 deep."""
        try:
            return super()._compile(source, filename)
        except SyntaxError as error:
            message = f"cannot be compiled, as it is nested too deeply: {error.msg}"
            raise TemplateAssertionError(message, 1, filename, filename) from error


def _called(context: Context, macro: Macro, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """What the macro makes; without Jinja's checks where each parameter has its value."""
    if kwargs or len(args) != macro._argument_count or macro.caller or macro.catch_kwargs or macro.catch_varargs:
        return macro(context.eval_ctx, *args, **kwargs)
    text: str = macro._func(*args)
    return str.__new__(Markup, text) if context.eval_ctx.autoescape else text


def _size(operator: str, left: Any, right: Any) -> int:
    """What the result of an operator will measure, where that can be much more than its operands."""
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
        if bits > _LARGEST_NUMBER_BITS:
            message = "a number gets too large"
            raise TemplateTrouble(message)
        return 0
    if operator == "*":
        times = right if isinstance(right, int) else left
        return (_length(left) + _length(right)) * times if isinstance(times, int) else 0
    return _length(left) + _length(right)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (str, list, tuple)) else 0


def _weight(node: nodes.Node) -> int:
    return STEP + sum(len(data.data) for data in node.find_all(nodes.TemplateData))


class _Metering(NodeTransformer):
    """Makes a template pay for what it does; see the module's docstring."""

    def __init__(self, name: str | None, filename: str | None) -> None:
        self.name = name
        self.filename = filename

    def visit_Template(self, node: nodes.Template) -> nodes.Template:
        for reference in node.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
            if referenced_names(reference) is None:
                message = "the name of another file must be written out"
                raise self._refusal(message, reference)
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(_filter(nodes.Const(_weight(node), lineno=1), "_spend"), lineno=1))
        return node

    def visit_For(self, node: nodes.For) -> nodes.For:
        if node.recursive:
            message = "recursive loops are not available"
            raise self._refusal(message, node)
        self.generic_visit(node)
        node.iter = _filter(node.iter, "_each", nodes.Const(_weight(node)))
        return node

    def visit_Const(self, node: nodes.Const) -> nodes.Const:
        if node.value == inf:  # 1e400: in the code that Jinja generates it would be a name, `inf`
            message = "a number is too large"
            raise self._refusal(message, node)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Concat:
        self.generic_visit(node)
        node.nodes = [_filter(part, "_text") for part in node.nodes]
        return node

    def _refusal(self, message: str, node: nodes.Node) -> TemplateAssertionError:
        return TemplateAssertionError(message, node.lineno, self.name, self.filename)


def referenced_names(node: Any) -> list[str] | None:
    """The files that an extends, include or import names (of several, the first that exists); None if computed."""
    parts = node.template.items if isinstance(node.template, (nodes.List, nodes.Tuple)) else [node.template]
    names = [part.value for part in parts if isinstance(part, nodes.Const) and isinstance(part.value, str)]
    return names if len(names) == len(parts) else None


def _filter(node: nodes.Node, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)
