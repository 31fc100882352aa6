"""Haematopoietic cells on the floor: sensing, turning, motion, adhesion and uptake.

A cell's heading follows

    d phi = -(SNR / P) sin(phi - phi_gradient) dt + sqrt(2 / P) dW,

a persistent random walk of persistence time P with a bias up the gradient; SNR is the
signal-to-noise ratio of the difference in occupied CXCR4 between the cell's two halves. The
stationary distribution of headings is von Mises, and the chemotactic index is
`sdf1_field.pharmacology.chemotactic_index`. A crawling cell that touches a structure is caught at a
rate that a rise in its occupied CXCR4 triggers, and let go at a rate that each bond it touches
divides; a held cell moves only with the body under it.
Each cell takes up each migrasome that it touches at a constant rate, and ligand with
Michaelis-Menten kinetics.
"""

from sdf1_field.cells.adhesion import AdhesionMap, adhesion_map, detach_unsupported, sticky
from sdf1_field.cells.advection import advected, advected_with
from sdf1_field.cells.contacts import Contacts, contact_grid, contacts_of
from sdf1_field.cells.parameters import CellParameters, cell_parameters
from sdf1_field.cells.sensing import signal_to_noise
from sdf1_field.cells.state import CellArrays, Cells, seed_cells
from sdf1_field.cells.uptake import ligand_uptake, touching_cells
from sdf1_field.cells.walking import advance, advance_with_uptake

__all__ = [
    "AdhesionMap",
    "CellArrays",
    "CellParameters",
    "Cells",
    "Contacts",
    "adhesion_map",
    "advance",
    "advance_with_uptake",
    "advected",
    "advected_with",
    "cell_parameters",
    "contact_grid",
    "contacts_of",
    "detach_unsupported",
    "ligand_uptake",
    "seed_cells",
    "signal_to_noise",
    "sticky",
    "touching_cells",
]
