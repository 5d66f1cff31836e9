"""What customers bought with an item: against plain Python, and through the command to a letter."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from math import sqrt
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.demo.generate import write_demo_events
from engine.demo.people import SHELVES
from engine.insight.archive import Archive, Place
from engine.insight.recommending import MAX_ITEMS, NoItems, RecommendOptions, recommendations
from engine.model import Event
from tests.support.command import REPOSITORY, engine
from tests.support.project_files import write_files

Bought = tuple[str, Mapping[str, Any]]


def archive(folder: Path, bought: Iterable[Bought]) -> Path:
    """An archive of these purchases, a second apart."""
    with Archive.opened(folder) as opened:
        for number, (customer, properties) in enumerate(bought):
            event = Event(f"e-{number}", "purchase", customer, 1_767_225_600_000 + number * 1000, dict(properties))
            opened.add_event(Place("shop", 0, number), event.time, event)
        opened.commit()
    return folder


def listed(found: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    return {item: [row["sku"] for row in rows] for item, rows in found.items()}


def by_hand(bought: Iterable[Bought], top: int, common: int) -> dict[str, list[str]]:
    baskets: dict[str, set[str]] = defaultdict(set)
    for customer, properties in bought:
        baskets[customer].add(properties["sku"])
    buyers = Counter(item for basket in baskets.values() for item in basket)
    pairs = Counter(pair for basket in baskets.values() for pair in combinations(sorted(basket), 2))
    others: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
    for (one, other), n in pairs.items():
        if n >= common:
            cosine = n / sqrt(buyers[one] * buyers[other])
            others[one].append((-cosine, -n, other))
            others[other].append((-cosine, -n, one))
    return {item: [other for *_, other in sorted(found)[:top]] for item, found in sorted(others.items())}


def test_the_order_is_that_of_the_cosine_over_customers(tmp_path: Path) -> None:
    random = Random(7)
    bought = [(f"c-{random.randrange(300)}", {"sku": f"sku-{int(60 * random.random() ** 2):02}"}) for _ in range(3000)]
    found = recommendations([archive(tmp_path, bought)], RecommendOptions(top=4, common=5))
    assert listed(found.rows) == by_hand(bought, 4, 5)
    assert (found.items, found.customers) == (60, len({customer for customer, _ in bought}))


@pytest.mark.parametrize(
    ("item", "purchase"),
    [
        ("sku", lambda skus: [{"sku": sku, "name": sku.upper()} for sku in skus]),
        ("products.sku", lambda skus: [{"products": [{"sku": sku, "name": sku.upper()} for sku in skus]}]),
        ("product.sku", lambda skus: [{"product": {"sku": sku, "name": sku.upper()}} for sku in skus]),
    ],
)
def test_items_are_found_where_the_shop_has_them(tmp_path: Path, item: str, purchase: Any) -> None:
    bought = [(f"c-{n}", each) for n in range(3) for each in purchase(["mug", "tea"])]
    found = recommendations([archive(tmp_path, bought)], RecommendOptions(item=item, columns=("name",)))
    assert found.rows == {"mug": [{"sku": "tea", "name": "TEA"}], "tea": [{"sku": "mug", "name": "MUG"}]}


def test_a_list_of_items_and_numbers_are_items_too(tmp_path: Path) -> None:
    bought = [(f"c-{n}", {"sku": [7, "tea"]}) for n in range(3)]
    assert listed(recommendations([archive(tmp_path, bought)], RecommendOptions()).rows) == {"7": ["tea"], "tea": ["7"]}


def test_a_row_tells_what_the_newest_purchase_of_the_item_said(tmp_path: Path) -> None:
    names = ["Old", "Older", "New"]
    bought = [(f"c-{n}", {"sku": sku, "name": names[n], "at": {"x": 1}}) for n in range(3) for sku in ("mug", "tea")]
    found = recommendations([archive(tmp_path, bought)], RecommendOptions(columns=("name", "at", "nothing")))
    assert found.rows["mug"] == [{"sku": "tea", "name": "New"}]


def test_an_item_that_a_customer_bought_again_counts_once(tmp_path: Path) -> None:
    bought = [("c-1", {"sku": sku}) for sku in ("mug", "tea") * 5] + [("c-2", {"sku": "mug"})]
    assert recommendations([archive(tmp_path, bought)], RecommendOptions(common=2)).rows == {}


def test_of_a_reseller_only_the_newest_items_count(tmp_path: Path) -> None:
    bought = [("c-1", {"sku": f"{number:04}"}) for number in range(MAX_ITEMS + 50)]
    found = recommendations([archive(tmp_path, bought)], RecommendOptions(common=1))
    assert min(found.rows) == "0050"
    assert len(found.rows) == MAX_ITEMS


def test_a_shop_whose_purchases_name_no_item_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(NoItems, match="--item says"):
        recommendations([archive(tmp_path, [("c-1", {"amount": 1})])], RecommendOptions())


def test_what_was_fitted_is_what_letters_recommend(tmp_path: Path) -> None:
    text = "{% for other in tables.recommend[event.sku] %}{{ other.name }}{% endfor %}"
    blocks = f"{{% block subject %}}x{{% endblock %}}{{% block text %}}{text}{{% endblock %}}"
    properties = "{ properties: { sku: string, name: string } }"
    files = {
        "rules/events.yaml": f"version: 1\nsources: [{{ topic: shop }}]\nevents: {{ purchase: {properties} }}\n",
        "rules/rules.yaml": "version: 1\nrules: [{ id: also, when: { event: purchase }, send: also }]\n",
        "templates/also.email.j2": blocks,
        "history.jsonl": "".join(
            json.dumps(
                {
                    "id": f"{number}-{sku}",
                    "type": "purchase",
                    "customer": f"c-{number}",
                    "time": 1_767_225_600_000,
                    "properties": {"sku": sku, "name": f"A {sku}"},
                }
            )
            + "\n"
            for number in range(5)
            for sku in ("mug", "tea")
        ),
    }
    folder = write_files(tmp_path, files)
    where = ["--rules", str(folder / "rules"), "--templates", str(folder / "templates")]
    run = CliRunner().invoke
    assert run(app, ["check", *where]).exit_code == 1  # there is no table yet, and the fit does not need one
    made = run(app, ["recommend", "fit", str(folder / "history.jsonl"), "--show", "name", *where])
    assert made.exit_code == 0, made.output
    assert run(app, ["check", *where]).exit_code == 0
    (folder / "sample.json").write_text(json.dumps({"event": {"type": "purchase", "properties": {"sku": "mug"}}}))
    shown = run(app, ["preview", "also", "--data", str(folder / "sample.json"), *where])
    assert "A tea" in shown.output
    again = run(
        app, ["recommend", "fit", str(folder / "history.jsonl"), "--common", "6", "--dry-run", "--json", *where]
    )
    assert json.loads(again.output)["rows"] == {}


@pytest.mark.parametrize("option", [("--table", ""), ("--table", "a,b"), ("--show", "name,the price")])
def test_what_templates_could_not_read_by_its_name_is_refused(tmp_path: Path, option: tuple[str, str]) -> None:
    ran = engine("recommend", "fit", tmp_path, *option, folder=tmp_path)
    assert ran.code == 2
    assert f"{option[0]}: " in ran.said
    assert "is not a name" in ran.said


@pytest.mark.parametrize("item", ["", "products.", ".sku"])
def test_an_item_without_a_name_is_refused(tmp_path: Path, item: str) -> None:
    ran = engine("recommend", "fit", tmp_path, "--item", item, folder=tmp_path)
    assert ran.code == 2
    assert f"--item {item!r}: expected a property, such as sku" in ran.said


def test_what_the_docs_show_of_the_example_shops_carts_is_what_a_newcomer_sees(tmp_path: Path) -> None:
    _, generated = write_demo_events(tmp_path)
    docs = (REPOSITORY / "docs/insight.md").read_text(encoding="utf-8")
    command, shown = docs.partition("$ engine recommend fit ")[2].partition("\n```")[0].split("\n", 1)
    options = command.split()[1:]
    rules = ["--rules", str(REPOSITORY / "rules"), "--templates", str(REPOSITORY / "templates")]
    ran = CliRunner().invoke(app, ["recommend", "fit", str(generated), *options, *rules])
    assert ran.exit_code == 0, ran.output
    assert ran.output.rstrip() == shown
    shelves = {record: set(shelf) for shelf in SHELVES for record in shelf}
    found = [line.strip().split(": ") for line in shown.splitlines()[1:]]
    assert all({record, *others.split(", ")} == shelves[record] for record, others in found)
