"""What live workers have decided comes out the same again, from an archive; what does not is told."""

from pathlib import Path

import msgspec
import pytest

from tests.support.command import engine
from tests.support.examples import so_many
from tests.support.live_worker import TOPIC
from tests.support.production import CHANGED, FILES, ZONED, Production, again
from tests.support.project_files import write_project


@pytest.mark.parametrize("seed", range(so_many(6)))
@pytest.mark.parametrize("files", [FILES, ZONED], ids=["one-zone", "zones"])
def test_what_workers_have_decided_comes_out_the_same_byte_for_byte(
    tmp_path: Path, files: dict[str, str], seed: int
) -> None:
    shop = Production(tmp_path, files)
    shop.live(seed, 60)
    found, lacks = again(shop.archived(tmp_path / "archive"), shop.folder)
    assert lacks == []
    assert found.examples == []
    assert found.same == len({identity for _, identity, _ in shop.outcomes.records})
    assert found.same > 60
    assert (found.differ, found.undecidable) == (0, 0)


def test_what_an_earlier_engine_has_decided_in_other_words_is_the_same(tmp_path: Path) -> None:
    rules = """\
version: 1
segments:
  - { id: buyers, if: events.buy.count("6h") >= 1 }
  - { id: tier, levels: { low: events.buy.count("2d") >= 1, high: events.buy.count("2d") >= 3 } }
rules:
  - { id: gone, when: { segment: buyers, moves: out }, purpose: transactional, send: note }
  - { id: here, when: { segment: buyers }, reentry: once, emit: { event: visit, after: 1h } }
  - { id: tier, when: { segment: tier }, send: note }
  - { id: hello, when: { event: visit }, reentry: after 1d, steps: [{ send: note }, { wait: 2h }] }
  - { id: rare, when: { event: visit }, reentry: after 2h, purpose: transactional, send: note }
  - { id: slow, when: { event: visit }, steps: [{ wait: { days: 1 } }, { send: note }] }
"""
    shop = Production(tmp_path, {**FILES, "rules.yaml": rules})
    shop.live(1, 60)
    then = [
        (b'"left segment buyers', b'"segment buyers: in to none'),
        (b'"came into segment buyers', b'"segment buyers: none to in'),
        (b"once, and it came true at", b"once, and it reached this customer at"),
        (b"after 1d, and it came true at", b"after 1d, and it reached this customer at"),
        (b"after 2h, and it came true at", b"after 2h, and it reached this customer at"),
        (b"waited 1 day", b"waited 1 days"),
    ]
    for now, earlier in then:
        changed = [(one, id_, value.replace(now, earlier)) for one, id_, value in shop.outcomes.records]
        assert changed != shop.outcomes.records, now
        shop.outcomes.records[:] = changed
    assert any(b'"segment tier: none to low"' in value for _, _, value in shop.outcomes.records)
    found, _ = again(shop.archived(tmp_path / "archive"), shop.folder)
    assert found.examples == []
    assert found.same > 60


def test_an_event_that_the_archive_does_not_have_is_told_with_what_then_differs(tmp_path: Path) -> None:
    shop = Production(tmp_path)
    shop.live(1, 60)
    buys = [place for place, one in enumerate(shop.topics.records[TOPIC, 0]) if one and b'"buy"' in (one.value or b"")]
    found, lacks = again(shop.archived(tmp_path / "archive", leave_out=buys[3]), shop.folder)
    assert lacks == ["shop/0 begins at offset 0, and 1 offsets up to its end are not there"]
    assert found.kinds["not decided again"] >= 1
    assert any(one.rule == "receipt" and one.again == "" for one in found.examples)


def test_decisions_of_another_book_need_it_and_other_rules_decide_otherwise(tmp_path: Path) -> None:
    shop = Production(tmp_path / "new", CHANGED)
    shop.live(2, 40)
    archive = shop.archived(tmp_path / "archive")
    other = Production(tmp_path / "old")
    found, _ = again(archive, other.folder)
    assert found.missing == {shop.project.book.revision: len({one for _, one, _ in shop.outcomes.records})}
    assert found.kinds.keys() >= {"no such rules", "not recorded"}
    found, _ = again(archive, other.folder, shop.folder)
    assert found.differ == 0


def test_the_command_tells_what_differs_by_its_exit_code(tmp_path: Path) -> None:
    shop = Production(tmp_path)
    shop.live(3, 20)
    shop.archived(tmp_path / "archive")
    ran = engine("replay", "archive", "--as-decided", folder=tmp_path)
    assert ran.code == 0, ran.said
    assert "outcomes are the same, byte for byte" in ran.out
    write_project(tmp_path, CHANGED)
    ran = engine("replay", "archive", "--as-decided", folder=tmp_path)
    assert ran.code == 4
    assert "were decided by the rules" in ran.out
    recorded = [line.partition("recorded ")[2] for line in ran.out.splitlines() if line.startswith("    recorded ")]
    assert recorded
    assert all(msgspec.json.decode(one)["customer"] in ("ann", "bob", "cyn", "dan") for one in recorded)
    assert "takes one archive" in engine("replay", "rules/rules.yaml", "--as-decided", folder=tmp_path).said
