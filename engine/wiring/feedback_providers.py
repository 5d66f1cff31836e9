"""The providers whose webhooks `engine web` answers. A new one is one file, a setting, and its line in `_MAKERS`."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pydantic import SecretStr

from engine.adapters.web.providers.base import Provider
from engine.adapters.web.providers.mailgun import Mailgun
from engine.adapters.web.providers.postmark import Postmark
from engine.adapters.web.providers.sendgrid import SendGrid
from engine.adapters.web.providers.ses import AmazonSes
from engine.config import BadSetting, Settings


class _Maker(NamedTuple):
    """`setting`: what the provider is made from. `expected`: of it."""

    setting: str
    make: Callable[[str, Callable[[], int]], Provider]
    expected: str


_MAKERS: Mapping[str, _Maker] = {
    "ses": _Maker(
        "feedback_ses_topic",
        AmazonSes,
        "expected arn:aws:sns:<region>:<account>:<name>",
    ),
    "sendgrid": _Maker(
        "feedback_sendgrid_key",
        SendGrid,
        "expected the verification key as SendGrid shows it",
    ),
    "mailgun": _Maker(
        "feedback_mailgun_key",
        Mailgun,
        "expected the HTTP webhook signing key, of at least 16 characters",
    ),
    "postmark": _Maker(
        "feedback_postmark_login",
        lambda login, wall: Postmark(login),
        "expected user:password, with a password of at least 16 characters",
    ),
}


def feedback_providers(settings: Settings, wall: Callable[[], int]) -> dict[str, Provider]:
    """The configured providers, by the last part of their webhook's path. Raises BadSetting."""
    texts = {name: _text(settings, maker.setting) for name, maker in _MAKERS.items()}
    return {name: _made(_MAKERS[name], text, wall) for name, text in texts.items() if text}


def _text(settings: Settings, name: str) -> str:
    value: str | SecretStr = getattr(settings, name)
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _made(maker: _Maker, text: str, wall: Callable[[], int]) -> Provider:
    try:
        return maker.make(text, wall)
    except ValueError as error:
        setting = f"ENGINE_{maker.setting.upper()}"
        raise BadSetting(setting, maker.expected) from error
