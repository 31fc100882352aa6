"""Time and memory of `measure`, `scene` and `tracks` for large masks and many spots.

Each command runs by itself, on files that are made first; its time, CPU and peak memory are those
of the whole process.

python validation/measured/sizes.py     # minutes; writes sizes.md
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SIDE, SPOTS = 8192, 1_000_000
"""Pixels along a mask's side, and spots in a file of tracks."""
PIXEL, FRAMES, BODIES, CELLS = 0.65, 200, 400, 5000
LABELS = "free=0,msc=1,network=2"
COMMANDS = {
    "measure": "measure mask.tif cells.csv --labels {labels} --json",
    "measure, with the encounter limit": "measure mask.tif cells.csv --labels {labels} "
    "--after 4h --speed 3um/min --json",
    "scene": "scene mask.tif --labels {labels} -o scene.nc --json",
    "tracks": "tracks tracks.csv --json",
    "tracks towards the mask": "tracks tracks.csv --towards mask.tif --labels {labels} --json",
}
"""Arguments by what is shown of them."""
_PROGRAM = "from sdf1_field.cli import main; main()"


@dataclass(frozen=True)
class Cost:
    """Wall time and CPU [s], and the most memory that was held [bytes]."""

    wall: float
    cpu: float
    peak: int


def make(folder: Path, side: int, spots: int) -> None:
    """Write a mask of bodies and networks, cells on it, and tracks over it."""
    import numpy as np
    import tifffile

    rng = np.random.default_rng(1)
    mask = np.zeros((side, side), dtype=np.uint8)
    for label, reach in ((2, side // 40), (1, side // 80)):
        across = np.arange(-reach, reach)
        disc = across**2 + across[:, None] ** 2 < reach**2
        for x, y in rng.integers(reach, side - reach, (BODIES, 2)):
            mask[y - reach : y + reach, x - reach : x + reach][disc] = label
    how = {"resolution": (1 / PIXEL, 1 / PIXEL), "metadata": {"unit": "um"}}
    tifffile.imwrite(folder / "mask.tif", mask, imagej=True, **how)
    size = side * PIXEL
    cells = rng.uniform(0.0, size, (CELLS, 2))
    np.savetxt(folder / "cells.csv", cells, "%.3f", ",", header="x_um,y_um", comments="")
    tracks = spots // FRAMES
    headings = rng.uniform(0.0, 2.0 * np.pi, (tracks, 1)) + np.cumsum(
        rng.normal(0.0, 0.7, (tracks, FRAMES)), axis=1
    )
    x, y = (
        rng.uniform(0.0, size, (tracks, 1)) + np.cumsum(2.0 * way(headings), axis=1)
        for way in (np.cos, np.sin)
    )
    # Cells that leave come back, as from a wall.
    x, y = (np.minimum(size - np.abs(size - own % (2.0 * size)), size - PIXEL) for own in (x, y))
    track, frame = np.indices((tracks, FRAMES))
    rows = np.column_stack([each.ravel() for each in (track, frame, frame * 60, x, y)])
    np.savetxt(
        folder / "tracks.csv", rows, ("%d", "%d", "%d", "%.3f", "%.3f"), ",",
        header="track,frame,time_s,x_um,y_um", comments="",
    )  # fmt: skip


def cost(arguments: list[str], folder: Path) -> Cost:
    """Run the program in a process of its own."""
    begin = time.perf_counter()
    with (folder / "said.txt").open("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *arguments], cwd=folder, stdout=said, stderr=said
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(arguments)}: {said.read()}")
    # Linux counts kilobytes, macOS bytes.
    unit = 1 if platform.system() == "Darwin" else 1024
    return Cost(time.perf_counter() - begin, used.ru_utime + used.ru_stime, unit * used.ru_maxrss)


def measured(folder: Path, side: int, spots: int) -> dict[str, Cost]:
    """Cost of each command, on files in a folder."""
    # The peak of a process begins with what its parent holds, so files are made by another one.
    subprocess.run(
        [sys.executable, __file__, "--make", folder, "--side", str(side), "--spots", str(spots)],
        check=True,
    )
    found = {}
    for name, text in COMMANDS.items():
        arguments = [part.replace("{labels}", LABELS) for part in text.split()]
        found[name] = cost(arguments, folder)
        print(name, found[name])
    return found


def table(found: dict[str, Cost], side: int, spots: int, load: float) -> list[str]:
    """Lines of Markdown."""
    return [
        "# Time and memory for large masks and many spots",
        "",
        f"Masks of {side:,} x {side:,} pixels with {CELLS:,} cells, and {spots:,} spots in tracks "
        f"of {FRAMES} frames, in a table. Whole processes, once each, on {os.cpu_count()} cores "
        f"beside other programs: the load average was {load:.1f} at the start, so wall times are "
        "too long. Python "
        f"{platform.python_version()} on {platform.system()}.",
        "",
        "| command | wall, s | CPU, s | peak memory, GB |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {own.wall:.0f} | {own.cpu:.0f} | {own.peak / 1e9:.2f} |"
            for name, own in found.items()
        ),
    ]


def main() -> None:
    """Make files, run the commands on them, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--spots", type=int, default=SPOTS)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("sizes.md"))
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        make(asked.make, asked.side, asked.spots)
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), asked.side, asked.spots)
    text = table(found, asked.side, asked.spots, load)
    asked.output.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
