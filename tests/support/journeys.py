"""Journeys in tests: rule books from YAML, and customers whose whole story is told in several ways."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

from engine.core.book import RuleBook
from engine.lang.project import load
from engine.model import Event, Outcome
from engine.testing import START, Simulator
from tests.support.books import DAY, HOUR
from tests.support.project_files import write_files

EVENTS = """\
version: 1
events:
  signup: { properties: { plan: string, sku: string, days: number }, profile: { plan: plan } }
  visit: {}
  buy: { properties: { amount: number, order_id: string, sku: string, days: number } }
  refund: { properties: { order_id: string } }
  closed: {}
  moved: { properties: { timezone: string }, profile: { timezone: timezone } }
  opted: { properties: { email_opt_in: boolean }, profile: { email_opt_in: email_opt_in } }
  outreach_clicked: { properties: { outreach: string } }
"""


OFFER = """\
experiments:
  - id: offer
    hypothesis: An offer brings more orders.
    variants: { a: 45, b: 45, none: 10 }
    goal: { event: buy, within: 30d }
"""
"""An experiment, to go before `rules:`."""


def loaded(rules: str, policy: str = "", events: str = EVENTS) -> RuleBook:
    """The book of one rule file, without `version: 1`, and perhaps a policy. Fails with the diagnostics."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = {"events.yaml": events, "rules.yaml": f"version: 1\n{dedent(rules)}"}
        write_files(folder, files | ({"policy.yaml": f"version: 1\n{dedent(policy)}"} if policy else {}))
        found = load(folder, None)
    assert found.book, "\n".join(each.human() for each in found.diagnostics)
    return found.book


def journey(steps: str, rest: str = "", policy: str = "", when: str = "{ event: signup }") -> RuleBook:
    """The book of one journey `j`: its steps as a YAML list, and further fields of the rule."""
    indented = dedent(steps).strip().replace("\n", "\n      ")
    more = dedent(rest).strip().replace("\n", "\n    ")
    return loaded(f"rules:\n  - id: j\n    when: {when}\n    {more}\n    steps:\n      {indented}\n", policy)


Story = Callable[[Simulator], object]


def told(book: RuleBook, story: Story, until: str = "90d", *, strict: bool = False) -> list[str]:
    """What the customer of a story gets, as "2d nudge": the time from the start and the step."""
    sim = Simulator(book, start=START, strict=strict)
    story(sim)
    sim.run(until)
    return [f"{span(one.at)} {one.step or one.rule}" for one in sim.outreach]


def span(at: int) -> str:
    """A moment after START in the largest unit that writes it exactly, or nearly."""
    hours, rest = divmod(at - START, HOUR)
    days, hours = divmod(hours, 24)
    return f"{days}d" + (f"{hours}h" if hours else "") + (f"{rest // 60_000}m" if rest else "")


def outcomes(sim: Simulator, *wanted: Outcome) -> list[str]:
    """The outcomes as "2d nudge fired"; only those of `wanted`, if any are named."""
    kinds = wanted or tuple(Outcome)
    return [
        " ".join(filter(None, (span(one.at), one.step, one.outcome.value)))
        for one in sim.outcomes
        if one.outcome in kinds
    ]


ENDS = (Outcome.ENTERED, Outcome.COMPLETED, Outcome.EXITED, Outcome.GOAL_REACHED)
__all__ = [
    "DAY",
    "ENDS",
    "EVENTS",
    "HOUR",
    "START",
    "Event",
    "Simulator",
    "journey",
    "loaded",
    "outcomes",
    "span",
    "told",
]


ONBOARDING = """
    - send: hello
    - wait: 2d
    - send: nudge
      if: events.visit.count("2d") == 0
    - wait: 5d
    - send: tips
"""


def signs_up(sim: Simulator) -> None:
    sim.event("signup", "0d")
