"""What the arrivals of one batch say, gathered in one pass. `Partition` loads the customers, `Batch` decides them.

Each further pass over a batch costs an event as much as a small function does.
"""

from collections import defaultdict
from collections.abc import Sequence

from engine.model import Event, Identified
from engine.worker.result import Arrival

Own = list[tuple[int, Event | Identified]]
"""One customer's inputs, each with its place in `clocks`, as they came."""


class Inputs:
    """The inputs by customer. `clock`: before the first arrival, epoch ms.

    `clocks` has the clock before the first arrival and after each of them; `offsets`: where to read on in each source.
    """

    def __init__(self, arrivals: Sequence[Arrival], clock: int) -> None:
        self.arrivals = arrivals
        self.clocks = [clock]
        self.by_customer: dict[str, Own] = defaultdict(list)
        self.offsets: dict[str, int] = {}
        self.events = 0
        """How many arrivals bring an event."""
        own = self.by_customer
        for at, arrival in enumerate(arrivals, 1):
            record, event, identified = arrival.record, arrival.event, arrival.identified
            self.offsets[record.position or record.source] = record.next_offset
            if arrival.clock > clock:
                clock = arrival.clock
            self.clocks.append(clock)
            if event is not None:
                self.events += 1
                own[event.customer].append((at, event))
            if identified is not None:
                own[identified.customer].append((at, identified))
