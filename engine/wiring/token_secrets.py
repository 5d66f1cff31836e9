"""Checks the secrets that sign links, which senders make and `engine web` reads: neither needs what the other does."""

from engine.config import BadSetting, Settings


def token_secrets(settings: Settings) -> list[str]:
    """The first one signs. Raises BadSetting for one that could be guessed."""
    secrets = settings.token_secret.get_secret_value().split()
    if not secrets or min(map(len, secrets)) < 16:
        raise BadSetting("ENGINE_TOKEN_SECRET", "links need a secret of at least 16 characters to be signed with")
    return secrets
