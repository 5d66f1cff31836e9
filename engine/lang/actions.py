"""The grammar of what rules do: one model per action, and how it is built.

To add an action: a model here with its fields and `build`, its key in `RuleFields`, and its class in `core/actions`.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from engine.core.actions.base import Action
from engine.core.actions.send import Send
from engine.core.book import Needs
from engine.core.facts import Fact
from engine.lang.fields import TEXT, Name, OptionalDuration
from engine.lang.form import NotNull, Shorthand, Strict
from engine.lang.site import Site
from engine.lang.templates import Templates


class Defaults(Strict):
    label = "defaults"
    channel: Name = Field("email", description="email, sms, push or webhook.")
    purpose: Name = Field("marketing", description="What caps, consent and quiet hours are about.")
    priority: int = Field(0, description="Among rules that come true at once, higher goes first.")
    expires: OptionalDuration = Field(None, description="How late it may still be sent; the policy's fresh_for.")


@dataclass(frozen=True, slots=True)
class Around:
    """What an action is built with. `types`: what the root `event` may be when the rule comes true."""

    rule: str
    purpose: str
    """Of the rule; "" where it says none."""
    defaults: Defaults
    templates: Templates
    types: frozenset[str]
    goal: Fact | None = None
    """What the rule is for."""


class ActionFields(Strict):
    """Base of the actions."""

    @abstractmethod
    def build(self, site: Site, around: Around) -> tuple[Action, Needs]:
        """The action, and what its templates need; what is wrong with it is reported at `site`, its place."""


class SendFields(ActionFields):
    """One message."""

    label = "send"
    template: Name = Field(description="The template; its file is <template>.<channel>.j2.")
    channel: Name = Field("", description="email, sms, push or webhook; the default is in `defaults`.")
    purpose: Name = Field("", description="What caps, consent and quiet hours are about, instead of the rule's.")
    expires: OptionalDuration = Field(None, description="How late it may still be sent; the policy's fresh_for.")
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
        return send, around.templates.use(site.at("template"), around.rule, send, around.types)


def _template(value: Any) -> Any:
    return {"template": value} if isinstance(value, str) else value


SendField = Annotated[SendFields, Shorthand(_template, TEXT)]
