"""Philox4x32-10 in compiled code: numbers of an entity at a step, and keys of entities.

Salmon et al. (2011), 10.1145/2063384.2063405; normal quantiles by Wichura's AS 241 (1988),
10.2307/2347330.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.random.streams import Keys, Stream

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_NUMBER, _SUBKEY = np.uint64(0), np.uint64(1)
"""Last word of the counters that numbers and keys are made from."""
_ROUNDS = 10
_UNIT = 1.0 / 4294967296.0
_SPARE = np.uint64(12)
"""Bits of 64 that are dropped, so that a number with 52 of them has no round-off."""
_FINE = 2.0**-52

_CENTRAL = 0.425
"""Distance from 1/2 up to which a quantile is a rational function of the probability."""
_NEAR_TAIL, _FAR = 1.6, 5.0
"""Centre of the first tail function, in sqrt(-log p), and begin of the second."""
# Coefficients of Wichura's PPND16.
_A = (
    3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
    1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
    3.3430575583588128105e4, 2.5090809287301226727e3,
)  # fmt: skip
_B = (
    1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
    2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
    5.2264952788528545610e3,
)  # fmt: skip
_C = (
    1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
    3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
    2.27238449892691845833e-2, 7.74545014278341407640e-4,
)  # fmt: skip
_D = (
    1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
    1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
    1.05075007164441684324e-9,
)  # fmt: skip
_E = (
    6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
    2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
    2.71155556874348757815e-5, 2.01033439929228813265e-7,
)  # fmt: skip
_F = (
    1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
    7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
    2.04426310338993978564e-15,
)  # fmt: skip


@kernel(inline=True)
def philox(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Philox4x32-10 block of a counter under a key.

    Parameters
    ----------
    c0, c1, c2, c3, k0, k1 : uint64
        Counter and key, each below 2**32.

    Returns
    -------
    tuple of four uint64
        Each below 2**32.
    """
    for turn in range(_ROUNDS):
        if turn > 0:
            k0 = (k0 + _W0) & _LOW
            k1 = (k1 + _W1) & _LOW
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = (
            (p1 >> _SHIFT) ^ c1 ^ k0,
            p1 & _LOW,
            (p0 >> _SHIFT) ^ c3 ^ k1,
            p0 & _LOW,
        )
    return c0, c1, c2, c3


@kernel()
def normal_quantile(probability: float) -> float:
    """Inverse of the standard normal distribution function, to a few units of round-off.

    Algorithm AS 241, PPND16: rational functions of degree 7 in three ranges.

    Parameters
    ----------
    probability : float
        In (0, 1).

    References
    ----------
    Wichura (1988) Applied Statistics 37:477, 10.2307/2347330.
    """
    centred = probability - 0.5
    if abs(centred) <= _CENTRAL:
        return _central_quantile(centred)
    return math.copysign(_tail_quantile(min(probability, 1.0 - probability)), centred)


@kernel(inline=True)
def _central_quantile(centred: float) -> float:
    """Quantile of ``0.5 + centred`` in the central range, without a logarithm."""
    r = _CENTRAL * _CENTRAL - centred * centred
    return centred * _polynomial(_A, r) / _polynomial(_B, r)


@kernel()
def _tail_quantile(probability: float) -> float:
    """Absolute value of the quantile of a probability below the central range."""
    r = math.sqrt(-math.log(probability))
    if r <= _FAR:
        r -= _NEAR_TAIL
        return _polynomial(_C, r) / _polynomial(_D, r)
    r -= _FAR
    return _polynomial(_E, r) / _polynomial(_F, r)


@kernel(inline=True)
def _polynomial(coefficients: tuple[float, ...], x: float) -> float:
    """Polynomial of degree 7, lowest coefficient first, by Horner's rule."""
    value = coefficients[7]
    for n in range(6, -1, -1):
        value = value * x + coefficients[n]
    return value


@kernel()
def poisson_quantile(mean: float, probability: float) -> int:
    """Smallest number whose Poisson distribution function reaches a probability."""
    number, term = 0, math.exp(-max(mean, 0.0))
    below = term
    while probability > below and term > 0.0:
        number += 1
        term *= mean / number
        below += term
    return number


@kernel()
def exponential_quantile(rate: float, survival: float) -> float:
    """Time at which the survival function ``exp(-rate t)`` has a value; infinite for rate 0."""
    return -math.log(survival) / rate if rate > 0.0 else math.inf


@kernel(inline=True)
def _block(
    seed: int, stream: int, entity: int, step: int, last: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Philox block of an entity at a step; the last word tells numbers from keys."""
    key = np.uint64(seed)
    return philox(
        np.uint64(step),
        np.uint64(entity) & _LOW,
        np.uint64(stream),
        last,
        key & _LOW,
        key >> _SHIFT,
    )


@kernel(inline=True)
def _centred(w0: np.uint64, w1: np.uint64) -> float:
    """A uniform number in (-0.5, 0.5) from 52 of 64 random bits, symmetric, without round-off."""
    return (np.int64((w0 << _SHIFT | w1) >> _SPARE) + 0.5) * _FINE - 0.5


@kernel()
def draw(seed: int, stream: int, entity: int, step: int) -> tuple[float, float]:
    """One standard normal and one uniform number for an entity at a step.

    Parameters
    ----------
    seed, stream, entity, step : int
        Non-negative; ``seed`` below 2**64, the others below 2**32.

    Returns
    -------
    normal, uniform : float
        The normal is the quantile of 52 bits; the uniform one, of 32 others, in (0, 1).
    """
    w0, w1, w2, _ = _block(seed, stream, entity, step, _NUMBER)
    normal = _centred(w0, w1)
    if abs(normal) <= _CENTRAL:
        normal = _central_quantile(normal)
    else:
        normal = math.copysign(_tail_quantile(0.5 - abs(normal)), normal)
    return normal, (np.int64(w2) + 0.5) * _UNIT


@kernel()
def uniform(seed: int, stream: int, entity: int, step: int) -> float:
    """The uniform number of `draw`."""
    _, _, w2, _ = _block(seed, stream, entity, step, _NUMBER)
    return (np.int64(w2) + 0.5) * _UNIT


@kernel()
def subkey(seed: int, stream: int, entity: int) -> int:
    """Key of an entity: the seed of random numbers that belong to it.

    Parameters
    ----------
    seed, stream, entity : int
        As of `draw`; a key's block is none of `draw`'s.

    Returns
    -------
    int
        Non-negative, below 2**63.
    """
    w0, w1, _, _ = _block(seed, stream, entity, 0, _SUBKEY)
    return int(np.int64((w0 << _SHIFT | w1) >> np.uint64(1)))


def subkeys(seeds: int | Keys, stream: Stream, entities: int | Keys) -> Keys:
    """`subkey` of many entities; shapes of seeds and entities broadcast."""
    shape = np.broadcast_shapes(np.shape(seeds), np.shape(entities))
    keys = np.empty(shape, dtype=np.int64)
    _fill_subkeys(
        _each(seeds, shape), int(stream), _each(entities, shape), keys.reshape(-1)
    )  # fmt: skip
    return keys


def _each(value: int | Keys, shape: tuple[int, ...]) -> Keys:
    """Flat copy of a value broadcast to a shape."""
    row = np.empty(shape, dtype=np.int64)
    row[...] = value
    return row.reshape(-1)


@kernel()
def _fill_subkeys(seeds: Keys, stream: int, entities: Keys, keys: Keys) -> None:
    for n in range(keys.size):
        keys[n] = subkey(seeds[n], stream, entities[n])


def draws(
    seeds: int | Keys, stream: Stream, entities: int | Keys, step: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`draw` of many entities.

    Parameters
    ----------
    seeds, entities : int, ndarray of int64
        Their shapes broadcast.
    stream : Stream
    step : int

    Returns
    -------
    normals, uniforms : ndarray
        Of the broadcast shape.
    """
    shape = np.broadcast_shapes(np.shape(seeds), np.shape(entities))
    normals, uniforms = np.empty(shape), np.empty(shape)
    _fill_draws(
        _each(seeds, shape), int(stream), _each(entities, shape), step,
        normals.reshape(-1), uniforms.reshape(-1),
    )  # fmt: skip
    return normals, uniforms


@kernel()
def _fill_draws(
    seeds: Keys,
    stream: int,
    entities: Keys,
    step: int,
    normals: NDArray[np.float64],
    uniforms: NDArray[np.float64],
) -> None:
    for n in range(normals.size):
        normals[n], uniforms[n] = draw(seeds[n], stream, entities[n], step)


@kernel()
def draw_all(
    seed: int,
    stream: int,
    entities: NDArray[np.int64],
    step: int,
    normals: NDArray[np.float64],
    uniforms: NDArray[np.float64],
    others: NDArray[np.float64],
    both: bool,
) -> None:
    """Fill arrays of shape (entity,) with the numbers of `draw`; a few thousand at most.

    If ``both``, ``others`` gets further standard normal numbers, quantiles of 32 bits.
    """
    count = entities.size
    for n in range(count):
        w0, w1, w2, w3 = _block(seed, stream, entities[n], step, _NUMBER)
        normals[n] = _centred(w0, w1)
        uniforms[n] = (np.int64(w2) + 0.5) * _UNIT
        others[n] = (np.int64(w3) + 0.5) * _UNIT - 0.5
    _to_normal(normals)
    if both:
        _to_normal(others)


@kernel()
def _to_normal(normals: NDArray[np.float64]) -> None:
    """Replace uniform numbers in (-0.5, 0.5) by normal quantiles."""
    count = normals.size
    # Separate loops, so that the first and third can be vectorised and the second has no branch.
    tails, found = np.empty(count, np.int64), 0
    for n in range(count):
        tails[found] = n
        found += abs(normals[n]) > _CENTRAL
    beyond = np.empty(found)
    for k in range(found):
        centred = normals[tails[k]]
        beyond[k] = math.copysign(_tail_quantile(0.5 - abs(centred)), centred)
    for n in range(count):
        normals[n] = _central_quantile(normals[n])
    for k in range(found):
        normals[tails[k]] = beyond[k]
