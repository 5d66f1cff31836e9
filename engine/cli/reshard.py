"""`engine reshard`: moves the customers of a namespace to another number of partitions."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.progress import Progress

from engine.cli.console import complain, err, is_terminal, out
from engine.cli.options import AsJson, Data, Namespace, Store, settings_of
from engine.errors import ReshardRefused
from engine.operate.reasons_not_to_reshard import Services, reasons_not_to_reshard
from engine.operate.reshard import Moved, PartitionOf, Reshard
from engine.operate.words import count_of
from engine.wire.partitioner import crc32_partition, murmur2_partition
from engine.wiring.brokers import KafkaBrokers
from engine.wiring.store import open_store

NOT_AT_REST = "no customer was moved; --force moves them nevertheless"


class Partitioner(StrEnum):
    """The partitioners of producers."""

    MURMUR2 = "murmur2"
    CRC32 = "crc32"


class Offsets(StrEnum):
    """What a reshard does with the offsets of the topics."""

    KEEP = "keep"
    RESET = "reset"


def register(app: typer.Typer) -> None:
    app.command("reshard")(reshard)


def reshard(
    to: Annotated[int, typer.Option(min=1, help="The new number of partitions.")],
    offsets: Annotated[
        Offsets, typer.Option(help="keep: topics grew or have new names. reset: they were made anew, read all of them.")
    ] = Offsets.KEEP,
    partitioner: Annotated[Partitioner, typer.Option(help="What the producers use; see `engine doctor`.")] = (
        Partitioner.MURMUR2
    ),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count who would move.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Move although workers run, events are unread, or Kafka cannot be asked.")
    ] = False,
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Move all customers to another number of partitions: states, timers, history, tombstones. Stop all workers first.

    Before: stop the producers, senders and pages, let the workers read everything, stop them with SIGTERM. After: let
    all topics grow that `engine run --check` names under partitions (or make new ones), start everything. No worker
    starts in between; a run that was interrupted goes on when it is started again. It refuses while the workers' or
    the senders' group has members, or events are unread.

    Example: engine reshard --to 12 --store redis://redis:6379/0
    """
    settings = settings_of(store=store, data=data, namespace=namespace)
    with open_store(settings) as opened:
        job = Reshard(opened, to, _partition_of(partitioner))
        services = Services(settings.kafka_group, settings.send_group, settings.feedback_topic)
        reasons = list(reasons_not_to_reshard(KafkaBrokers(settings), services, opened, job))
        for reason in reasons:
            complain(reason)
        if reasons and not (force or dry_run):
            raise ReshardRefused(NOT_AT_REST)
        with Progress(console=err, disable=as_json or not is_terminal(), transient=True) as progress:
            task = progress.add_task("customers", total=None)
            keep = offsets is Offsets.KEEP
            moved = job.plan() if dry_run else job.run(keep_offsets=keep, progress=lambda n: progress.advance(task, n))
    if as_json:
        out.print_json(data=_as_data(moved, dry_run))
    else:
        _show(moved, dry_run)


def _partition_of(partitioner: Partitioner) -> PartitionOf:
    partition = crc32_partition if partitioner is Partitioner.CRC32 else murmur2_partition
    return lambda customer, count: partition(customer.encode(), count)


def _as_data(moved: Moved, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "before": moved.before,
        "after": moved.after,
        "total": moved.customers.total(),
        "moved": moved.moved,
        "conflicts": moved.conflicts,
        "resumed": moved.resumed,
        "customers": {str(number): moved.customers[number] for number in range(moved.after)},
    }


def _show(moved: Moved, dry_run: bool) -> None:
    would = "would move" if dry_run else "[green]moved[/]"
    resumed = ", an interrupted run was finished" if moved.resumed and not dry_run else ""
    customers, after = count_of(moved.customers.total(), "customer"), count_of(moved.after, "partition")
    out.print(
        f"{would} {moved.moved:,} of {customers} from {moved.before} to {after}{resumed}",
        highlight=False,
    )
    for number in range(moved.after):
        out.print(f"  partition {number}: {moved.customers[number]:,}", highlight=False)
    if moved.conflicts:
        out.print(f"[yellow]{moved.conflicts:,} were in two partitions; the right one was kept[/]", highlight=False)
