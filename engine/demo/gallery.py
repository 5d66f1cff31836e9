"""The demo's page: what each rule did, one customer's year and a half, and the messages as a customer would see them.

It shows samples only, so it does not grow with the number of messages, and it loads nothing from anywhere.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from engine.demo.chart import Chart, months, sparkline
from engine.demo.story import Entry, customer_to_show, story

SHOWN = ("fired", "deferred", "capped", "expired", "suppressed")
"""Outcomes with a column of their own."""
MOST_HTML = 30_000
"""Characters of a message that may stand in the page."""
OPENING = 12
"""Characters after which subjects may differ by a name or a date only."""

JsonObject = dict[str, Any]


@dataclass
class GalleryData:
    """What a run read and decided. `outreach` and `outcomes` are the records of the output files, in their order.

    `rules` has `id` and `why` of each rule, `history` gives a customer's events (type, time, properties).
    """

    events: int
    customers: int
    seconds: float
    rules: Sequence[JsonObject]
    outreach: Sequence[JsonObject]
    outcomes: Sequence[JsonObject]
    history: Callable[[str], Sequence[JsonObject]] = lambda customer: ()
    figures: str = ""
    """The page with the shop's figures, beside this one; "": there is none."""


@dataclass
class RuleView:
    """One rule's row in the table, and its sample messages."""

    id: str
    why: str
    counts: Counter[str]
    spark: str
    samples: list[JsonObject]

    @property
    def settled(self) -> int:
        """Firings by what became of them in the end; a deferred one has a second outcome."""
        return sum(count for outcome, count in self.counts.items() if outcome != "deferred")


def write_gallery(data: GalleryData, path: Path) -> None:
    """Write the page, replacing what is there."""
    loader = FileSystemLoader(Path(__file__).parent)
    templates = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters["shown"] = _shown
    customer = customer_to_show(data.outreach)
    page = templates.get_template("gallery.html.j2").render(
        data=data,
        columns=SHOWN,
        rules=_rules(data),
        chart=Chart.of(data.outreach),
        customer=customer,
        story=_story(data, customer),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _rules(data: GalleryData) -> list[RuleView]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in data.outcomes:
        counts[outcome["rule"]][outcome["outcome"]] += 1
    sent: dict[str, list[JsonObject]] = defaultdict(list)
    for outreach in data.outreach:
        sent[outreach["rule"]].append(outreach)
    span = months(data.outreach)
    return [
        RuleView(
            id=rule["id"],
            why=rule["why"],
            counts=counts[rule["id"]],
            spark=sparkline(sent[rule["id"]], span),
            samples=_samples(sent[rule["id"]]),
        )
        for rule in data.rules
    ]


def _samples(sent: Sequence[JsonObject]) -> list[JsonObject]:
    """One message from the middle, and another that reads differently, where there is one."""
    if not sent:
        return []
    first = sent[len(sent) // 2]
    begins = first["subject"][:OPENING]
    other = next((it for it in sent if it["subject"][:OPENING] != begins), None)
    return [first, other] if other else [first]


def _story(data: GalleryData, customer: str) -> list[Entry]:
    return story(
        data.history(customer),
        [it for it in data.outreach if it["customer"] == customer],
        [it for it in data.outcomes if it["customer"] == customer],
    )


def _shown(html: str) -> str:
    """A message's html for a frame: its links must not lead the frame away."""
    return html.replace("<head>", '<head><base target="_blank">', 1) if len(html) <= MOST_HTML else "(too long to show)"
