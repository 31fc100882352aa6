"""Run files opened, summarised and compared."""

import functools
import hashlib
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdf1_field.errors import InputError, Sdf1FieldWarning, reason_of, require_file
from sdf1_field.record.computer import recorded_computers
from sdf1_field.record.contents import contents_of
from sdf1_field.record.journal import FRAMES, load_checkpoint, load_start
from sdf1_field.record.layout import (
    CHECKSUM,
    FORMATS,
    VOLATILE,
    Layout,
    checksum_of,
    encoded,
    fill_in,
    layout_of,
    missing_in,
)
from sdf1_field.record.names import require_openable
from sdf1_field.record.paths import checkpoint_path, partial_path, unfinished, writer_of
from sdf1_field.record.standing import identity
from sdf1_field.record.times import in_seconds
from sdf1_field.record.variables import MASSES
from sdf1_field.scene import NO_BODY
from sdf1_field.spec import Model, ModelSpec, changes, model_from_entries
from sdf1_field.transport import Ledger
from sdf1_field.units import duration_text, molar_unit

if TYPE_CHECKING:
    import xarray as xr

_NEVER = 1e30
"""Times beyond are NetCDF's fill value: frames not written yet in a file of format 1 [s]."""
_ATTRIBUTES: Mapping[str, type] = {
    **dict.fromkeys(
        ("title", "model_name", "model", "source", "versions", "patterns", "date_created"), str
    ),
    "seed": np.integer,
}
"""Attributes of a run file, and the type of each."""
_DAMAGED = "The file is damaged, or of another version of sdf1-field. Solve the model again."
_OPENED = "Give it as xarray has opened the file of one run, and select from it afterwards."


def open_run(path: str | Path, *, interrupted: bool = False) -> "xr.Dataset":
    """Open a run file; values are read when they are used.

    Parameters
    ----------
    path : str or pathlib.Path
    interrupted : bool
        Also open a run that was interrupted or is being written, by its name or that of its folder,
        with the frames and observations until its last checkpoint.

    Returns
    -------
    xarray.Dataset
        With times in seconds, not dates. Variables of bodies, fibres or migrasomes that a file
        lacks because the run has none of these have no rows; times of which none is known are NaN.

    Raises
    ------
    InputError
        If the file is missing, damaged, unfinished, or not a run of this program.

    Warns
    -----
    Sdf1FieldWarning
        If the run is not complete; the text says how far it has come.
    """
    # Solving does without xarray, which takes as long to load as all else together.
    from sdf1_field.record.validating import checked, opened, require_coordinates

    path = Path(path)
    whole = unfinished(path)
    if whole is not None:
        found = identity(whole)
        try:
            return _until_now(whole, shown=interrupted)
        except (InputError, OSError) as error:
            if identity(whole) == found:
                if isinstance(error, OSError):
                    raise InputError(f"{path}: {reason_of(error)}. Look again.") from None
                raise
            # It was completed meanwhile.
            path = whole
    if path.is_dir():
        raise InputError(f"{path}: is a folder. Give a file made by `sdf1-field solve`.")
    require_file(path, remedy="`sdf1-field solve` makes run files.")
    require_openable(path)
    try:
        run = opened(path)
    except InputError:
        raise
    except PermissionError:
        raise InputError(f"{path}: may not be read. Ask its owner.") from None
    except Exception as error:
        # xarray raises errors of many kinds for attributes that are damaged.
        with path.open("rb") as stream:
            hdf5 = stream.read(8) == b"\x89HDF\r\n\x1a\n"
        if hdf5:
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"{path}: damaged or incomplete ({reason}). Solve the model again."
            ) from None
        raise InputError(
            f"{path}: not a NetCDF-4 file. Give a file made by `sdf1-field solve`."
        ) from None
    try:
        layout = _recorded_layout(path, run.attrs)
        _require_layout(path, run, layout, remedy=_DAMAGED)
        _require_checksum(path, run.attrs)
        spec = model_of(run).spec
        run = checked(path, run, layout, spec)
        _require_whole(path, run, layout, remedy="Give the whole run; xarray opens this file too.")
        require_coordinates(path, run, spec)
        fill_in(run, layout)
    except BaseException:
        run.close()
        raise
    return run


def run_of(dataset: "xr.Dataset") -> "xr.Dataset":
    """Run in a dataset that xarray has opened, as `open_run` gives it.

    Parameters
    ----------
    dataset : xarray.Dataset
        The whole of one run file, from `xarray.open_dataset` or `xarray.open_mfdataset`; times may
        be seconds, dates or durations, and values arrays of dask.

    Returns
    -------
    xarray.Dataset
        A new one, with the values of ``dataset`` and times in seconds.

    Raises
    ------
    InputError
        If it is not the dataset of one whole run.
    """
    source = dataset.encoding.get("source")
    where = "this dataset" if source is None else f"the dataset of {source}"
    layout = _recorded_layout(where, dataset.attrs)
    run = in_seconds(dataset, layout)
    _require_layout(where, run, layout, remedy=_OPENED)
    _require_whole(where, run, layout, remedy=_OPENED)
    fill_in(run, layout)
    return run


def _recorded_layout(where: str | Path, attributes: Mapping[str, Any]) -> Layout:
    """Layout that a run's model decides; InputError if the run is not of this program."""
    _format_number(where, attributes)
    name = recorded_model(where, attributes).name
    try:
        return _layout(name, attributes["model"])
    except InputError as error:
        raise InputError(f"{where}: its model has no grid ({error}). {_DAMAGED}") from None


def _require_layout(where: str | Path, run: "xr.Dataset", layout: Layout, *, remedy: str) -> None:
    """Raise InputError if a variable is missing, or has other dimensions or type than declared."""
    name = missing_in(run, layout, number=_format_number(where, run.attrs))
    if name is None:
        return
    declared = set(layout.variables[name].dims)
    found = {str(dim) for dim in run[name].dims} if name in run.variables else set()
    along = sorted(found - declared)
    if along and declared < found:
        raise InputError(
            f"{where}: holds several runs joined along {', '.join(map(repr, along))}. Give the "
            "file of each run."
        )
    raise InputError(
        f"{where}: {name}: is missing, or has other dimensions, type or attributes than declared. "
        f"{remedy}"
    )


def _require_checksum(path: Path, attributes: Mapping[str, Any]) -> None:
    """Raise InputError if a run's model or seed was changed; earlier files have no checksum."""
    expected = checksum_of(attributes)
    if str(attributes.get(CHECKSUM, expected)) != expected:
        raise InputError(
            f"{path}: its model or seed does not fit their checksum. The file is damaged, or was "
            "changed. Solve the model again."
        )


def _require_whole(where: str | Path, run: "xr.Dataset", layout: Layout, *, remedy: str) -> None:
    """Raise InputError unless a run has all of its frames."""
    times = run["time"].values
    there, declared = int((np.abs(times) < _NEVER).sum()), layout.sizes["time"]
    if not there == declared == len(times):
        counted = f"has not all of its frames: {there} of {declared}"
        if there >= declared:
            counted = f"has {len(times)} frames, and its run has {declared}"
        raise InputError(f"{where}: {counted}. {remedy}")


def _format_number(path: str | Path, attributes: Mapping[str, Any]) -> int:
    """Number of a run file's format; raise InputError if it is not read here."""
    name = str(attributes.get("format", ""))
    if name in FORMATS:
        return FORMATS[name]
    newer = re.fullmatch(r"sdf1-field run (\d+)", name)
    if newer and int(newer[1]) > max(FORMATS.values()):
        *known, last = FORMATS.values()
        read = f"{', '.join(str(number) for number in known)} and {last}"
        raise InputError(
            f"{path}: written by a newer version (format {newer[1]}); this one reads formats "
            f"{read}. Update sdf1-field."
        )
    raise InputError(f"{path}: not a run of sdf1-field. Give a file made by `sdf1-field solve`.")


def _until_now(whole: Path, *, shown: bool) -> "xr.Dataset":
    """A run that is not complete, as it was at its last checkpoint."""
    import xarray as xr

    folder, writer = partial_path(whole), writer_of(whole)
    if not checkpoint_path(whole).exists():
        if writer is None:
            raise InputError(
                f"{folder}: was left before its first checkpoint. Solve its model to {whole} again."
            )
        raise InputError(
            f"{folder}: is being written ({writer}), before its first checkpoint. Look again later."
        )
    if not shown:
        remedy = (
            f"was interrupted. Solve its model to {whole} again with resume."
            if writer is None
            else f"is being written ({writer}). Wait for it."
        )
        raise InputError(f"{folder}: an unfinished run, which {remedy}")
    start = load_start(folder)
    layout = _recorded_layout(folder, start.attributes)
    checkpoint = load_checkpoint(folder, start.tables)
    done = f"{checkpoint.rows[FRAMES]} of {layout.sizes['time']} frames"
    if not checkpoint.rows[FRAMES]:
        raise InputError(
            f"{folder}: {done} were there at its last checkpoint. Look again later, or resume it."
        )
    contents = contents_of(folder, recorded_model(folder, start.attributes).spec, start, checkpoint)
    variables = {
        variable.name: xr.Variable(
            variable.dims, contents.values(variable, slice(None)), encoded(variable, contents)
        )
        for variable in contents.variables
    }
    run = xr.decode_cf(xr.Dataset(variables, attrs=dict(contents.attributes)), decode_times=False)
    run.encoding["source"] = str(folder)
    latest = [run["time"].values.max()]
    if "cell_time" in run:
        latest.append(run["cell_time"].values.max())
    reached = duration_text(float(max(latest)))
    warnings.warn(
        f"{folder}: interrupted at {reached}, with {done}; repeat the call with --resume to go on"
        if writer is None
        else f"{folder}: being written ({writer}), {done} until its last checkpoint at {reached}",
        Sdf1FieldWarning,
        stacklevel=3,
    )
    fill_in(run, layout)
    return run


def recorded_model(path: str | Path, attributes: Mapping[str, Any]) -> Model:
    """Model that a run file was made from, as its attributes record it.

    Parameters
    ----------
    path : pathlib.Path
        Of the file, for the error.
    attributes : mapping
        Of the file.

    Raises
    ------
    InputError
        If one of the attributes that each run file has is missing or damaged.
    """
    for name, kind in _ATTRIBUTES.items():
        if not isinstance(attributes.get(name), kind):
            raise InputError(
                f"{path}: its attribute '{name}' is missing or damaged. Solve the model again."
            )
    try:
        return _model(attributes["model_name"], attributes["model"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError) as error:
        text = f" ({error})" if isinstance(error, InputError) else ""
        raise InputError(
            f"{path}: its attribute 'model' is not a model{text}. Solve the model again."
        ) from None


@functools.lru_cache(maxsize=64)
def _model(name: str, entries: str) -> Model:
    return model_from_entries(name, json.loads(entries))


@functools.lru_cache(maxsize=64)
def _layout(name: str, entries: str) -> Layout:
    return layout_of(_model(name, entries).spec)


def model_of(run: "xr.Dataset") -> Model:
    """Model that a run was made from, as recorded in it."""
    return _model(run.attrs["model_name"], run.attrs["model"])


def content_digest(run: "xr.Dataset") -> str:
    """SHA-256 of every variable and attribute except date, history and command line.

    Two runs of the same model and seed have the same digest on the same platform and versions.
    """
    digest = hashlib.sha256()

    def attributes(values: Mapping[Any, Any]) -> None:
        for key in sorted(values):
            if key not in VOLATILE:
                digest.update(f"{key}={np.asarray(values[key]).tolist()!r}".encode())

    attributes(run.attrs)
    for name in sorted(str(v) for v in run.variables):
        values = run[name]
        digest.update(f"{name}{values.dims}{values.dtype}{values.shape}".encode())
        # One frame after the other has the bytes of the whole, and a whole may not fit.
        for part in values if values.ndim > 2 else (values,):
            digest.update(np.ascontiguousarray(part.values).tobytes())
        attributes(values.attrs)
    return digest.hexdigest()


def summary(run: "xr.Dataset") -> dict[str, Any]:
    """Summary of a run: model, size, and stroma, ligands and mass audit at its end.

    ``filled`` is the largest share of the coat's sites that was ever filled, where the coat was
    taken as unsaturated throughout, and ``unsaturated_until`` the time until which it was, where
    that is not the end; else None. ``begun_anew``: the coat filled meanwhile.
    ``imbalance`` is the share of the incoming molecules that the
    audit misses; None in steady state.
    """
    model = model_of(run)
    spec, times = model.spec, run["time"].values
    facts: dict[str, Any] = {
        "title": run.attrs["title"],
        "model": run.attrs["model_name"],
        "changed": [one.text for one in changes(model)],
        "treatment": spec.treatment_label,
        "seed": int(run.attrs["seed"]),
        "program": run.attrs["source"],
        "computed_on": recorded_computers(run.attrs.get("computed_on")),
        "created": run.attrs["date_created"],
        "time": _times_text(spec, times),
        "grid": f"{run.sizes['x']} x {run.sizes['y']} x {run.sizes['z']} cells over "
        f"{spec.dish.width:g} x {spec.dish.length:g} x {spec.dish.height:g} um",
    }
    stroma = _stroma(run, spec.stroma.label)
    if stroma:
        facts["stroma"] = stroma
    if "trajectory" in run.sizes:
        facts["cells"] = (
            f"{run.sizes['trajectory']} {spec.cells.type}, {run.sizes['obs']} observations"
        )
    facts["ligands"] = []
    for name in spec.solved_ligands:
        floor = run[name][-1].values
        masses = {entry: float(run[f"{name}_mass_{entry}"].values[-1]) for entry in MASSES}
        steady = spec.run.mode == "steady"
        books = {k: v for k, v in masses.items() if k not in ("in_medium", "bound")}
        imbalance = Ledger(**books).imbalance(masses["in_medium"], masses["bound"])
        if steady:
            masses = {k: masses[k] for k in ("in_medium", "bound")}
        facts["ligands"].append(
            {
                "name": name,
                "label": spec.ligand[name].label,
                "floor": {
                    "min": float(np.nanmin(floor)),
                    "mean": float(np.nanmean(floor)),
                    "max": float(np.nanmax(floor)),
                },
                "minimum": float(run[f"{name}_minimum"].values[-1]),
                "bound_mean": float(np.nanmean(run[f"{name}_bound"][-1].values)),
                "filled": run[f"{name}_bound"].attrs.get("largest_share_of_sites_filled"),
                "begun_anew": "begun_anew" in run[f"{name}_bound"].attrs,
                "unsaturated_until": run[f"{name}_bound"].attrs.get("taken_as_unsaturated_until"),
                "masses": masses,
                "imbalance": None if steady else imbalance,
            }
        )
    return facts


def _times_text(spec: ModelSpec, times: NDArray[np.float64]) -> str:
    """Number and times of the saved fields."""
    if spec.run.mode == "steady":
        return "steady state"
    first, last = (duration_text(float(time)) for time in times[[0, -1]])
    return (
        f"1 field at {first}" if len(times) == 1 else f"{len(times)} fields from {first} to {last}"
    )


def field_unit(run: "xr.Dataset", ligand: str) -> tuple[str, float]:
    """Unit in which a ligand's concentrations are printed and drawn, and its size [nM].

    It is chosen by the mean over the floor at the end and used for the whole run.
    """
    return molar_unit(float(np.nanmean(run[ligand][-1].values)))


def _stroma(run: "xr.Dataset", label: str) -> str:
    """Bodies, fibres and migrasomes of the last frame; empty if there are none."""
    owner = run["migrasome_body"][-1].values
    counts = {
        label: np.isfinite(run["body_x"][-1].values),
        "retraction fibres": np.isfinite(run["fibre_body"][-1].values),
        "attached migrasomes": np.isfinite(owner) & (owner != NO_BODY),
        "detached migrasomes": owner == NO_BODY,
    }
    if not any(there.any() for there in counts.values()):
        return ""
    return ", ".join(f"{there.sum()} {what}" for what, there in counts.items()) + " at the end"
