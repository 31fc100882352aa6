"""Random walkers that sources attract and hold: another program, whose readings are judged.

It needs NumPy alone, and knows nothing of sdf1-field: it writes a table of readings.

python validation/judge/walkers.py readings.csv          # 24 replicates of three conditions
"""

import csv
import sys
from pathlib import Path

import numpy as np

WIDTH = 400.0
"""Of the square floor [um]; walls reflect."""
RADIUS, PLACES = 30.0, np.array([[90.0, 110.0], [300.0, 90.0], [130.0, 310.0], [290.0, 280.0]])
"""Of the sources [um]."""
WALKERS, STEP, STEPS = 255, 30.0, 240
"""Walkers, and steps [s] to 2 h."""
SPEED, PERSISTENCE, PULL, HOLD, RELEASE = 0.05, 180.0, 0.6, 0.004, 0.0004
"""um/s; s; strength of turning 30 um from a source's rim; 1/s; 1/s."""
CONDITIONS = {"control": (True, True), "blocked": (False, True), "inert": (False, False)}
"""Whether sources attract, and hold."""
REPLICATES = 24
COLUMNS = ("condition", "replicate", "quantity", "of", "time", "value", "total", "unit")
FOLLOWED = 20
"""Walkers whose paths are read."""


def dish(rng: np.random.Generator, *, attract: bool, hold: bool) -> list[tuple[object, ...]]:
    """Rows of one replicate after its condition and number."""
    place = rng.uniform(0.0, WIDTH, (WALKERS, 2))
    angle = rng.uniform(0.0, 2.0 * np.pi, WALKERS)
    held = np.zeros(WALKERS, dtype=bool)
    path = np.zeros(WALKERS)
    for _ in range(STEPS):
        away = PLACES[None] - place[:, None]
        distance = np.hypot(away[..., 0], away[..., 1])
        over = (distance < RADIUS).any(axis=1)
        chance = rng.random(WALKERS)
        held = np.where(held, chance > RELEASE * STEP, over & hold & (chance < HOLD * STEP))
        turn = np.sqrt(2.0 * STEP / PERSISTENCE) * rng.standard_normal(WALKERS)
        if attract:
            pull = away / distance[..., None] * np.exp(-(distance - RADIUS) / 30.0)[..., None]
            x, y = PULL * pull.sum(axis=1).clip(-1.0, 1.0).T
            turn += STEP / PERSISTENCE * (y * np.cos(angle) - x * np.sin(angle))
        angle = angle + turn
        step = SPEED * STEP * ~held
        place = place + step[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        path += step
        outside = (place < 0.0) | (place > WIDTH)
        place = np.where(place < 0.0, -place, np.where(place > WIDTH, 2 * WIDTH - place, place))
        angle = np.where(outside[:, 0], np.pi - angle, angle)
        angle = np.where(outside[:, 1], -angle, angle)
    away = PLACES[None] - place[:, None]
    over = (np.hypot(away[..., 0], away[..., 1]) < RADIUS).any(axis=1)
    covered = len(PLACES) * np.pi * RADIUS**2
    rows: list[tuple[object, ...]] = [
        ("walkers in region", "sources", int(over.sum()), "", "1"),
        ("walkers in region", "free", int((~over).sum()), "", "1"),
        ("area of region", "sources", round(covered, 3), "", "um2"),
        ("area of region", "free", round(WIDTH**2 - covered, 3), "", "um2"),
        ("walkers held", "", int(held.sum()), WALKERS, "1"),
    ]
    rows += [("path length", "", round(one, 1), "", "um") for one in path[:FOLLOWED]]
    return rows


def main() -> None:
    """Write the table."""
    with Path(sys.argv[1]).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for n, (name, (attract, hold)) in enumerate(CONDITIONS.items()):
            for replicate in range(1, REPLICATES + 1):
                rng = np.random.default_rng([1, n, replicate])
                for quantity, of, value, total, unit in dish(rng, attract=attract, hold=hold):
                    table.writerow((name, replicate, quantity, of, "2 h", value, total, unit))


if __name__ == "__main__":
    main()
