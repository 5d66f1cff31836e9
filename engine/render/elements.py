"""Says which element a template asks for, and which there are, for the message where it is not there.

The code generator calls it when a template is compiled. All that it says comes from the template's own text: a message
must not quote a customer's data.
"""

from collections import Counter
from typing import Any

from jinja2 import nodes


def written(node: nodes.Node) -> str:
    """An expression as the template may have it; what would be long is shown as dots."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Const):
        return repr(node.value)
    if isinstance(node, nodes.Getattr):
        return f"{written(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem):
        return f"{written(node.node)}[{'…:…' if isinstance(node.arg, nodes.Slice) else written(node.arg)}]"
    return "…"


def keys_of(template: nodes.Template) -> dict[str, str]:
    """The keys of each mapping that the template writes out, by the name that it has and no other value."""
    given = Counter(name.name for name in template.find_all(nodes.Name) if name.ctx != "load")
    sets = [(one.target, one.node) for one in template.find_all(nodes.Assign)]
    return {
        target.name: ", ".join(written(item.key) for item in value.items)
        for target, value in sets
        if isinstance(target, nodes.Name) and isinstance(value, nodes.Dict) and given[target.name] == 1
    }


def absent(what: str, keys: str, obj: Any) -> str:
    """The message about an element that is not there. `what`: as it is written; `keys`: those that there are."""
    if keys:
        return f"there is no {what}; the keys are {keys}"
    if type(obj) in (list, tuple):
        return f"there is no {what}; the list has {len(obj) or 'no'} element{'s' * (len(obj) != 1)}"
    return f"there is no {what}"
