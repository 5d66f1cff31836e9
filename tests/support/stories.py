"""Stories of customers, told in every way that must make no difference to what is sent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

from engine.core.durations import milliseconds
from engine.model import Event
from engine.testing import Project, Simulator, load_project
from tests.support.project_files import write_project

LATENESS = "allowed_lateness: 6h\n"
"""For the policy of those ways in which events are late."""


@dataclass(frozen=True, slots=True)
class Way:
    """How events arrive: so long after they happened, and perhaps `again` after that. `strict`: as of `Simulator`."""

    late: str = "0h"
    again: str = ""
    strict: bool = False

    @property
    def policy(self) -> str:
        """What the policy must allow."""
        return LATENESS if milliseconds(self.late) else ""

    def tell(self, sim: Simulator, events: Iterable[Event], until: str) -> Simulator:
        """Deliver the events as they arrive, and wait until all is decided that happens until then."""
        late = milliseconds(self.late)
        arrivals = [(event.time + late, event) for event in events]
        if self.again:
            arrivals += [(at + milliseconds(self.again), event) for at, event in arrivals]
        for at, event in sorted(arrivals, key=itemgetter(0)):
            sim.deliver(event, at)
        sim.run(sim.moment(until) + sim.book.policy.allowed_lateness)
        return sim


WAYS = {
    "in order": Way(),
    "every event twice": Way(again="2h"),
    "twice and reloaded": Way(strict=True),
    "late": Way(late="5h"),
    "late, twice and reloaded": Way(late="5h", strict=True),
}


class Stories:
    """The stories of a project of these files, and of the same one whose policy allows events to be late."""

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        self.project = self._opened(folder / "prompt", files, "")
        self._patient = self._opened(folder / "patient", files, LATENESS)

    def tell(self, way: str, events: Iterable[Event], until: str) -> Simulator:
        """Tell a story on a new clock, in one of the ways."""
        told = WAYS[way]
        project = self._patient if told.policy else self.project
        return told.tell(project.simulator(strict=told.strict), events, until)

    @staticmethod
    def _opened(folder: Path, files: Mapping[str, str], policy: str) -> Project:
        write_project(folder, {**files, "policy.yaml": files["policy.yaml"] + policy})
        return load_project(folder / "rules", folder / "templates")
