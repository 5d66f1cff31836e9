"""The outcomes of an experiment's customers, from an archive: who was exposed when, and what they did after it.

`engine experiment report` calls it. A customer is exposed once, with the first decision that depended on the variant;
what they did before does not count. All exposed customers count, whether or not they got anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.arithmetic.history import WEEK_MS
from engine.arithmetic.local_time import DAY, from_millis
from engine.errors import EngineError
from engine.insight.archive.reading import open_tables
from engine.insight.experiments.arms import Arm
from engine.insight.experiments.cuped import adjusted
from engine.insight.experiments.ratios import as_arm
from engine.insight.figures.foreseen import Before, foreseen
from engine.insight.figures.predicting import WEEKS_PER_YEAR
from engine.insight.figures.shop import CURRENCY
from engine.insight.sql import json_path, text_literal

if TYPE_CHECKING:
    import duckdb

MAX_LOOKS: Final = 30
"""Points of the course of an experiment. Each is a pass over its customers."""
HOLDOUT_ARMS: Final = ("holdout", "messages")


class NobodyExposed(EngineError):
    """Raised if the archives have no exposure to the experiment."""


@dataclass(frozen=True)
class TrialOptions:
    """`experiment` None: the policy's holdout. `variants`: percent by variant, the control first."""

    experiment: str | None
    variants: Mapping[str, float]
    goal: str
    within: int = 0
    """Milliseconds after the exposure in which the goal counts; 0: for ever."""
    since: int = 0
    """Customers who were exposed before are left out, epoch ms."""


@dataclass(frozen=True)
class Look:
    """The arms by variant as they were at a moment: how many reached the goal, and what they spent."""

    at: datetime
    converted: dict[str, Arm]
    revenue: dict[str, Arm]


_EXPOSED: Final = """
    CREATE TEMP TABLE exposed AS
    SELECT customer, arg_min(variant, at_ms) AS variant, min(at_ms) AS at_ms FROM ({source})
    WHERE variant IN ({variants}) GROUP BY customer HAVING min(at_ms) >= {since}
"""
_OF_EXPERIMENT: Final = """
    SELECT customer, json_extract_string(exposed, {path}) AS variant, epoch_ms(decided_at) AS at_ms
    FROM outcomes WHERE exposed IS NOT NULL
"""
_OF_HOLDOUT: Final = """
    WITH held AS (SELECT rule, decided_at FROM outcomes WHERE outcome = 'held_out' AND reason = 'in the holdout')
    SELECT customer, CASE WHEN outcome = 'fired' THEN 'messages' ELSE 'holdout' END AS variant,
        epoch_ms(decided_at) AS at_ms
    FROM outcomes
    WHERE (outcome = 'fired' OR (outcome = 'held_out' AND reason = 'in the holdout'))
        AND rule IN (SELECT rule FROM held) AND decided_at >= (SELECT min(decided_at) FROM held)
"""
"""Messages from before there was a holdout do not count: all customers got them, those too who are in it now."""
_GOALS: Final = f"""
    CREATE TEMP TABLE goals AS
    WITH found AS (
        SELECT DISTINCT ON (id_source, id) * FROM events
        WHERE type = $goal AND customer IN (SELECT customer FROM exposed) ORDER BY occurred_at, customer
    )
    SELECT customer, epoch_ms(occurred_at) AS at_ms,
        CASE WHEN currency IS NULL OR currency = common THEN coalesce(amount, 0) ELSE 0 END AS amount, common
    FROM found, (SELECT {CURRENCY} AS common FROM found)
"""
"""Amounts in another currency than the most frequent one are no revenue, as everywhere; the goal is reached."""
_OUTCOMES: Final = """
    SELECT variant, exposed.customer AS customer, any_value(exposed.at_ms) AS since, count(goals.customer) AS reached,
        coalesce(steady(fsum(amount), 9), 0) AS spent
    FROM exposed LEFT JOIN goals ON goals.customer = exposed.customer AND goals.at_ms > exposed.at_ms
        AND goals.at_ms <= exposed.at_ms + $within AND goals.at_ms < $end
    WHERE exposed.at_ms < $end GROUP BY variant, exposed.customer
"""
_BEFORE: Final = """
    WITH found AS ({outcomes}), bought AS (
        SELECT goals.customer, goals.at_ms, amount, goals.at_ms // 86400000 AS day, since,
            min(goals.at_ms // 86400000) OVER (PARTITION BY goals.customer) AS first_day
        FROM goals JOIN found ON goals.customer = found.customer AND goals.at_ms <= since
    ), known AS (
        SELECT customer, count(DISTINCT day) AS days, max(day) - min(day) AS recency,
            any_value(since) // 86400000 - min(day) AS age,
            coalesce(steady(fsum(amount) FILTER (day > first_day), 9), 0) AS again,
            coalesce(steady(fsum(amount) FILTER (at_ms > since - $within), 9), 0) AS lately
        FROM bought GROUP BY customer
    )
    SELECT variant, spent, coalesce(days, 0), coalesce(recency, 0), coalesce(age, 0), coalesce(again, 0),
        coalesce(lately, 0)
    FROM found LEFT JOIN known USING (customer) ORDER BY customer
"""
"""Of each customer: the variant, what they spent since, and the fields of `Before`, by days in UTC."""
_PER_MESSAGE: Final = """
    WITH found AS ({outcomes}), sent AS (
        SELECT outcomes.customer, count(DISTINCT outreach) AS messages
        FROM outcomes JOIN exposed ON outcomes.customer = exposed.customer
        WHERE outcome = 'fired' AND outreach IS NOT NULL AND epoch_ms(decided_at) >= exposed.at_ms
            AND epoch_ms(decided_at) <= exposed.at_ms + $within AND epoch_ms(decided_at) < $end
        GROUP BY outcomes.customer
    )
    SELECT variant, reached, coalesce(messages, 0) FROM found LEFT JOIN sent USING (customer) ORDER BY customer
"""
"""Of each customer: the variant, how often they reached the goal, and the messages decided for them meanwhile."""
_FOR_EVER: Final = 2**52


class Trial:
    """An experiment's customers, loaded; `opened` makes one."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection", asked: TrialOptions) -> None:
        self.connection = connection
        self.asked = asked
        row = self._rows("SELECT min(at_ms), max(at_ms) FROM exposed")[0]
        if row[0] is None:
            name = f"experiment {asked.experiment}" if asked.experiment else "the holdout"
            when = f" from {from_millis(asked.since):%Y-%m-%d} on" if asked.since else ""
            message = f"the archive has nobody who was exposed to {name}{when}; outcomes are archived with the events"
            raise NobodyExposed(message)
        self.first = int(row[0])
        last_event = self._rows("SELECT epoch_ms(max(occurred_at)) FROM events")[0][0] or 0
        self.end = max(int(row[1]), int(last_event)) + 1
        self.currency: str = self._rows("SELECT any_value(common) FROM goals")[0][0] or ""

    @classmethod
    def opened(cls, folders: Sequence[Path], asked: TrialOptions) -> "Trial":
        """Raises ArchiveBroken and NobodyExposed."""
        connection = open_tables(folders)
        source = _OF_EXPERIMENT.format(path=json_path(asked.experiment)) if asked.experiment else _OF_HOLDOUT
        variants = ", ".join(map(text_literal, asked.variants))
        connection.execute(_EXPOSED.format(source=source, variants=variants, since=asked.since))
        connection.execute(_GOALS, {"goal": asked.goal})
        return cls(connection, asked)

    def looks(self) -> list[Look]:
        """The course of the experiment, at most `MAX_LOOKS` equal steps of at least a day; the last is now."""
        step = max(DAY, -(-(self.end - self.first) // MAX_LOOKS))
        moments = [*range(self.first + step, self.end, step), self.end]
        return [self._look(moment) for moment in moments]

    def _look(self, end: int) -> Look:
        query = f"""
            SELECT variant, count(*), count_if(reached > 0), steady(fsum(spent), 6), steady(fsum(spent * spent), 6),
                count_if(spent != 0)
            FROM ({_OUTCOMES}) GROUP BY variant
        """
        rows = self.connection.execute(query, self._parameters(end)).fetchall()
        converted = {variant: Arm.of_conversions(int(reached), customers) for variant, customers, reached, *_ in rows}
        revenue = {variant: Arm(customers, *sums) for variant, customers, _, *sums in rows}
        nobody = Arm(0, 0.0, 0.0, 0)
        return Look(
            from_millis(end),
            {variant: converted.get(variant, nobody) for variant in self.asked.variants},
            {variant: revenue.get(variant, nobody) for variant in self.asked.variants},
        )

    def less_noisy(self) -> dict[str, Arm]:
        """Revenue now, less what could be foreseen of it when each customer was exposed (CUPED)."""
        rows = self.connection.execute(_BEFORE.format(outcomes=_OUTCOMES), self._parameters(self.end)).fetchall()
        weeks = self.asked.within / WEEK_MS if self.asked.within else WEEKS_PER_YEAR
        values = foreseen([Before(*row[2:]) for row in rows], weeks)
        pairs = [
            [(row[1], value) for row, value in zip(rows, values, strict=True) if row[0] == variant]
            for variant in self.asked.variants
        ]
        return {
            variant: Arm.of(outcomes)._replace(positive=sum(spent != 0 for spent, _ in plain))
            for variant, plain, outcomes in zip(self.asked.variants, pairs, adjusted(pairs), strict=True)
        }

    def per_message(self) -> dict[str, Arm | None]:
        """How often the goal is reached for each message, of whatever rule; None: nobody of the variant got one."""
        rows = self.connection.execute(_PER_MESSAGE.format(outcomes=_OUTCOMES), self._parameters(self.end)).fetchall()
        return {
            variant: as_arm([(reached, messages) for one, reached, messages in rows if one == variant])
            for variant in self.asked.variants
        }

    def _parameters(self, end: int) -> dict[str, Any]:
        return {"within": self.asked.within or _FOR_EVER, "end": end}

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()
