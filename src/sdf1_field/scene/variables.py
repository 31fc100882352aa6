"""State variables of the stroma, each declared once for run files, their reader and the docs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum

from sdf1_field.images import FREE, NETWORK
from sdf1_field.scene.regions import Region
from sdf1_field.scene.snapshot import Fate, Origin
from sdf1_field.spec import ModelSpec

SECONDS = "seconds since 2000-01-01"
"""Unit of times in run files; the epoch is a convention."""
ABSENT = -9
"""Fill value of integers where there is no body, fibre or migrasome; neither an owner nor a flag.

Rows that only some of several joined runs have need one too.
"""


class Written(Enum):
    """When a variable is written."""

    START = "at the start"
    FRAME = "each frame"
    OBSERVATION = "each observation of cells"
    END = "once, at the end"


@dataclass(frozen=True)
class Condition:
    """Condition for a run file to hold a variable.

    Parameters
    ----------
    text : str
    met : callable
        Whether a model meets it, of a `ModelSpec` and a ligand's name; not given where only the
        run decides.
    """

    text: str
    met: Callable[[ModelSpec, str], bool] = lambda _spec, _ligand: True


@dataclass(frozen=True)
class Variable:
    """A variable of a run file.

    Parameters
    ----------
    name : str
        In the file; ``{ligand}`` stands for a ligand's name.
    dtype : str
        NumPy type in the file.
    dims : tuple of str
        Dimensions.
    unit : str
        As UDUNITS reads it; empty for integers and bounds.
    meaning : str
        The file's ``long_name``; ``{label}`` stands for the ligand's label, ``{stroma}`` for that
        of the stromal cells.
    written : Written
    key : str
        Attribute that holds the value in memory, dots leading into its parts: of `Bodies`,
        `Fibres` or `Migrasomes` for these, else of a snapshot of the run or, for a variable of a
        ligand, of that ligand's output. Arrays are summed for a variable over time alone. Empty
        for coordinates of space and numbers of rows.
    memory : str
        NumPy type in memory where it is not the file's.
    flags : mapping of int to str
        Meanings of an integer's values; empty if it is no flag.
    absent : int, optional
        Fill value of an integer.
    precise : bool
        Whether it is f8 where a treatment adds the ligand or a bath holds it.
    only : Condition, optional
        For the file to hold it.
    since : int
        Number of the first file format that has it.
    attributes : mapping of str to str or float
        Further attributes in the file.
    """

    name: str
    dtype: str
    dims: tuple[str, ...]
    unit: str
    meaning: str
    written: Written = Written.FRAME
    key: str = ""
    memory: str = ""
    flags: Mapping[int, str] = field(default_factory=dict)
    absent: int | None = None
    precise: bool = False
    only: Condition | None = None
    since: int = 1
    attributes: Mapping[str, str | float] = field(default_factory=dict)

    def named(self, *, ligand: str = "", label: str = "", stroma: str = "") -> "Variable":
        """Variable of one ligand and one type of stromal cells."""
        return replace(
            self,
            name=self.name.format(ligand=ligand),
            meaning=self.meaning.format(label=label, stroma=stroma),
        )


def flags_of(kinds: Iterable[IntEnum]) -> dict[int, str]:
    """Meanings of a flag's values by value."""
    return {kind.value: kind.name.lower() for kind in kinds}


_BODY = ("time", "body")
_FIBRE = ("time", "fibre")
_MIGRASOME = ("time", "migrasome")
_ONCE = ("migrasome",)
_CD166 = "share of CD166 that is blocked"
FOLLOWED = Condition("cargo that is followed", lambda spec, ligand: ligand in spec.followed_ligands)

REGION = Variable(
    "region", "i1", ("time", "y", "x"), "", "region under each floor cell's centre",
    key="regions", flags=flags_of(Region),
)  # fmt: skip

BODIES = (
    Variable("body_x", "f8", _BODY, "um", "{stroma} body: x of the centre", key="x"),
    Variable("body_y", "f8", _BODY, "um", "{stroma} body: y of the centre", key="y"),
    Variable(
        "body_semi_major", "f8", _BODY, "um", "{stroma} body: half the long axis", key="semi_major"
    ),
    Variable(
        "body_semi_minor", "f8", _BODY, "um", "{stroma} body: half the short axis", key="semi_minor"
    ),
    Variable(
        "body_angle", "f8", _BODY, "radian", "{stroma} body: angle of the long axis against x",
        key="angle",
    ),
    Variable("body_blocked", "f8", _BODY, "1", f"{{stroma}} body: {_CD166}", key="blocked"),
    Variable(
        "body_migrating", "i1", _BODY, "", "{stroma} body: whether it migrates",
        key="migrating", memory="bool", absent=ABSENT, flags={0: "resting", 1: "migrating"},
    ),
)  # fmt: skip

DRAWN = (
    *(
        Variable(
            f"pixel_{axis}", "f8", (f"pixel_{axis}",), "um",
            f"{axis} of the centres of the image's pixels", Written.START,
        )
        for axis in ("x", "y")
    ),
    Variable(
        "pixel_body", "i4", ("pixel_y", "pixel_x"), "",
        f"number of the {{stroma}} body on each pixel of the image; {FREE} free surface, {NETWORK} "
        "migrasome network", Written.START, key="pixels",
    ),
)  # fmt: skip
"""Of a drawn scene alone."""

FIBRES = (
    Variable(
        "fibre_x", "f8", (*_FIBRE, "fibre_vertex"), "um",
        "retraction fibre: x along its course, NaN past the end", key="x",
    ),
    Variable(
        "fibre_y", "f8", (*_FIBRE, "fibre_vertex"), "um",
        "retraction fibre: y along its course, NaN past the end", key="y",
    ),
    Variable(
        "fibre_body", "i4", _FIBRE, "", "retraction fibre: number of the body to which it leads",
        key="body", memory="intp", absent=ABSENT,
    ),
    Variable(
        "fibre_origin", "i1", _FIBRE, "", "retraction fibre: whether migration or retraction of "
        "the body left it", key="origin", absent=ABSENT,
        flags=flags_of((Origin.MIGRATION, Origin.RETRACTION)),
    ),
)  # fmt: skip

MIGRASOMES = (
    Variable("migrasome_x", "f8", _MIGRASOME, "um", "migrasome: x of the centre", key="x"),
    Variable("migrasome_y", "f8", _MIGRASOME, "um", "migrasome: y of the centre", key="y"),
    Variable("migrasome_radius", "f8", _MIGRASOME, "um", "migrasome: radius", key="radius"),
    Variable("migrasome_blocked", "f8", _MIGRASOME, "1", f"migrasome: {_CD166}", key="blocked"),
    Variable(
        "migrasome_maturity", "f8", _MIGRASOME, "1",
        "migrasome: share of a mature one's CD166 that has gathered", key="maturity",
    ),
    Variable(
        "migrasome_body", "i4", _MIGRASOME, "",
        "migrasome: number of the body to which its fibre leads; -1 if it is detached",
        key="body", memory="intp", absent=ABSENT,
    ),
    Variable(
        "migrasome_birth", "f8", _ONCE, SECONDS, "migrasome: time at which it appears",
        Written.END, key="birth",
    ),
    Variable(
        "migrasome_end", "f8", _ONCE, SECONDS,
        "migrasome: time at which it is gone, NaN if it outlives the run",
        Written.END, key="end", only=Condition("a migrasome that ends within the run"),
    ),
    Variable(
        "migrasome_origin", "i1", _ONCE, "",
        "migrasome: whether migration or retraction of the body left the fibre that it formed on",
        Written.END, key="origin", absent=ABSENT, flags=flags_of(Origin),
    ),
    Variable(
        "migrasome_fate", "i1", _ONCE, "", "migrasome: how it ends",
        Written.END, key="fate", absent=ABSENT, flags=flags_of(Fate),
    ),
)  # fmt: skip

SECRETION_RATES = (
    Variable(
        "body_{ligand}_secretion_rate", "f8", _BODY, "s-1",
        "{label} molecules secreted per time by each body", key="body_rates",
    ),
    Variable(
        "migrasome_{ligand}_secretion_rate", "f8", _MIGRASOME, "s-1",
        "{label} molecules secreted per time by each migrasome", key="migrasome_rates",
    ),
)  # fmt: skip

CONTENTS = (
    Variable(
        "body_{ligand}_cargo", "f8", _BODY, "1", "{label} molecules in each body",
        key="cargo.content", only=FOLLOWED,
    ),
    Variable(
        "body_{ligand}_rear_cargo", "f8", _BODY, "1",
        "{label} molecules in the rear half of each body", key="cargo.rear", only=FOLLOWED,
    ),
    Variable(
        "migrasome_{ligand}_cargo", "f8", _MIGRASOME, "1", "{label} molecules in each migrasome",
        key="cargo.held", only=FOLLOWED,
    ),
    Variable(
        "migrasome_{ligand}_loaded", "i1", _ONCE, "",
        "migrasome: whether it takes carriers of {label}", Written.END, key="loaded", only=FOLLOWED,
        absent=ABSENT, flags={0: "takes_none", 1: "takes_carriers"},
    ),
)  # fmt: skip

CARGO = {
    "made": ("made", "made so far, including the initial content of bodies"),
    "in_bodies": ("content", "in bodies"),
    "in_migrasomes": ("held", "in migrasomes"),
    "released_by_bodies": ("released", "released by fusion with bodies' own membranes so far"),
    "released_by_fusion": ("fused", "released by fusion in migrasomes so far"),
    "released_at_once": ("leaked", "released by ruptures and leaks of migrasomes so far"),
    "carried_off": (
        "carried_off",
        "lost with migrasomes that drifted away or were taken up, and with removed bodies, so far",
    ),
}  # fmt: skip
"""Balance of a followed ligand: attribute of `Cargo` of which each entry is the sum, and meaning.

The first entry is the sum of the others.
"""
