"""`engine coupons`: says whose a code is."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import complain, out
from engine.cli.options import AsJson
from engine.core.zones import iso
from engine.insight.coupons import Issued, find_code
from engine.wiring.wall_clock import wall_clock


@dataclass(frozen=True)
class PrintedCoupon:
    """An issued coupon as it is printed."""

    code: str
    coupon: str
    customer: str
    rule: str
    step: str
    outreach: str
    issued_at: str
    valid_until: str
    valid: bool

    @classmethod
    def of(cls, one: Issued, now: int) -> "PrintedCoupon":
        times = iso(one.at), iso(one.valid_until), now < one.valid_until
        return cls(one.code, one.coupon, one.customer, one.rule, one.step, one.outreach, *times)

    @property
    def text(self) -> str:
        by = f"{self.rule}/{self.step}" if self.step else self.rule
        until = f"valid until {self.valid_until}" if self.valid else f"expired at {self.valid_until}"
        return f"{self.code} ({self.coupon}): {until}; issued to {self.customer} at {self.issued_at} by rule {by}"


def verify(
    code: Annotated[str, typer.Argument(help="The code, as the customer has it; case and hyphens don't matter.")],
    archives: Annotated[list[Path], typer.Argument(help="Archives that `engine archive` has made.")],
    as_json: AsJson = False,
) -> None:
    """Say whose a code is: who has got it, when, by which rule, and until when it is valid.

    Exits 0 when it was issued, expired or not, and 1 when no archive has it.

    Example: engine coupons verify BDAY-7KQ2MXP4TA archive
    """
    found = find_code(archives, code)
    told = [PrintedCoupon.of(one, wall_clock()) for one in found.issued]
    if as_json:
        out.print_json(data=[asdict(one) for one in told])
    for one in told if not as_json else ():
        out.print(one.text, markup=False, highlight=False, soft_wrap=True)
    if not told:
        reach = f"the newest decision there is of {iso(found.until)}" if found.until else "there are no decisions there"
        complain(f"no message has issued {code}, as far as the archive goes: {reach}")
        raise typer.Exit(1)
