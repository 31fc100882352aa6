"""The exact limits of the case, from its files, by formulas that no simulation shares.

    field      cosine series of discs that secrete evenly into a closed box with loss
    walk       2 v**2 P (t - P (1 - exp(-t / P)))                              Fuerth 1920
    gathering  density ~ exp(beta c), c the sensed concentration               drift-diffusion
    encounter  diffusion among discs that absorb, solved on grids of 1 and 0.5 um

The encounter limit takes a minute, so that ``limits.json`` holds it; `check` reads it there. Its
error is of first order in the grid, since held cells of the grid lie half a cell within the discs;
it is extrapolated to 0.

python benchmarks/gathering/limits.py          # writes limits.json
"""

import csv
import json
import math
from pathlib import Path

import numpy as np
from scipy.constants import Avogadro
from scipy.sparse import diags, identity, kron
from scipy.sparse.linalg import splu
from scipy.special import j1

HERE = Path(__file__).parent
CASE = json.loads((HERE / "case.json").read_text(encoding="utf-8"))
DISH, LIGAND = CASE["dish"], CASE["ligand"]
WIDTH, LENGTH, HEIGHT = (float(DISH[f"{side}_um"]) for side in ("width", "length", "height"))
PER_UM3 = Avogadro * 1e-24
"""Molecules/um**3 in 1 nM."""
MODES = 480, 240
"""Of the cosine series, across width and length."""


def rows(name):
    """Rows of a file as tuples of numbers."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return [tuple(map(float, row)) for row in list(csv.reader(file))[1:]]


SOURCES, PROBES = rows("sources.csv"), rows("probes.csv")


def amplitudes():
    """Of the sensed concentration [nM], the mean over the lowest layer, shape `MODES`."""
    kx, ky = (np.pi * np.arange(n) / side for n, side in zip(MODES, (WIDTH, LENGTH), strict=True))
    k = np.hypot(kx[:, None], ky[None])
    total = np.zeros(MODES)
    for _, x, y, radius, rate in SOURCES:
        ka = k * radius
        disc = np.divide(2.0 * j1(ka), ka, out=np.ones_like(ka), where=ka > 0.0)
        total += rate * disc * np.cos(kx * x)[:, None] * np.cos(ky * y)[None]
    twice = np.where(np.arange(MODES[0]) > 0, 2, 1)[:, None] * np.where(
        np.arange(MODES[1]) > 0, 2, 1
    )
    diffusivity, layer = LIGAND["diffusivity_um2_per_s"], LIGAND["sensed_layer_um"]
    w = np.sqrt(k**2 + LIGAND["loss_rate_per_s"] / diffusivity)
    # Mean over the layer of cosh(w (H - z)) / sinh(w H).
    below = -np.expm1(-2.0 * w * HEIGHT)
    mean = (below - np.exp(-w * layer) * -np.expm1(-2.0 * w * (HEIGHT - layer))) / (
        w * layer * below
    )
    return twice * total * mean / (WIDTH * LENGTH * diffusivity * w) / PER_UM3


def concentration(x, y):
    """Sensed concentration [nM] at all pairs of places [um], shape (x, y)."""
    in_x = np.cos(np.pi * np.outer(np.atleast_1d(x), np.arange(MODES[0])) / WIDTH)
    in_y = np.cos(np.pi * np.outer(np.atleast_1d(y), np.arange(MODES[1])) / LENGTH)
    return in_x @ amplitudes() @ in_y.T


def field_limits():
    """Concentration [nM] at each probe."""
    return {int(p): float(concentration(x, y)[0, 0]) for p, x, y in PROBES}


def walk_limits():
    """Mean squared displacement [um**2] at each time [s]."""
    v, p = CASE["walk"]["speed_um_per_s"], CASE["walk"]["persistence_s"]
    return {t: 2 * v**2 * p * (t + p * math.expm1(-t / p)) for t in CASE["walk"]["times_s"]}


def centres(size):
    """Middles of cells of a grid across width and length [um]."""
    return (
        (np.arange(round(WIDTH / size)) + 0.5) * size,
        (np.arange(round(LENGTH / size)) + 0.5) * size,
    )


def over(x, y):
    """Number of the source over which each pair of places lies, 0 for none, shape (x, y)."""
    found = np.zeros((len(x), len(y)), dtype=int)
    for number, sx, sy, radius, _ in SOURCES:
        found[np.hypot(x[:, None] - sx, y[None] - sy) < radius] = int(number)
    return found


def gathering_limits():
    """Steady share of cells over each source, and 0 for all of them."""
    x, y = centres(0.25)
    density = np.exp(CASE["gathering"]["sensitivity_per_nM"] * concentration(x, y))
    shares = np.bincount(over(x, y).ravel(), density.ravel()) / density.sum()
    return {0: float(1.0 - shares[0])} | {n: float(shares[n]) for n in range(1, len(shares))}


def encounter_limits(size=0.5, step=2.5):
    """Share of cells that sources have held by each time [s], if all that come are held.

    Crank and Nicolson's rule in time, on a grid of cells as wide as size [um].
    """
    x, y = centres(size)
    free = (over(x, y) == 0).ravel()

    def second(n):
        main = np.full(n, -2.0)
        main[[0, -1]] = -1.0
        return diags([np.ones(n - 1), main, np.ones(n - 1)], [-1, 0, 1]) / size**2

    spread = kron(second(len(x)), identity(len(y))) + kron(identity(len(x)), second(len(y)))
    spread = (CASE["encounter"]["motility_um2_per_s"] * spread).tocsc()[free][:, free]
    one = identity(spread.shape[0], format="csc")
    # Two half steps of backward Euler come first: they damp what the rule keeps.
    half = splu((one - 0.5 * step * spread).tocsc())
    density, found, time = np.ones(spread.shape[0]), {}, 0.0
    density = half.solve(half.solve(density))
    time += step
    for until in CASE["encounter"]["times_s"]:
        while time < until - 1e-9:
            density = half.solve(density + 0.5 * step * (spread @ density))
            time += step
        found[until] = float(1.0 - density.sum() / free.size)
    return found


def main():
    """Write the encounter limit, and what it is extrapolated from."""
    fine, coarse = encounter_limits(), encounter_limits(1.0, 5.0)
    text = {
        "encounter": {time: 2.0 * fine[time] - coarse[time] for time in fine},
        "encounter_on_0.5_um": fine,
        "encounter_on_1_um": coarse,
    }
    (HERE / "limits.json").write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
