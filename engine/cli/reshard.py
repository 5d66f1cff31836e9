"""`engine reshard`: moves the customers of a namespace to another number of partitions."""

from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from engine.cli.console import complain, out
from engine.cli.opening import open_project
from engine.cli.options import AsJson, Data, Namespace, RulesDir, Store, TemplatesDir, settings_of
from engine.cli.progress import stages
from engine.config import Settings
from engine.errors import ReshardRefused, SourceUnavailable
from engine.operate.positions import PartitionOfKey
from engine.operate.reasons_not_to_reshard import Services, left_behind, not_read, sentences, who_works
from engine.operate.reshard import Moved, Reshard
from engine.operate.topics import source_topics
from engine.operate.words import count_of
from engine.ports import StateStore
from engine.wire.partitioner import crc32_partition, murmur2_partition
from engine.wiring.brokers import KafkaBrokers
from engine.wiring.drain import drain
from engine.wiring.processes import Progress, Stage
from engine.wiring.store import open_store

NOT_AT_REST = "no customer was moved; --force moves them nevertheless"
UNREAD = "it is decided before customers move, but not with --force: then those who move never have theirs"
STALE = (
    "it has come since, and does not lie where the new number puts its customer: wait until all producers know that"
    " (five minutes by default), or stop them, and run this again"
)
NOT_OURS = (
    "events.yaml of these rules does not read it: run this again with the workers' rules, or, if workers do not read it"
    " any more, with --force: all that they read has been decided"
)


class Partitioner(StrEnum):
    """The partitioners of producers."""

    MURMUR2 = "murmur2"
    CRC32 = "crc32"


class Offsets(StrEnum):
    """What a reshard does with the offsets of the topics."""

    KEEP = "keep"
    RESET = "reset"


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
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Move all customers to another number of partitions: states, timers, history, tombstones. Stop all workers first.

    Before: let all topics grow that `engine run --check` names under partitions (or make new ones later), and let all
    producers know. What workers have not read is decided first, by the rules of the settings, and published. No worker
    starts in between; a run that was interrupted goes on when it is started again. It refuses while the workers' or
    the senders' group has members, and where events come by the old number still.

    Example: engine reshard --to 12 --store redis://redis:6379/0
    """
    settings = settings_of(rules=rules, templates=templates, store=store, data=data, namespace=namespace)
    partition_of = crc32_partition if partitioner is Partitioner.CRC32 else murmur2_partition
    with open_store(settings) as opened, ExitStack() as stack:
        begin, keep = stages(stack), offsets is Offsets.KEEP
        job = Reshard(opened, to, lambda customer, count: partition_of(customer.encode(), count))
        reading = _Reading(settings, opened, job, partition_of, begin(Stage("records")))
        reasons = reading.finish(only_look=force or dry_run, keep_offsets=keep)
        for reason in reasons:
            complain(reason)
        if reasons and not (force or dry_run):
            raise ReshardRefused(NOT_AT_REST)
        moved = job.plan() if dry_run else job.run(keep_offsets=keep, progress=begin(Stage("customers")))
    if as_json:
        out.print_json(data=_as_data(moved, reading.records, dry_run))
    else:
        _show(moved, reading.records, dry_run)


@dataclass
class _Reading:
    """What is to be read before customers may move, and what keeps them from it."""

    settings: Settings
    store: StateStore
    job: Reshard
    partition_of: PartitionOfKey
    progress: Progress
    records: int = 0
    """How many have been read and decided."""

    def finish(self, *, only_look: bool, keep_offsets: bool) -> list[str]:
        """Read and publish all that is left, unless somebody works, or `only_look`. Returns why not to move.

        Where an interrupted move goes on, that has been done; where all is read again, nothing is left.
        """
        settings, brokers = self.settings, KafkaBrokers(self.settings)
        services = Services(settings.kafka_group, settings.send_group, settings.feedback_topic)
        reads = keep_offsets and not self.job.moved.resumed
        try:
            reasons = list(who_works(brokers, services, self.store, self.job))
            left = not_read(brokers, self.store, self.job) if reads else {}
        except SourceUnavailable as error:
            return [f"Kafka cannot be asked whether workers run and all is read ({error}): set ENGINE_KAFKA_BOOTSTRAP"]
        is_done = not (reads and (left or self.job.to_publish() or self.job.read_unevenly()))
        if is_done or reasons or only_look:
            return [*reasons, *sentences(left, UNREAD)]
        project = open_project(settings)
        self.records = drain(settings, project, self.store, self.job.before, self.partition_of, self.progress)
        stale = left_behind(brokers, self.store, self.job, self.partition_of)
        others = {topic: stale.pop(topic) for topic in stale.keys() - source_topics(settings, project.book.catalog)}
        return [*sentences(stale, STALE), *sentences(others, NOT_OURS)]


def _as_data(moved: Moved, records: int, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "records_read": records,
        "before": moved.before,
        "after": moved.after,
        "total": moved.customers.total(),
        "moved": moved.moved,
        "conflicts": moved.conflicts,
        "resumed": moved.resumed,
        "customers": {str(number): moved.customers[number] for number in range(moved.after)},
    }


def _show(moved: Moved, records: int, dry_run: bool) -> None:
    if records:
        out.print(f"read and decided {count_of(records, 'record')} that workers had left", highlight=False)
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
