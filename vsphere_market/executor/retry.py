"""Retries of reads by tenacity, in the port's time and with an injected random generator.

Reads may be repeated freely, so they are retried where they happen, pauses and all. Submissions are
not retried here: whether one may be sent again is the state machine's decision, and its pauses must
not hold up the other steps. Both take their pauses from the same :class:`~.settings.Backoff`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

import tenacity
from tenacity.retry import retry_base
from tenacity.stop import stop_base
from tenacity.wait import wait_base

from vsphere_market.errors import (
    CertificateError,
    OutcomeUnknown,
    TransientFault,
    UnreachableError,
)
from vsphere_market.executor.settings import Backoff, Settings
from vsphere_market.port import Clock

T = TypeVar("T")


class _Policy:
    """What the three tenacity strategies below share.

    An outage is waited out longer than a busy object, so which budget applies depends on the
    exception of the attempt.
    """

    def __init__(self, settings: Settings, clock: Clock, rng: random.Random) -> None:
        self.settings = settings
        self.clock = clock
        self.rng = rng
        self.began_s = clock.now_s()

    def budget(self, state: tenacity.RetryCallState) -> Backoff:
        """The pauses that apply to the last attempt's exception."""
        error = state.outcome.exception() if state.outcome else None
        outage = isinstance(error, UnreachableError)
        return self.settings.outage if outage else self.settings.retry


class _Worthwhile(retry_base):
    """Retry what may come right by itself; a certificate that is not trusted does not."""

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        return isinstance(
            error, TransientFault | UnreachableError | OutcomeUnknown
        ) and not isinstance(error, CertificateError)


class _Enough(stop_base):
    """Stop by number of attempts, or by time as the port's clock tells it."""

    def __init__(self, policy: _Policy) -> None:
        self._policy = policy

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        elapsed_s = self._policy.clock.now_s() - self._policy.began_s
        return self._policy.budget(retry_state).spent(retry_state.attempt_number, elapsed_s)


class _Pause(wait_base):
    """Exponential with jitter from the injected generator."""

    def __init__(self, policy: _Policy) -> None:
        self._policy = policy

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        budget = self._policy.budget(retry_state)
        return budget.pause_s(retry_state.attempt_number, self._policy.rng)


def read_patiently(
    read: Callable[[], T],
    settings: Settings,
    clock: Clock,
    rng: random.Random,
    sleep: Callable[[float], None],
) -> T:
    """Call ``read`` until it succeeds, fails for good, or its budget is spent.

    Args:
        read: has no effect on the other side.
        settings: ``retry`` bounds busy objects, ``outage`` lost connections.
        clock: measures how long it took so far.
        rng: jitter.
        sleep: pauses, in the same time as ``clock``.

    Raises:
        MarketError: the last one that ``read`` raised.
    """
    policy = _Policy(settings, clock, rng)
    retrying = tenacity.Retrying(
        sleep=sleep,
        stop=_Enough(policy),
        wait=_Pause(policy),
        retry=_Worthwhile(),
        reraise=True,
    )
    return retrying(read)
