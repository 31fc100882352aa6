"""A ligand at the end of a run in rows of text: at the floor, on the coat, and the mass audit."""

from collections.abc import Mapping
from typing import Any

from sdf1_field.digits import number_text

_AUDITED = 6
"""Figures of the molecules in an audit, which adds up to as many."""


def audit_rows(ligand: Mapping[str, Any], unit: tuple[str, float]) -> list[tuple[str, str]]:
    """Rows about one of the ligands of `summary`.

    Parameters
    ----------
    ligand : mapping
    unit : tuple of (str, float)
        Of concentrations, and its size [nM]; see `field_unit`.

    Returns
    -------
    list of tuple of two str
    """
    name, size = unit
    mean, low, high = (
        number_text(ligand["floor"][key], 1.0 / size) for key in ("mean", "min", "max")
    )
    missing = ligand["imbalance"]
    return [
        ("in the medium at the floor", f"mean {mean}, {low} to {high} {name}"),
        ("lowest value so far", f"{number_text(ligand['minimum'], 1.0 / size)} {name}"),
        ("bound to the coat, mean", f"{number_text(ligand['bound_mean'])} molecules/um2"),
        *_coat_row(ligand),
        *[
            (f"molecules {entry.replace('_', ' ')}", number_text(amount, figures=_AUDITED))
            for entry, amount in ligand["masses"].items()
        ],
        (
            "missing from the audit",
            "none is kept in steady state" if missing is None else f"{missing:.1e} of all",
        ),
    ]


def _coat_row(ligand: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Row about a coat that was taken as unsaturated; none about one that saturates."""
    if ligand["filled"] is not None:
        text = f"at most {ligand['filled']:.1e} of the coat's sites are filled"
    elif ligand["unsaturated_until"] is not None:
        text = f"until {ligand['unsaturated_until']}"
    elif ligand["begun_anew"]:
        text = "no: the coat filled, and the run was begun anew"
    else:
        return []
    return [("taken as unsaturated", text)]
