"""What the modes share: servers, sizes, the job in a topic, and figures that others compare with."""

from dataclasses import dataclass, field
from functools import cached_property

from bench.job import Loaded, load_job
from bench.sizes import Sizes
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

    def load(self, name: str, events: int, customers: int = 0) -> Loaded:
        """A job of its own; ten events a customer unless told otherwise."""
        return load_job(self.servers.bus, name, events, customers or events // 10)

    def ratio(self, one: str, other: str) -> float | None:
        """Of two rates; None where one of them was not measured."""
        return self.rates[one] / self.rates[other] if self.rates.get(one) and self.rates.get(other) else None
