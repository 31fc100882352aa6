"""The case in NumPy and SciPy alone, written for reading: finite volumes and random walks.

It shares no formula with `limits`, and no code with sdf1-field.

python benchmarks/gathering/reference.py results.csv
    [--diffusivity-factor 0.5] [--speed-factor 2]      deliberate mistakes, which must not pass
"""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from scipy.fft import dctn, idctn
from scipy.ndimage import map_coordinates

HERE = Path(__file__).parent
CASE = json.loads((HERE / "case.json").read_text(encoding="utf-8"))
SIZE = np.array([CASE["dish"][f"{side}_um"] for side in ("width", "length")], dtype=float)
HEIGHT = float(CASE["dish"]["height_um"])
CELL = 2.0
"""Of the grid [um], also the sensed layer."""
FINE = 0.5
"""Of the tables in which cells look up slopes [um]."""
MOLECULES = 0.602214076
"""Per um**3 in 1 nM."""


def table(name):
    """Numbers of a file, a row for each of its lines."""
    return np.loadtxt(HERE / name, delimiter=",", skiprows=1)


SOURCES, PROBES = table("sources.csv"), table("probes.csv")


def concentration(diffusivity):
    """Steady mean over the lowest layer [nM], by finite volumes on cubes, shape (x, y)."""
    nx, ny, nz = (round(side / CELL) for side in (*SIZE, HEIGHT))
    part = (np.arange(8) + 0.5) / 8
    x = (np.arange(nx)[:, None] + part).ravel() * CELL
    y = (np.arange(ny)[:, None] + part).ravel() * CELL
    secretion = np.zeros((nx, ny, nz))
    for _, sx, sy, radius, rate in SOURCES:
        inside = np.hypot(x[:, None] - sx, y[None] - sy) < radius
        covered = inside.reshape(nx, 8, ny, 8).sum(axis=(1, 3))
        secretion[:, :, 0] += rate * covered / covered.sum() / CELL**3
    decay = sum(
        (2.0 - 2.0 * np.cos(np.pi * np.arange(n) / n)).reshape(
            [-1 if axis == own else 1 for axis in range(3)]
        )
        for own, n in enumerate((nx, ny, nz))
    )
    modes = dctn(secretion) / (diffusivity * decay / CELL**2 + CASE["ligand"]["loss_rate_per_s"])
    return idctn(modes)[:, :, 0] / MOLECULES


def at(values, place):
    """Values of the grid at places [um], linear between centres, shape (cell,)."""
    return map_coordinates(values, place.T / CELL - 0.5, order=1, mode="nearest")


def table_of(values):
    """Values on a grid of `FINE`, in which cells look up instead of interpolating."""
    x, y = ((np.arange(round(side / FINE)) + 0.5) * FINE for side in SIZE)
    both = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    return at(values, both).reshape(len(x), len(y))


def reflected(place):
    """Places within the walls."""
    place = np.abs(place)
    return np.where(place > SIZE, 2.0 * SIZE - place, place)


def over(place):
    """Number of the source under each cell, 0 for none."""
    found = np.zeros(len(place), dtype=int)
    for number, sx, sy, radius, _ in SOURCES:
        found[np.hypot(place[:, 0] - sx, place[:, 1] - sy) < radius] = number
    return found


def walk(rng, speed, cells=20_000, step=0.05):
    """Mean squared displacement [um**2] of free cells by time [s]."""
    persistence, times = CASE["walk"]["persistence_s"], CASE["walk"]["times_s"]
    place, angle, found = np.zeros((cells, 2)), rng.uniform(0.0, 2.0 * np.pi, cells), {}
    for n in range(1, round(max(times) / step) + 1):
        before = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        angle = angle + np.sqrt(2.0 * step / persistence) * rng.standard_normal(cells)
        after = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        place += 0.5 * speed * step * (before + after)
        for time in times:
            if n == round(time / step):
                found[time] = float((place**2).sum(axis=1).mean())
    return found, cells


def encounter(rng, speed, cells=3000, step=0.2):
    """Share of cells that sources have held by time [s]: Brownian cells, the limit of P to 0."""
    motility = 0.5 * speed**2 * CASE["encounter"]["persistence_s"]
    place, times, found = rng.uniform(0.0, SIZE, (cells, 2)), CASE["encounter"]["times_s"], {}
    place = place[over(place) == 0]
    for n in range(1, round(max(times) / step) + 1):
        noise = rng.standard_normal(place.shape)
        place = reflected(place + np.sqrt(2.0 * motility * step) * noise)
        place = place[over(place) == 0]
        for time in times:
            if n == round(time / step):
                found[time] = 1.0 - len(place) / cells
    return found, cells


def gathering(rng, field, speed, cells=10_000, step=0.8):
    """Steady share of cells over each source, drift up the concentration and diffusion."""
    given = CASE["gathering"]
    motility = 0.5 * speed**2 * given["persistence_s"]
    drift = motility * given["sensitivity_per_nM"]
    slope = np.stack([table_of(drift * one) for one in np.gradient(field, CELL)], axis=-1)
    last = np.array(slope.shape[:2]) - 1
    place = rng.uniform(0.0, SIZE, (cells, 2))
    slowest = SIZE.max() ** 2 / (np.pi**2 * motility)
    for _ in range(round(2.0 * slowest / step)):
        x, y = np.minimum((place / FINE).astype(int), last).T
        noise = rng.standard_normal(place.shape)
        place = reflected(place + step * slope[x, y] + np.sqrt(2.0 * motility * step) * noise)
    share = np.bincount(over(place), minlength=len(SOURCES) + 1) / cells
    return {0: 1.0 - share[0], **{n: share[n] for n in range(1, len(share))}}, cells


def main():
    """Write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--diffusivity-factor", type=float, default=1.0)
    parser.add_argument("--speed-factor", type=float, default=1.0)
    asked = parser.parse_args()
    rng = np.random.default_rng(1)
    field = concentration(asked.diffusivity_factor * CASE["ligand"]["diffusivity_um2_per_s"])
    speed = {
        name: asked.speed_factor * CASE[name]["speed_um_per_s"]
        for name in ("walk", "encounter", "gathering")
    }
    lines = [
        ("field", int(probe), value, "")
        for (probe, *_), value in zip(PROBES, at(field, PROBES[:, 1:]), strict=True)
    ]
    for name, (found, cells) in {
        "walk": walk(rng, speed["walk"]),
        "encounter": encounter(rng, speed["encounter"]),
        "gathering": gathering(rng, field, speed["gathering"]),
    }.items():
        lines += [(name, key, value, cells) for key, value in found.items()]
    with asked.results.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("quantity", "key", "value", "n"))
        table.writerows((q, k, f"{v:.6g}", n) for q, k, v, n in lines)


if __name__ == "__main__":
    main()
