"""Working memory of a group of cells that take part of a step together: a row per number."""

from sdf1_field.exposure.sampling import ROWS

HEADING_X, HEADING_Y, SIGNAL_X, SIGNAL_Y, DECAY = ROWS, ROWS + 1, ROWS + 2, ROWS + 3, ROWS + 4
OCCUPANCY, OCCUPIED, NORMAL, CHANCE, CATCH = ROWS + 5, ROWS + 6, ROWS + 7, ROWS + 8, ROWS + 9
ALL_ROWS = ROWS + 10
"""After the rows of `sample_all`: new heading, direction of the signal, what half a step leaves of
tan(psi / 2), occupied share of surface and of all receptors, numbers, rate of catching."""
