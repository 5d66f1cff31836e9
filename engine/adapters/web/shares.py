"""The page behind a share link, and the call by which the shop tells who came by it.

The page leads to the shop and records nothing. Only the shop knows who the friend is once they have signed up, so its
back end claims the referral, with a key of its own.
"""

import hmac
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.adapters.web.body import read_form
from engine.adapters.web.firsts import Firsts
from engine.adapters.web.view import View
from engine.wire.answers import ReferralClaim
from engine.wire.formats import is_customer_length
from engine.wire.share_codes import read_code


@dataclass(frozen=True, slots=True)
class SharePages:
    """`shop`: where the page leads, "" for no page. `key`: of the shop's back end, "" for no claims. `nobody`: what
    programs write in place of a customer's id."""

    secrets: Sequence[str]
    shop: str
    key: str
    nobody: Collection[str]
    firsts: Firsts
    wall: Callable[[], int]
    view: View

    def routes(self) -> list[Route]:
        """The page, the call, or both, as far as they are configured."""
        page = Route("/share/{code}", self.invite, methods=["GET"])
        call = Route("/share/{code}", self.claim, methods=["POST"])
        return [route for route, wanted in ((page, self.shop), (call, self.key)) if wanted]

    async def invite(self, request: Request) -> Response:
        """Show the friend the way to the shop, which gets the code as the parameter `code`."""
        code = request.path_params["code"]
        read_code(self.secrets, code)
        gap = "&" if "?" in self.shop else "?"
        return self.view.show("share", shop=f"{self.shop}{gap}{urlencode({'code': code})}")

    async def claim(self, request: Request) -> Response:
        """Record that the form's `customer` came by this link; the first claim of a customer counts. 200 with an empty
        body if that is durable, also if it was claimed before."""
        self._check_key(request)
        by = read_code(self.secrets, request.path_params["code"])
        friend = (await read_form(request)).get("customer", [""])[-1]
        unreadable = "\N{REPLACEMENT CHARACTER}" in friend  # not UTF-8: different ids would be one customer
        if not friend.strip() or unreadable or friend in self.nobody or not is_customer_length(friend):
            raise HTTPException(HTTPStatus.BAD_REQUEST)
        if friend == by:
            raise HTTPException(HTTPStatus.CONFLICT)
        await self.firsts.tell(ReferralClaim(friend, by, self.wall()))
        return Response(status_code=HTTPStatus.OK)

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(f"Bearer {self.key}".encode(), given):
            raise HTTPException(HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
