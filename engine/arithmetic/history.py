"""A customer's history as the models take it: how often, how recently and over how long they bought.

`figures.predicting` makes it from purchase days. Weeks are the unit of all models.
"""

from typing import NamedTuple

WEEK_MS = 7 * 86_400_000
"""The models' unit of time in milliseconds."""


class PurchaseHistory(NamedTuple):
    """A customer's purchase days. `repeats`: those after the first; `recency`: weeks from the first to the last of
    them; `age`: weeks from the first to the moment asked about. Purchases of one day count as one.

    The papers' x, t_x and T (Schmittlein, Morrison and Colombo 1987; Fader, Hardie and Lee 2005).
    """

    repeats: int
    recency: float
    age: float

    @classmethod
    def of_days(cls, repeats: int, recency: int, age: int) -> "PurchaseHistory":
        """The same from recency and age in days."""
        return cls(repeats, recency / 7, age / 7)

    def aged(self, weeks: float) -> "PurchaseHistory":
        """The same customer after so many more weeks without a purchase."""
        return PurchaseHistory(self.repeats, self.recency, self.age + weeks)
