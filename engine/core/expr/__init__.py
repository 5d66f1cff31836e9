"""The expression language of `if`, `where` and the policy: some of Python's grammar, compiled once to closures.

What does not follow from Python:

- What is absent or null is missing. Arithmetic with something missing is missing, missing is falsy, and every
  comparison with it is false, also `!=` and `not in`. The deliberate exception is `profile.x == null`, true where x is
  missing, and `!= null`, true where it is there (SQL's `is null`).
- Data that is not what events.yaml says behaves the same way: comparisons are false, arithmetic is missing. So do
  division by zero and results too large for a float. A boolean is not a number.
- `and`, `or` and `not` take anything and give true or false.
- `time` compares with ISO 8601 text (UTC unless it says otherwise), `date` with "YYYY-MM-DD" or "MM-DD"; dates with
  and without a year have no order between them.
- `now` is the moment of the decision, `today` its day where the customer lives; they only compare. Beside a day
  without a year only month and day of `today` count.
- Levels of a segment compare by height: `segments.tier >= "gold"`.
"""

from engine.core.catalog import Catalog
from engine.core.expr.certainty import certain
from engine.core.expr.changes import ticks, until
from engine.core.expr.check import Checker
from engine.core.expr.closures import closure
from engine.core.expr.lacking import lacking
from engine.core.expr.nodes import needs_of
from engine.core.expr.syntax import Source
from engine.core.expression import Expression
from engine.errors import BadExpression

__all__ = ["compile_expression"]


def compile_expression(
    text: str,
    catalog: Catalog,
    event_types: frozenset[str],
    value: bool = False,
    steps: frozenset[str] = frozenset(),
) -> tuple[Expression | None, list[BadExpression]]:
    """The expression and what is doubtful about it, or None and everything wrong with it, in order of place.

    `event_types` are the types the root `event` may be; empty: there is no event to read.
    `value`: what is asked for is the value, not whether it is true. `steps`: the steps of the journey that come before
    the expression; the root `steps` reads them.
    """
    source = Source(text)
    tree, problem = source.parse()
    if tree is None:
        return None, [problem] if problem else []
    checker = Checker(source, catalog, event_types, steps)
    node = checker.check(tree) if value else checker.condition(tree)
    if checker.problems:
        return None, sorted(checker.problems, key=lambda problem: problem.offset)
    needs = needs_of(node)
    return Expression(
        text.strip(), closure(node), needs, until(node), certain(node), ticks(node), node.kind, lacking(node)
    ), checker.doubts
