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
SIGMA = SAMPLED + 6
"""Standard deviation of the receptors' noise, as averaged by the cell [receptors]."""
NORMAL = SAMPLED + 7
"""Standard normal random number of the turning [1]."""
CHANCE = SAMPLED + 8
"""Uniform random number of catching and letting go [1]."""
TRIGGER_NORMAL = SAMPLED + 9
"""Standard normal random number of the trigger's noise [1]."""
ROWS = SAMPLED + 10

X, Y, COURSE_X, COURSE_Y, SURFACE, ADAPTED, NOISE = range(7)
"""Rows of the cells' state, shape (STATES, cell): place [um], heading [1], surface receptors and
the level to which signalling has adapted [receptors], and the trigger's noise [1]."""
STATES = 7
