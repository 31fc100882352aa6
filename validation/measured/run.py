"""What images and their segmentation do to fold changes, on dishes whose fold changes are known.

Dishes are simulated, shown as a microscope would, segmented and detected by plain thresholds, and
measured by `sdf1-field measure`; then cells are missed and outlines moved by stated amounts.

python validation/measured/run.py       # six dishes; minutes; writes table.md and rendered.png
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile
from matplotlib.figure import Figure
from microscope import (
    BACKGROUND,
    OUT_OF_FOCUS,
    PIXEL,
    SIGNAL,
    THREAD,
    Images,
    Labels,
    detect,
    segment,
    take_images,
)
from numpy.typing import NDArray
from scipy import ndimage

import sdf1_field as sf
from sdf1_field.analysis import fold_change_table
from sdf1_field.analysis.run_pictures import run_mask, run_positions
from sdf1_field.record import model_of, open_run
from sdf1_field.scene import Region

Array = NDArray[np.float64]

MODEL, TIME = "coculture-kg1a", 4 * 3600.0
SEEDS = range(7001, 7007)
LABELS = "free=0,msc=1,network=2"
MISSED = 0.05
MOVED = 2.0
"""Shift and dilation of outlines [um]."""
DRAWS = 5
"""Of cells that are missed."""


def fold_changes(folder: Path, mask: Labels, pixel: float, x: Array, y: Array) -> Array:
    """Fold changes on MSC and network by `sdf1_field.measure`, from files; shape (2,)."""
    picture, cells = folder / "mask.tif", folder / "cells.csv"
    tifffile.imwrite(
        picture, mask, imagej=True, resolution=(1 / pixel, 1 / pixel), metadata={"unit": "um"}
    )
    np.savetxt(cells, np.c_[x, y], delimiter=",", header="x_um,y_um", comments="", fmt="%.17g")
    (group,) = sf.measure(picture, cells, labels=LABELS).table()["groups"]
    return np.array([row["fold_change"] for row in group["regions"][1:]], dtype=float)


def measured(run, folder: Path, *, seed: int) -> Iterator[tuple[str, Array]]:
    """Fold changes of a run at TIME by what was done to its mask and cells."""
    rows = fold_change_table([run], [TIME])
    yield "`analyse`", np.array([row["fold_change"] for row in rows[1:]])
    cells, coarse, fine = run_positions(run, TIME), run_mask(run, TIME), run_mask(
        run, TIME, pixel=PIXEL
    )  # fmt: skip
    x, y = cells.x, cells.y

    def found(mask: Labels, x: Array, y: Array, pixel: float = fine.pixel_size) -> Array:
        return fold_changes(folder, mask, pixel, x, y)

    yield "mask of the grid", found(coarse.regions, x, y, coarse.pixel_size)
    yield "exact mask", found(fine.regions, x, y)
    spec = model_of(run).spec
    images = take_images(run, TIME, seed=seed)
    own = segment(images)
    own_x, own_y = detect(images, diameter=spec.haematopoietic.diameter)
    yield "rendered, segmented", found(own, x, y)
    yield "rendered, detected", found(fine.regions, own_x, own_y)
    yield "rendered, both", found(own, own_x, own_y)
    blurred = take_images(run, TIME, seed=seed, blur=OUT_OF_FOCUS)
    own_x, own_y = detect(blurred, diameter=spec.haematopoietic.diameter)
    yield "blurred, both", found(segment(blurred), own_x, own_y)
    rng = np.random.default_rng(seed)
    assert cells.region is not None
    for name, among in (
        ("missed anywhere", np.arange(len(x))),
        ("missed over MSC", np.flatnonzero(cells.region == Region.MSC)),
        ("missed over stroma", np.flatnonzero(cells.region != Region.FREE_SURFACE)),
    ):
        logs = []
        for _ in range(DRAWS):
            kept = np.ones(len(x), dtype=bool)
            kept[rng.choice(among, round(MISSED * len(among)), replace=False)] = False
            logs.append(np.log(found(fine.regions, x[kept], y[kept])))
        yield name, np.exp(np.mean(logs, axis=0))
    shifts = []
    for across, down in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        pixels = round(MOVED / fine.pixel_size)
        # What comes in at an edge is what is there.
        moved = ndimage.shift(
            fine.regions, (pixels * down, pixels * across), order=0, mode="nearest"
        )
        shifts.append(np.log(found(moved, x, y)))
    yield "shifted", np.exp(np.mean(shifts, axis=0))
    for name, msc, network in (
        ("MSC wider", MOVED, 0.0),
        ("MSC narrower", -MOVED, 0.0),
        ("network wider", 0.0, MOVED),
        ("network narrower", 0.0, -MOVED),
        ("both wider", MOVED, MOVED),
        ("both narrower", -MOVED, -MOVED),
    ):
        yield name, found(drawn(fine.regions, fine.pixel_size, msc, network), x, y)


def drawn(regions: Labels, pixel: float, msc: float, network: float) -> Labels:
    """Regions whose outlines lie farther out by distances [um], or farther in if negative.

    MSC lie over networks. The outline of a network moves where free surface is beyond it, not
    under a body.
    """
    bodies = _wider(regions == Region.MSC, msc / pixel)
    near = regions == Region.MIGRASOME_NETWORK
    if network > 0.0:
        near = _wider(near, network / pixel)
    else:
        near = near & _wider(regions != Region.FREE_SURFACE, network / pixel)
    picture = np.zeros_like(regions)
    picture[near] = Region.MIGRASOME_NETWORK
    picture[bodies] = Region.MSC
    return picture


def _wider(inside: NDArray[np.bool_], pixels: float) -> NDArray[np.bool_]:
    if pixels == 0.0:
        return inside
    if pixels > 0.0:
        return np.asarray(ndimage.distance_transform_edt(~inside) <= pixels)
    return np.asarray(ndimage.distance_transform_edt(inside) > -pixels)


ROWS = {
    "mask of the grid": ("mask exported at the grid's 5 µm, cells by pixel", "`analyse`"),
    "exact mask": ("mask exported at 0.65 µm, cells by pixel", "`analyse`"),
    "rendered, segmented": ("regions segmented from the image, true cells", "exact mask"),
    "rendered, detected": ("cells detected in the image, exact mask", "exact mask"),
    "rendered, both": ("both from the image", "exact mask"),
    "blurred, both": ("both from an image with twice the blur", "exact mask"),
    "missed anywhere": ("5 % of all cells missed", "exact mask"),
    "missed over MSC": ("5 % of the cells over MSC missed", "exact mask"),
    "missed over stroma": ("5 % of the cells over MSC and network missed", "exact mask"),
    "shifted": ("mask shifted by 2 µm (mean of four directions)", "exact mask"),
    "MSC wider": ("outlines of MSC 2 µm wider", "exact mask"),
    "MSC narrower": ("outlines of MSC 2 µm narrower", "exact mask"),
    "network wider": ("outlines of networks 2 µm wider", "exact mask"),
    "network narrower": ("outlines of networks 2 µm narrower", "exact mask"),
    "both wider": ("all outlines 2 µm wider", "exact mask"),
    "both narrower": ("all outlines 2 µm narrower", "exact mask"),
}
"""What was done, and with what it is compared."""


def table(dishes: Sequence[dict[str, Array]]) -> list[str]:
    """Lines of Markdown: ratios of fold changes, geometric means over dishes and their range."""
    lines = ["| what was done | against | MSC | network |", "| --- | --- | --- | --- |"]
    for name, (text, against) in ROWS.items():
        ratios = np.array([dish[name] / dish[against] for dish in dishes])
        own = [f"{np.exp(np.log(r).mean()):.2f} ({r.min():.2f} to {r.max():.2f})" for r in ratios.T]
        lines.append(f"| {text} | {against} | {own[0]} | {own[1]} |")
    return lines


def report(
    dishes: Sequence[dict[str, Array]], counts: Sequence[tuple[int, int]], areas: Sequence[Array]
) -> list[str]:
    """Lines of Markdown: what is found in the images, and `table`."""
    changes = np.array([dish["exact mask"] for dish in dishes])
    msc, network = np.array(areas).T
    return [
        "# What images do to fold changes",
        "",
        f"`{MODEL}` at 4 h, {len(dishes)} dishes: fold changes of {_range(changes[:, 0])} on MSC "
        f"and {_range(changes[:, 1])} on the network. Ratios of fold changes, geometric means over "
        f"dishes with their range. In the images {sum(n for n, _ in counts):,} of "
        f"{sum(n for _, n in counts):,} cells are found; segmented regions have {_range(msc, 2)} "
        f"(MSC) and {_range(network, 2)} (network) of their areas.",
        "",
        *table(dishes),
    ]


def picture(images: Images, mask: Labels, x: Array, y: Array) -> Figure:
    """The richest part of a dish as the microscope shows it, and what the thresholds find."""
    side = 300.0
    pixels = int(side / images.grid.dx)
    network = (mask == Region.MIGRASOME_NETWORK).astype(np.float32)
    around = ndimage.uniform_filter(network, pixels)
    half = pixels // 2
    rows, columns = (n - 2 * half for n in mask.shape)
    top, left = np.unravel_index(
        np.argmax(around[half : half + rows, half : half + columns]), (rows, columns)
    )
    window = np.s_[top : top + pixels, left : left + pixels]
    seen = np.zeros((pixels, pixels, 3))
    for own, full, colour in (
        (images.bodies, SIGNAL, (0.25, 0.5, 0.7)),
        (images.network, 0.5 * THREAD, (0.0, 0.8, 0.5)),
        (images.cells, SIGNAL, (1.0, 1.0, 1.0)),
    ):
        seen += ((own[window] - BACKGROUND) / full).clip(0.0, 1.0)[..., None] * np.array(colour)
    at_x, at_y = x - left * images.grid.dx, y - top * images.grid.dx
    within = (np.minimum(at_x, at_y) > 0.0) & (np.maximum(at_x, at_y) < side)
    at = (np.arange(pixels) + 0.5) * images.grid.dx
    figure = Figure(figsize=(10.6, 5.6), layout="constrained")
    for n, title in ((1, "as rendered"), (2, "regions and cells found by thresholds")):
        axes = figure.add_subplot(1, 2, n)
        axes.imshow(seen.clip(0.0, 1.0), extent=(0.0, side, side, 0.0))
        axes.set(title=title, xticks=[], yticks=[])
        axes.plot([side - 60.0, side - 10.0], [side - 10.0] * 2, color="white", lw=3)
        axes.text(
            side - 35.0, side - 14.0, "50 µm", color="white", ha="center", va="bottom",
            bbox={"facecolor": "black", "alpha": 0.6, "pad": 1, "lw": 0},
        )  # fmt: skip
        if n == 2:
            for region, colour in ((Region.MSC, "#56B4E9"), (Region.MIGRASOME_NETWORK, "#F0E442")):
                inside = (mask[window] == region).astype(float)
                axes.contour(at, at, inside, levels=[0.5], colors=colour, linewidths=1.0)
            axes.plot(at_x[within], at_y[within], "o", ms=4, mfc="#D55E00", mec="black", mew=0.6)
    return figure


def main() -> None:
    """Simulate, measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dishes", type=int, default=len(SEEDS))
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("table.md"))
    asked = parser.parse_args()
    dishes, counts, areas = [], [], []
    model = sf.load_model(MODEL).set({"run.duration": f"{TIME / 3600:g} h"})
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for seed in SEEDS[: asked.dishes]:
            path = folder / f"{seed}.nc"
            sf.solve(model, seed=seed, path=path)
            with open_run(path) as run:
                dishes.append(dict(measured(run, folder, seed=seed)))
                spec, images = model_of(run).spec, take_images(run, TIME, seed=seed)
                x, y = detect(images, diameter=spec.haematopoietic.diameter)
                counts.append((len(x), spec.cell_count))
                mask = segment(images)
                exact = run_mask(run, TIME, pixel=PIXEL).regions
                own, other = (np.bincount(each.ravel(), minlength=3) for each in (mask, exact))
                areas.append(own[1:] / other[1:])
                if seed == SEEDS[0]:
                    picture(images, mask, x, y).savefig(
                        asked.output.with_name("rendered.png"), dpi=73
                    )
            path.unlink()
            # After each dish, so that a run that is stopped leaves the table of those before.
            text = report(dishes, counts, areas)
            asked.output.write_text("\n".join(text) + "\n", encoding="utf-8")
            print(seed, {name: np.round(own, 2).tolist() for name, own in dishes[-1].items()})


def _range(values: Array, digits: int = 1) -> str:
    return f"{values.min():.{digits}f} to {values.max():.{digits}f}"


if __name__ == "__main__":
    main()
