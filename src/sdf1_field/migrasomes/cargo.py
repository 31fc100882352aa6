"""Carriers of a ligand: made in bodies, transported along fibres into migrasomes, secreted.

A body has two halves that exchange carriers, evenly at rest and towards the rear while it migrates.
Myosin-5a transports carriers from the rear along fibres into migrasomes, fewer into distant or old
ones. Carriers fuse with the membrane of the body or of the migrasome (SNARE), which is secretion.
The rate of fusion in migrasomes rises as the calcium signal matures and falls to a small share once
they are detached (Jiao et al. 2024). All kinetics are of first order, so that contents are means:
the number of vesicles in one migrasome has a Poisson distribution around its mean.

The linear system is advanced by the trapezoidal rule, or by backward Euler where a rate times the
step is large; for a migrasome that comes to its end within the interval, until that time. The
number of molecules is conserved to round-off.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.compiled import kernel
from sdf1_field.random import Keys, Stream
from sdf1_field.random.kernels import draw, draws
from sdf1_field.scene import NO_BODY, Fate, Scene

Array = NDArray[np.float64]
Records = NDArray[np.void]
Numbers = Any

_CARGO = int(Stream.CARGO)
_RUPTURES = int(Fate.RUPTURES)
_LONG = 1.0
"""Rate times step from which on backward Euler is used; the trapezoidal rule overshoots above 2."""

FRONT, REAR, MADE, RELEASED = 0, 1, 2, 3
"""Columns of a body's pools of a ligand [molecules]: in its halves; made so far, the initial
content included; released through its own membrane so far."""
HELD, FUSED, LEAKED, CARRIED_OFF = 0, 1, 2, 3
"""Columns of a migrasome's balance of a ligand [molecules]: content; released so far by fusion;
released at once by a rupture or a leak; removed with it by a cell that took it up or the medium."""

CARGO_KINETICS = np.dtype(
    [
        (name, "f8")
        for name in (
            "production",
            "vesicle_load",
            "loaded_fraction",
            "fusion",
            "body_release",
            "exchange",
            "polarised_share",
            "transport",
            "reach",
            "transport_decay",
            "maturing",
            "detached_fusion",
            "key",
        )
    ]
)
"""Kinetics of one ligand's carriers, perturbations included: production by a body of factor 1
[molecules/s]; molecules in a vesicle; share of migrasomes that take up carriers; rates of fusion in
a mature migrasome and of release by the body [1/s]; rate of exchange between a body's halves [1/s]
and the rear's share in a migrating body [1]; rate of transport from the rear into a migrasome next
to the body [1/s], distance along the fibre over which it falls to 1/e [um], rate at which it decays
with the migrasome's age [1/s]; rate at which the calcium signal matures [1/s]; share of the fusion
rate left in a detached migrasome [1]; key of the random numbers."""


@dataclass(frozen=True, eq=False)
class Cargo:
    """Balance of a ligand that stromal cells make and secrete.

    Parameters
    ----------
    front, rear : ndarray, shape (body,)
        Content of the halves of each body [molecules].
    made, released : ndarray, shape (body,)
        Made by each body so far, its initial content included, and released through its own
        membrane [molecules].
    held : ndarray, shape (migrasome,)
        Content of each migrasome [molecules].
    fused, leaked, carried_off : ndarray, shape (migrasome,)
        Released from each so far by fusion, released at once by a rupture or leak, and removed
        with it [molecules]; the last followed by what was removed with each body.
    loaded : ndarray of bool, shape (migrasome,)
        Whether it takes up the ligand's carriers.
    vesicle_load : float
        Molecules in a vesicle.
    """

    front: Array
    rear: Array
    made: Array
    released: Array
    held: Array
    fused: Array
    leaked: Array
    carried_off: Array
    loaded: NDArray[np.bool_]
    vesicle_load: float

    @property
    def content(self) -> Array:
        """Content of each body [molecules], shape (body,)."""
        return self.front + self.rear


def cargo_of(scene: Scene) -> dict[str, Cargo]:
    """Cargo of each ligand that is followed from production on, by ligand; empty if none is."""
    growth = scene.growth
    if growth is None:
        return {}
    pools, held = growth.pools, growth.held
    there = len(scene.bodies.x)
    # Bodies that were removed keep their last content there.
    removed = pools[:, there:, FRONT] + pools[:, there:, REAR]
    return {
        name: Cargo(
            front=pools[k, :there, FRONT],
            rear=pools[k, :there, REAR],
            made=pools[k, :, MADE],
            released=pools[k, :, RELEASED],
            held=held[:, k, HELD],
            fused=held[:, k, FUSED],
            leaked=held[:, k, LEAKED],
            carried_off=np.concatenate([held[:, k, CARRIED_OFF], removed[k]]),
            loaded=scene.migrasomes.loaded[name],
            vesicle_load=float(kinetics["vesicle_load"][0]),
        )
        for k, (name, kinetics) in enumerate(growth.cargo_kinetics.items())
    }


@kernel()
def is_loaded(own: int, key: int, fraction: float) -> bool:
    """Whether a migrasome takes up carriers of a ligand, from the random-number keys of both."""
    _, chance = draw(own, _CARGO, 0, key)
    return bool(chance < fraction)


def all_loaded(own: Keys, key: int, fraction: float) -> NDArray[np.bool_]:
    """`is_loaded` of many migrasomes."""
    _, chances = draws(own, Stream.CARGO, 0, key)
    return np.less(chances, fraction)


@kernel()
def advance_cargo(
    since: float,
    until: float,
    kinetics: Records,
    cells: Records,
    strands: Records,
    fibres: int,
    course: Array,
    buds: Records,
    migrasomes: int,
    pools: Array,
    held: Array,
    weights: Array,
) -> None:
    """Produce, transport and secrete cargo over an interval in which the network is frozen.

    Vesicles in a migrasome fuse at the rate ``k_f V (1 - exp(-age / t_m))``, with V its content,
    k_f the rate of fusion and t_m the time in which the calcium signal matures; once it is
    detached, times ``detached_fusion``.

    Parameters
    ----------
    since, until : float
        [s].
    kinetics : ndarray of CARGO_KINETICS, shape (ligand,)
    cells, strands, course, buds
        See `sdf1_field.migrasomes.growth.grow`; the first ``fibres`` and ``migrasomes`` are used.
    pools : ndarray, shape (ligand, body, 4)
        Changed in place.
    held : ndarray, shape (migrasome or more, ligand, 4)
        Changed in place.
    weights : ndarray, shape (migrasome or more,)
        Working memory.
    """
    step = until - since
    if step <= 0.0:
        return
    to_end = np.empty(course.shape[2])
    drains = np.empty(cells.size)
    for k in range(kinetics.size):
        own = kinetics[k]
        drains[:] = 0.0
        weights[:migrasomes] = 0.0
        for f in range(fibres if cells.size > 0 else 0):
            last = strands[f].count - 1
            to_end[last] = 0.0
            for v in range(last - 1, -1, -1):
                to_end[v] = to_end[v + 1] + math.sqrt(
                    (course[f, 0, v + 1] - course[f, 0, v]) ** 2
                    + (course[f, 1, v + 1] - course[f, 1, v]) ** 2
                )
            m = strands[f].head
            while m >= 0:
                there = _time_present(buds[m], since, until)
                if there > 0.0 and is_loaded(buds[m].key, int(own.key), own.loaded_fraction):
                    way = max(to_end[buds[m].vertex - strands[f].first] - buds[m].along, 0.0)
                    age = max(since + 0.5 * there - buds[m].birth, 0.0)
                    weights[m] = own.transport * math.exp(
                        -way / own.reach - own.transport_decay * age
                    )
                    weights[m] *= there / step
                    drains[strands[f].owner] += weights[m]
                m = buds[m].following
        for n in range(cells.size):
            drains[n] = _advance_body(own, cells[n], step, drains[n], pools[k, n])
        for m in range(migrasomes):
            if weights[m] == 0.0 and held[m, k, HELD] == 0.0:
                continue
            body, there = buds[m].body, _time_present(buds[m], since, until)
            gained = weights[m] * drains[body] * step if body != NO_BODY else 0.0
            age = max(since + 0.5 * there - buds[m].birth, 0.0)
            ripe = -math.expm1(-own.maturing * age)
            if body == NO_BODY:
                ripe *= own.detached_fusion
            fused = there * own.fusion * ripe
            end = _implicit(fused)
            before = held[m, k, HELD]
            after = (before * (1.0 - (1.0 - end) * fused) + gained) / (1.0 + end * fused)
            held[m, k, HELD] = after
            held[m, k, FUSED] += fused * ((1.0 - end) * before + end * after)


@kernel(inline=True)
def _implicit(lost: float) -> float:
    """Weight of the end of a step: 1/2 (trapezoidal rule), or 1 (backward Euler) for large losses.

    Parameters
    ----------
    lost : float
        Rate of loss times the step [1].
    """
    return 0.5 if lost < _LONG else 1.0


@kernel()
def _time_present(bud: Numbers, since: float, until: float) -> float:
    """Time within an interval for which a migrasome exists and does not leak [s]."""
    there: float = max(min(until, bud.end, bud.leaking) - since, 0.0)
    return there


@kernel()
def _advance_body(own: Numbers, cell: Numbers, step: float, drain: float, pool: Array) -> float:
    """Advance a body's pools by one step; return the mean content of its rear half [molecules].

    Parameters
    ----------
    own : record of CARGO_KINETICS
    cell : record of WALKER
    step : float
        [s].
    drain : float
        Rate of transport from the rear into all migrasomes of the body [1/s].
    pool : ndarray, shape (4,)
        [molecules]; changed in place.
    """
    share = own.polarised_share if cell.migrating else 0.5
    back, forth = own.exchange * share, own.exchange * (1.0 - share)
    made = own.production * cell.production * step
    front_out, rear_out = (
        step * (own.body_release + back),
        step * (own.body_release + forth + drain),
    )
    end = _implicit(max(front_out, rear_out))
    begin = 1.0 - end
    front = (1.0 - begin * front_out) * pool[FRONT] + begin * step * forth * pool[REAR]
    rear = (1.0 - begin * rear_out) * pool[REAR] + begin * step * back * pool[FRONT]
    front, rear = front + (1.0 - share) * made, rear + share * made
    determinant = (1.0 + end * front_out) * (1.0 + end * rear_out)
    determinant -= end * end * step * step * back * forth
    front, rear = (
        ((1.0 + end * rear_out) * front + end * step * forth * rear) / determinant,
        ((1.0 + end * front_out) * rear + end * step * back * front) / determinant,
    )
    mean: float = begin * pool[REAR] + end * rear
    pool[RELEASED] += step * own.body_release * (begin * pool[FRONT] + end * front + mean)
    pool[MADE] += made
    pool[FRONT], pool[REAR] = front, rear
    return mean


@kernel()
def release_content(now: float, buds: Records, migrasomes: int, held: Array) -> None:
    """Empty migrasomes that end or leak; a rupture or leak releases the content in a burst.

    Parameters
    ----------
    now : float
        [s].
    buds : ndarray of BUD, shape (migrasome or more,)
    migrasomes : int
        Number of those in use.
    held : ndarray, shape (migrasome or more, ligand, 4)
        [molecules]; changed in place.
    """
    for m in range(migrasomes):
        leaks = buds[m].leaking <= now and buds[m].leaking <= buds[m].end
        if not leaks and buds[m].end > now:
            continue
        way = LEAKED if leaks or buds[m].fate == _RUPTURES else CARRIED_OFF
        for k in range(held.shape[1]):
            held[m, k, way] += held[m, k, HELD]
            held[m, k, HELD] = 0.0
