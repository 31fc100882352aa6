"""Trials of what is kept when a run is killed, its writing fails, or an ensemble loses a process.

``solve`` is killed at random moments by each signal and resumed until the run is complete, whose
digest must be that of a run that was never killed. ``reproduce`` loses its parent, a worker or a
scheduler, and goes on. Writes, syncs and renames fail at many places.

python validation/trust/kills.py                     # all sections of kills.md
python validation/trust/kills.py solve --kills 40    # one of them
"""

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np
import psutil

sys.path.append(str(Path(__file__).parents[1]))

from recording import record_section

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROGRAM = (sys.executable, "-c", "from sdf1_field.cli import main; main()")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
EVERY = "0.2 s"
"""Between two checkpoints, for several in a run."""
_LOOK = 0.005
"""Time between two looks at a process [s]."""
_DISH = (
    "dish.width=400 um",
    "dish.length=400 um",
    "dish.height=500 um",
    "grid.spacing=10 um",
    "cells.density=330 1/mm**2",
)
_GROWN = (
    "scene.mode=grown",
    "run.culture=6 h",
    "output.fields_from=-1 h",
    "mechanisms.cargo_kinetics=true",
    "mechanisms.migrasome_uptake=true",
    "mechanisms.bursts=true",
)
_FILLS = (
    "dish.width=1 mm",
    "dish.length=1 mm",
    "dish.height=200 um",
    "grid.spacing=20 um",
    "run.culture=1 h",
    "run.duration=4 h",
    "scene.mode=placed",
    "scene.msc_density=1 1/mm**2",
    "scene.network_fraction=1.0",
    "cells.density=30 1/mm**2",
    "numerics.tolerance=6e-5",
    'output.ligands=["sdf1"]',
)


_FIPY = (
    "dish.width=120 um",
    "dish.length=120 um",
    "dish.height=60 um",
    "grid.spacing=20 um",
    "grid.floor_layer=10 um",
    "run.culture=5 min",
    "run.duration=3 min",
    "output.fields_every=30 s",
    "cells.density=600 1/mm**2",
    "scene.mode=placed",
    "scene.msc_density=200 1/mm**2",
    "numerics.solver=fipy",
)


@dataclass
class Case:
    """A dish that is solved again and again.

    Parameters
    ----------
    name : str
    settings : tuple of str
        Of the default co-culture.
    options : tuple of str
        Further ones of the command line.
    forked : bool
        Not where kernels run on several threads of OpenMP, which do not survive a fork.
    whole : str
        Digest of the run that was never killed.
    took : float
        Processor time of that run, or within which it is interrupted [s].
    model : str
    """

    name: str
    settings: tuple[str, ...]
    options: tuple[str, ...] = ()
    forked: bool = True
    whole: str = ""
    took: float = 0.0
    model: str = "coculture-kg1a"

    def command(self, path: Path, *further: str) -> list[str]:
        """Call that solves it."""
        chosen = [part for text in self.settings for part in ("--set", text)]
        return [*PROGRAM, "solve", self.model, *chosen, "-o", str(path), "--quiet",
                *self.options, *further]  # fmt: skip


@dataclass
class Tally:
    """What became of the kills of one case and signal."""

    kills: int = 0
    early: int = 0
    lost: int = 0
    delays: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    """Since the last checkpoint or, if it is older, the start, when SIGKILL comes [s]."""


def cases(folder: Path) -> list[Case]:
    """Dishes of every kind of scene, solver, and threads."""
    made = [
        Case("placed", (*_DISH, "scene.mode=placed", "run.duration=12 h")),
        Case("placed, 2 threads", (*_DISH, "scene.mode=placed", "run.duration=12 h"),
             ("--threads", "2"), forked=False),
        Case("grown, cargo followed", (*_DISH, *_GROWN, "run.duration=2 h")),
        Case("drawn", (f"scene.file={_drawn(folder)}", "scene.mode=placed", "grid.spacing=10 um",
                       "dish.height=500 um", "run.duration=4 h")),
        Case("begun anew as the coat fills", _FILLS, forked=False),
        Case("placed, FiPy", _FIPY, forked=False),
    ]  # fmt: skip
    from sdf1_field import record
    from sdf1_field.spec import load_model

    for case in made:
        path = folder / "whole.nc"
        if case.forked:
            # In this process, which then has the kernels for those that are forked from it.
            record.solve(load_model("coculture-kg1a", settings=case.settings), path)
            path.unlink()
        attempt = Attempt(case, path, folder / "log")
        assert attempt.wait() == 0, attempt.log.read_text()
        case.took, case.whole = attempt.spent, digest(path)
        path.unlink()
    return made


def _drawn(folder: Path) -> Path:
    """A scene of two ellipses and a network, from a drawn mask."""
    import tifffile

    y, x = np.mgrid[:200, :200]
    mask = np.zeros((200, 200), np.uint8)
    mask[((x - 60) / 30) ** 2 + ((y - 70) / 14) ** 2 < 1.0] = 1
    mask[((x - 130) / 14) ** 2 + ((y - 120) / 30) ** 2 < 1.0] = 1
    mask[(np.abs(y - x) < 4) & (mask == 0) & (x > 100)] = 2
    picture, scene = folder / "mask.tif", folder / "scene.nc"
    tifffile.imwrite(picture, mask)
    call = ("scene", str(picture), "--labels", "free=0,msc=1,network=2", "--pixel-size", "2 um",
            "-o", str(scene))  # fmt: skip
    done = subprocess.run([*PROGRAM, *call], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return scene


def digest(path: Path) -> str:
    """Digest of a run file's content."""
    from sdf1_field.record import content_digest, open_run

    with open_run(path) as run:
        return content_digest(run)


class Attempt:
    """A call of the program in a process of its own.

    It is forked from this one, which has the program and its kernels in memory, unless it takes
    several threads: so a trial spends its time where runs spend theirs.
    """

    def __init__(self, case: Case, path: Path, log: Path, *further: str) -> None:
        self.call, self.log = case.command(path, *further), log
        self.spent = 0.0
        self.pid = os.fork()
        if self.pid == 0:
            self._run(forked=case.forked)

    def _run(self, *, forked: bool) -> NoReturn:
        with contextlib.suppress(BaseException):
            restored()
            descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(descriptor, 1)
            os.dup2(descriptor, 2)
            if not forked:
                os.execv(self.call[0], self.call)
            from sdf1_field.cli import main

            sys.argv = ["sdf1-field", *self.call[len(PROGRAM) :]]
            try:
                main()
            except SystemExit as end:
                os._exit(int(end.code or 0))
        os._exit(99)

    def wait(self, timeout: float = np.inf) -> int | None:
        """Exit status, negative for a signal; None if it goes on after so much processor time [s].

        Processor time, so that a busy machine changes nothing.
        """
        process = psutil.Process(self.pid)
        while True:
            found, status, used = os.wait4(self.pid, os.WNOHANG)
            if found:
                self.spent = used.ru_utime + used.ru_stime
                return os.waitstatus_to_exitcode(status)
            spent = process.cpu_times()
            if spent.user + spent.system > timeout:
                return None
            time.sleep(_LOOK)


def restored() -> None:
    """Let a process be interrupted, also where this one runs in the background."""
    for number in SIGNALS[1:]:
        signal.signal(number, signal.SIG_DFL)


def saved_until(path: Path) -> float:
    """Model time of a run's last checkpoint [s]; minus infinite without any."""
    from sdf1_field.record import checkpoint_path

    with contextlib.suppress(OSError), np.load(checkpoint_path(path)) as state:
        return float(state["time"])
    return -np.inf


def killed_solves(kills: int, seed: int, minutes: float) -> Iterator[str]:
    """Kill and resume until so many kills have been; lines of the table."""
    from sdf1_field.record import checkpoint_path, partial_path

    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = cases(folder)
        tallies = {(case.name, number): Tally() for case in made for number in SIGNALS}
        complete: Counter[str] = Counter()
        changed: Counter[str] = Counter()
        unreadable: Counter[str] = Counter()
        done, turn = 0, 0
        until = time.monotonic() + 60.0 * minutes
        while done < kills and time.monotonic() < until:
            case, turn = made[turn % len(made)], turn + 1
            path, log = folder / "run.nc", folder / "log"
            while not path.exists():
                begun = partial_path(path).is_dir()
                before = saved_until(path)
                number = chance.choice(SIGNALS)
                further = ("--checkpoint-every", EVERY, *(["--resume"] if begun else []))
                begun_at = time.time()
                attempt = Attempt(case, path, log, *further)
                status = attempt.wait(chance.uniform(0.02, 1.1) * case.took)
                if status is None:
                    before_kill, sent = time.time(), time.monotonic()
                    os.kill(attempt.pid, number)
                    status = attempt.wait()
                    tally = tallies[case.name, number]
                    tally.kills += 1
                    done += 1
                    if number == signal.SIGKILL:
                        with contextlib.suppress(OSError):
                            kept = max(begun_at, checkpoint_path(path).stat().st_mtime)
                            tally.ages.append(before_kill - kept)
                    else:
                        tally.delays.append(time.monotonic() - sent)
                        if status not in (0, 128 + number, -number):
                            print(case.name, number, status, log.read_text(), flush=True)
                            tally.lost += 1
                    now = saved_until(path)
                    tally.early += now == -np.inf and not path.exists()
                    tally.lost += now < before and not path.exists()
                elif status != 0:
                    print(case.name, "does not go on:", log.read_text(), flush=True)
                    unreadable[case.name] += 1
                    shutil.rmtree(partial_path(path), ignore_errors=True)
                    break
            if path.exists():
                complete[case.name] += 1
                changed[case.name] += digest(path) != case.whole
                path.unlink()
            shutil.rmtree(partial_path(path), ignore_errors=True)
            print(f"{done} of {kills} kills", file=sys.stderr, flush=True)
    yield (
        "| dish | kills by "
        + ", ".join(n.name.removeprefix("SIG") for n in SIGNALS)
        + (
            " | before the first checkpoint, nothing to lose | lost what was saved | not resumable "
            "| runs completed | other digests | signal to exit, median and longest [s] | from the "
            "last checkpoint or start to SIGKILL, median and longest [s] |"
        )
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for case in made:
        own = [tallies[case.name, number] for number in SIGNALS]
        delays = [delay for tally in own for delay in tally.delays] or [np.nan]
        ages = [age for tally in own for age in tally.ages] or [np.nan]
        yield (
            f"| {case.name} | {', '.join(str(t.kills) for t in own)} | {sum(t.early for t in own)} "
            f"| {sum(t.lost for t in own)} | {unreadable[case.name]} | {complete[case.name]} "
            f"| {changed[case.name]} | {statistics.median(delays):.2f}, {max(delays):.2f} "
            f"| {statistics.median(ages):.2f}, {max(ages):.2f} |"
        )
    yield (
        f"\n{done} kills; a run takes "
        + ", ".join(f"{c.took:.1f}" for c in made)
        + (f" s of processor time without any, and checkpoints are {EVERY} apart.")
    )


WAITS = (
    Case("the default co-culture", (), took=6.0),
    Case("a whole well that grows", (), model="whole-well-grown-kg1a", took=90.0),
)
"""Dishes of full size."""


def waits(interrupts: int, seed: int) -> Iterator[str]:
    """Interrupt dishes of full size by Ctrl-C; lines of the table."""
    chance = random.Random(seed)
    yield (
        "| dish | interrupted | within [s] | signal to exit, median and longest [s] | of the "
        "processor [s] |"
    )
    yield "|---|---|---|---|---|"
    for case in WAITS:
        delays, efforts = [], []
        for n in range(interrupts):
            with tempfile.TemporaryDirectory() as name:
                path = Path(name) / "run.nc"
                attempt = Attempt(case, path, Path(name) / "log")
                # One in each part of the time.
                if attempt.wait((n + chance.random()) / interrupts * case.took) is not None:
                    continue
                before = psutil.Process(attempt.pid).cpu_times()
                os.kill(attempt.pid, signal.SIGINT)
                sent = time.monotonic()
                attempt.wait()
                delays.append(time.monotonic() - sent)
                efforts.append(attempt.spent - before.user - before.system)
                print(f"{case.name}: {delays[-1]:.2f} s, of the processor {efforts[-1]:.2f} s",
                      file=sys.stderr, flush=True)  # fmt: skip
        shown = (f"{statistics.median(own):.2f}, {max(own):.2f}" for own in (delays, efforts))
        yield f"| {case.name} | {len(delays)} | {case.took:g} | {' | '.join(shown)} |"


BROKEN = """
import errno, os, pathlib, sys
what, left = sys.argv[1], int(sys.argv[2])
def failing(whole):
    def call(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            raise OSError(errno.EIO, "Input/output error")
        return whole(*arguments, **options)
    return call
if what == "fsync":
    os.fsync = failing(os.fsync)
else:
    pathlib.Path.replace = failing(pathlib.Path.replace)
sys.argv[1:] = sys.argv[3:]
from sdf1_field.cli import main
main()
"""


def failed_writes(places: int) -> Iterator[str]:
    """Let writing fail at many places; lines of the table."""
    from sdf1_field.record import partial_path

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "run.nc"
        case = Case("placed", (*_DISH, "scene.mode=placed", "run.duration=2 h"))
        subprocess.run(case.command(path), check=True, capture_output=True)
        case.whole, size = digest(path), path.stat().st_size
        path.unlink()
        trials: Mapping[str, Sequence[tuple[list[str], Callable[[], None] | None]]] = {
            "file size limited (RLIMIT_FSIZE)": [
                (case.command(path, "--checkpoint-every", EVERY), _limit(int(limit)))
                for limit in np.geomspace(100, 3 * size, places)
            ],
            **{
                f"{what} fails": [
                    ([sys.executable, "-c", BROKEN, what, str(n),
                      *case.command(path, "--checkpoint-every", "1e-3 s")[len(PROGRAM) :]], None)
                    for n in range(places)
                ]
                for what in ("fsync", "rename")
            },
        }  # fmt: skip
        yield (
            "| what fails | places | completed all the same | one line, status 1 | unreadable at "
            "the final name | resumed or solved again | other digests |"
        )
        yield "|---|---|---|---|---|---|---|"
        for text, calls in trials.items():
            completed = plain = unreadable = again = changed = 0
            for call, before in calls:
                done = subprocess.run(call, capture_output=True, text=True, preexec_fn=before)
                lines = [one for one in done.stderr.splitlines() if "warning" not in one]
                plain += done.returncode == 1 and len(lines) == 1
                if done.returncode not in (0, 1) or (done.returncode and len(lines) != 1):
                    print(done.returncode, done.stderr, flush=True)
                if path.exists():
                    completed += 1
                    unreadable += digest(path) != case.whole
                else:
                    further = ("--resume",) if partial_path(path).is_dir() else ()
                    subprocess.run(case.command(path, *further), check=True, capture_output=True)
                    again += 1
                    changed += digest(path) != case.whole
                path.unlink()
                shutil.rmtree(partial_path(path), ignore_errors=True)
            yield (
                f"| {text} | {len(calls)} | {completed} | {plain} | {unreadable} | {again} "
                f"| {changed} |"
            )


def _limit(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


_CLAIMS = """
{conditions}
[[deniz2023.claim]]
id = "T1"
says = "more"
source = "nowhere"
by_construction = ["nothing"]

[[deniz2023.claim.statements]]
text = "on MSC"
condition = "a"
quantity = "fold change"
of = "MSC"
reference = "b"
statistic = "ratio of means"
above = 1.0
test = "unpaired t"
p_below = 0.05
"""
_CONDITION = """
[deniz2023.condition.{name}]
label = "{name}"
model = "coculture-kg1a"
observation = "cells"
times = ["30 min"]
replicates = 3
null = "a"
settings = {settings}
"""


def killed_ensembles(kills: int, seed: int) -> Iterator[str]:
    """Kill the parent, a worker or the scheduler of ``reproduce``; lines of the table."""
    chance = random.Random(seed)
    settings = json.dumps([*_DISH, "scene.mode=placed", "run.duration=30 min",
                           "output.fields_from=30 min"])  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        targets = folder / "targets.toml"
        conditions = "".join(_CONDITION.format(name=n, settings=settings) for n in "ab")
        targets.write_text(_CLAIMS.format(conditions=conditions), encoding="utf-8")

        def command(out: Path, *further: str) -> list[str]:
            return [*PROGRAM, "reproduce", "deniz2023", "--claim", "T1", "--targets", str(targets),
                    "--quick", "--quiet", "-o", str(out), *further]  # fmt: skip

        def stored(out: Path) -> set[str]:
            return {path.name for path in (out / "runs").glob("*.nc")}

        whole = folder / "whole"
        subprocess.run(command(whole), check=True, capture_output=True)
        expected = (whole / "runs.csv").read_bytes()
        tallies: dict[str, Counter[str]] = {}
        kinds = ("parent, KILL", "parent, TERM", "parent, HUP", "worker, KILL", "scheduler, KILL")
        for number in range(kills):
            kind = kinds[number % len(kinds)]
            tally = tallies.setdefault(kind, Counter())
            out = folder / f"out{number}"
            with contextlib.ExitStack() as stack:
                further, scheduler = ["--workers", "2"], None
                if kind.startswith("scheduler"):
                    scheduler, address = stack.enter_context(_scheduler(folder))
                    further = ["--scheduler", address]
                process = subprocess.Popen(
                    command(out, *further), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True, preexec_fn=restored,
                )  # fmt: skip
                wanted = chance.randint(1, len(stored(whole)) - 2)
                while len(stored(out)) < wanted and process.poll() is None:
                    time.sleep(0.01)
                before = stored(out)
                children = psutil.Process(process.pid).children(recursive=True)
                if kind.startswith("parent"):
                    process.send_signal(getattr(signal, f"SIG{kind[-4:].strip(', ')}"))
                elif scheduler is None:
                    working = [c for c in children if "spawn_main" in " ".join(c.cmdline())]
                    chance.choice(working).kill()
                else:
                    scheduler.kill()
                _, said = process.communicate()
                tally["kills"] += 1
                tally["went on by itself"] += process.returncode == 0
                tally["lost dishes"] += len(before - stored(out))
                _, alive = psutil.wait_procs(children, timeout=10.0)
                tally["processes left"] += len(alive)
                if "Traceback" in said:
                    print(kind, said, flush=True)
                    tally["tracebacks"] += 1
            times = {p.name: p.stat().st_mtime_ns for p in (out / "runs").glob("*.nc")}
            subprocess.run(command(out), check=True, capture_output=True)
            again = {p.name: p.stat().st_mtime_ns for p in (out / "runs").glob("*.nc")}
            tally["solved twice"] += sum(again[name] != when for name, when in times.items())
            tally["other tables"] += (out / "runs.csv").read_bytes() != expected
            print(f"{number + 1} of {kills} kills", file=sys.stderr, flush=True)
    columns = ("kills", "went on by itself", "lost dishes", "solved twice", "other tables",
               "processes left", "tracebacks")  # fmt: skip
    yield f"| process, signal | {' | '.join(columns)} |"
    yield "|---" * (len(columns) + 1) + "|"
    for kind, tally in tallies.items():
        yield f"| {kind} | {' | '.join(str(tally[column]) for column in columns)} |"


@contextlib.contextmanager
def _scheduler(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A Dask scheduler with a worker, in processes of their own, and its address."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    dask = str(Path(sys.executable).with_name("dask"))
    log = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    scheduler = subprocess.Popen(
        [dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
         "--scheduler-file", str(file)], **log,
    )  # fmt: skip
    while not file.exists():
        time.sleep(0.05)
    worker = subprocess.Popen(
        [dask, "worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny",
         "--no-dashboard", "--death-timeout", "10"], **log,
    )  # fmt: skip
    try:
        yield scheduler, json.loads(file.read_text(encoding="utf-8"))["address"]
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


def main() -> None:
    """Carry out the sections that the command line asks for."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("section", nargs="*", choices=["solve", "waits", "writes", "reproduce", []])
    asked.add_argument("--kills", type=int, default=240, help="of solve")
    asked.add_argument("--interrupts", type=int, default=12, help="of each dish of waits")
    asked.add_argument("--ensembles", type=int, default=20, help="kills of reproduce")
    asked.add_argument("--places", type=int, default=30, help="at which writing fails, each")
    asked.add_argument("--minutes", type=float, default=np.inf, help="of kills of solve, at most")
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    sections = {
        "solve": (
            "Kills of `solve`",
            lambda: killed_solves(options.kills, options.seed, options.minutes),
        ),
        "waits": ("Waits after Ctrl-C", lambda: waits(options.interrupts, options.seed)),
        "writes": ("Writes that fail", lambda: failed_writes(options.places)),
        "reproduce": (
            "Kills of `reproduce`",
            lambda: killed_ensembles(options.ensembles, options.seed),
        ),
    }
    order = [title for title, _ in sections.values()]
    for name in options.section or sections:
        title, trial = sections[name]
        text = "\n".join(trial())
        record_section(HERE / "kills.md", "# What is kept", order, title, text)


if __name__ == "__main__":
    main()
