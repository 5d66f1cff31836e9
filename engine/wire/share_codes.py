"""Makes and reads the codes in share links, by which a friend is known to be brought by a customer.

A share link is passed on and posted in public, so its code must not tell whose it is: it is the customer's id,
encrypted and signed in one (AES-SIV, RFC 5297). The same customer has the same code for as long as the secret lasts.
"""

from collections.abc import Sequence
from hashlib import sha512
from typing import TYPE_CHECKING

from engine.errors import BadToken
from engine.wire.url_text import check_length, to_bytes, to_text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV


def make_code(secrets: Sequence[str], customer: str) -> str:
    """The customer's code, for a URL's path. The first secret counts; the others only read."""
    return to_text(_cipher(secrets[0]).encrypt(customer.encode(errors="surrogatepass"), None))


def read_code(secrets: Sequence[str], code: str) -> str:
    """Whose code it is. Raises BadToken for one that none of the secrets has made."""
    check_length(code)
    data = to_bytes(code)
    found = next(filter(None, (_read(secret, data) for secret in secrets)), None)
    if found is None:
        raise BadToken("forged-token")
    return found.decode(errors="surrogatepass")


def _read(secret: str, data: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    try:
        return _cipher(secret).decrypt(data, None)
    except InvalidTag:
        return None


def _cipher(secret: str) -> "AESSIV":
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # `engine send --help` does without

    return AESSIV(sha512(b"share:" + secret.encode()).digest())
