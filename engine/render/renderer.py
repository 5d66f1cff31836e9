"""Renders outreach: subject and text without escaping, html with it. A failure affects one outreach only."""

import re
import threading
from collections.abc import Callable, Mapping
from copy import copy
from pathlib import Path
from typing import Any, Final

from jinja2.exceptions import TemplateError, TemplateSyntaxError
from jinja2.utils import missing

from engine.core.book import RuleBook
from engine.core.coupons import TEST_SECRET
from engine.core.experiments.model import ExperimentsView
from engine.core.scope import EventsView, RecordView, Scope
from engine.core.scores import ScoresView
from engine.core.state.model import State
from engine.core.template_facts import SURVEY_LINKS
from engine.errors import RenderFailed
from engine.model import Outreach
from engine.render.files import SUBJECT_CHANNEL, file_name, files_of, read_sources, required_blocks, template_files
from engine.render.lineage import Lineage, compile_lineage
from engine.render.rendering import Rendering, TemplateTrouble
from engine.render.sandbox import Sandbox, survey_links
from engine.render.views import (
    CouponsView,
    CustomerView,
    PointsView,
    ProfileView,
    RuleView,
    SegmentsView,
    StepsView,
    TablesView,
    expire_with_codes,
)

MAX_BLOCK = 262_144
"""Characters of a text or html, at most."""
MAX_SUBJECT = 998
"""Characters of a subject, at most: the longest line of a mail."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_TELLS_NO_DATA = (TemplateError, ZeroDivisionError, TypeError)
"""Errors whose message speaks of the template; others could quote a customer's data."""


class _Compiled:
    """One template in both escapings; `html` is None where it has no such block."""

    def __init__(self, plain: Lineage, html: Lineage | None, reads: Mapping[str, "_View"]) -> None:
        self.plain = plain
        self.html = html
        self.reads = reads
        """The variables that the template or a file that it names may read; making them all takes 3 us a message."""
        self.rendering = plain.environment.rendering
        self.subject = _one_line(plain.constant["subject"]) if "subject" in plain.constant else None
        """The subject, if it is the same for everybody."""

    def begin_anew(self) -> None:
        """After a render that broke off: what it was in the middle of must not go on in the next one."""
        self.plain.ready = None
        if self.html is not None:
            self.html.ready = None


class _Kit(threading.local):
    """What one thread renders with: environments, and the templates that it has met."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.rendering = Rendering()
        self.plain = Sandbox(sources, self.rendering, autoescape=False)
        self.html = Sandbox(sources, self.rendering, autoescape=True)
        self.compiled: dict[tuple[str, str], _Compiled | RenderFailed] = {}


class JinjaRenderer:
    """The port `Renderer` over a folder of template files, read once: a changed file needs a new renderer."""

    def __init__(self, folder: Path, book: RuleBook) -> None:
        self._take(book)
        self._coupon_secret = TEST_SECRET
        self._sources = read_sources(folder)
        self._kit = _Kit(self._sources)

    def of(self, book: RuleBook) -> "JinjaRenderer":
        """A renderer of the same templates for another book; both share what is compiled."""
        made = copy(self)
        made._take(book)
        return made

    def _take(self, book: RuleBook) -> None:
        self._coupons = book.catalog.coupons
        self._policy = book.policy
        self._scores = book.catalog.scores
        self._experiments = book.catalog.experiments
        self._why = {rule.id: rule.why for rule in book.rules}
        self._segments = book.segments
        self._points = frozenset(book.points)
        self._tables = TablesView.of(book.catalog.tables)

    def signing(self, coupon_secret: str) -> "JinjaRenderer":
        """The same with codes of coupons that are made with this secret."""
        other = copy(self)
        other._coupon_secret = coupon_secret
        return other

    def channels(self) -> dict[str, list[str]]:
        """Of each template the channels for which it has a file."""
        found: dict[str, list[str]] = {}
        for file in template_files(self._sources):
            found.setdefault(file.template, []).append(file.channel)
        return found

    def require(self, template: str, channel: str) -> None:
        """Raises RenderFailed if the file does not exist or does not compile."""
        self._find(template, channel)

    def render(self, outreach: Outreach, state: State) -> None:
        """Fill subject, text and html. Raises RenderFailed, with the template's line, and fills nothing then."""
        compiled = self._find(outreach.template, outreach.channel)
        compiled.rendering.begin(self._policy, state.profile, outreach.at)
        try:
            variables = {name: view(self, outreach, state) for name, view in compiled.reads.items()}
            subject, text, html = _blocks(compiled, variables)
            _check(outreach.channel, subject, text, html)
        except Exception as error:
            outreach.issued.clear()
            compiled.begin_anew()
            raise RenderFailed(outreach.template, _reason(error, compiled.plain.name)) from error
        outreach.subject, outreach.text, outreach.html = subject, text, html
        if "coupons" in variables:
            expire_with_codes(outreach, variables["coupons"])

    def _find(self, template: str, channel: str) -> _Compiled:
        compiled = self._kit.compiled
        found = compiled.get((template, channel))
        if found is None:
            found = compiled[template, channel] = self._compile(template, channel)
        if isinstance(found, RenderFailed):
            raise RenderFailed(found.template, found.reason)
        return found

    def _compile(self, template: str, channel: str) -> _Compiled | RenderFailed:
        name, kit, sources = file_name(template, channel), self._kit, self._sources
        try:
            plain = compile_lineage(kit.plain, sources, name, _VIEWS)
            html = compile_lineage(kit.html, sources, name, _VIEWS) if "html" in plain.blocks else None
        except Exception as error:
            return RenderFailed(template, _reason(error, name))
        lacking = [block for block in required_blocks(channel) if block not in plain.blocks]
        if lacking:
            return RenderFailed(template, f"{name} has no block {lacking[0]}")
        text = "".join(files_of(sources, name).values())
        reads = {name: view for name, view in _VIEWS.items() if re.search(rf"(?<!\.)\b{name}\b", text)}
        return _Compiled(plain, html, reads)


_View = Callable[[JinjaRenderer, Outreach, State], Any]
_VIEWS: Final[Mapping[str, _View]] = {
    "profile": lambda renderer, outreach, state: ProfileView(state.profile),
    "events": lambda renderer, outreach, state: EventsView(state, outreach.at),
    "scores": lambda renderer, outreach, state: ScoresView(renderer._scores, state, outreach.at),
    "segments": lambda renderer, outreach, state: SegmentsView(
        Scope(state, None, outreach.at, outreach.customer), renderer._segments
    ),
    "points": lambda renderer, outreach, state: PointsView(
        state, renderer._points, outreach.at, renderer._policy.zones.of(state.profile)
    ),
    "customer": lambda renderer, outreach, state: CustomerView(outreach.customer),
    "experiments": lambda renderer, outreach, state: ExperimentsView(
        renderer._experiments, Scope(state, outreach.event, outreach.at, outreach.customer)
    ),
    "coupons": lambda renderer, outreach, state: CouponsView(renderer._coupons, outreach, renderer._coupon_secret),
    "tables": lambda renderer, outreach, state: renderer._tables,
    "steps": lambda renderer, outreach, state: StepsView(outreach.sent),
    "outreach": lambda renderer, outreach, state: outreach,
    SURVEY_LINKS: lambda renderer, outreach, state: survey_links,
    "rule": lambda renderer, outreach, state: RuleView(
        outreach.rule, renderer._why.get(outreach.rule, ""), outreach.purpose, outreach.channel
    ),
    "event": lambda renderer, outreach, state: RecordView(outreach.event) if outreach.event is not None else missing,
}
"""The variables of templates."""


def _blocks(compiled: _Compiled, variables: dict[str, Any]) -> tuple[str, str, str]:
    context = compiled.plain.context(variables)
    subject = compiled.subject
    if subject is None:
        subject = _one_line(compiled.plain.render("subject", context)) if "subject" in compiled.plain.blocks else ""
    text = _storable(compiled.plain.render("text", context).strip())
    if compiled.html is None:
        return subject, text, ""
    return subject, text, _storable(compiled.html.render("html", compiled.html.context(variables)).strip())


def _one_line(subject: str) -> str:
    """No line ends and no control characters, so that no value can end the header and begin another."""
    if subject.isascii() and subject.isprintable() and "  " not in subject:
        return subject.strip()
    return _storable(" ".join(_CONTROL.sub(" ", subject).split()))


def _storable(text: str) -> str:
    """Half of a surrogate pair, which JSON can carry, cannot be encoded: it is replaced."""
    if text.isascii():
        return text
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _check(channel: str, subject: str, text: str, html: str) -> None:
    if not subject and channel == SUBJECT_CHANNEL:
        message = "the subject is empty"
        raise TemplateTrouble(message)
    if not text:
        message = "the text is empty"
        raise TemplateTrouble(message)
    if len(subject) > MAX_SUBJECT:
        message = f"the subject has {len(subject)} characters, at most {MAX_SUBJECT} are sent"
        raise TemplateTrouble(message)
    if len(text) > MAX_BLOCK or len(html) > MAX_BLOCK:
        message = f"a block has more than {MAX_BLOCK} characters"
        raise TemplateTrouble(message)


_LONGEST_REASON: Final = 300


def _reason(error: Exception, name: str) -> str:
    said = str(error) if isinstance(error, _TELLS_NO_DATA) else ""
    message = (said or type(error).__name__)[:_LONGEST_REASON]
    file, line = _place(error)
    if not line:
        return message
    return f"line {line}: {message}" if file in (name, None) else f"{file} line {line}: {message}"


def _place(error: Exception) -> tuple[str | None, int]:
    """The innermost template file and line that the error came through."""
    if isinstance(error, TemplateSyntaxError):
        return error.name, error.lineno
    place: tuple[str | None, int] = (None, 0)
    trace = error.__traceback__
    while trace is not None:
        if template := trace.tb_frame.f_globals.get("__jinja_template__"):
            place = (template.name, template.get_corresponding_lineno(trace.tb_lineno))
        trace = trace.tb_next
    return place
