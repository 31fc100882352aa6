"""Size, building time and frames per second of pages: ``python -m benchmarks.pages RUN.nc …``.

Prints a Markdown table; folders of claims have a page too, which does not play. Runs joined by
``+`` are side by side on one page. Each page is built by
``sdf1-field view`` in a process of its own, and played in headless Chromium by Playwright: every
frame that the browser asks for shows the next saved time, so the frames per second are those that
it draws at most.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SECONDS = 4.0
"""How long a page is played."""
REPEATS = 3
"""Of which the fastest counts: the others were slowed down by what else the machine did."""
WINDOW = {"width": 1280, "height": 900}
OPTIONS = ("--no-sandbox", "--disable-gpu")
PLAY = """
async (seconds) => {
  const { viewer } = window, begin = performance.now(), before = viewer.drawn;
  for (let n = 0; performance.now() - begin < 1000 * seconds; n += 1) {
    viewer.setTime(viewer.times[n % viewer.times.length]);
    await new Promise(requestAnimationFrame);
  }
  return (1000 * (viewer.drawn - before)) / (performance.now() - begin);
}
"""


def built(runs: list[str], page: Path) -> tuple[float, float]:
    """Build a page; its size [MB] and the time [s]."""
    begin = time.perf_counter()
    program = "from sdf1_field.cli import main; main()"
    subprocess.run(
        [sys.executable, "-c", program, "view", *runs, "-o", str(page), "--quiet"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return page.stat().st_size / 1e6, time.perf_counter() - begin


def played(page: Path) -> float:
    """Frames per second that a browser draws of a page while it plays; 1 if it does not play."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(OPTIONS)
        )
        shown = browser.new_page(viewport=WINDOW)
        shown.goto(page.as_uri())
        shown.wait_for_selector("html[data-ready]", timeout=120_000)
        frames = max(float(shown.evaluate(PLAY, SECONDS)) for _ in range(REPEATS))
        browser.close()
    return frames


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="+", metavar="RUN.nc[+OTHER.nc] | FOLDER")
    sys.stdout.write("| runs | page | built in | frames per second |\n|---|---|---|---|\n")
    with tempfile.TemporaryDirectory() as folder:
        for asked in parser.parse_args().pages:
            runs, page = asked.split("+"), Path(folder) / "page.html"
            size, seconds = built(runs, page)
            names = " beside ".join(f"`{Path(run).stem}`" for run in runs)
            frames = "–" if Path(runs[0]).is_dir() else f"{played(page):.0f}"
            row = f"| {names} | {size:.2f} MB | {seconds:.0f} s | {frames} |\n"
            sys.stdout.write(row)
            sys.stdout.flush()
            page.unlink()


if __name__ == "__main__":
    main()
