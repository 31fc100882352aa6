"""Haematopoietic cells on the floor: sense, turn, move, hold.

A cell's heading follows

    d phi = -(SNR / P) sin(phi - phi_gradient) dt + sqrt(2 / P) dW,

a persistent random walk of persistence time P that turns up the signal with the signal-to-noise
ratio of the difference in occupied CXCR4 between its two halves. Its stationary law is von Mises,
and the chemotactic index is `sdf1_field.pharmacology.chemotactic_index`. A crawling cell is caught
at the rate of what it touches and let go at one rate; a held cell moves only with the body under
it. Cells swallow migrasomes that they touch, at a rate for each cell and migrasome.
"""

from sdf1_field.cells.advection import advected, advected_with
from sdf1_field.cells.holding import Hold, hold_of, let_go, sticky
from sdf1_field.cells.parameters import CellParameters, cell_parameters
from sdf1_field.cells.sensing import signal_to_noise
from sdf1_field.cells.state import Cells, seed_cells
from sdf1_field.cells.walking import advance, advance_with_uptake

__all__ = [
    "CellParameters",
    "Cells",
    "Hold",
    "advance",
    "advance_with_uptake",
    "advected",
    "advected_with",
    "cell_parameters",
    "hold_of",
    "let_go",
    "seed_cells",
    "signal_to_noise",
    "sticky",
]
