"""The grammar of what rules do: one model per action, and how it is built.

To add an action: a model here with its fields and `build`, its key in `RuleFields`, and its class in `core/actions`.
"""

from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Annotated, Any, get_args

import msgspec
from pydantic import Field

from engine.core.actions.base import Action
from engine.core.actions.emit import Emit
from engine.core.actions.send import Send
from engine.core.catalog import EventType, Kind
from engine.core.expr.nodes import Sort
from engine.core.expression import Expression, Needs, needs_of_all
from engine.core.facts import Fact
from engine.lang.diagnostics import did_you_mean
from engine.lang.fields import TEXT, Duration, Expr, Name, OptionalSpan, Purpose, Template, Value
from engine.lang.form import NotNull, Shorthand, Strict
from engine.lang.site import Site
from engine.lang.templates import Templates
from engine.wire.property_checks import checks_of


class Defaults(Strict):
    label = "defaults"
    channel: Name = Field("email", description="email, sms, push or webhook.")
    purpose: Purpose = Field("marketing", description="What caps, consent and quiet hours are about.")
    priority: int = Field(0, description="Among rules that come true at once, higher goes first.")
    expires: OptionalSpan = Field(None, description="How late it may still be sent; the policy's fresh_for.")


class Around(msgspec.Struct, frozen=True):
    """What an action is built with. `types`: what the root `event` may be when the rule comes true."""

    rule: str
    purpose: str
    """Of the rule; "" where it says none."""
    defaults: Defaults
    templates: Templates
    types: frozenset[str]
    goal: Fact | None = None
    """What the rule is for."""
    within: int = 0
    """How long (ms) after outreach the goal is credited to it."""
    steps: frozenset[str] | None = None
    """The steps of the journey that have been made before; None: the rule is no journey."""


class ActionFields(Strict):
    """Base of the actions."""

    @abstractmethod
    def build(self, site: Site, around: Around) -> tuple[Action, Needs]:
        """The action, and what its templates need; what is wrong with it is reported at `site`, its place."""


class SendFields(ActionFields):
    """One message."""

    label = "send"
    template: Template = Field(description="The template; its file is <template>.<channel>.j2.")
    channel: Name = Field("", description="email, sms, push or webhook; the default is in `defaults`.")
    purpose: Purpose = Field("", description="What caps, consent and quiet hours are about, instead of the rule's.")
    expires: OptionalSpan = Field(None, description="How late it may still be sent; the policy's fresh_for.")
    priority: Annotated[int | None, NotNull()] = Field(
        None, description="Among rules that come true at once, higher first."
    )

    def build(self, site: Site, around: Around) -> tuple[Action, Needs]:
        defaults = around.defaults
        send = Send(
            self.template,
            self.channel or defaults.channel,
            self.purpose or around.purpose or defaults.purpose,
            defaults.priority if self.priority is None else self.priority,
            defaults.expires if self.expires is None else self.expires,
        )
        return send, around.templates.use(site.at("template"), around.rule, send, around.types, around.steps)


def _template(value: Any) -> Any:
    return {"template": value} if isinstance(value, str) else value


class EmitFields(ActionFields):
    """An event, for the customer or for another one."""

    label = "emit"
    event: Name = Field(description="The event type to make; events.yaml declares it.")
    to: Expr = Field(
        "", description="Whose event it is: an expression with a customer's id; the customer's own if not given."
    )
    after: Duration = Field(0, description="How long after the rule came true; until then `exit` stops it.")
    with_: dict[Name, Value] = Field({}, alias="with", description="Property -> expression with its value.")

    def build(self, site: Site, around: Around) -> tuple[Action, Needs]:
        declared = site.catalog.events.get(site.at("event").event(self.event))
        if declared and declared.made:
            site.at("event").report("bad-value", f"only the engine makes {self.event}", "name a type of events.yaml")
        to = _value(site.at("to"), self.to, around, _IDS, "a customer's id is a text")
        values = {name: self._property(site.at("with", name), name, around, declared) for name in self.with_}
        required = self._required(site, declared) if declared and not declared.made else frozenset()
        found = {name: value for name, value in values.items() if value}
        emit = Emit(
            self.event,
            to=to,
            after=self.after,
            properties=found,
            required=required,
            checks=checks_of(declared) if declared else {},
            nobody=site.catalog.accept.nobody,
        )
        return emit, needs_of_all([to, *found.values()])

    def _property(self, site: Site, name: str, around: Around, declared: EventType | None) -> Expression | None:
        kind = declared.properties[name].kind if declared and name in declared.properties else "any"
        kinds: Collection[Sort] = _KINDS if kind == "any" else (kind, *_READ_AS.get(kind, ()))
        return _value(site, self.with_[name], around, kinds, f"{self.event}.{name} is of type {kind}")

    def _required(self, site: Site, declared: EventType) -> frozenset[str]:
        """The properties that the event must have; reported if `with` leaves one out, or has an undeclared one."""
        for name in self.with_:
            if name not in declared.properties:
                help = did_you_mean(name, declared.properties)
                message = f"{self.event} has no property '{name}'"
                site.at("with", name).report("unknown-property", message, help, key=True)
        required = frozenset(name for name, each in declared.properties.items() if each.required)
        for name in sorted(required - self.with_.keys()):
            site.report("missing-property", f"{self.event} must have '{name}'", f"add with: {{ {name}: … }}")
        return required


_KINDS: tuple[Sort, ...] = get_args(Kind)
_IDS: tuple[Sort, ...] = ("string", "number")
_READ_AS: Mapping[str, tuple[Sort, ...]] = {"time": ("date", "string"), "date": ("string",)}
"""A day may stand for a time, and a text for both."""


def _value(site: Site, text: str, around: Around, kinds: Collection[Sort], help: str) -> Expression | None:
    return site.value(text, around.types, kinds, help, steps=around.steps or ())


SendField = Annotated[SendFields, Shorthand(_template, TEXT)]
