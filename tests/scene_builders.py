"""Settings, seeds and counts that the tests of placed scenes share."""

import numpy as np

SEEDS = range(1, 13)


def bodies_over(x, y, bodies):
    """Number of bodies each place is in, from the ellipses' own equation."""
    count = np.zeros(np.shape(x), dtype=int)
    for n in range(len(bodies.x)):
        turned = ((x - bodies.x[n]) + 1j * (y - bodies.y[n])) * np.exp(-1j * bodies.angle[n])
        u, v = turned.real / bodies.semi_major[n], turned.imag / bodies.semi_minor[n]
        count += u**2 + v**2 <= 1.0
    return count


PLACED = ["scene.mode=placed", "mechanisms.migrasome_uptake=false"]
