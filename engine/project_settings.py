"""The settings of a project of rules, and how settings are read: the environment (`ENGINE_…`), overridden by options.

`engine check` runs on every save, where no worker runs: it reads these few. All others read `engine.config`.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from engine.errors import EngineError
from engine.setting_checks import Problem, not_utf8


class BadSetting(EngineError):
    """A setting that cannot be used; the message never quotes its value."""

    name: str
    reason: str

    says = "{name}: {reason}"


class ProjectSettings(BaseModel):
    """Where the files of a project are, and the secret that its rules may need."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    rules: Path = Field(Path("rules"), description="folder of the rule files")
    templates: Path = Field(Path("templates"), description="folder of the templates")
    coupon_secret: SecretStr = Field(
        SecretStr(""),
        description="makes the codes of coupons, at least 16 characters; needed where rules have coupons; a new one "
        "serves new runs only, and nothing needs the old one any more",
    )


S = TypeVar("S", bound=ProjectSettings)


def load_project_settings(**given: Any) -> ProjectSettings:
    """The settings of the project; `given` overrides the environment. Raises BadSetting."""
    return read_settings(ProjectSettings, not_utf8, given)


def read_settings(model: type[S], problems: Callable[[S], Iterable[Problem]], given: Mapping[str, Any]) -> S:
    """The settings of a model. Raises BadSetting for the first that cannot be used."""
    for name in given.keys() - model.model_fields.keys():
        raise BadSetting(name, "there is no such setting")
    try:
        settings = model(**_from_secret_files(model) | _from_environment(model) | dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        name = f"ENGINE_{'_'.join(map(str, first['loc'])).upper()}"
        raise BadSetting(name, _plain(first)) from error
    for name, reason in problems(settings):
        variable = f"ENGINE_{name.upper()}"
        raise BadSetting(variable, reason)
    return settings


def is_link(value: object) -> bool:
    """Whether this is an address that Kubernetes adds for a service: `engine-web` makes ENGINE_WEB_PORT."""
    return isinstance(value, str) and value.startswith(("tcp://", "udp://"))


def _from_environment(model: type[BaseModel]) -> dict[str, str]:
    """The variables of settings, in upper or lower case, without the addresses that Kubernetes adds."""
    given = {name.upper(): value for name, value in os.environ.items() if not is_link(value)}
    named = {name: f"ENGINE_{name.upper()}" for name in model.model_fields}
    return {name: given[variable] for name, variable in named.items() if variable in given}


def _from_secret_files(model: type[BaseModel]) -> dict[str, str]:
    """Secrets from files, such as `ENGINE_KAFKA_PASSWORD_FILE=/run/secrets/kafka`. Raises BadSetting."""
    found = {}
    for name in (name for name, field in model.model_fields.items() if field.annotation is SecretStr):
        variable = f"ENGINE_{name.upper()}_FILE"
        if path := os.environ.get(variable):
            try:
                found[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise BadSetting(variable, f"{path}: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise BadSetting(variable, f"{path}: is not UTF-8") from error
    return found


_EXPECTED: Final = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
}


def _plain(error: ErrorDetails) -> str:
    """What pydantic found, for somebody who has set a variable. Secrets are texts, and so never fail to be parsed."""
    if expected := _EXPECTED.get(error["type"]):
        return f"expected {expected}, not {error['input']!r}"
    return error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
