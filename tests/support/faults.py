"""Workers of the real `engine run` on real servers, faults to put them through, and whether the outreach is right.

A scenario is a few lines: `stage.take(job)`, `stage.start("a")`, faults at moments that conditions name, and
`stage.finish_exactly(wanted)`.
"""

import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from engine.adapters.redis import connect
from engine.errors import StoreUnavailable
from engine.testing import load_project
from engine.wire.partitioner import murmur2_partition
from tests.services.processes import PATIENCE, wait_until
from tests.support.command import PROGRAM, REPOSITORY
from tests.support.job import PARTITIONS, Entry, Firing, Job, project
from tests.support.live import now
from tests.support.project_files import write_project
from tests.support.stores import histories
from tests.support.topics import Read, Topics
from tests.support.workers import Worker


@dataclass(frozen=True)
class Verdict:
    """The outreach topic against what was wanted. `repeated` counts records whose id was there before."""

    missing: frozenset[Firing]
    extra: frozenset[Firing]
    repeated: int
    records: int

    @property
    def exact(self) -> bool:
        return not self.missing and not self.extra

    def __str__(self) -> str:
        samples = f"; missing e.g. {sorted(self.missing)[:3]}; extra e.g. {sorted(self.extra)[:3]}" * (not self.exact)
        numbers = f"{len(self.missing)} missing, {len(self.extra)} extra, {self.repeated} repeated"
        return f"{self.records} outreach records, {numbers}{samples}"


SETTLED = 0.3
"""Seconds in which servers take in what a worker had sent when it was stopped dead."""


class Stage:
    """One namespace with its topics and workers. `settings` are of every worker (`batch=200` is ENGINE_BATCH=200)."""

    def __init__(self, bootstrap: str, redis_url: str, folder: Path, name: str, partitions: int = PARTITIONS) -> None:
        self.folder = folder
        self.name = name
        self.partitions = partitions
        self.topics = Topics(bootstrap, name, partitions)
        self.store = connect(redis_url, name)
        self.workers: dict[str, Worker] = {}
        self.settings = {
            "rules": folder / "rules",
            "templates": folder / "templates",
            "store": redis_url,
            "namespace": name,
            "clock": "event",
            "kafka_bootstrap": bootstrap,
            "kafka_group": name,
            "outreach_topic": self.topics.outreach,
            "outcomes_topic": self.topics.outcomes,
            "dead_letters_topic": self.topics.dead_letters,
            "feedback_topic": "",
            "http_port": 0,
        }
        self._mark = 0
        """Of the rules that stand in the files, once somebody has asked."""
        self.in_flight = 0
        """Outreach that was committed but not on the topic when a worker was stopped dead: as much may be repeated."""

    def close(self) -> None:
        for worker in self.workers.values():
            worker.kill9()
        self.topics.close()
        self.store.close()

    # --- what flows

    def use(self, files: Mapping[str, str]) -> None:
        """Rules and templates; a running worker sees them once told to `reload`."""
        write_project(self.folder, files)
        self._mark = 0

    def take(self, job: Job) -> None:
        """The job's rules and all of its events."""
        self.use(project(self.topics.events))
        self.load(job.entries)

    def load(self, entries: Iterable[Entry], topic: str = "") -> None:
        """Append to the events topic, or the one named; returns when the broker has them."""
        self.topics.append(entries, topic)

    # --- who works

    def start(self, name: str, **settings: object) -> Worker:
        """Start a worker, for the first time or again. It is a static member of the group unless told otherwise."""
        return self.start_program(PROGRAM, name, settings)

    def start_program(self, program: str, name: str, settings: Mapping[str, object]) -> Worker:
        """Start a worker that is run by this text of Python; `start` has that of the command `engine`."""
        given = self.settings | {"kafka_instance_id": name} | dict(settings)
        environment = {f"ENGINE_{key.upper()}": str(value) for key, value in given.items()}
        environment["PYTHONPATH"] = str(REPOSITORY)
        worker = Worker(name, environment, self.folder / f"{name}.log", program)
        worker.start()
        self.workers[name] = worker
        return worker

    def start_with(self, files: Mapping[str, str], **settings: object) -> Worker:
        """Start the only worker on this project."""
        self.use(files)
        worker = self.start("a", **settings)
        self.until_members(1)
        return worker

    def kill9(self, worker: Worker) -> None:
        """Without warning; counts what is in flight."""
        worker.kill9()
        self.count_in_flight()

    def freeze(self, worker: Worker) -> None:
        """Let it stand still; counts what is in flight, as others will take its place."""
        worker.freeze()
        self.count_in_flight()

    def count_in_flight(self) -> None:
        """What is committed and not on the topic, with the worker dead or frozen."""
        self.still_for(SETTLED)
        moment = now()  # whoever takes its place publishes what waits: that is a repeat, on the topic or not
        if waiting := set(self._waiting()):
            self.in_flight += len(waiting.difference(one.identity for one in self.outreach() if one.time <= moment))

    def _waiting(self) -> list[str]:
        """The ids in all outboxes."""
        boxes = (self.store.outbox(number).values() for number in range(self.partitions))
        return [entry.id for box in boxes for entries in box for entry in entries]

    def is_sweeping(self) -> bool:
        """Of some partition, some customers have met the rules in use and some have not."""
        return any(self.store.meta(number).sweep for number in range(self.partitions))

    def is_swept(self) -> bool:
        """All customers have met the rules that stand in the files."""
        if not self._mark:
            self._mark = load_project(self.folder / "rules", self.folder / "templates").book.mark
        return all(self.store.meta(number).mark == self._mark for number in range(self.partitions))

    # --- conditions

    def processed(self) -> int:
        """Records of the events topic that are in the store; 0 where the store does not say."""
        try:
            return sum(self._offsets())
        except StoreUnavailable:
            return 0

    def _offsets(self) -> list[int]:
        return [self.store.meta(number).offsets.get(self.topics.events, 0) for number in range(self.partitions)]

    def until(self, true: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Wait. Raises TimeoutError, or RuntimeError with its log where a worker ends by itself meanwhile."""
        wait_until(
            lambda: self._all_live() and true(), f"{what} ({self.processed()} records are in the store)", seconds
        )

    def until_processed(self, number: int, seconds: float = PATIENCE) -> None:
        self.until(lambda: self.processed() >= number, f"{number} records are processed", seconds)

    def until_all_move(self) -> None:
        """Wait until every partition that has records left gets on with them."""
        before, loaded = self._offsets(), self.topics.loaded
        self.until(
            lambda: all(
                now > then or now >= loaded[p]
                for p, (now, then) in enumerate(zip(self._offsets(), before, strict=True))
            ),
            "every partition is worked on",
        )

    def until_outbox_grows(self, seconds: float = PATIENCE) -> None:
        """Wait until more outreach is committed and not known to be on the topic."""
        least = len(self._waiting())

        def grows() -> bool:
            """A worker that was killed before may have left so much that it never becomes more than that."""
            nonlocal least
            now = len(self._waiting())
            grown, least = now > least, min(now, least)
            return grown

        self.until(grows, "outreach is committed that is not published", seconds)

    def until_members(self, number: int) -> None:
        """Wait until so many workers have shared out the partitions."""
        self.until(lambda: self._is_shared_by(number), f"{number} workers share the partitions")

    def until_unsettled(self) -> None:
        """Wait until the workers begin to share out the partitions anew."""
        self.until(self._is_unsettled, "the group shares out anew")

    def members(self) -> set[str]:
        """Ids of those in the group; a member that was given up and came back has another."""
        group = self.topics.group(self.name)
        return set(group.members) if group else set()

    def still_for(self, seconds: float) -> None:
        """Let a fault last."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end, "time passes", seconds + 60)

    def _is_shared_by(self, number: int) -> bool:
        group = self.topics.group(self.name)
        return group is not None and group.settled and len(group.members) == number and all(group.members.values())

    def _is_unsettled(self) -> bool:
        group = self.topics.group(self.name)
        return group is not None and not group.settled

    def finish(self, seconds: float = 2 * PATIENCE) -> None:
        """Wait until everything loaded is processed and all outreach published."""
        self.until(self._done, "everything is processed and published", seconds)

    def _done(self) -> bool:
        try:
            return all(
                offset >= self.topics.loaded[number] and not self.store.outbox(number)
                for number, offset in enumerate(self._offsets())
            )
        except StoreUnavailable:
            return False

    def _all_live(self) -> bool:
        for worker in self.workers.values():
            if worker.died:
                message = f"worker {worker.name} ended by itself:\n{worker.said[-3000:]}"
                raise RuntimeError(message)
        return True

    # --- what came of it

    def said(self, text: str) -> int:
        """Lines with this text in the workers' logs."""
        return sum(worker.said.count(text) for worker in self.workers.values())

    def outreach(self) -> list[Read]:
        """Every record of the outreach topic."""
        return self.topics.read(self.topics.outreach)

    def told(self) -> set[Firing]:
        """Of what somebody has heard."""
        return {firing_of(one.json) for one in self.outreach()}

    def outcomes(self) -> Counter[tuple[str, str]]:
        """How many customers got which (rule, outcome), each decision once, by their topic; a kill may lose some."""
        decisions = {one.identity: one.json for one in self.topics.read(self.topics.outcomes)}
        return Counter((one["rule"], one["outcome"]) for one in decisions.values())

    def remembered(self, customers: Iterable[str]) -> Counter[tuple[str, str]]:
        """The same of these customers, by their histories, which have the last 20 of each and lose none of them."""
        shares: dict[int, list[str]] = defaultdict(list)
        for customer in customers:
            shares[murmur2_partition(customer.encode(), self.partitions)].append(customer)
        pasts = (past for number, some in shares.items() for past in chain(*histories(self.store, some, number)))
        return Counter((past.rule, past.outcome.value) for past in pasts)

    def latencies(self, rule: str) -> list[int]:
        """From an event at the broker to its outreach at the broker, in ms, the longest last, for a rule on events."""
        sent = {one.json["event"]["id"]: one.time for one in self.outreach() if one.json["rule"] == rule}
        arrived = {one.json["id"]: one.time for one in self.topics.read(self.topics.events)}  # after what it caused
        return sorted(at - arrived[event] for event, at in sent.items())

    def dead_letters(self) -> dict[str, dict[str, Any]]:
        """By id."""
        return {one.identity: one.json for one in self.topics.read(self.topics.dead_letters)}

    def verdict(self, wanted: Collection[Firing]) -> Verdict:
        """Compare the ids on the outreach topic with what was wanted, as sets, and count those that repeat."""
        records = self.outreach()
        found = {one.identity: firing_of(one.json) for one in records}
        assert len(set(found.values())) == len(found), "two ids for one rule, customer and occurrence"
        got = frozenset(found.values())
        return Verdict(frozenset(wanted) - got, got - frozenset(wanted), len(records) - len(found), len(records))

    def exactly(self, wanted: Collection[Firing]) -> Verdict:
        """The verdict: what was wanted is on the outreach topic, and nothing else."""
        verdict = self.verdict(wanted)
        print(verdict, "in flight at the kills:", self.in_flight)
        assert verdict.exact, verdict
        return verdict

    def finish_exactly(self, wanted: Collection[Firing]) -> Verdict:
        """`finish`, then `exactly`."""
        self.finish()
        return self.exactly(wanted)


def firing_of(outreach: Mapping[str, Any]) -> Firing:
    return outreach["rule"], outreach["customer"], outreach["occurrence"]


def moments(chance: random.Random, number: int, first: int, last: int) -> list[int]:
    """So many random moments in a run, as numbers of records processed, in order."""
    return sorted(chance.randrange(first, last) for _ in range(number))
