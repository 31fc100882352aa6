"""Detachment of migrasomes from their fibre: they stay on the floor for a while or drift away."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.random import Stream
from sdf1_field.random.kernels import exponential_quantile, uniform
from sdf1_field.scene import NO_BODY, Fate

Records = NDArray[np.void]
Numbers = Any
"""A record of `sdf1_field.migrasomes.laws.RATES`, or Numba's view of one."""

NO_MIGRASOME = -1
"""End of a fibre's list of migrasomes."""
_MIGRASOME = int(Stream.MIGRASOME)
_DRIFTS = int(Fate.DRIFTS_AWAY)
LIFE, DETACHING, STAYING, DRIFTING, LEAKING = 0, 1, 2, 3, 4
"""Steps that key a migrasome's own random numbers, one for each purpose."""


@kernel()
def detach_migrasomes(
    rates: Numbers,
    now: float,
    f: int,
    before: int,
    beyond: int,
    strands: Records,
    buds: Records,
) -> None:
    """Detach a fibre's migrasomes outside a range of vertices, and those whose time has come.

    Migrasomes that have come to their end leave the fibre's list, too.

    Parameters
    ----------
    rates : record of RATES
    now : float
        [s].
    f : int
        The fibre.
    before, beyond : int
        Migrasomes stay from the first number of a vertex up to, but without, the second; vertices
        are numbered with the lost ones counted.
    strands, buds : ndarray of STRAND and BUD, shape (fibre or more,) and (migrasome or more,)
        Changed in place.
    """
    previous, m = NO_MIGRASOME, strands[f].head
    while m != NO_MIGRASOME:
        following = buds[m].following
        lost = buds[m].vertex < before or buds[m].vertex >= beyond
        if lost or buds[m].end <= now or buds[m].detaching <= now:
            _detach(rates, now, m, buds)
            if previous == NO_MIGRASOME:
                strands[f].head = following
            else:
                buds[previous].following = following
        else:
            previous = m
        m = following


@kernel()
def _detach(rates: Numbers, now: float, m: int, buds: Records) -> None:
    """Detach migrasome ``m``: it stays on the floor for a while or drifts away at once."""
    if buds[m].end <= now:
        return
    buds[m].body = NO_BODY
    leaves = now
    if uniform(buds[m].key, _MIGRASOME, 0, STAYING) < rates.staying:
        leaves = now + exponential_quantile(
            rates.drift, uniform(buds[m].key, _MIGRASOME, 0, DRIFTING)
        )
    if leaves < buds[m].end:
        buds[m].end, buds[m].fate = leaves, _DRIFTS
