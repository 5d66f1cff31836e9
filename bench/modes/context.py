"""What the modes share: servers, sizes, the job in a topic, and figures that others compare with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bench.job import Loaded, judge, load_job, seconds_between, sent_on
from bench.sizes import Sizes
from bench.table import Value
from bench.work import Servers


@dataclass
class Context:
    """`rates`: events a second by name ("bare", "job 1", "faust"), of the modes that have run."""

    servers: Servers
    sizes: Sizes
    rates: dict[str, float] = field(default_factory=dict)

    @cached_property
    def job(self) -> Loaded:
        """The job, loaded once."""
        return self.load("job-events", self.sizes.events, self.sizes.customers)

    @cached_property
    def small_job(self) -> Loaded:
        """A smaller one, for workers with more rules, loaded once."""
        return self.load("small-job-events", self.sizes.rules_events)

    def load(self, name: str, events: int, customers: int = 0) -> Loaded:
        """A job of its own; ten events a customer unless told otherwise."""
        return load_job(self.servers.bus, name, events, customers or events // 10)

    def work_off(self, job: Loaded, crew: str, files: Mapping[str, str]) -> dict[str, Value]:
        """The figures of one worker with these rule files, for rules whose outreach is that of the job."""
        with self.servers.crew(crew, job.topic, files) as servers:
            meter = servers.start()
            servers.work_off(job.records)
            cpu, peak = meter.cpu(), servers.peak_mebibytes()
            outreach = list(sent_on(servers.bus, servers.outreach))
        verdict = judge(outreach, job.wanted)
        return {
            "events/s": round(job.events / seconds_between(outreach)),
            "worker CPU s/M": round(cpu["worker"] / job.events * 1e6, 1),
            "peak MiB": round(peak),
            "wrong ids": len(verdict.missing) + len(verdict.extra) + verdict.repeated,
        }

    def ratio(self, one: str, other: str) -> float | None:
        """Of two rates; None where one of them was not measured."""
        return self.rates[one] / self.rates[other] if self.rates.get(one) and self.rates.get(other) else None
