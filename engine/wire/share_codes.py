"""Makes and reads the codes in share links, by which a friend is known to be brought by a customer.

A share link is passed on and posted in public, so its code must not tell whose it is: it is the customer's id,
encrypted and signed in one (AES-SIV, RFC 5297). The same customer has the same code for as long as the secret lasts.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from hashlib import sha512
from typing import TYPE_CHECKING, Final

from engine.errors import BadToken

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_MAX_LENGTH: Final = 2_000


def make_code(secrets: Sequence[str], customer: str) -> str:
    """The customer's code, for a URL's path. The first secret counts; the others only read."""
    sealed = _cipher(secrets[0]).encrypt(customer.encode(errors="surrogatepass"), None)
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def read_code(secrets: Sequence[str], code: str) -> str:
    """Whose code it is. Raises BadToken for one that none of the secrets has made."""
    if len(code) > _MAX_LENGTH:
        raise BadToken("token-too-long")
    try:
        data = urlsafe_b64decode(code + "=" * (-len(code) % 4))
    except (NotBase64, ValueError) as error:
        raise BadToken("not-a-token") from error
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
