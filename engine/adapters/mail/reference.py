"""Headers that identify a mail's outreach, in the form that the provider repeats in its webhooks.

SES has no room for a token in a tag (256 letters, digits, _ and -), and repeats a mail's own headers instead. Unique
arguments of SendGrid: https://www.twilio.com/docs/sendgrid/for-developers/sending-email/unique-arguments. Variables of
Mailgun: https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-attachments (metadata).
Postmark: https://postmarkapp.com/support/article/1125-custom-metadata-faq.
"""

from typing import Final

import msgspec

from engine.errors import PermanentFailure

_PIECE: Final = 80
_PIECES: Final = 10
"""Postmark's limits: fields of metadata, and characters of each."""

_json = msgspec.json.encode


def reference_headers(provider: str, token: str) -> list[tuple[str, str]]:
    """`provider`: ses, sendgrid, mailgun, postmark, or "" for none. Raises PermanentFailure for what is too long."""
    match provider:
        case "ses":
            return [("X-Engine-Token", token)]
        case "sendgrid":
            return [("X-SMTPAPI", _json({"unique_args": {"engine_token": token}}).decode())]
        case "mailgun":
            return [("X-Mailgun-Variables", _json({"engine_token": token}).decode())]
        case "postmark":
            return _pieces(token)
    return []


def _pieces(token: str) -> list[tuple[str, str]]:
    pieces = [token[at : at + _PIECE] for at in range(0, len(token), _PIECE)]
    if len(pieces) > _PIECES:
        why = "an id that Postmark's metadata has no room for"
        raise PermanentFailure(why)
    return [(f"X-PM-Metadata-engine-token-{number}", piece) for number, piece in enumerate(pieces)]
