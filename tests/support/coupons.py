"""A shop that gives coupons: its rules, templates and customers, to be changed in tests."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from types import MappingProxyType

from engine.model import Outreach
from engine.testing import Project, Simulator, load_project
from tests.support.project_files import write_files

EVENTS = """\
version: 1
events:
  came: { properties: { name: string }, profile: { name: name } }
  bought: { properties: { amount: number } }
"""
RULES = """\
version: 1
coupons:
  - { id: gift, code: "GIFT-{10}", valid: 14d }
rules:
  - id: welcome
    when: { event: came }
    steps:
      - send: gift
      - wait: 11d
      - send: ends
"""
SHOWN = "{{ coupons.gift }} until {{ coupons.gift.valid_until }}"
TEXTS = {"gift": SHOWN, "ends": SHOWN}


def shop(
    folder: Path,
    *,
    rules: str = RULES,
    policy: str = "",
    texts: Mapping[str, str] = TEXTS,
    mails: Mapping[str, str] = MappingProxyType({}),
) -> Project:
    """The project of these files; `texts`: template -> text of its mail, `mails`: template -> all of its file."""
    for name, content in (("events", EVENTS), ("rules", dedent(rules)), ("policy", f"version: 1\n{dedent(policy)}")):
        write_files(folder / "rules", {f"{name}.yaml": content})
    mail = "{{% block subject %}}Hi{{% endblock %}}\n{{% block text %}}{}{{% endblock %}}\n"
    for old in (folder / "templates").glob("*"):
        old.unlink()
    written = {name: mail.format(text) for name, text in texts.items()} | dict(mails)
    write_files(folder / "templates", {f"{name}.email.j2": text for name, text in written.items()})
    return load_project(folder / "rules", folder / "templates")


def shown(outreach: Outreach) -> tuple[str, int]:
    """Code and end of validity in a text such as SHOWN."""
    return shown_in(outreach.text)


def shown_in(text: str) -> tuple[str, int]:
    code, _, until = text.partition(" until ")
    return code, int(until)


def told(sim: Simulator) -> list[dict[str, object]]:
    """The properties of the events that told the shop of codes."""
    return [one.properties for one in sim.derived if one.type == "coupon_issued"]
