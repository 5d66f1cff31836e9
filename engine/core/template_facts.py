"""What the loader knows of a template: what it reads, and what is wrong with it.

`engine/render` finds it; `engine/lang` checks it, and the rule book takes over what templates need.
"""

from typing import Final

import msgspec

from engine.core.expression import NO_NEEDS, Needs


class TemplateRead(msgspec.Struct, frozen=True):
    """One thing a template asks for: a path from a root, such as ("profile", "first_name"), and its 1-based line."""

    path: tuple[str, ...]
    line: int
    asked: bool = False
    """The read is one of `LINKS`, inside an `if` that tests whether there are links."""


KEY: Final = "[key]"
ROW: Final = "[0]"
"""The parts of a path for a key of a table, and for one of its rows: tables.<table>[key][0].<column>."""

SURVEY_LINKS: Final = "survey_links"
"""The function whose links only the sender can fill in. A call has the path (SURVEY_LINKS, the survey's id)."""
# fmt: off
ROOTS: Final = (
    "profile", "event", "events", "customer", "segments", "points", "scores", "experiments", "coupons", "tables",
    "steps", SURVEY_LINKS, "rule", "outreach",
)
"""The variables of templates."""
OUTREACH_PARTS: Final = (
    "id", "rule", "occurrence", "customer", "at", "moment", "expires_at", "channel", "purpose", "template",
    "unsubscribe_link", "preferences_link", "share_link",
)
TALLY_PARTS: Final = ("count", "sum", "last", "first", "list")
"""Of `events.<type>`."""
# fmt: on

LINKS: Final = frozenset({("outreach", "unsubscribe_link"), ("outreach", "preferences_link")})
"""Reads that only the sender can fill in. A message has both links or neither."""
SHARE_LINK: Final = ("outreach", "share_link")


def needs_sender(read: TemplateRead) -> bool:
    """Whether it is a link that only the sender can sign."""
    return read.path in LINKS or read.path == SHARE_LINK or read.path[0] == SURVEY_LINKS


class TemplateProblem(msgspec.Struct, frozen=True):
    """A problem inside a template, independent of the rules. `line` is 1-based; `text` is what the line has of it."""

    code: str
    message: str
    line: int
    help: str = ""
    text: str = ""


class TemplateFacts(msgspec.Struct, frozen=True):
    """Facts about a template `<template>.<channel>.j2`, for checks and the book. `path` is for messages."""

    template: str
    channel: str
    path: str
    source: str
    """The template's text and that of all shared files (`_…`), any of which may change the result."""
    needs: Needs = NO_NEEDS
    reads: tuple[TemplateRead, ...] = ()
    compared: tuple[TemplateRead, ...] = ()
    """What is compared with a text that is written out: a path, with the text as its last part."""
    problems: tuple[TemplateProblem, ...] = ()
