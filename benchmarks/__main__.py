"""Run the benchmarks: ``python -m benchmarks [--only P1,P2] [--well] [--out DIR] [--quick]``.

Every case runs in a process of its own on one thread, all cases in turns, so that what slows the
machine down for a while slows all of them. Writes ``results.json``, ``table.md`` and
``growth.png``.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.cases import GROUPS, LEFT_OUT, Case, cases
from benchmarks.growth import draw
from benchmarks.machine import description
from benchmarks.table import table

HERE = Path(__file__).parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
LIMIT = 1800.0
"""After which a case is given up [s]."""


def _process(name: str, folder: Path, *, quick: bool) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.case", name, str(folder)]
    return subprocess.run(
        command + (["--quick"] if quick else []),
        cwd=HERE.parent,
        env={**os.environ, **dict.fromkeys(THREADS, "1"), "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def run_once(name: str, folder: Path, *, quick: bool) -> dict[str, Any]:
    """Result of a case, or why there is none."""
    try:
        done = _process(name, folder, quick=quick)
    except subprocess.TimeoutExpired:
        return {"failed": f"not done after {LIMIT:g} s"}
    if done.returncode == 0:
        result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return result
    said = done.stderr.strip().splitlines()
    reason = said[-1] if said else f"exit status {done.returncode}"
    return {"failed": reason.removeprefix("NotImplementedError: ")}


def commit() -> str:
    """Commit of the checkout, and whether its program or benchmarks were changed since."""

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=HERE.parent, capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    changed = git("status", "--porcelain", "--", "src", "models", "benchmarks/*.py")
    return (git("rev-parse", "--short=10", "HEAD") or "unknown") + (
        ", with changes" if changed else ""
    )


def _note(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


Results = dict[str, list[dict[str, Any]]]


def run_all(
    chosen: list[Case],
    folder: Path,
    *,
    quick: bool,
    repeats: int | None,
    keep: Callable[[Results], None] = lambda _: None,
) -> Results:
    """Results of every case by its name, in turns; a case that failed is not tried again.

    Cases that were recorded on another day are not run.

    Parameters
    ----------
    chosen : list of Case
    folder : Path
        Of the reference solutions.
    quick : bool
    repeats : int or None
        Runs of every case, instead of its own number.
    keep : callable
        Given all results so far after every run.
    """
    results: Results = {case.name: [r.as_json() for r in case.recorded] for case in chosen}
    chosen = [case for case in chosen if case.run is not None]
    rounds = max((repeats or case.repeats for case in chosen), default=0)
    for turn in range(rounds):
        for case in chosen:
            if turn >= (repeats or case.repeats) or any("failed" in r for r in results[case.name]):
                continue
            begin = time.monotonic()
            result = run_once(case.name, folder, quick=quick)
            results[case.name].append(result)
            keep(results)
            took = time.monotonic() - begin
            outcome = result.get("failed") or f"{result['seconds']:.3g} s"
            _note(f"[{turn + 1}/{rounds}] {case.name}: {outcome} ({took:.0f} s in all)")
    return results


def main(arguments: list[str] | None = None) -> int:
    """Run, and write what came out; 1 if something of this program's own failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Benchmarks.")
    usual = ",".join(group for group in GROUPS if group not in LEFT_OUT)
    parser.add_argument("--only", default=usual, help=f"groups, separated by commas: {usual}")
    parser.add_argument("--well", action="store_true", help="the whole wells too")
    parser.add_argument("--repeats", type=int, help="runs of every case instead of its own number")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    parser.add_argument("--quick", action="store_true", help="tiny problems, to try it out")
    options = parser.parse_args(arguments)
    groups = [*options.only.split(","), *(LEFT_OUT if options.well else ())]
    unknown = sorted(set(groups) - set(GROUPS))
    if unknown:
        parser.error(f"--only: no group {unknown[0]!r}. There are {', '.join(GROUPS)}.")
    if options.repeats is not None and options.repeats < 1:
        parser.error("--repeats: at least 1.")
    if options.quick and options.out == HERE:
        parser.error("--quick: its numbers mean nothing. Name another folder with --out.")
    options.out.mkdir(parents=True, exist_ok=True)
    chosen = [case for case in cases(quick=options.quick) if case.group in groups]
    with tempfile.TemporaryDirectory(prefix="sdf1-benchmarks-") as name:
        folder = Path(name)
        for group in groups:
            _note(f"references of {group}")
            done = _process(f"references {group}", folder, quick=options.quick)
            if done.returncode != 0:
                _note(done.stderr)
                return 1
        recorded: dict[str, Any] = {
            "date": datetime.now(UTC).date().isoformat(),
            "commit": commit(),
            "machine": description(),
            "quick": options.quick,
            "load": [],
        }

        def keep(results: Results) -> None:
            recorded["results"] = results
            recorded["load"].append(os.getloadavg()[0])
            text = json.dumps(recorded, indent=1, ensure_ascii=False)
            (options.out / "results.json").write_text(f"{text}\n", encoding="utf-8")

        results = run_all(chosen, folder, quick=options.quick, repeats=options.repeats, keep=keep)
    drawn = draw(recorded, chosen, options.out / "growth.png") if "growth" in groups else None
    (options.out / "table.md").write_text(table(recorded, chosen, drawn), encoding="utf-8")
    failed = [
        case.name for case in chosen if case.own and any("failed" in r for r in results[case.name])
    ]
    for name in failed:
        _note(f"failed: {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
