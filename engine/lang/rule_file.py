"""A rule file that has been read and has the form of the grammar. `project` makes one of each, and compiles them."""

from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel

from engine.lang.grammar import RuleFields, RuleFile
from engine.lang.located import Document
from engine.lang.points import PointsFields
from engine.lang.segments import SegmentFields

P = TypeVar("P", SegmentFields, PointsFields)


@dataclass(frozen=True)
class ReadRuleFile:
    """A rule file that could be parsed, except for the rules in `left_out`."""

    document: Document
    content: RuleFile
    left_out: set[int]

    @cached_property
    def plain(self) -> Any:
        """The content for the revision, dumped as a whole: to dump one rule pydantic compiles its models once more."""
        return canonical(self.content)

    @cached_property
    def given(self) -> dict[str, Any]:
        """The same without what has its default value."""
        return self.content.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def written(self, section: str) -> list[Any]:
        """The items of a section as they are written, right or wrong."""
        return _listed(self.document.data.get(section))

    def segments(self) -> list[tuple[int, SegmentFields]]:
        """The segments that could be parsed, and their places in the file."""
        return self._placed("segments", self.content.segments)

    def points(self) -> list[tuple[int, PointsFields]]:
        """The points that could be parsed, and their places in the file."""
        return self._placed("points", self.content.points)

    def _placed(self, section: str, parsed: list[P]) -> list[tuple[int, P]]:
        ids = [each.get("id") if isinstance(each, dict) else None for each in self.written(section)]
        found: list[tuple[int, P]] = []
        for each in parsed:
            found.append((ids.index(each.id, found[-1][0] + 1 if found else 0), each))
        return found

    def rules(self) -> list[tuple[int, RuleFields]]:
        """The rules and their places in the file."""
        given = range(len(self.content.rules) + len(self.left_out))
        return list(zip((each for each in given if each not in self.left_out), self.content.rules, strict=True))


def canonical(content: BaseModel, but: Set[str] = frozenset()) -> Any:
    """The content as plain data, under its names in the file."""
    return content.model_dump(mode="json", by_alias=True, exclude=set(but))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
