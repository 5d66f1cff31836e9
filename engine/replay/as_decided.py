"""Decides again what production has decided, customer by customer, and compares each outcome byte for byte.

`engine replay --as-decided` calls it with an archive's events and outcomes. A worker judges by its own wall time, which
no event has: it is taken from the moments in the recorded outcomes, and where nothing was decided, from the arrival of
the event. So an outcome that comes out the same is proof that these inputs and this book make it; one that does not is
told with the input at which the two part.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from engine.core.seen import OF_RULES
from engine.model import Event
from engine.replay.comparison import Arrived, Comparison, Difference, Recorded
from engine.replay.earlier_words import in_words_of_now
from engine.replay.moment_search import MomentSearch, groups
from engine.replay.one_customer import OneCustomer
from engine.replay.rolled_out import Courses
from engine.worker.context import Rules


class AsDecided:
    """Compares customers with what `books` (revision -> book) decide; `found` collects.

    `one_topic`: all events come from one topic that is keyed by customer. Only then is the partition's clock known to
    be the arrival of the event: with several it is the time of the slowest one, and may be behind.
    """

    def __init__(self, books: Mapping[str, Rules], usual: str, courses: Courses, *, one_topic: bool) -> None:
        self._books = books
        self._usual = usual
        self._courses = courses
        self._one_topic = one_topic
        self.found = Comparison()
        self._made_for: dict[str, str] = {}
        self._of_rules: set[str] = set()

    def add(self, customer: str, arrived: Sequence[Arrived], recorded: Sequence[Recorded]) -> None:
        """All inputs of one customer in the order in which they were read, and all outcomes by their moment."""
        events = [one.input for one in arrived if isinstance(one.input, Event)]
        self.found.customers += 1
        self.found.events += len(events)
        known = [in_words_of_now(one) for one in recorded if one.revision in self._books]
        for one in recorded:
            if one.revision not in self._books:
                self.found.missing[one.revision] += 1
                self.found.tell(Difference("no such rules", customer, one.rule, "", one.value.decode(), ""))
        courses = self._courses.of(customer, self._books)
        self.found.returned += not courses and _returns(known)
        again = OneCustomer(customer, self._books, known[0].revision if known else self._usual, courses)
        MomentSearch(again, arrived, groups(known), self.found, one_topic=self._one_topic).through()
        self._made_for |= again.made_for_others
        self._of_rules.update(event.id for event in events if event.source == OF_RULES)

    def conclude(self) -> Comparison:
        """What was found; no customer comes any more."""
        lost = (customer for event, customer in self._made_for.items() if event not in self._of_rules)
        self.found.lost = Counter(lost)
        return self.found


def _returns(recorded: Sequence[Recorded]) -> bool:
    """Whether a book decided something, then another one, then the first again."""
    revisions = [revision for revision, _ in groupby(one.revision for one in recorded)]
    return len(revisions) > len({*revisions})
