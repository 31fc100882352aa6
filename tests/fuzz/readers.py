"""Every reader of files and texts that come from others, with whole files to begin from."""

import contextlib
import functools
import io
import json
import math
import random
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.mutation import place_mutated

Seeds = Callable[[Path], list[Path]]
TINY = (
    "dish.width=120 um", "dish.length=120 um", "dish.height=100 um", "grid.spacing=20 um",
    "run.culture=1 h", "run.duration=30 min", "output.fields_from=15 min",
    "output.fields_every=15 min", "cells.density=600 1/mm**2", "scene.msc_number=1",
)  # fmt: skip
"""A dish that solves and is drawn within a second."""


_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that act on a terminal."""


class Escaped(Exception):
    """A command that ended in another way than with a result or a line that says what is wrong."""


@dataclass(frozen=True)
class Reader:
    """A reader, and whole files to begin from.

    Parameters
    ----------
    name : str
    seeds : callable
        Makes whole files in a folder and gives their paths.
    read : callable
        Reads a file; what it raises but `InputError` is a failure.
    suffix : str
        Of the files.
    words : tuple of bytes
        Texts of the format.
    change : callable
        Writes a changed copy: from, to, random numbers, words.
    """

    name: str
    seeds: Seeds
    read: Callable[[Path], Any]
    suffix: str = ""
    words: tuple[bytes, ...] = ()
    change: Callable[[Path, Path, random.Random, Sequence[bytes]], None] = place_mutated

    @property
    def folder(self) -> str:
        """Name as a folder's."""
        return re.sub(r"\W+", "-", self.name).strip("-")


def _written(folder: Path, files: dict[str, str | bytes]) -> list[Path]:
    paths = []
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        paths.append(path)
    return paths


# Model files and settings

_MODEL = """title = "Own co-culture"
extends = "coculture-kg1a"

[dish]
width = "300 um"
length = { value = "300 um", source = "a paper", status = "measured", interval = ["1 um", "1 mm"] }

[grid]
spacing = "10 um"

[ligand.mine]
label = "mine"
molar_mass = "8 kDa"
diffusivity = "150 um**2/s"

[treatments.amd3100]
dose = "10 uM"
start = "1 h"

[output]
ligands = ["sdf1"]
"""
_MODEL_WORDS = (
    b'"1 dB*um"', b'"1e octave"', b'"1e-320 um"', b'"1e300 1/(M*s)"', b"{value=1,status=1}",
    b"extends = ", b"[mechanisms]\n", b"true", b"[run]\nduration = ", b'"4 h"', b"{}", b"[]", b"=",
    b"[ligand.sdf1.coat]\npattern = ", b'"stripes.npy"', b'"/dev/zero"', b"1_0", b"0x10",
    b"1979-05-27", b"cell_type.kg1a.receptors = ", b'"' + b"a" * 200_000 + b'"',
    b"k" + b".a" * 9_000 + b"=1\n", b"[k" + b".'a'" * 4_000 + b"]\n",
    b"\nx={k" + b".a" * 999 + b"=1}\n",
)  # fmt: skip


def _models(folder: Path) -> list[Path]:
    from sdf1_field.shipped import shipped_folder

    np.save(folder / "stripes.npy", np.eye(4))
    shipped = shipped_folder("models")
    files = {
        name: (shipped / f"{name}.toml").read_bytes() for name in ("null-kg1a", "secretion-l929")
    }
    return _written(folder, {"own.toml": _MODEL} | {f"{n}.toml": t for n, t in files.items()})


def _read_model(path: Path) -> None:
    from sdf1_field.api.loading import load_model

    load_model(str(path))


def _settings(folder: Path) -> list[Path]:
    texts = (
        "treatments.amd3100.dose=10 uM", "grid.spacing=5 um", "mechanisms.uptake=true",
        'output.ligands=["sdf1"]', "cells.type=kg1a", "run.duration={value='4 h',source='me'}",
        "ligand.sdf1.diffusivity=150 um**2/s", "scene.mode=placed", "run.seed=3",
    )  # fmt: skip
    return _written(folder, {f"{n}.txt": text for n, text in enumerate(texts)})


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="surrogateescape")


def _read_setting(path: Path) -> None:
    from sdf1_field.api.loading import load_model

    load_model("coculture-kg1a", settings=[_text(path)])


def _quantities(folder: Path) -> list[Path]:
    from sdf1_field.units import DIMENSIONS

    texts = {f"{n}.txt": text for n, (_, text) in enumerate(DIMENSIONS.values())}
    return _written(folder, texts | {"typeset.txt": "1.5 × 10⁻³ µm² s⁻¹"})


def _read_quantity(path: Path) -> None:
    from sdf1_field.units import bounded, parse

    text = _text(path)
    for dimension in ("length", "diffusivity", "concentration"):
        with contextlib.suppress(ValueError):
            value = bounded(parse(text, dimension, molar_mass=8.0), text, dimension)
            if not np.isfinite(value):
                raise Escaped(f"{text[:80]!r} is {value}")


# Claims and priors

_CLAIMS = """[deniz2023.condition.mine]
label = "mine"
model = "coculture-kg1a"
observation = "cells"
times = ["4 h"]
replicates = 3
settings = ["treatments.amd3100.dose=10 uM"]

[[deniz2023.claim]]
id = "MINE-1"
says = "fewer"
source = "a paper"
by_construction = ["nothing"]
statements = [
    { text = "on MSC", condition = "mine", quantity = "fold change", of = "MSC", \
reference = "untreated", statistic = "ratio of means", above = 1.0, test = "unpaired t", \
p_below = 0.05 },
]
"""


def _claims(folder: Path) -> list[Path]:
    return _written(folder, {"claims.toml": _CLAIMS})


def _read_claims(path: Path) -> None:
    from sdf1_field.claims.loading import load_paper
    from sdf1_field.observations import OBSERVATIONS

    load_paper("deniz2023", OBSERVATIONS, targets=path)


def _priors(folder: Path) -> list[Path]:
    text = '[cell_type.kg1a]\nreceptors = [1000.0, 9000.0]\nspeed = ["1 um/min", "3 um/min"]\n'
    return _written(folder, {"prior.toml": text})


def _read_prior(path: Path) -> None:
    from sdf1_field.api.loading import load_model
    from sdf1_field.calibration.space import load_prior, make_space

    given = load_prior(path)
    make_space(load_model("coculture-kg1a"), list(given), given)


# Questions of studies

_CANDIDATES = """settings = ["variation.dish.secretion=0"]

[condition.mine]
label = "AMD3100 2 uM"
model = "coculture-kg1a"
settings = ["treatments.amd3100.dose=2 uM"]

[candidate.mine]
title = "AMD3100 2 uM"
why = "Between the doses."
compare = ["mine", "control"]
readouts = [{ what = "fold change", of = ["MSC"], times = ["2 h", "4 h"] }]
experiments = 4
"""
_SWEEP = {"treatments.amd3100.dose": "0 uM,1 uM"}


def _candidates(folder: Path) -> list[Path]:
    return _written(folder, {"candidates.toml": _CANDIDATES})


def _read_candidates(path: Path) -> None:
    from sdf1_field.studies.candidates import load_candidates

    load_candidates(path)


@functools.cache
def _question() -> Any:
    from sdf1_field.api.sweeping import overs
    from sdf1_field.studies.sweep import ask

    return ask(
        "coculture-kg1a", overs([f"{key}={of}" for key, of in _SWEEP.items()]), dishes=2,
        settings=(), times=(), seed=1, independent=False, reference=(),
    )  # fmt: skip


def _sweeps(folder: Path) -> list[Path]:
    from sdf1_field.studies.sweep_results import question_as_json

    asked = {**question_as_json(_question()), "seconds_per_dish": 2.0}
    return _written(folder, {"sweep.json": json.dumps(asked, indent=2)})


def _read_sweep(path: Path) -> None:
    from sdf1_field.studies.sweep_folder import SWEEP, begin_folder

    folder = path.parent / "sweep"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(path, folder / SWEEP)
    begin_folder(folder, _question())


# Pictures of the floor


def _pattern_seeds(folder: Path) -> list[Path]:
    from matplotlib.image import imsave

    rng = np.random.default_rng(1)
    np.save(folder / "grey.npy", rng.integers(0, 256, (12, 9), dtype=np.uint8))
    np.save(folder / "real.npy", rng.random((7, 5)))
    imsave(folder / "grey.png", rng.random((9, 11)), cmap="gray")
    imsave(folder / "rgba.png", rng.random((6, 6, 4)))
    return [folder / name for name in ("grey.npy", "real.npy", "grey.png", "rgba.png")]


def _read_pattern(path: Path) -> None:
    from sdf1_field.images import read_pattern

    read_pattern(path).share(5, 5)


def _npys(folder: Path) -> list[Path]:
    return [path for path in _pattern_seeds(folder) if path.suffix == ".npy"]


def _pngs(folder: Path) -> list[Path]:
    return [path for path in _pattern_seeds(folder) if path.suffix == ".png"]


def _scenes(folder: Path) -> list[Path]:
    from sdf1_field.images import DrawnScene, write_scene

    pixels = np.full((20, 24), -1, dtype=np.int32)
    pixels[4:9, 5:12], pixels[9:16, 7:9] = 0, -2
    write_scene(folder / "bare.nc", DrawnScene(pixels, 5.0), program="x")
    places = np.array([40.0, 42.0]), np.array([60.0, 70.0]), np.array([1.0, np.nan])
    write_scene(folder / "spots.nc", DrawnScene(pixels, 5.0, *places), program="x")
    return [folder / "bare.nc", folder / "spots.nc"]


def place_edited_scene(
    seed: Path, target: Path, rng: random.Random, words: Sequence[bytes]
) -> None:
    """Write a scene's file with damaged bytes, with values edited, or with sizes of its own."""
    import netCDF4

    match rng.randrange(3):
        case 0:
            place_mutated(seed, target, rng, words)
        case 1:
            place_edited(seed, target, rng, words)
        case _:
            with contextlib.suppress(Exception), netCDF4.Dataset(target, "w") as file:
                _declare_scene(file, rng)


def _declare_scene(file: Any, rng: random.Random) -> None:
    """Declare a scene of any size and kinds, of which nearly nothing is stored."""
    file.setncatts({"format": "sdf1-field scene 1", "pixel_size": 1.0})
    file.setncatts({"bodies": np.int64(rng.randrange(2)), "network_pixels": np.int64(0)})
    texts = ("image", "image_sha256", "labels", "migrasomes", "migrasomes_sha256")
    file.setncatts(dict.fromkeys(texts, "x"))
    sizes = (None, 1, 20, 8192, 2**20, 2**26, 2**31)
    for name in ("y", "x", "migrasome"):
        file.createDimension(name, rng.choice((20, 8192, rng.choice(sizes))))
    kinds = ("i2", "i4", "f8", "f4", *rng.sample(("i1", "i8", "u4", "u8", "S1", str), 2))
    for name, along in (
        ("pixels", ("y", "x")), ("migrasome_x", ("migrasome",)), ("migrasome_y", ("migrasome",)),
        ("migrasome_radius", ("migrasome",)),
    ):  # fmt: skip
        kind = rng.choice(("i2" if name == "pixels" else "f8", rng.choice(kinds)))
        own = rng.choice((along, along, along, ("y",), ("y", "x"), ()))
        chunks = [rng.choice((1, 20, 2**10, 2**16, 2**20)) for _ in own]
        made = file.createVariable(
            name, kind, own, zlib=kind is not str, chunksizes=rng.choice((None, chunks or None)),
            fill_value=None if kind in (str, "S1") else rng.choice((None, 1, 0)),
        )  # fmt: skip
        chunk = made.chunking()
        # A chunk is written whole.
        small = chunk == "contiguous" or math.prod(chunk) <= 2**18
        if rng.random() < 0.5 and small and made.size and kind not in (str, "S1"):
            made[(0,) * len(own) if own else ...] = rng.choice((0, 1))


def _read_scene(path: Path) -> None:
    from sdf1_field.images import read_extent, read_scene

    read_extent(path)
    read_scene(path)


# Tracks, masks, places


def _tables(folder: Path) -> list[Path]:
    from track_builders import csv_text

    rows = [(n, n // 5, n % 5, 10.0 + 3 * n, 20.0 + n) for n in range(15)]
    plain = "track,frame,x_um,y_um\n" + "".join(f"{t},{f},{x},{y}\n" for _, t, f, x, y in rows)
    german = "track;time [min];x [um];y [um]\n" + "".join(
        f"{t};{f * 0.5}".replace(".", ",") + f";{x};{y}\n".replace(".", ",")
        for _, t, f, x, y in rows
    )
    files = {"trackmate.csv": csv_text(rows), "plain.csv": plain, "german.csv": german}
    return _written(folder, files)


def _read_tracks(path: Path) -> None:
    from sdf1_field.api.tracking import load_tracks

    load_tracks([path])[0].table()


def _xmls(folder: Path) -> list[Path]:
    from track_builders import LINKS, WALK, exported, trackmate

    particles = [[(n, 10.0 + 3 * n, 20.0 + 4 * n) for n in range(5)] for _ in range(2)]
    files = {"spots.xml": trackmate(WALK, [LINKS]), "tracks.xml": exported(particles)}
    return _written(folder, files)


def _geffs(folder: Path) -> list[Path]:
    from sdf1_field.interop import read_tracks, write_tracks

    xml = _xmls(folder)[0]
    write_tracks(read_tracks(xml), folder / "tracks.geff", "geff")
    return [folder / "tracks.geff"]


_XML_WORDS = (
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"<Spot ID='1' FRAME='0'/>", b"1e308", b"-5",
    b"encoding='utf-7'", b"<a>" * 2000,
)  # fmt: skip


def _masks(folder: Path) -> list[Path]:
    from mask_builders import bodies, imagej, ome, plain

    made = [
        imagej(folder / "imagej.tif", bodies()), ome(folder / "ome.tif", bodies()),
        plain(folder / "deflate.tif", bodies(), compression="zlib"),
        imagej(folder / "stack.tif", np.stack([bodies()] * 2), axes="TYX"),
    ]  # fmt: skip
    return made


def _read_mask(path: Path) -> None:
    from sdf1_field.interop import parse_labels, read_mask

    read_mask(path, parse_labels("free=0,msc=1,network=2"), pixel_size=0.5, planes=None)


def _rois(folder: Path) -> list[Path]:
    from mask_builders import roi, zipped

    shapes = [
        ("MSC 1", "POLYGON", [[10, 20], [30, 20], [30, 50], [10, 50]]),
        ("net 1", "FREEHAND", [[60, 10], [80, 10], [60, 30]]),
    ]
    one = roi(folder / "MSC 1.roi", "POLYGON", shapes[0][2], name="MSC 1")
    return [zipped(folder / "set.zip", shapes), one]


def _read_outlines(path: Path) -> None:
    from sdf1_field.interop import read_regions

    read_regions(path, "msc=*", pixel_size=0.5, image_size=(100, 80))


def _points(folder: Path) -> list[Path]:
    from mask_builders import roi

    return [
        *_tables(folder), *_xmls(folder),
        roi(folder / "cells.roi", "POINT", [[10, 12], [40, 33]], name="cells"),
    ]  # fmt: skip


def _read_places(path: Path) -> None:
    from sdf1_field.interop import parse_labels, read_mask, read_positions

    global _mask
    if _mask is None:
        import tempfile

        from mask_builders import bodies, imagej

        with tempfile.TemporaryDirectory() as folder:
            picture = imagej(Path(folder) / "mask.tif", bodies(200, 200), size=0.5)
            _mask = read_mask(picture, parse_labels("free=0,msc=1,network=2"))
    read_positions(path, _mask, frame=0, frame_interval=30.0)


_mask: Any = None


def _labels(folder: Path) -> list[Path]:
    texts = ("free=0,msc=1,network=2", "free=0,msc=1-20,network=1+5", "msc=others")
    return _written(folder, {f"{n}.txt": text for n, text in enumerate(texts)})


def _read_labels(path: Path) -> None:
    from sdf1_field.interop import image_size_of, parse_labels

    with contextlib.suppress(Exception):
        image_size_of("1x1")
    parse_labels(_text(path))


# Folders of experiments


def _dishes(folder: Path) -> list[Path]:
    import netCDF4

    path = folder / "dish.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.digest, file.computed_on = "abc", "[]"
        file.createDimension("value", 3)
        one = file.createVariable("cells", "f8", ("value",))
        one.setncatts({"quantity": "cells", "of": "MSC", "time": 0.0, "order": 0})
        one[:] = [1.0, 2.0, 3.0]
    return [path]


def _read_dish(path: Path) -> None:
    from sdf1_field.ensemble.storing import read_run

    read_run(path, "abc")


def _kept(folder: Path) -> list[Path]:
    lines = [json.dumps([f"key {n}", [[1.0, 2.0], {"a": n}]]) for n in range(4)]
    return _written(folder, {"points.jsonl": "\n".join(lines)})


def _read_kept(path: Path) -> None:
    from sdf1_field.ensemble import tasks

    tasks._stored(path.read_text(encoding="utf-8", errors="replace"))


# Run files, through the commands


_RUNS = {
    "cells.nc": ("coculture-kg1a", TINY),
    "cargo.nc": ("secretion-l929", (
        *TINY, "mechanisms.cargo_kinetics=true", "biogenesis.nucleation=0.1 1/(um*h)",
        "run.culture=4 h", "output.fields_from=-1 h",
    )),
}  # fmt: skip
"""Models of whole runs, and their settings."""


def _runs(folder: Path) -> list[Path]:
    from sdf1_field.record import solve
    from sdf1_field.spec import load_model

    for name, (model, settings) in _RUNS.items():
        solve(load_model(model, settings=settings), folder / name, seed=1)
    return [folder / name for name in _RUNS]


def _called(*arguments: str) -> None:
    """Call a command; raise `Escaped` unless it succeeds or says in one plain line why not."""
    from click.testing import CliRunner

    from sdf1_field.cli import main

    ended = CliRunner().invoke(main, list(arguments))
    shown = ended.stdout + ended.stderr
    if ended.exit_code not in (0, 2) or "Traceback" in shown:
        raise Escaped(f"exit {ended.exit_code}: {ended.stderr[-300:]}")
    if any((ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 for c in shown):
        raise Escaped(f"control characters on the terminal: {shown[:200]!r}")
    if ended.exit_code == 2:
        _require_line(ended.stderr.rstrip("\n").splitlines()[-1])


def _inspect(path: Path) -> None:
    _called("inspect", "--digest", str(path))


def _analyse(path: Path) -> None:
    from sdf1_field.api.tables import TABLES

    for name in TABLES:
        _called("analyse", str(path), "--show", name)


def _plot(path: Path) -> None:
    _called("plot", str(path), "--force", "-o", str(path.with_suffix(".png")))


def _export(path: Path) -> None:
    for kind in ("trackmate-xml", "csv", "mask", "imagej"):
        target = path.with_name(f"exported-{kind}.{'tif' if kind in ('mask', 'imagej') else 'xml'}")
        target = target.with_suffix(".csv") if kind == "csv" else target
        _called("export", str(path), "--to", kind, "-o", str(target), "--force")


def _view(path: Path) -> None:
    _called("view", str(path), "--quiet", "--force", "-o", _beside(path, "page.html"))


def _explain(path: Path) -> None:
    _called("explain", str(path))


def _movie(path: Path) -> None:
    target = _beside(path, "movie.gif")
    _called("movie", str(path), "--quiet", "--force", "--width", "320", "-o", target)


def _beside(path: Path, name: str) -> str:
    return str(path.with_name(f"{path.stem}-{name}"))


# Folders of runs that were interrupted


def _unfinished(folder: Path) -> list[Path]:
    """Folders of the same runs, each interrupted when it was nearly complete."""
    from sdf1_field.record import partial_path, solve
    from sdf1_field.spec import load_model

    made = []
    for name, (model, settings) in _RUNS.items():
        path = folder / name
        left = _STOPS

        def check() -> None:
            nonlocal left
            left -= 1
            if not left:
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            solve(load_model(model, settings=settings), path, seed=1, checkpoint_every=0.0,
                  check=check)  # fmt: skip
        whole = partial_path(path)
        assert (whole / "state.npz").exists()
        made.append(whole)
    return made


_STOPS = 20
"""After which the runs of `_unfinished` are interrupted."""


@functools.cache
def _whole_digest(model: str) -> str:
    """Digest of one of `_RUNS` that nothing interrupts."""
    from sdf1_field.record import content_digest, open_run, solve
    from sdf1_field.spec import load_model

    settings = dict(_RUNS.values())[model]
    with tempfile.TemporaryDirectory() as folder:
        solve(load_model(model, settings=settings), Path(folder) / "run.nc", seed=1)
        with open_run(Path(folder) / "run.nc") as run:
            return content_digest(run)


def _resume_alike(path: Path) -> None:
    """Go on with a copy of a run's folder, whose damage is found or changes nothing."""
    _resume(path, alike=True)


def _resume(path: Path, *, alike: bool = False) -> None:
    """Go on with a copy of a run's folder."""
    from sdf1_field.record import content_digest, open_run, partial_path, solve
    from sdf1_field.record.journal import load_start
    from sdf1_field.record.reading import recorded_model

    run = path.with_name("input-resumed.nc")
    shutil.rmtree(partial_path(run), ignore_errors=True)
    shutil.copytree(path, partial_path(run))
    try:
        # The model that the folder records, so that the rest of it is read as well.
        model = recorded_model(path, load_start(partial_path(run)).attributes)
        expected = _whole_digest(model.name) if alike and model.name in dict(_RUNS.values()) else ""
        solve(model, run, seed=1, resume=True)
        if expected:
            with open_run(run) as resumed:
                if content_digest(resumed) != expected:
                    raise Escaped("resumed with another digest")
    finally:
        shutil.rmtree(partial_path(run), ignore_errors=True)
        run.unlink(missing_ok=True)


def place_edited_arrays(seed: Path, target: Path, rng: random.Random, _: Sequence[bytes]) -> None:
    """Write a copy of a run's folder in which an array, or what is said of them, is another."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(seed, target)
    file = target / rng.choice(("state.npz", "state.npz", "state.npz", "start.npz"))
    with np.load(file) as stored:
        arrays = {key: stored[key] for key in stored.files}
    for key in rng.sample(sorted(arrays), rng.choice((1, 1, 2, 4))):
        with np.errstate(all="ignore"), contextlib.suppress(OverflowError, ValueError, TypeError):
            arrays[key] = _other(arrays[key], rng)
        if rng.random() < 0.05:
            del arrays[key]
    np.savez(file, **arrays)


def _other(values: Any, rng: random.Random) -> Any:
    """Another array in the place of one."""
    odd, kind = rng.choice(_ODD), values.dtype.kind
    if kind == "U":
        text = bytearray(str(values).encode())
        at = rng.randrange(len(text) + 1)
        text[at : at + rng.randrange(4)] = rng.choice((b"0", b"null", b"-", b"{}", b"x", b"1e999"))
        return np.array(text.decode("utf-8", "replace")) if values.ndim == 0 else values[:-1]
    match rng.randrange(6):
        case 0 | 1 if kind in "fib" and values.size:
            made = values.copy()
            made[tuple(rng.randrange(size) for size in values.shape)] = np.array(odd).astype(
                values.dtype
            )
            return made
        case 2 if kind in "fib":
            return np.full_like(values, np.array(odd).astype(values.dtype))
        case 3 if values.ndim:
            return values[: rng.randrange(len(values) + 1)]
        case 4 if values.ndim:
            return np.concatenate([values, values])
        case 5:
            return rng.choice((values.astype("f4" if kind in "fib" else values.dtype),
                               np.zeros(3), np.array("text"), values[None], values.T))  # fmt: skip
    return values


_ODD: tuple[Any, ...] = (
    np.nan, np.inf, -np.inf, -1.0, 0.0, 1e300, -1e300, 1e9, 127.0, -128.0, 2.0**31 - 1,
)  # fmt: skip


def place_edited(seed: Path, target: Path, rng: random.Random, words: Sequence[bytes] = ()) -> None:
    """Write a copy of a run file that is whole, and says what no run says."""
    import netCDF4

    shutil.copyfile(seed, target)
    with contextlib.suppress(Exception), netCDF4.Dataset(target, "a") as file:
        file.set_auto_maskandscale(False)
        for _ in range(rng.choice((1, 1, 2, 4))):
            _edit(file, rng, words)


def _edit(file: Any, rng: random.Random, words: Sequence[bytes]) -> None:
    name = rng.choice(sorted(file.variables))
    variable = file[name]
    odd = rng.choice(_ODD)
    text = rng.choice([*words, b"\x1b[31mred", b"x" * 200_000, b""]).decode("utf-8", "replace")
    match rng.randrange(9):
        case 0 | 1 | 2 if variable.size:
            # One value, or all of them.
            place = tuple(rng.randrange(size) for size in variable.shape)
            with np.errstate(all="ignore"), contextlib.suppress(OverflowError, ValueError):
                value = np.array(odd).astype(variable.dtype)
                variable[place if rng.random() < 0.7 else ...] = value
        case 3:
            of = rng.choice([file, variable])
            for key in rng.sample(sorted(of.ncattrs()), k=min(1, len(of.ncattrs()))):
                if key != "_FillValue":
                    of.setncattr(key, rng.choice([text, odd, np.int32(3), np.array([1.0, odd])]))
        case 4:
            of = rng.choice([file, variable])
            for key in rng.sample(sorted(of.ncattrs()), k=min(1, len(of.ncattrs()))):
                of.delncattr(key)
        case 5:
            file.renameVariable(name, f"other_{rng.randrange(99)}")
        case 6:
            dimension = rng.choice(sorted(file.dimensions))
            file.renameDimension(dimension, f"other_{rng.randrange(99)}")
        case 7:
            entries = bytearray(file.model.encode())
            at = rng.randrange(len(entries))
            entries[at : at + rng.randrange(3)] = rng.choice([*words, b"0", b"null", b"{}", b"-"])
            file.setncattr("model", bytes(entries).decode("utf-8", "replace"))
        case 8:
            entries = json.loads(file.model)
            key = rng.choice(sorted(entries))
            if isinstance(entries[key], dict):
                entries[key]["value"] = rng.choice([odd if np.isfinite(odd) else "nan", text, None])
            else:
                entries[key] = text
            file.setncattr("model", json.dumps(entries))


def _require_line(text: str) -> None:
    """Raise `Escaped` unless a message is one line that a terminal shows as it is."""
    if "\n" in text or _ACTING.search(text):
        raise Escaped(f"message with control characters: {text[:200]!r}")
    if len(text) > 5000:
        raise Escaped(f"message of {len(text)} characters: {text[:200]!r}")


def _quietly(read: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """A reader whose refusals are lines, and whose warnings are not shown."""
    import warnings

    from sdf1_field.errors import InputError

    def quiet(path: Path) -> Any:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            try:
                return read(path)
            except InputError as error:
                _require_line(str(error))
                raise

    return quiet


READERS = {
    reader.name: reader
    for reader in (
        Reader("quantities", _quantities, _read_quantity, ".txt", _MODEL_WORDS),
        Reader("--set", _settings, _quietly(_read_setting), ".txt", _MODEL_WORDS),
        Reader("model files", _models, _quietly(_read_model), ".toml", _MODEL_WORDS),
        Reader("targets", _claims, _quietly(_read_claims), ".toml", _MODEL_WORDS),
        Reader("priors", _priors, _quietly(_read_prior), ".toml", _MODEL_WORDS),
        Reader("candidates", _candidates, _quietly(_read_candidates), ".toml", _MODEL_WORDS),
        Reader("folders of sweeps", _sweeps, _quietly(_read_sweep), ".json", _MODEL_WORDS),
        Reader("labels", _labels, _quietly(_read_labels), ".txt"),
        Reader("patterns, NumPy", _npys, _quietly(_read_pattern), ".npy"),
        Reader("patterns, PNG", _pngs, _quietly(_read_pattern), ".png"),
        Reader("scenes", _scenes, _quietly(_read_scene), ".nc", change=place_edited_scene),
        Reader("tables of tracks", _tables, _quietly(_read_tracks), ".csv"),
        Reader("XML of tracks", _xmls, _quietly(_read_tracks), ".xml", _XML_WORDS),
        Reader("GEFF", _geffs, _quietly(_read_tracks), ".geff"),
        Reader("places", _points, _quietly(_read_places), ".csv", _XML_WORDS),
        Reader("masks, TIFF", _masks, _quietly(_read_mask), ".tif"),
        Reader("outlines", _rois, _quietly(_read_outlines), ".zip"),
        Reader("stored dishes", _dishes, _quietly(_read_dish), ".nc"),
        Reader("stored points", _kept, _quietly(_read_kept), ".jsonl"),
        *(
            Reader(f"runs, {kind}: {name}", _runs, read, ".nc", change=change)
            for kind, change in (("bytes", place_mutated), ("edited", place_edited))
            for name, read in (
                ("inspect", _inspect), ("analyse", _analyse), ("plot", _plot),
                ("export", _export), ("view", _view), ("movie", _movie), ("explain", _explain),
            )
        ),
        *(
            Reader(f"unfinished runs, {kind}: {name}", _unfinished, _quietly(read), ".partial",
                   change=change)
            for kind, change, resume in (
                ("bytes", place_mutated, _resume_alike), ("edited", place_edited_arrays, _resume),
            )
            for name, read in (("inspect", _inspect), ("resume", resume), ("view", _view))
        ),
    )
}  # fmt: skip
