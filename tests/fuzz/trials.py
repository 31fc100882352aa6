"""One damaged input after the other, in processes that may crash, hang or run out of memory."""

import json
import mmap
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECONDS, BYTES = 5.0, 2 << 30
"""Time of the processor and memory that an input may take."""
_GRACE = 40.0
"""Time on the clock after which a process that does not answer is killed [s]."""
_BATCH = 5000
"""Inputs of one process: libraries keep memory of damaged files."""
_PLACE = struct.Struct("qd")


@dataclass
class Found:
    """Numbers of inputs tried with one reader, and of those that escaped by their kind."""

    tried: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    seconds: float = 0.0


class _TooLong(BaseException):
    """The time of an input is over."""


def _stop(*_: object) -> None:
    raise _TooLong


def prepared_seeds(name: str, folder: Path) -> list[Path]:
    """Whole files of a reader, made in a folder once."""
    from fuzz.readers import READERS

    own = folder / READERS[name].folder
    done = own / "seeds.json"
    if not done.exists():
        own.mkdir(parents=True, exist_ok=True)
        made = READERS[name].seeds(own)
        done.write_text(json.dumps([str(path) for path in made]), encoding="utf-8")
    return [Path(path) for path in json.loads(done.read_text(encoding="utf-8"))]


def tried(
    name: str, folder: Path, *, number: int, minutes: float, first: int = 0,
    keep: Path | None = None,
) -> Found:  # fmt: skip
    """Try a reader on many damaged inputs, numbered so that each can be made again.

    Parameters
    ----------
    name : str
        Of a reader.
    folder : pathlib.Path
        For whole files and the input at hand, best in memory.
    number : int
        Of inputs at most.
    minutes : float
        After which no more inputs are tried, not counting the time in which libraries load.
    first : int
        Number of the first input.
    keep : pathlib.Path, optional
        Folder for the first input of each kind that escaped.
    """
    prepared_seeds(name, folder)
    found, at = Found(), first
    while at < first + number and found.seconds < 60.0 * minutes:
        left = 60.0 * minutes - found.seconds
        at = _batch(name, folder, at, min(first + number, at + _BATCH), left, found, keep)
    return found


def _batch(
    name: str, folder: Path, at: int, end: int, left: float, found: Found, keep: Path | None
) -> int:
    """Try inputs in one process; the number of the next one."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        place = Path(own) / "place"
        place.write_bytes(_PLACE.pack(at, 0.0))
        command = [
            sys.executable, "-m", "fuzz.trials", name, str(folder), own, str(at), str(end),
            str(left),
        ]  # fmt: skip
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1",
                       "MPLBACKEND": "Agg"}  # fmt: skip
        output = Path(own) / "output"
        with output.open("w") as stream, (Path(own) / "errors").open("w") as errors:
            child = subprocess.Popen(
                command, stdout=stream, stderr=errors, env=environment,
                cwd=Path(__file__).parents[1],
            )  # fmt: skip
            reached, killed, begun = at, False, 0.0
            while child.poll() is None:
                time.sleep(0.05)
                reached, since = _PLACE.unpack(place.read_bytes())
                begun = begun or since
                if since and time.time() - since > _GRACE:
                    child.kill()
                    child.wait()
                    killed = True
        reached, _ = _PLACE.unpack(place.read_bytes())
        found.seconds += time.time() - begun if begun else 1.0
        for line in output.read_text().splitlines():
            kind, slow = json.loads(line)
            found.slowest = max(found.slowest, slow)
            if kind is not None:
                found.failed[kind] += 1
        if child.returncode == 0:
            found.tried += reached - at
            return max(reached, at + 1) if reached < end else end
        kind = f"crashes: signal {-child.returncode}"
        if killed:
            kind = "hangs in a library, killed"
        elif child.returncode > 0:
            raise RuntimeError((Path(own) / "errors").read_text()[-2000:])
        found.failed[kind] += 1
        found.tried += reached - at + 1
        if keep is not None and found.failed[kind] == 1:
            _keep(Path(own), keep / _file_name(name, kind))
        return reached + 1


def _file_name(name: str, kind: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in f"{name} {kind}")[:120]


def _keep(own: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in own.glob("input*"):
        aim = target.with_name(target.name + path.suffix)
        if path.is_dir():
            shutil.copytree(path, aim, dirs_exist_ok=True)
        else:
            shutil.copyfile(path, aim)


def attempt(read: Any, path: Path) -> str | None:
    """Kind of failure of a reader on a file; None if it is read or refused."""
    from sdf1_field.errors import Sdf1FieldError

    try:
        read(path)
    except Sdf1FieldError:
        return None
    except _TooLong:
        return "takes longer than 5 s"
    except MemoryError:
        return "takes more than 2 GB"
    except Exception as error:
        own = [f for f in traceback.extract_tb(error.__traceback__) if "sdf1_field" in f.filename]
        where = f"{Path(own[-1].filename).name}: {own[-1].name}" if own else ""
        text = ascii(" ".join(str(error).split()))[1:-1]
        if type(error).__name__ == "Escaped":
            return text.partition(":")[0]
        return f"{type(error).__name__} {where}".rstrip()
    return None


def _child(name: str, folder: Path, own: Path, at: int, end: int, left: float) -> None:
    import numpy as np

    from fuzz.readers import READERS

    reader, seeds = READERS[name], prepared_seeds(name, folder)
    with (own / "place").open("r+b") as file:
        place = mmap.mmap(file.fileno(), _PLACE.size)
    place[:] = _PLACE.pack(at, 0.0)  # libraries load and kernels are compiled at the first
    for seed in seeds:
        kind = attempt(reader.read, seed)
        if kind is not None:
            raise RuntimeError(f"{seed}: {kind}")
    signal.signal(signal.SIGPROF, _stop)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    np.seterr(all="warn")
    kinds: Counter[str] = Counter()
    number, slowest, until = at, 0.0, time.time() + left
    for number in range(at, end):
        begun = time.time()
        if begun > until:
            break
        rng = random.Random(f"{name} {number}")
        seed = seeds[number % len(seeds)]
        for last in own.glob("input*"):
            shutil.rmtree(last) if last.is_dir() else last.unlink()
        target = own / f"input{seed.suffix}"
        reader.change(seed, target, rng, reader.words)
        place[:] = _PLACE.pack(number, begun)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        used = time.process_time()
        kind = attempt(reader.read, target)
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        slowest = max(slowest, time.process_time() - used)
        if kind is not None:
            kinds[kind] += 1
            print(json.dumps([kind, 0.0]), flush=True)
            if kinds[kind] == 1:
                _keep(own, folder / "kept" / _file_name(name, kind))
    else:
        number = end
    place[:] = _PLACE.pack(number, time.time())
    print(json.dumps([None, slowest]), flush=True)


if __name__ == "__main__":
    _name, _folder, _own, _at, _end, _left = sys.argv[1:]
    _child(_name, Path(_folder), Path(_own), int(_at), int(_end), float(_left))
