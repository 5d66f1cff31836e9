"""Settings from the environment (`ENGINE_…`), read once, frozen. Options of the command line override them."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where things are. `store` is memory, embedded, or the URL of a Redis or Valkey."""

    model_config = SettingsConfigDict(env_prefix="ENGINE_", frozen=True)

    rules: Path = Path("rules")
    templates: Path = Path("templates")
    store: str = "embedded"
    data: Path = Path(".engine-data")
    namespace: str = "engine"
