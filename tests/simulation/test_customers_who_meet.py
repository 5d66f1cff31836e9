"""Customers whose events concern each other: a replay tells each of it in its time, as the simulator does."""

from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from engine.adapters.memory import MemorySink, MemoryStore
from engine.core.zones import DAY, iso
from engine.model import Event
from engine.testing import Simulator, load_project
from engine.wiring.replay import HistoryFiles, Sinks, moment_of, replay_into
from tests.support.backtests import backtested, replayed, write_lines
from tests.support.books import HOUR, START
from tests.support.command import engine
from tests.support.examples import so_many
from tests.support.project_files import write_project
from tests.support.referrals import FILES, TEXT

CHAIN = """\
  - id: grand
    when: { event: referral_succeeded }
    if: profile.referred_by != null
    emit: { event: grand_referral, to: profile.referred_by, after: 2h, with: { friend: event.friend } }
  - id: grand-thanks
    when: { event: grand_referral }
    send: { template: thanks, expires: 1h }
  - id: quiet
    when: { inactivity: { of: [purchase, signup], for: 10d } }
    send: quiet
"""
SHOP = FILES | {
    "events.yaml": FILES["events.yaml"] + "  grand_referral: { properties: { friend: string } }\n",
    "rules.yaml": FILES["rules.yaml"] + CHAIN,
    "quiet.email.j2": TEXT.replace("{{ event.friend }}", "you"),
}
END = START + 60 * DAY


def history(random: Random) -> list[Event]:
    """In the order of arrival; some come late, some are for customers whom nobody knows, many fall on one moment."""
    found = []
    for number in range(random.randint(3, 25)):
        at = START + number * DAY + random.choice([0, 0, random.randint(0, 20 * HOUR)]) - random.choice([0, 0, 2 * DAY])
        customer, other = random.choice("abcd"), random.choice("abcdz")
        type_ = random.choice(["signup", "signup", "purchase", "purchase", "refund"])
        properties = {"by": other} if type_ == "signup" else {"order_id": random.choice("xy")}
        found.append(Event(f"e-{number}", type_, customer, at, properties))
    return found


def as_written(events: list[Event]) -> list[dict[str, Any]]:
    return [
        {"id": one.id, "type": one.type, "customer": one.customer, "time": iso(one.time), "properties": one.properties}
        for one in events
    ]


@pytest.mark.parametrize("lateness", [0, 6])
@pytest.mark.parametrize("seed", range(so_many(40)))
def test_a_replay_tells_customers_of_each_other_in_their_time(tmp_path: Path, seed: int, lateness: int) -> None:
    folder = write_project(tmp_path, SHOP | {"policy.yaml": f"version: 1\nallowed_lateness: {lateness}h\n"})
    project = load_project(folder / "rules", folder / "templates")
    events = history(Random(seed))
    sim = Simulator(project.book, project.renderer, start=START - 3 * DAY)
    for event in events:
        sim.deliver(event, max(event.time, sim.now))
    sim.run(END)
    write_lines(folder / "events.jsonl", as_written(events))
    outreach, letters = MemorySink(), MemorySink()
    replay_into(
        MemoryStore(),
        project,
        HistoryFiles((folder / "events.jsonl",), moment_of(iso(END))),
        sinks=Sinks(outreach, None, letters),
    )
    got = [msgspec.json.decode(entry.value) for entry in outreach.entries[0]]
    told = [(one["rule"], one["customer"], one["at"], one["text"]) for one in got]
    assert sorted(told) == sorted((one.rule, one.customer, iso(one.at), one.text) for one in sim.outreach)
    assert len(letters.entries.get(0, [])) == len(sim.lost)


@pytest.mark.parametrize("seed", range(so_many(10)))
def test_a_backtest_tells_customers_of_each_other_as_a_replay_does(tmp_path: Path, seed: int) -> None:
    folder = write_project(tmp_path, SHOP | {"policy.yaml": f"version: 1\nallowed_lateness: {seed % 2 * 6}h\n"})
    events = history(Random(seed))
    lines = write_lines(folder / "events.jsonl", as_written([*events, *events[::3]]))
    until = "--until", iso(END)
    wanted = replayed(folder, lines, *until)
    assert backtested(folder, lines, *until) == wanted
    assert engine("archive", lines, "--to", "archive", folder=folder).code == 0
    assert backtested(folder, folder / "archive", *until) == wanted
