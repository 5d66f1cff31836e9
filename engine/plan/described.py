"""Compiled parts of a rule as plain data, so that those of two rule books can be compared.

`classify` and `cautions` compare with it; it must not depend on the order or the words of a file.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.core.expression import Expression
from engine.core.journeys.steps import Journey, Step

_LEFT_OUT: Final = frozenset({"guards", "template", "sends"})
"""Attributes of actions: bound functions, what `classify` compares as texts, and what a journey's steps have too."""


def described(value: Any) -> Any:
    """A value that compares equal if two compiled things would do the same. Functions and templates are left out."""
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, Journey):
        return _graph(value), described(value.goal), value.within
    if isinstance(value, Mapping):
        return {str(name): described(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [described(one) for one in value]
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    if value is None or isinstance(value, str | int | float | bool):
        return value
    found = {name: described(one) for name, one in _attributes(value).items() if name not in _LEFT_OUT}
    return {"": type(value).__name__} | found


def _graph(journey: Journey) -> list[dict[str, Any]]:
    """The steps, each with the numbers of those that may come after it."""
    steps, ahead = dict[int, Step](), [journey.first]
    while ahead:
        step = ahead.pop()
        if step is not None and id(step) not in steps:
            steps[id(step)] = step
            ahead += [one for one in _attributes(step).values() if isinstance(one, Step)]
    places = {identity: place for place, identity in enumerate(steps)}
    return [
        {name: places[id(one)] if isinstance(one, Step) else described(one) for name, one in _attributes(step).items()}
        for step in steps.values()
    ]


def _attributes(value: Any) -> dict[str, Any]:
    found = {name.lstrip("_"): getattr(value, name) for name in _own_names(value)}
    return {name: one for name, one in found.items() if isinstance(one, Expression) or not callable(one)}


def _own_names(value: Any) -> Iterable[str]:
    """Structs, dataclasses with slots and classes that mypyc has compiled keep no `__dict__`, and list their fields.

    mypyc may list `__dict__` among them, which is none.
    """
    lists = ("__struct_fields__", "__dataclass_fields__", "__mypyc_attrs__", "__dict__")
    names = next((names for each in lists if (names := getattr(value, each, None))), ())
    return (name for name in names if name != "__dict__")
