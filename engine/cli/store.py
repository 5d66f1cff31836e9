"""`engine store`: looks into the store and checks it; changes nothing."""

from collections.abc import Sequence
from typing import Annotated

import typer

from engine.cli.console import complain, out
from engine.cli.options import AsJson, Data, Namespace, Store, settings_of
from engine.errors import CommandFailed, UsageError
from engine.operate.customers import NOTHING_STORED
from engine.operate.store_view import check as check_partition, dump as dump_partition, dump_day, where as where_is
from engine.operate.words import count_of
from engine.ports import StateStore
from engine.wiring.store import open_store
from engine.worker.opening_checks import stored_meta

Partition = Annotated[int | None, typer.Option(min=0, help="Only this partition. Default: all.")]


def where(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
) -> None:
    """Print as JSON which partitions know a customer: their value, its size, and the looks that name them.

    Example: engine store where c-1042 --store redis://redis:6379/0
    """
    with open_store(settings_of(store=store, data=data, namespace=namespace)) as opened:
        found = list(where_is(opened, customer))
    if not found:
        message = f"the store has nothing of customer {customer!r}"
        raise CommandFailed(message)
    out.print_json(data=found)


def dump(
    partition: Partition = None,
    day: Annotated[int | None, typer.Option(help="Only the looks of this day, counted from 1970.")] = None,
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
) -> None:
    """Print what the store has, a line of JSON for each partition, customer and day of looks.

    Example: engine store dump --partition 3 > partition-3.jsonl
    """
    with open_store(settings_of(store=store, data=data, namespace=namespace)) as opened:
        for number in _partitions(opened, partition):
            lines = dump_partition(opened, number) if day is None else [dump_day(opened, number, day)]
            for line in lines:
                out.print_json(data=line, indent=None)


def check(
    partition: Partition = None,
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Check every customer: can they be read, and would each timer be found? Workers may run meanwhile.

    It reads the whole store twice. Exits 1 when something is wrong.

    Example: engine store check --store redis://redis:6379/0
    """
    with open_store(settings_of(store=store, data=data, namespace=namespace)) as opened:
        checked = {number: check_partition(opened, number) for number in _partitions(opened, partition)}
    if as_json:
        out.print_json(data={str(number): vars(one) for number, one in checked.items()})
    for number, one in checked.items():
        if not as_json:
            size, whose = one.largest
            largest = f" of {one.bytes:,} bytes, the largest {whose} of {size:,}" if size else ""
            out.print(
                f"partition {number}: {count_of(one.customers, 'customer')}{largest};"
                f" {count_of(one.looks, 'look')}, {one.histories:,} with a history only",
                highlight=False,
                markup=False,
            )
        for customer, says in one.problems:
            complain(f"partition {number}: {customer} {says}")
    if any(one.problems for one in checked.values()):
        raise typer.Exit(1)


def _partitions(store: StateStore, partition: int | None) -> Sequence[int]:
    """Those to look at. Raises CommandFailed where there is nothing: a misspelt namespace is not in order."""
    meta = stored_meta(store)
    if meta is None:
        raise CommandFailed(NOTHING_STORED)
    there = range(max(meta.partitions, meta.moving_to))
    if partition is None:
        return there
    if partition not in there:
        message = f"--partition {partition}: there are {len(there)}, counted from 0"
        raise UsageError(message)
    return [partition]
