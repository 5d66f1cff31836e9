"""Churn points: where in a journey people leave, and where they reach its goal.

`report` calls it with an open `Shop`. It reads the outcomes of runs and their steps alone.
"""

from dataclasses import dataclass

from engine.insight.figures.shop import Shop


@dataclass(frozen=True)
class Point:
    """A step of a journey: how many runs came to it, and for how many of these it was the last, by how the run ended.

    `step` "": the run ended before its first step made anything. `reached` is then the number of runs that began.
    """

    rule: str
    step: str
    reached: int
    exited: int
    goal: int
    completed: int
    later: int = 0
    """How many of those that were left or completed reached the goal afterwards, in the time that it is credited."""


def points(shop: Shop) -> list[Point]:
    """The steps of each journey in the order in which runs came to them."""
    query = """
        WITH told AS (
            SELECT rule, customer, occurrence, outcome, coalesce(step, '') AS step, epoch_ms(decided_at) AS at_ms
            FROM outcomes WHERE epoch_ms(decided_at) < $end
        ), runs AS (
            SELECT rule, customer, occurrence,
                coalesce(arg_max(step, at_ms) FILTER (step != ''), '') AS last,
                any_value(outcome) FILTER (outcome IN ('exited', 'completed')) AS over,
                bool_or(outcome = 'goal_reached') AS reached
            FROM told GROUP BY ALL HAVING bool_or(outcome = 'entered')
        ), reached AS (
            SELECT rule, '' AS step, 0 AS place, count(*) AS runs FROM runs GROUP BY rule
            UNION ALL
            SELECT rule, step, avg(at_ms - began) + 1, count(*) FROM (
                SELECT rule, customer, occurrence, step, min(at_ms) AS at_ms FROM told WHERE step != '' GROUP BY ALL
            ) JOIN (
                SELECT rule, customer, occurrence, min(at_ms) AS began FROM told WHERE outcome = 'entered' GROUP BY ALL
            ) USING (rule, customer, occurrence) GROUP BY rule, step
        )
        SELECT reached.rule, reached.step, any_value(reached.runs), count(*) FILTER (over = 'exited'),
            count(*) FILTER (over IS NULL AND runs.reached), count(*) FILTER (over = 'completed'),
            count(*) FILTER (over IS NOT NULL AND runs.reached)
        FROM reached LEFT JOIN runs ON runs.rule = reached.rule AND runs.last = reached.step
        GROUP BY reached.rule, reached.step, place ORDER BY reached.rule, place, reached.step
    """
    return [Point(*row) for row in shop.connection.execute(query, {"end": shop.instant(shop.end)}).fetchall()]
