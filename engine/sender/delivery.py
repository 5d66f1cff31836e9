"""Delivers one outreach: claims it, checks the suppression list, hands it to the channel, records the result.

The sender's loop runs one `deliver` per outreach, many at a time. Retries, rate limits and the circuit breaker are
here too. An outreach must be handed over once: when that cannot be known, a marketing message ends as in doubt.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, TypeVar

from engine.errors import PermanentFailure, TemporaryFailure
from engine.model import TRANSACTIONAL, Outcome, Outreach
from engine.ports import (
    Channel,
    Claim,
    ClaimState,
    ClaimStore,
    DeliveryResult,
    Record,
    SenderHooks,
    Suppression,
    SuppressionList,
)
from engine.sender.ahead import Ahead
from engine.sender.breaker import Breaker
from engine.sender.links import LinksOf, has_placeholder, no_links, with_links
from engine.sender.rates import Rates
from engine.sender.refusals import Refusals, Row, same_words
from engine.sender.reporter import Reporter
from engine.sender.store_batcher import StoreBatcher
from engine.wire.digests import ALL, address_digest, suppression_query

T = TypeVar("T")

SENT_AGAIN: Final = "sent again: transactional"
GIVE_BACK_PATIENCE: Final = 1.0
"""Seconds that leaving a partition waits for the store. Longer, and a group shares out slowly without one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of deliveries. `concurrency`: hand-overs at once per channel. The others are seconds: `hand_over` bounds
    one hand-over, `retry_for` counts from the first try; a claim waits `ahead` for a free hand, more than the two that
    a store may take for a claim, as its disk is written to once a second."""

    concurrency: int = 20
    ahead: float = 3.0
    hand_over: float = 90.0
    first_retry: float = 1.0
    longest_retry: float = 900.0
    retry_for: float = 86_400.0
    rates: Rates = field(default_factory=Rates)
    breaker: Callable[[], Breaker] = Breaker
    refusals: Callable[[], Refusals] = Refusals


@dataclass(frozen=True, slots=True)
class SenderContext:
    """The ports and settings that all deliveries share. `wall` returns the time now, epoch ms; `doubt` why that is not
    this machine's, "" where it is."""

    channels: Mapping[str, Channel]
    claims: ClaimStore
    suppressions: SuppressionList
    reporter: Reporter
    wall: Callable[[], int]
    limits: Limits = field(default_factory=Limits)
    hooks: SenderHooks = field(default_factory=SenderHooks)
    links: LinksOf = no_links
    doubt: Callable[[], str] = lambda: ""


@dataclass(eq=False, slots=True)
class Parcel:
    """An outreach that is being delivered. `handing`: must not be cancelled now. `parked`: waits for its next try.

    `leaving`: its partition goes to another sender. `begun`: the store has it as being handed over.
    `doubt`: it may have been handed over already.
    """

    outreach: Outreach
    record: Record
    since: float = field(default_factory=monotonic)
    first_try: float = 0.0
    tries: int = 0
    handing: bool = False
    parked: bool = False
    leaving: bool = False
    begun: bool = False
    doubt: bool = False
    refused: Row | None = None
    """Recipients whom the provider refused in the same words; set while the verdict is open."""

    async def rest(self, seconds: float) -> None:
        """Wait so many seconds. Raises CancelledError when the partition goes to another sender."""
        if self.leaving:
            raise asyncio.CancelledError
        if seconds > 0:
            self.parked = True
            await asyncio.sleep(seconds)
            self.parked = False


class Delivery:
    """Delivers any number of parcels concurrently. A parcel waits only for its channel's `concurrency` and rates."""

    def __init__(self, context: SenderContext, executor: Executor) -> None:
        self._context = context
        claims, hooks = context.claims, context.hooks
        self._claim = StoreBatcher(self._claim_all, executor, hooks)
        self._results = StoreBatcher(claims.results, executor, hooks)
        self._begin = StoreBatcher(claims.begin, executor, hooks)
        self._release = StoreBatcher(_without_answer(claims.release), executor, hooks)
        self._record = StoreBatcher(_without_answer(claims.record), executor, hooks)
        self._reasons = StoreBatcher(context.suppressions.reasons, executor, hooks)
        self._suppress = StoreBatcher(_without_answer(context.suppressions.change), executor, hooks)
        limits = context.limits
        self._hands = {name: asyncio.Semaphore(limits.concurrency) for name in context.channels}
        self._ahead = {name: Ahead(limits.concurrency, limits.ahead) for name in context.channels}
        self._breakers: dict[str, Breaker] = defaultdict(context.limits.breaker)
        self._waiting_for_provider = 0
        """Parcels that will find out whether a provider is back."""
        self._refusals: dict[str, Refusals] = defaultdict(context.limits.refusals)

    def _claim_all(self, wanted: Sequence[tuple[str, str]]) -> list[Claim]:
        return self._context.claims.claim(wanted, self._context.wall())

    @property
    def all_down(self) -> bool:
        """Whether every provider is down and something waits to try one, so that reading on makes no sense."""
        return self._waiting_for_provider > 0 and all(breaker.is_open for breaker in self._breakers.values())

    async def deliver(self, parcel: Parcel) -> None:
        """Deliver the parcel; returns when its outcome is recorded."""
        limits = self._context.limits
        parcel.first_try = monotonic()
        while True:
            try:
                return await self._attempt(parcel)
            except TemporaryFailure as failure:
                if monotonic() - parcel.first_try > limits.retry_for:
                    return await self._give_up(parcel, failure)
                wait = self._pause(parcel, failure)
            except PermanentFailure as failure:
                if not await self._refuses_everybody(parcel):
                    return await self._fail(parcel, failure)
                wait = self._pause(parcel, TemporaryFailure(failure.reason))
            await parcel.rest(wait)

    async def give_back(self, parcels: Iterable[Parcel]) -> None:
        """Release the claims of the parcels whose hand-over has not begun: after a restart of the store the next
        sender would have to doubt that. Not of a store that does not answer soon."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_BACK_PATIENCE):
                await asyncio.gather(*(self._release(one.outreach.id) for one in parcels if not one.begun))

    def _pause(self, parcel: Parcel, failure: TemporaryFailure) -> float:
        limits = self._context.limits
        longest = min(limits.longest_retry, limits.first_retry * 2.0 ** min(parcel.tries, 60))
        parcel.tries += 1
        wait = max(failure.retry_after, longest * random.uniform(0.5, 1.0))
        self._context.hooks.retried(parcel.outreach.channel, failure.reason, wait)
        return wait

    async def _refuses_everybody(self, parcel: Parcel) -> bool:
        """Whether the last refusal was of everybody, not of this recipient. Waits until that is known."""
        row, parcel.refused = parcel.refused, None
        if row is None:
            return False
        parcel.parked = True
        verdict = await self._refusals[parcel.outreach.channel].refuses_everybody(row)
        parcel.parked = False
        return verdict

    async def _attempt(self, parcel: Parcel) -> None:
        """Claim the parcel when its turn has come, then hand it over.

        What waits for a rate or a provider holds no claim: if the sender and the store crash, all that is claimed is in
        doubt.
        """
        outreach, context = parcel.outreach, self._context
        if outreach.channel not in context.channels:
            await self._refuse(parcel)
            return
        rates, breaker = context.limits.rates, self._breakers[outreach.channel]
        waits = rates.limits(outreach.channel, outreach.to) or breaker.is_open or self._ahead[outreach.channel].is_full
        if waits:  # what has ended must not
            known = await self._results(outreach.id)
            if known is not None and self._tell_again(parcel, known):
                return
        await self._wait_for_rate(parcel)
        while True:
            await self._wait_for_provider(parcel, breaker)
            ended, has_hand = await self._claim_ahead(parcel)
            if ended:
                return
            try:
                if has_hand and not breaker.wait(monotonic()):
                    await self._with_hands(parcel, breaker)
                    return
            finally:
                if has_hand:
                    self._hands[outreach.channel].release()
            await self._release(outreach.id)  # the provider is slow, or went down while the parcel waited for a hand

    async def _claim_ahead(self, parcel: Parcel) -> tuple[bool, bool]:
        """Claim the parcel, and wait for a free hand. Whether it has ended, and whether it has a hand now."""
        channel, has_hand, late = parcel.outreach.channel, False, False
        hands, ahead = self._hands[channel], self._ahead[channel]
        await ahead.enter()
        try:
            if not await self._try_to_claim(parcel):
                return True, False
            try:
                async with asyncio.timeout(ahead.seconds):
                    has_hand = await hands.acquire()
            except TimeoutError:
                late = True
            return False, has_hand
        finally:
            ahead.leave(monotonic(), begins=has_hand, late=late)

    async def _wait_for_rate(self, parcel: Parcel) -> None:
        channel, to, rates, now = parcel.outreach.channel, parcel.outreach.to, self._context.limits.rates, monotonic()
        wait = rates.reserve(channel, to, now)
        try:
            await parcel.rest(wait)
        except asyncio.CancelledError:
            rates.give_back(channel, to, now + wait)
            raise

    async def _wait_for_provider(self, parcel: Parcel, breaker: Breaker) -> None:
        while wait := breaker.open_for(monotonic()):
            self._waiting_for_provider += 1
            try:
                await parcel.rest(wait * random.uniform(1.0, 1.2))
            finally:
                self._waiting_for_provider -= 1

    async def _refuse(self, parcel: Parcel) -> None:
        if await self._try_to_claim(parcel):
            why = f"channel {parcel.outreach.channel} is not configured on this sender"
            raise PermanentFailure(why)

    async def _try_to_claim(self, parcel: Parcel) -> bool:
        """False: it has ended, and that is told."""
        outreach = parcel.outreach
        claim = await self._claim((outreach.id, outreach.purpose))
        if self._tell_again(parcel, claim):
            return False
        if claim.state is ClaimState.IN_DOUBT and not parcel.doubt:
            if outreach.purpose != TRANSACTIONAL:
                await self._end(parcel, Outcome.IN_DOUBT, "a sender ended while handing it over")
                return False
            self._tell(parcel, Outcome.IN_DOUBT, self._context.wall(), SENT_AGAIN)
            parcel.doubt = True
        return True

    def _tell_again(self, parcel: Parcel, claim: Claim) -> bool:
        """Tell the result that was recorded before: readers recognize the repeat by its id. False: there is none."""
        if claim.outcome is None:
            return False
        self._tell(parcel, claim.outcome, claim.at, claim.reason)
        return True

    async def _with_hands(self, parcel: Parcel, breaker: Breaker) -> None:
        parcel.handing, probing = True, breaker.is_open
        try:
            await self._hand_over(parcel, breaker)
        finally:
            parcel.handing = False
            if probing:
                breaker.gave_up()

    async def _hand_over(self, parcel: Parcel, breaker: Breaker) -> None:
        outreach, context = parcel.outreach, self._context
        if outreach.expires_at and context.wall() >= outreach.expires_at:
            return await self._end(parcel, Outcome.EXPIRED, "too late to be sent")
        if reason := await self._reasons(suppression_query(outreach)):
            return await self._end(parcel, Outcome.SUPPRESSED, reason)
        parcel.begun = True
        if not await self._begin(outreach.id):
            raise TemporaryFailure("claimed-by-another")
        try:
            async with asyncio.timeout(context.limits.hand_over):
                await context.channels[outreach.channel].deliver(self._linked(outreach))
        except TimeoutError:
            failure = TemporaryFailure("no-answer-in-time", uncertain=True, down=True)
            return await self._failed(parcel, failure, breaker)
        except TemporaryFailure as failure:
            return await self._failed(parcel, failure, breaker)
        except PermanentFailure as failure:
            await self._refused(parcel, failure, breaker)
            raise
        except Exception as error:
            why = f"a bug in channel {outreach.channel}: {type(error).__name__}"
            raise PermanentFailure(why) from error
        self._works(outreach.channel, breaker)
        self._refusals[outreach.channel].took_one()
        return await self._end(parcel, Outcome.SENT, "")

    def _linked(self, outreach: Outreach) -> Outreach:
        """The outreach with its placeholders replaced by signed links."""
        if not has_placeholder(outreach):
            return outreach
        links = self._context.links(outreach)
        if not any(links) and outreach.purpose != TRANSACTIONAL:
            self._context.hooks.unlinked(outreach.channel)
        return with_links(outreach, links)

    async def _failed(self, parcel: Parcel, failure: TemporaryFailure, breaker: Breaker) -> None:
        outreach = parcel.outreach
        if not failure.down:
            self._works(outreach.channel, breaker)
        elif breaker.failed(monotonic()):
            self._context.hooks.breaker(outreach.channel, is_open=True, reason=failure.reason)
        if not failure.uncertain:
            await self._take_back(parcel)
        elif outreach.purpose != TRANSACTIONAL:
            return await self._end(parcel, Outcome.IN_DOUBT, failure.reason)
        elif not parcel.doubt:
            self._tell(parcel, Outcome.IN_DOUBT, self._context.wall(), f"{failure.reason}; {SENT_AGAIN}")
            parcel.doubt = True
        raise failure

    async def _refused(self, parcel: Parcel, failure: PermanentFailure, breaker: Breaker) -> None:
        channel, to = parcel.outreach.channel, parcel.outreach.to
        if failure.words:
            words = f"{failure.reason}: {same_words(failure.words, to)}"
            parcel.refused = self._refusals[channel].add(to, words)
            if not parcel.refused.everybody:
                self._works(channel, breaker)
            elif breaker.trip(monotonic()):
                self._context.hooks.breaker(channel, is_open=True, reason=failure.reason)
                self._context.hooks.all_refused(channel, words)
            await self._take_back(parcel)  # a refusal proves that it was not taken
        else:
            self._works(channel, breaker)

    async def _take_back(self, parcel: Parcel) -> None:
        """Release the claim on a parcel whose hand-over has come to nothing."""
        await self._release(parcel.outreach.id)
        parcel.begun = False

    def _works(self, channel: str, breaker: Breaker) -> None:
        if breaker.succeeded():
            self._context.hooks.breaker(channel, is_open=False)

    # --- results

    async def _give_up(self, parcel: Parcel, failure: TemporaryFailure) -> None:
        if parcel.doubt:
            return await self._end(parcel, Outcome.IN_DOUBT, failure.reason)
        return await self._fail(parcel, PermanentFailure(f"given up: {failure.reason}"))

    async def _fail(self, parcel: Parcel, failure: PermanentFailure) -> None:
        parcel.handing = True  # must not be cancelled: another sender would find a hand-over without an end
        try:
            await self._write_off(parcel, failure)
        finally:
            parcel.handing = False

    async def _write_off(self, parcel: Parcel, failure: PermanentFailure) -> None:
        outreach, context = parcel.outreach, self._context
        # Not a result: an operator who has mended the cause may replay the dead letter. Before all else, as the brokers
        # may have no room for that letter now: then it is tried again, and must not look like a hand-over in doubt.
        await self._release(outreach.id)
        context.reporter.write_dead_letter(parcel.record, "outreach-refused", failure.detail or failure.reason)
        context.hooks.dead_letter("outreach-refused")
        if failure.bounced:
            address = address_digest(outreach.channel, outreach.to)
            await self._suppress(Suppression(address, ALL, Outcome.BOUNCED.value, at=context.wall()))
            return await self._end(parcel, Outcome.BOUNCED, failure.reason)
        return self._tell(parcel, Outcome.FAILED, context.wall(), failure.reason)

    async def _end(self, parcel: Parcel, outcome: Outcome, reason: str) -> None:
        outreach, at = parcel.outreach, self._context.wall()
        await self._record(DeliveryResult(outreach.id, outreach.purpose, outcome, at, reason))
        self._tell(parcel, outcome, at, reason)

    def _tell(self, parcel: Parcel, outcome: Outcome, at: int, reason: str) -> None:
        self._context.reporter.ended(parcel.outreach, outcome, at, reason)
        self._context.hooks.ended(parcel.outreach.channel, outcome, monotonic() - parcel.since)


def _without_answer(ask: Callable[[Sequence[T]], None]) -> Callable[[Sequence[T]], Sequence[None]]:
    def asked(items: Sequence[T]) -> Sequence[None]:
        ask(items)
        return [None] * len(items)

    return asked
