"""A digest lists what happened since the last one: the newest events, with the properties that its template shows."""

from pathlib import Path

import pytest

from engine.core.state.codec import decode_state, encode_state
from engine.core.state.model import State
from engine.testing import load_project
from engine.testing.simulator import Simulator
from tests.support.project_files import write_project

FILES = {
    "events.yaml": """\
version: 1
events:
  person: { profile: all }
  comment: { properties: { text: string, author: string, secret: string } }
profile: { reader: boolean }
""",
    "rules.yaml": """\
version: 1
rules:
  - id: digest
    when: { schedule: { every: week, on: friday, at: "09:00", among: profile.reader } }
    if: events.comment.count("7d") >= 1
    send: { template: digest, channel: push, expires: 1d }
""",
    "digest.push.j2": """\
{% block text %}{% for one in events.comment.list("7d") %}{{ one.author }}: {{ one.text }}
{% endfor %}{% endblock %}
""",
}
DAY = 86_400_000


@pytest.fixture(params=[False, True], ids=["once", "twice-and-reloaded"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Simulator:
    folder = write_project(tmp_path, FILES)
    project = load_project(folder / "rules", folder / "templates")
    return Simulator(project.book, strict=bool(request.param), renderer=project.renderer)


def state_of(there: Simulator) -> State:
    state = there.states["c-1"]
    assert state is not None
    return state


def test_each_weeks_digest_shows_the_comments_of_its_week_the_newest_first(there: Simulator) -> None:
    there.event("person", "0d", reader=True)
    there.event("comment", "1h", text="first", author="Ada", secret="x")
    there.event("comment", "3h", text="third", author="Cem", secret="x")
    there.event("comment", "2h", text="second", author="Bo", secret="x")
    there.run("3d")
    there.event("comment", "8d", text="later", author="Dia", secret="x")
    there.run("20d")
    assert [one.text for one in there.outreach] == ["Cem: third\nBo: second\nAda: first", "Dia: later"]


def test_a_busy_week_shows_the_newest_twenty_and_keeps_no_more(there: Simulator) -> None:
    there.event("person", "0d", reader=True)
    for number in range(60):
        there.event("comment", f"{number}m", text=f"no. {number}", author="Ada", secret="x" * 1000)
    there.run("3d")
    (digest,) = there.outreach
    assert digest.text.splitlines() == [f"Ada: no. {number}" for number in range(59, 39, -1)]
    memory = state_of(there).events["comment"]
    assert memory.history is not None
    assert [one.properties for one in memory.history.listed][-1] == {"text": "no. 59", "author": "Ada"}
    assert len(encode_state(decode_state(encode_state(state_of(there))))) < 3_500
