"""How customers respond: the net promoter score, and the funnel of outreach from decision to purchase.

`report` calls it with an open `Shop`.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from engine.insight.figures.net_score import net_score_interval
from engine.insight.figures.shop import Shop


@dataclass(frozen=True)
class Nps:
    """Answers from 0 to 10 to a survey: promoters say 9 or 10, detractors 6 or less."""

    answers: int
    promoters: int
    detractors: int
    survey: str = "nps"

    @property
    def score(self) -> int:
        """Percent promoters less percent detractors, rounded half away from zero."""
        return _rounded(200 * (self.promoters - self.detractors), 2 * self.answers)

    @property
    def interval(self) -> tuple[int, int]:
        """The 95 % interval of the score, rounded alike."""
        low, high = net_score_interval(self.answers, self.promoters, self.detractors)
        return _rounded(round(low * 10_000), 100), _rounded(round(high * 10_000), 100)


def _rounded(number: int, by: int) -> int:
    """The quotient, rounded half away from zero."""
    sign = 1 if number >= 0 else -1
    return sign * ((2 * abs(number) + by) // (2 * by))


def nps(shop: Shop, start: date, end: date) -> list[Nps]:
    """The scores of the surveys in the period, most answers first. Of answers with one id the first counts.

    An answer that names no survey belongs to `nps`. Surveys with another scale than 0 to 10 have no score, and answers
    in between, such as 8.5, are none.
    """
    query = """
        SELECT count(*), count_if(score >= 9), count_if(score <= 6), survey FROM (
            SELECT DISTINCT ON (id) id, occurred_at,
                TRY_CAST(json_extract_string(properties, '$.score') AS DOUBLE) AS score,
                coalesce(json_extract_string(properties, '$.survey'), 'nps') AS survey,
                coalesce(json_extract_string(properties, '$.low'), '0') AS low,
                coalesce(json_extract_string(properties, '$.high'), '10') AS high
            FROM (SELECT * FROM events UNION ALL BY NAME SELECT * FROM feedback)
            WHERE type = 'survey_answered' ORDER BY id, arrived_at, topic_offset
        )
        WHERE score BETWEEN 0 AND 10 AND score = floor(score)
            AND TRY_CAST(low AS DOUBLE) = 0 AND TRY_CAST(high AS DOUBLE) = 10
            AND epoch_ms(occurred_at) >= ? AND epoch_ms(occurred_at) < ?
        GROUP BY survey ORDER BY 1 DESC, survey
    """
    found = shop.connection.execute(query, [shop.instant(start), shop.instant(end)])
    return [Nps(*row) for row in found.fetchall()]


@dataclass(frozen=True)
class Funnel:
    """Outreach of a rule, or of a step of a journey: how many were decided, sent, opened, clicked, and followed by a
    purchase in time. `goal`: how many a journey's goal was credited to.
    """

    rule: str
    fired: int
    sent: int
    opened: int
    clicked: int
    bought: int
    step: str = ""
    goal: int = 0


def funnels(shop: Shop, within: timedelta) -> list[Funnel]:
    """By rule and step, largest first. The time for a purchase begins at the hand-over, or else at the decision."""
    query = """
        WITH fired AS (
            SELECT outreach, any_value(rule) AS rule, any_value(coalesce(step, '')) AS step,
                any_value(hash(customer)) AS c, min(epoch_ms(decided_at)) AS at_ms
            FROM outcomes WHERE outcome = 'fired' AND outreach IS NOT NULL AND epoch_ms(decided_at) < $end
            GROUP BY outreach
        ), told AS (
            SELECT outreach, outcome AS what, epoch_ms(decided_at) AS at_ms FROM outcomes WHERE outcome = 'sent'
            UNION ALL
            SELECT json_extract_string(properties, '$.outreach'), replace(type, 'outreach_', ''), epoch_ms(occurred_at)
            FROM feedback WHERE type IN ('outreach_sent', 'outreach_opened', 'outreach_clicked')
        ), steps AS (
            SELECT outreach, min(at_ms) FILTER (what = 'sent') AS sent, bool_or(what = 'opened') AS opened,
                bool_or(what = 'clicked') AS clicked
            FROM told GROUP BY outreach
        ), credited AS (
            SELECT DISTINCT outreach, true AS goal FROM outcomes
            WHERE outcome = 'goal_reached' AND outreach IS NOT NULL AND epoch_ms(decided_at) < $end
        ), whole AS (
            SELECT rule, step, c, sent, opened, clicked, goal, coalesce(sent, at_ms) AS since
            FROM fired LEFT JOIN steps USING (outreach) LEFT JOIN credited USING (outreach)
        )
        SELECT rule, count(*), count(sent), count(*) FILTER (opened), count(*) FILTER (clicked),
            count_if(EXISTS (
                FROM purchases AS one WHERE one.c = whole.c AND one.at_ms > since AND one.at_ms <= since + $within
            )),
            step, count(goal)
        FROM whole GROUP BY rule, step ORDER BY 2 DESC, rule, step
    """
    parameters = {"end": shop.instant(shop.end), "within": int(within.total_seconds() * 1000)}
    return [Funnel(*row) for row in shop.connection.execute(query, parameters).fetchall()]
