"""The grammar of `coupons`, and how they are compiled: before the rules, whose templates show them."""

import re
from collections.abc import Collection, Iterable
from typing import Annotated, Any, Final, NamedTuple

from pydantic import Field

from engine.core.coupons import MAX_LENGTH, MIN_LENGTH, Coupon
from engine.lang.fields import ReadId, Span, text
from engine.lang.form import Parsed, Strict, named, refuse, said
from engine.lang.site import Site

_DRAWN: Final = re.compile(r"\{(\d+)\}")
_LONGEST_FIXED: Final = 24
_FIXED: Final = re.compile(rf"[A-Za-z0-9_-]{{0,{_LONGEST_FIXED}}}")
_SCHEMA: Final = {"type": "string", "pattern": r"^[A-Za-z0-9_-]*\{\d{2}\}[A-Za-z0-9_-]*$", "examples": ["BACK-{10}"]}


class Form(NamedTuple):
    """How a coupon's codes look: fixed text around so many drawn characters."""

    before: str
    length: int
    after: str


def _form(value: Any) -> Form:
    parts = _DRAWN.split(text(value))
    if len(parts) != 3:
        help = "write where the drawn characters stand, and how many: such as BACK-{10}"
        refuse("bad-coupon-code", f"{said(value)} does not have one place such as {{10}}", help)
    before, number, after = parts
    if not MIN_LENGTH <= int(number) <= MAX_LENGTH:
        help = f"write {MIN_LENGTH} to {MAX_LENGTH}; shorter codes could be found by trying"
        refuse("bad-coupon-code", f"a code can't have {number} drawn characters", help)
    if not _FIXED.fullmatch(before) or not _FIXED.fullmatch(after):
        help = f"letters, digits, - and _, at most {_LONGEST_FIXED} on each side"
        refuse("bad-coupon-code", f"{said(value)} is not a code that a customer can type everywhere", help)
    return Form(before, int(number), after)


class CouponFields(Strict):
    """Codes that templates show as coupons.<id>; each run of a rule has one of its own."""

    label = "coupon"
    id: ReadId = Field(description="Permanent name of the coupon; rename with `was`.")
    why: str = Field("", description="One sentence: what the coupon is for.")
    was: list[ReadId] = Field([], description="Former ids of this coupon.")
    code: Annotated[Form, Parsed(_form, _SCHEMA)] = Field(
        description="How a code looks: {10} stands for so many drawn characters."
    )
    valid: Span = Field(description="How long a code is valid, from the first message that shows it.")


def placeholders(written: Iterable[Any]) -> dict[str, Coupon]:
    """The coupons as they are written, right or wrong, so that a mistake in one is reported once."""
    return {id_: Coupon(id_, "", MIN_LENGTH, "", 0) for id_, _, _ in named(written, "code")}


def compile_coupon(fields: CouponFields) -> Coupon:
    return Coupon(fields.id, *fields.code, fields.valid, tuple(fields.was))


def check_shown(site: Site, coupon: str, shown: Collection[str]) -> None:
    """Report a coupon that no message shows."""
    if coupon not in shown:
        site.at("id").report("unused-coupon", f"no template that is sent shows coupons.{coupon}")
