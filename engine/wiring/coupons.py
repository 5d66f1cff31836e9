"""The secret that makes the codes of coupons: workers need their own; replays and backtests do with a public one."""

from engine.config import BadSetting, Settings
from engine.core.book import RuleBook
from engine.core.coupons import TEST_SECRET
from engine.operate.coupons import missing_secret


def live_secret(settings: Settings, book: RuleBook) -> str:
    """The secret for messages that customers get. Raises BadSetting if the rules need one and there is none."""
    if why := missing_secret(settings, book):
        raise BadSetting("ENGINE_COUPON_SECRET", why)
    secret = settings.coupon_secret.get_secret_value()
    if secret == TEST_SECRET:
        raise BadSetting("ENGINE_COUPON_SECRET", "is the secret of tests, which everybody knows")
    return secret


def secret_or_test(settings: Settings) -> str:
    """The secret of replays, whose messages nobody gets: the real one makes the codes that customers have."""
    return settings.coupon_secret.get_secret_value() or TEST_SECRET


def note_on_codes(settings: Settings, book: RuleBook) -> str:
    """A note for those who run a history without the secret; "" if there is nothing to tell."""
    if missing_secret(settings, book):
        return "ENGINE_COUPON_SECRET is not set: the codes of coupons are made with a public secret and worth nothing"
    return ""
