"""Mechanisms that an ablation takes away, and combinations that it leaves alone, as data.

The switches are those of `sdf1_field.spec.schema.Mechanisms` that act on cells, since cells are
replayed in recorded dishes.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sdf1_field.errors import InputError
from sdf1_field.spec import suggestion

SWITCHES = (
    "soluble_sensing", "haptotaxis", "arrest", "adaptation", "trigger_noise", "cd166_adhesion",
    "vla4_adhesion", "fibre_adhesion", "chemokinesis", "migrasome_uptake",
)  # fmt: skip
"""Of cells; a replay may have them otherwise than the recorded dish."""
WHOLE, WITHOUT, ALONE, NOTHING = "whole", "without", "alone", "nothing"
"""Kinds of rows."""


class Mechanism(NamedTuple):
    """What is taken away in one row.

    Parameters
    ----------
    words : str
        For the row's name.
    switches : tuple of str
        That are off without it.
    settings : tuple of str
        ``KEY=VALUE`` settings with which dishes are recorded anew, for what no switch of cells
        takes away.
    """

    words: str
    switches: tuple[str, ...]
    settings: tuple[str, ...] = ()


class Row(NamedTuple):
    """One model of the matrix.

    Parameters
    ----------
    name : str
        For people.
    kind : str
        `WHOLE`, `WITHOUT`, `ALONE` or `NOTHING`.
    off : tuple of str
        Switches that are set to false.
    settings : tuple of str
        With which dishes are recorded anew.
    """

    name: str
    kind: str
    off: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


_STEERING = ("soluble_sensing", "haptotaxis")
_BONDS = ("cd166_adhesion", "vla4_adhesion", "fibre_adhesion")
_ADAPTING = ("arrest", "adaptation")

MECHANISMS: Mapping[str, Mechanism] = {
    "steering": Mechanism("steering up gradients of SDF-1", _STEERING),
    "soluble_sensing": Mechanism("steering by dissolved SDF-1", ("soluble_sensing",)),
    "haptotaxis": Mechanism("steering by SDF-1 on the coat", ("haptotaxis",)),
    "arrest": Mechanism("arrest by CXCR4", ("arrest",)),
    "adaptation": Mechanism("adaptation of the trigger", ("adaptation",)),
    "trigger_noise": Mechanism("receptor noise in the trigger", ("trigger_noise",)),
    "bonds": Mechanism("bonds of any kind", _BONDS),
    "cd166_adhesion": Mechanism("bonds to CD166", ("cd166_adhesion",)),
    "vla4_adhesion": Mechanism("bonds to VCAM-1", ("vla4_adhesion",)),
    "fibre_adhesion": Mechanism("bonds to fibres", ("fibre_adhesion",)),
    "chemokinesis": Mechanism("chemokinesis", ("chemokinesis",)),
    "migrasome_uptake": Mechanism("uptake of migrasomes", ("migrasome_uptake",)),
    "migrasome_sdf1": Mechanism(
        "SDF-1 from migrasomes", (), ("stromal_type.msc.cargo.sdf1.loaded_fraction=0.0",)
    ),
}
"""Each is taken away once; names are those of the switches, or of groups of them."""

COMBINATIONS: Mapping[str, tuple[str, ...]] = {
    "steering alone": _STEERING,
    "CXCR4 arrest and bonds alone": ("arrest", *_BONDS),
    "adapting CXCR4 arrest and bonds alone": (*_ADAPTING, *_BONDS),
    "adapting CXCR4 arrest and CD166 alone": (*_ADAPTING, "cd166_adhesion"),
    "steering, adapting CXCR4 arrest and CD166 alone": (*_STEERING, *_ADAPTING, "cd166_adhesion"),
    "bonds alone (cells are caught without CXCR4)": _BONDS,
}
"""Switches that stay on while all others are off: the least combinations that can do something."""

NOT_ALONE: Mapping[str, str] = {
    "adaptation": "changes the trigger of arrest, so it does nothing without arrest and bonds",
    "trigger_noise": "as adaptation",
    "arrest": "a cell that is caught needs a bond that holds it: arrest is tried with bonds",
    "one kind of bond": "bonds hold cells that are caught: CD166 is tried with arrest, and all "
    "kinds together without it, where a cell is caught at the basal rate",
    "chemokinesis, uptake of migrasomes": "one changes how fast cells move, the other clears away "
    "migrasomes; neither gathers cells",
}
"""What is not tried alone, and why."""
NOT_TRIED: Mapping[str, str] = {
    "crowding": "off in every row, since cells are replayed more densely than they were seeded",
    "uptake": "uptake of SDF-1 by cells, off in the models; it would change the recorded field",
    "bursts": "off in the models; they would change the recorded field",
    "cargo_kinetics": "on in every row: without it bodies and migrasomes secrete at prescribed "
    "rates, which exchanges one secretion for another and removes none. What migrasomes secrete is "
    "taken away by recording the dishes anew",
}
"""Switches that replays cannot change, or that have no row."""


def rows_for(on: Sequence[str], names: Sequence[str] = ()) -> tuple[Row, ...]:
    """Rows of the matrix.

    Parameters
    ----------
    on : sequence of str
        Switches that are on in some of a paper's models; a mechanism that is on in none has no row.
    names : sequence of str
        Of `MECHANISMS` to try; all if empty.

    Raises
    ------
    InputError
        If a name is unknown or not tried, or if its mechanism is on in no model.
    """
    for name in names:
        _require(name, on)
    chosen = [
        (key, own)
        for key, own in MECHANISMS.items()
        if (not names or key in names) and (own.settings or set(own.switches) & set(on))
    ]
    asked = {switch for _, own in chosen for switch in own.switches}
    without = [
        Row(f"without {own.words}", WITHOUT, own.switches, own.settings) for _, own in chosen
    ]
    alone = [
        Row(name, ALONE, tuple(s for s in SWITCHES if s not in kept))
        for name, kept in COMBINATIONS.items()
        if set(kept) <= set(on) and set(kept) & asked
    ]
    return Row("the whole model", WHOLE), *without, *alone, Row("nothing", NOTHING, SWITCHES)


def _require(name: str, on: Sequence[str]) -> None:
    if name in NOT_TRIED:
        raise InputError(f"--mechanism: {name}: {NOT_TRIED[name]}. Leave it out.")
    if name not in MECHANISMS:
        raise InputError(
            f"--mechanism: unknown mechanism '{name}'. {suggestion(name, list(MECHANISMS))}"
        )
    own = MECHANISMS[name]
    if not own.settings and not set(own.switches) & set(on):
        raise InputError(f"--mechanism: {name}: is off in all of the paper's models. Leave it out.")
