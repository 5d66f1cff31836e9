"""What the tests of templates share: a folder of templates, a renderer over it, an outreach to render."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.core.book import RuleBook
from engine.core.catalog import Catalog
from engine.core.policy import Policy
from engine.core.state.model import State
from engine.core.template_facts import TemplateFacts
from engine.errors import RenderFailed
from engine.model import KeptEvent, Outreach
from engine.render import JinjaRenderer, inspect_templates
from tests.support.project_files import write_files

NOON = 1_767_268_800_000
"""2026-01-01T12:00:00Z, a Thursday."""


def renderer(folder: Path, files: Mapping[str, str], policy: Policy | None = None) -> JinjaRenderer:
    return JinjaRenderer(write_files(folder, files), RuleBook((), Catalog(), policy))


def outreach(channel: str = "push", event: KeptEvent | None = None, template: str = "t") -> Outreach:
    return Outreach(
        id="o-1",
        rule="win-back",
        occurrence="1",
        customer="c-1",
        at=NOON,
        moment=NOON,
        expires_at=NOON,
        channel=channel,
        purpose="marketing",
        template=template,
        revision="r",
        reason="",
        event=event,
    )


def purchase(**properties: Any) -> KeptEvent:
    return KeptEvent("e-1", "purchase", NOON, properties)


def push(source: str) -> dict[str, str]:
    """The files of one push template that has this text."""
    return {"t.push.j2": f"{{% block text %}}{source}{{% endblock %}}"}


def mail(subject: str = "Hello", text: str = "Hello", html: str = "Hello") -> dict[str, str]:
    blocks = {"subject": subject, "text": text, "html": html}
    return {"t.email.j2": "\n".join(f"{{% block {name} %}}{body}{{% endblock %}}" for name, body in blocks.items())}


def text_of(
    folder: Path,
    source: str,
    state: State | None = None,
    event: KeptEvent | None = None,
    policy: Policy | None = None,
    files: Mapping[str, str] | None = None,
) -> str:
    """What a push template with this text says."""
    made = outreach(event=event)
    renderer(folder, push(source) | dict(files or {}), policy).render(made, state or State())
    return made.text


def reason_of(render: Callable[..., object], *given: Any, **named: Any) -> str:
    """Why it fails to render."""
    with pytest.raises(RenderFailed) as caught:
        render(*given, **named)
    return caught.value.reason


def facts_of(folder: Path, files: Mapping[str, str]) -> TemplateFacts:
    """The facts of the first template among the files."""
    return inspect_templates(write_files(folder, files))[0]
