"""The files of a calibration: tables, draws, the best point's model, methods and pictures."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sdf1_field import __version__
from sdf1_field.calibration import findings, report
from sdf1_field.calibration.importance import Weighted
from sdf1_field.calibration.inference import ALL, Inference, Question, Sizes
from sdf1_field.calibration.space import Free
from sdf1_field.claims.targets import Condition
from sdf1_field.errors import RunError, reason_of, write_whole, written_aside
from sdf1_field.figures.corner import Axis, Bars, chances_figure, corner_figure
from sdf1_field.shipped import model_names
from sdf1_field.spec import Entry, load_model
from sdf1_field.spec.entries import MODEL
from sdf1_field.spec.reading import setting_entries
from sdf1_field.spec.saving import model_toml
from sdf1_field.spec.unread import unread_keys

FILES = (
    "table.md", "calibration.json", "posterior.nc", "model.toml", "methods.txt",
    "figures/corner.png", "figures/claims.png",
)  # fmt: skip
DRAWS = 2000
"""Equally weighted draws that are saved."""
_PRIOR = "prior"
Array = NDArray[np.float64]
_Variable = tuple[tuple[str, str], Array, dict[str, object]]
"""Dimensions, values and attributes."""


def write_calibration(found: Inference, folder: Path, sizes: Sizes) -> None:
    """Write `FILES`.

    Parameters
    ----------
    found : Inference
    folder : pathlib.Path
        Exists, and holds the replayed points.
    sizes : Sizes
        Of the inference.

    Raises
    ------
    RunError
        If the folder cannot be written to.
    """
    plain = json.dumps(report.as_json(found), indent=2, allow_nan=False)
    texts = {
        "table.md": report.as_markdown(found),
        "calibration.json": f"{plain}\n",
        "model.toml": model_text(found),
        "methods.txt": report.methods_text(found, sizes),
    }
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_whole(folder / name, text)
        save_posterior(found, folder / "posterior.nc")
        for name, figure in figures(found).items():
            with written_aside(folder / "figures" / f"{name}.png") as partial:
                figure.savefig(partial, format="png", dpi=150, metadata={"Software": None})
    except OSError as error:
        raise RunError(
            f"{error.filename or folder}: {reason_of(error)}. The points are kept; make room and "
            "use the same command."
        ) from None


# Draws


def posterior(found: Inference, *, draws: int = DRAWS, seed: int = 1) -> dict[str, xr.Dataset]:
    """Equally weighted draws in ArviZ's layout (InferenceData), by the name of the group.

    Parameters
    ----------
    found : Inference
    draws : int
        Of which as many differ as the effective size allows.
    seed : int

    Returns
    -------
    dict of str to xarray.Dataset
        ``posterior`` and ``prior`` with a variable for each free parameter, named by its dotted
        path and in its unit; ``sample_stats`` with ``lp``, the logarithm of the chance that one
        virtual paper reports all claims. Dimensions are ``chain``, of length 1, and ``draw``.
    """
    weighted, question = found.weighted, found.question
    even = Weighted(weighted.points, weighted.prior, {_PRIOR: np.ones(len(weighted.points))})
    chosen = weighted.resampled(ALL, draws, seed=seed)
    value, error = weighted.evidence(ALL)
    attributes = {
        "created_by": f"sdf1-field {__version__}",
        "paper": question.paper.name,
        "claims": ", ".join(question.claims),
        "law": ", ".join(question.law) or "as shipped",
        "evidence": value,
        "evidence_error": error,
        "effective_size": weighted.effective_size(ALL),
    }
    groups: dict[str, Mapping[str, _Variable]] = {
        "posterior": _values(question, weighted.points[chosen]),
        "sample_stats": {
            "lp": (
                ("chain", "draw"),
                np.log(weighted.likelihood[ALL][chosen])[None],
                {"long_name": "logarithm of the chance that one virtual paper reports all claims"},
            )
        },
        "prior": _values(question, weighted.points[even.resampled(_PRIOR, draws, seed=seed)]),
    }
    numbers = {"chain": [0], "draw": np.arange(draws)}
    return {name: xr.Dataset(data, numbers, attributes) for name, data in groups.items()}


def _values(question: Question, points: Array) -> dict[str, _Variable]:
    return {
        free.key: (
            ("chain", "draw"),
            free.number(places)[None],
            {"units": free.unit or "1", "interval": [free.low, free.high]},
        )
        for free, places in zip(question.space.free, points.T, strict=True)
    }


def save_posterior(found: Inference, path: Path) -> None:
    """Write `posterior` as groups of a NetCDF file."""
    with written_aside(path) as partial:
        for group, data in posterior(found).items():
            data.to_netcdf(partial, mode="a", group=group, engine="netcdf4")


# The best point's model


def base_condition(question: Question) -> Condition:
    """Condition of the claims whose model the best point's values are written for.

    That with the fewest treatments; of several, one that others are compared with.
    """
    conditions = question.paper.conditions
    claims = [claim for claim in question.paper.claims if claim.id in question.judged]
    references = {s.reference for claim in claims for s in claim.statements}
    keys = dict.fromkeys(key for claim in claims for key in claim.conditions)

    def rank(key: str) -> tuple[int, bool]:
        model = load_model(conditions[key].model, settings=conditions[key].settings)
        return len(model.spec.treatments), key not in references

    return conditions[min(keys, key=rank)]


def model_text(found: Inference) -> str:
    """Model file with the best point's values, which extends the claims' own model."""
    question = found.question
    name = base_condition(question).model
    if name not in model_names():
        name = str(Path(name).resolve())
    by = ", ".join(question.claims)
    base = load_model(name, settings=question.law)
    source = f"by {by} (sdf1-field calibrate {question.paper.name})"
    settings = question.space.settings(findings.best_point(found))
    idle = {key.path for key in unread_keys(base.set(settings).spec, settings)}
    head = {
        "title": Entry(f"{base.spec.title}, calibrated on {by}", "", "model choice"),
        "extends": Entry(name, "", "model choice"),
    }
    own: dict[str, Entry] = {}
    for setting in question.law:
        own |= setting_entries(setting)
    for free in question.space.free:
        # Values that nothing reads here, such as a drug's, are for models that extend this one.
        author = f"{MODEL}{Path(name).stem}: {source}" if free.key in idle else source
        own[free.key] = Entry(
            settings[free.key], author, "calibrated", _other_interval(base.entries[free.key], free)
        )
    return f"{model_toml(head)}\n{model_toml(own)}"


def _other_interval(entry: Entry, free: Free) -> tuple[str | float, str | float] | None:
    """A parameter's interval if it is not the model's own."""
    low, high = (f"{end:g} {free.unit}" if free.unit else end for end in (free.low, free.high))
    own = [str(end).partition(" ") for end in entry.interval or ()]
    if [(float(n), unit) for n, _, unit in own] == [
        (free.low, free.unit),
        (free.high, free.unit),
    ]:
        return None
    return low, high


# Pictures


def figures(found: Inference) -> dict[str, Figure]:
    """Corner plot of the parameters, and the chances of the claims."""
    weighted, question = found.weighted, found.question
    axes = [
        Axis(one.key, one.unit, one.low, one.high, logarithmic=one.logarithmic)
        for one in question.space.free
    ]
    bars = [
        Bars(
            one.prediction.claim,
            one.informs,
            one.prediction.prior,
            one.prediction.reported,
            one.prediction.explained,
            one.verdict,
        )
        for one in findings.judged(found)
    ]
    return {
        "corner": corner_figure(axes, weighted.points, weighted.weights(ALL)),
        "claims": chances_figure(bars),
    }
