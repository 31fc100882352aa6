"""Working memory of a block of cells that take a step together: shape (ROWS, cell), one row each.

The first rows are those of `sdf1_field.exposure.sampling.sample_all`.
"""

from sdf1_field.exposure.sampling import ROWS as SAMPLED

HEADING_X = SAMPLED
"""New heading in x [1]."""
HEADING_Y = SAMPLED + 1
"""New heading in y [1]."""
SIGNAL_X = SAMPLED + 2
"""Direction of the signal in x [1]."""
SIGNAL_Y = SAMPLED + 3
"""Direction of the signal in y [1]."""
DECAY = SAMPLED + 4
"""Factor by which half a step reduces ``tan(psi / 2)`` of the angle psi to the signal [1]."""
OCCUPANCY = SAMPLED + 5
"""Receptor occupancy [1]."""
OCCUPIED = SAMPLED + 6
"""Occupied surface receptors over all receptors of the cell [1]."""
NORMAL = SAMPLED + 7
"""Standard normal random number of the turning [1]."""
CHANCE = SAMPLED + 8
"""Uniform random number of catching and letting go [1]."""
CATCH = SAMPLED + 9
"""Rate at which a crawling cell is caught [1/s]."""
ROWS = SAMPLED + 10
