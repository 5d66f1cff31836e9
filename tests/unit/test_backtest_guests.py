"""A guest who becomes a customer ends what the guest began, in a backtest of files and of archives as in a replay."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.core.zones import iso
from engine.insight.archive import Archive
from engine.insight.archive.ledger import NAME
from engine.ports import Record
from engine.testing import load_project
from engine.wire.decode import Decoder
from engine.wiring.archiving import add_records, event_adder
from tests.support.backtests import backtested, replayed, write_lines
from tests.support.books import DAY, HOUR, START
from tests.support.command import engine
from tests.support.project_files import write_project

FILES = {
    "events.yaml": """\
version: 1
sources: [{ topic: web, format: segment, keyed: false }, { topic: shop }]
events:
  cart: { properties: { cart_id: string } }
  buy: { properties: { cart_id: string } }
""",
    "policy.yaml": 'version: 1\nquiet_hours: [{ from: "22:00", to: "07:00" }]\nallowed_lateness: 1h\n',
    "rules.yaml": """\
version: 1
rules:
  - { id: cart, when: { abandoned: { after: cart, without: buy, within: 2h, match: cart_id } }, send: note }
  - { id: quiet, when: { inactivity: { of: [cart, buy], for: 1d } }, send: note }
""",
    "note.email.j2": "{% block subject %}Hi{% endblock %}{% block text %}{{ events.cart.count() }}{% endblock %}\n",
}


def calls(seed: int, number: int = 400) -> Iterator[dict[str, Any]]:
    """Guests fill carts, sign in, and buy; some of what they do arrives up to three hours late, some of it twice."""
    chance = random.Random(seed)
    for place in range(number):
        person = chance.randrange(12)
        guest, known = {"anonymousId": f"guest-{person}"}, {"userId": f"u-{person}"}
        cart: dict[str, Any] = {"type": "track", "event": "cart", "properties": {"cart_id": f"k{chance.randrange(3)}"}}
        said = chance.choice(
            [
                cart | guest,
                cart | guest,
                cart | guest | known,
                cart | known | {"event": "buy"},
                {"type": "identify", **guest, **known},
                {"type": "alias", "previousId": f"guest-{person}", **known},
            ]
        )
        late = chance.randrange(3 * HOUR) if chance.random() < 0.2 else 0
        one = {**said, "messageId": f"m-{place}", "timestamp": iso(START + place * HOUR // 2 - late)}
        yield from [one] * chance.choice((1, 1, 1, 2))


@pytest.mark.parametrize("seed", range(6))
def test_files_and_their_archive_give_what_a_replay_gives(tmp_path: Path, seed: int) -> None:
    folder = write_project(tmp_path, FILES)
    events = write_lines(folder / "web.jsonl", list(calls(seed)))
    options = "--source", "web"
    wanted = replayed(folder, events, *options)
    assert any(b"became u-" in line for line in wanted.outcomes)
    assert wanted.outreach
    assert backtested(folder, events, *options) == wanted
    assert engine("archive", events, "--to", "archive", *options, folder=folder).code == 0
    assert backtested(folder, folder / "archive") == wanted


def test_an_archive_of_an_older_engine_says_from_where_on_it_knows_who_guests_are(tmp_path: Path) -> None:
    folder = write_project(tmp_path, FILES)
    catalog = load_project(folder / "rules", folder / "templates").book.catalog
    topic = [
        Record("web", 0, place + 1, json.dumps(one).encode(), None, START + place) for place, one in enumerate(calls(1))
    ]
    with Archive.opened(folder / "archive") as archive:
        adder = event_adder(Decoder(catalog.sources[0], catalog), START + 365 * DAY)
        add_records(archive, iter(topic), adder, by_arrival=True)
        archive.commit()
    written = folder / "archive" / NAME
    ledger = msgspec.json.decode(written.read_bytes())
    del ledger["guests_from"], ledger["files"]["guests"]
    written.write_bytes(msgspec.json.encode(ledger))
    told = f"web/0 before offset {len(topic)}: which guests became customers is not there"
    ran = engine("backtest", "rules", "--events", "archive", folder=folder)
    assert told in ran.said
    as_data = json.loads(engine("backtest", "rules", "--events", "archive", "--json", folder=folder).out)
    assert as_data["lacks"] == [told]
