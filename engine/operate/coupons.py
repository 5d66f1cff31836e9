"""Whether the secret of coupons is there: `engine check`, `run --check` and the start of a worker ask."""

from engine.core.book import RuleBook
from engine.project_settings import ProjectSettings


def missing_secret(settings: ProjectSettings, book: RuleBook) -> str:
    """Why a worker could not run these rules: they show coupons, and no secret makes their codes. "": it could."""
    shown = book.shown_coupons
    if not shown or settings.coupon_secret.get_secret_value():
        return ""
    return f"must be set, as messages show coupons ({', '.join(shown)}): it makes their codes"
