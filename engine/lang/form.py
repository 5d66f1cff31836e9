"""The building blocks of the grammar: strict models, and annotations for parsing and JSON Schema.

A parser ends with `refuse(...)`; its code and help end up in the diagnostic.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any, ClassVar, Literal, NoReturn, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

JsonSchema = dict[str, Any]


def refuse(code: str, message: str, help: str = "", key: str = "") -> NoReturn:
    """Raised by a parser. `key`: the field of the mapping that is wrong, if it is not the value itself."""
    context = {"code": code, "message": message, "help": help, "key": key}
    raise PydanticCustomError("located", "{message}", context)


def said(value: Any) -> str:
    """A value as a diagnostic names it."""
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else f"the number {value}"


def number_text(number: float) -> str:
    """A number as somebody wrote it, as far as floats hold it: 1234567, 0.1."""
    return f"{number:.15g}"


def named(items: Iterable[Any], field: str) -> Iterator[tuple[str, Mapping[Any, Any], tuple[str, ...]]]:
    """What stands in a section and has an id, right or wrong: its id, itself, and the keys of its `field`."""
    for each in items:
        if isinstance(each, Mapping) and isinstance(each.get("id"), str):
            keys = each.get(field)
            yield each["id"], each, tuple(map(str, keys)) if isinstance(keys, Mapping) else ()


class Parsed:
    """Annotates a field whose value is what `parse` makes of the YAML value."""

    def __init__(self, parse: Callable[[Any], Any], schema: JsonSchema) -> None:
        self.parse = parse
        self.schema = schema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return dict(self.schema)


class Shorthand:
    """Annotates a field that may also be written shorter; `expand` leaves the long form as it is."""

    def __init__(self, expand: Callable[[Any], Any], schema: JsonSchema) -> None:
        self.expand = expand
        self.schema = schema

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.expand, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return {"anyOf": [self.schema, handler(schema)]}


class OneOrMore:
    """Annotates a list that may also be written as its only item."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class NotNull:
    """Annotates `X | None = None`: absent is fine, written out and left empty is not."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler(next(arg for arg in get_args(source) if arg is not type(None)))


def _title(model: type) -> str:
    return str(getattr(model, "label", ""))


class Strict(BaseModel):
    """Base of the grammar. `label` is what a diagnostic calls the mapping."""

    model_config = ConfigDict(extra="forbid", defer_build=True, strict=True, frozen=True, model_title_generator=_title)
    label: ClassVar[str] = ""
    unknown: ClassVar[str] = "unknown-field"
    """The diagnostic's code for an unknown field."""
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Names that authors write here and that belong elsewhere -> the help."""
    former: ClassVar[tuple[str, ...]] = ()
    """Fields with an earlier name: they are read for ever, and no help names them."""

    @classmethod
    def as_default(cls, **fields: Any) -> Any:
        """An instance as the default of a field: unlike `cls(…)` it does not make pydantic compile the model."""
        return cls.model_construct(**fields)

    @classmethod
    def lacks(cls, given: Set[str]) -> tuple[str, str] | None:
        """What is missing where one of several fields is needed: message and help. `given`: names as in the file.

        `validate` asks it also of mappings whose fields are wrong, so that the author is told both at once.
        """
        return None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        fields = type(self).model_fields
        if lacking := self.lacks({fields[name].alias or name for name in self.model_fields_set}):
            refuse("missing-field", *lacking)
        return self


class File(Strict):
    version: Literal[1] = Field(description="The version of the grammar: 1.")
