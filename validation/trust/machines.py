"""The program on machines unlike a developer's: no home, odd names, no terminal, other systems.

Each trial runs the program once, in a folder of its own, on a dish that solves within a second. It
passes if the exit status is one that is expected, and standard error has no traceback, no internal
error, and at most a few lines.

python validation/trust/machines.py                       # this interpreter's installation
python validation/trust/machines.py --python /opt/env/bin/python --only terminal
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TINY = (
    "dish.width=200 um", "dish.length=200 um", "dish.height=200 um", "grid.spacing=10 um",
    "run.culture=30 min", "run.duration=30 min", "scene.mode=placed",
    "mechanisms.migrasome_uptake=false",
)  # fmt: skip
NOBODY = 65534
"""User and group that own nothing."""
PATIENCE = 900.0
"""Longest time of a trial [s]; the first one compiles kernels."""
MOST_LINES = 4
"""On standard error: a message or two, and that kernels are compiled."""
ALARMS = ("Traceback", "internal error", "Exception ignored", "Segmentation fault")
PROGRAM = ("-m", "sdf1_field.cli")
SOLVE = ("solve", "coculture-kg1a", "-o", "run.nc", "--quiet", "@tiny")

WITHOUT_POSIX = """
import builtins, ctypes, os, select, signal, types

MODULES = ("fcntl", "resource", "termios", "tty", "pwd", "grp", "readline")
NAMES = {
    os: "getuid geteuid getgid sysconf fork sched_getaffinity fchmod chown getpgid killpg",
    select: "poll",
    signal: "SIGALRM SIGHUP SIGKILL SIGQUIT SIGUSR1 setitimer pthread_sigmask ITIMER_REAL alarm",
}

def lacking(module, names):
    less = types.ModuleType(module.__name__)
    less.__dict__.update({k: v for k, v in vars(module).items() if k not in names.split()})
    return less

def open_file(path, *rest, **extra):
    if not isinstance(path, int) and os.path.isdir(path):
        raise PermissionError(13, "Permission denied", path)
    return os.open(path, *rest, **extra)

def load(name=None, *rest, **extra):
    if name is None:
        raise TypeError("bad argument type for built-in operation")
    return ctypes.CDLL(name, *rest, **extra)

ABSENT = {module.__name__: lacking(module, names) for module, names in NAMES.items()}
ABSENT["os"].open = open_file
ABSENT["ctypes"] = lacking(ctypes, "")
ABSENT["ctypes"].CDLL = load
imported = builtins.__import__

def import_here(name, globals=None, *rest, **extra):
    if not str((globals or {}).get("__name__")).startswith("sdf1_field"):
        return imported(name, globals, *rest, **extra)
    if name in MODULES:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)
    return ABSENT.get(name) or imported(name, globals, *rest, **extra)

builtins.__import__ = import_here
from sdf1_field.cli import main
main()
"""
"""What Windows lacks, hidden from the package's own code; libraries here need it."""

TERMINAL = """
import fcntl, os, pty, struct, sys, termios

child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
while True:
    try:
        block = os.read(terminal, 4096)
    except OSError:
        break
    if not block:
        break
    sys.stderr.buffer.write(block)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""Runs a program on a terminal of so many columns."""


@dataclass(frozen=True)
class Trial:
    """One machine, and what is run on it.

    Parameters
    ----------
    name : str
    arguments : sequence of str or bytes
        Of the program; ``@tiny`` stands for the small dish's settings.
    environment : mapping of str to str or None
        Variables to set, or to remove.
    interpreter : sequence of str
        Options of Python.
    program : sequence of str
        What Python runs.
    before : sequence of str
        Program and its first arguments that start Python.
    expected : sequence of int
        Exit statuses.
    nobody : bool
        Run as a user who owns nothing, if this user may become another.
    prepare : callable, optional
        Given the trial's folder.
    lines : int
        Most lines on standard error.
    """

    name: str
    arguments: Sequence[str | bytes] = (
        "solve",
        "coculture-kg1a",
        "-o",
        "run.nc",
        "--quiet",
        "@tiny",
    )
    environment: Mapping[str, str | None] = field(default_factory=dict)
    interpreter: Sequence[str] = ()
    program: Sequence[str] = PROGRAM
    before: Sequence[str] = ()
    expected: Sequence[int] = (0,)
    nobody: bool = False
    prepare: Callable[[Path], None] | None = None
    lines: int = MOST_LINES


def _solve(output: str | bytes, model: str | bytes = "coculture-kg1a") -> tuple[str | bytes, ...]:
    return ("solve", model, "-o", output, "--quiet", "@tiny")


def _shell(redirections: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", f'exec "$@" {redirections}', "sh")


def _home(folder: Path) -> None:
    (folder / "home").mkdir(mode=0o555)


def _model(name: str | bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        with open(path, "w", encoding="utf-8") as file:
            file.write('extends = "coculture-kg1a"\ntitle = "A model of one\'s own"\n')

    return write


NO_HOME: Mapping[str, str | None] = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "USER", "LOGNAME"))
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
STRICT = ("-X", "dev", "-W", "error")
ANALYSE, PLOT = ("analyse", "@run"), ("plot", "@run", "-o", "floor.png")
NARROW = ("@terminal", "20")
OTHERS = ("-c", WITHOUT_POSIX)
ODD = b"m-\xe4.toml"
TRIALS = (
    Trial("as it is"),
    Trial("analyse", ANALYSE),
    Trial("inspect", ("inspect", "@run")),
    Trial("plot", PLOT),
    Trial("no HOME", environment=NO_HOME),
    Trial("HOME that does not exist", environment={"HOME": "/nonexistent/home"}),
    Trial("TMPDIR that does not exist", environment={"TMPDIR": "/nonexistent/tmp"}),
    Trial("no HOME, no TMPDIR", ANALYSE, {**NO_HOME, "TMPDIR": "/nonexistent/tmp"}),
    Trial("another user", environment={"HOME": "/nonexistent"}, nobody=True),
    Trial("another user: plot, read-only home", PLOT, {"HOME": "home"}, nobody=True, prepare=_home),
    Trial("output in a folder that takes none", _solve("/proc/run.nc"), expected=(2,)),
    Trial("no terminal", before=("/usr/bin/setsid", *_shell("</dev/null"))),
    Trial("standard input closed", before=_shell("<&-")),
    Trial("standard output closed", before=_shell(">&-")),
    Trial("standard output closed: list", ("list",), before=_shell(">&-"), expected=(0, 2)),
    Trial("standard error closed", before=_shell("2>&-")),
    Trial("all three closed: list", ("list",), before=_shell("<&- >&- 2>&-")),
    Trial("all three closed", before=_shell("<&- >&- 2>&-")),
    Trial(
        "standard output full", ("show", "null-kg1a"), before=_shell(">/dev/full"), expected=(2,)
    ),
    Trial("terminal of 20 columns", before=NARROW, lines=40),
    Trial("terminal of 20 columns: help", ("solve", "--help"), before=NARROW, lines=400),
    Trial("terminal of 20 columns: analyse", ANALYSE, before=NARROW, lines=400),
    Trial("terminal of no columns", ANALYSE, before=("@terminal", "0"), lines=400),
    Trial("dumb terminal", environment={"TERM": "dumb"}, before=("@terminal", "80"), lines=40),
    Trial("PYTHONOPTIMIZE=2", environment={"PYTHONOPTIMIZE": "2"}),
    Trial("PYTHONOPTIMIZE=2: help", ("solve", "--help"), {"PYTHONOPTIMIZE": "2"}),
    Trial("-X dev -W error", interpreter=STRICT),
    Trial("-X dev -W error: analyse", ANALYSE, interpreter=STRICT),
    Trial("-X dev -W error: plot", PLOT, interpreter=STRICT),
    Trial("-X dev -W error: fipy", (*_solve("run.nc"), "--solver", "fipy"), interpreter=STRICT),
    Trial("LC_ALL=C", environment={"LC_ALL": "C"}),
    Trial("ASCII alone: analyse", ANALYSE, ASCII),
    Trial("ASCII alone: help", ("--help",), ASCII),
    Trial("ASCII alone: list", ("list",), ASCII),
    Trial("ASCII alone: show", ("show", "coculture-kg1a"), ASCII),
    Trial("Turkish letters", ("check", "null-kg1a"), {"LC_ALL": "tr_TR.UTF-8"}),
    Trial("a time zone that does not exist", ("inspect", "@run"), {"TZ": "Nowhere/Never"}),
    Trial("name: blanks, letters beyond ASCII", _solve("Lauf für µ ☃ 1.nc")),
    Trial("name: a backslash", _solve("a\\b.nc"), expected=(2,)),
    Trial("name: a line break", _solve("a\nb.nc"), expected=(0, 2)),
    Trial("name: not UTF-8, output", _solve(b"run-\xff.nc"), expected=(2,)),
    Trial("name: not UTF-8, no such run", ("analyse", b"none-\xff.nc"), expected=(2,)),
    Trial("name: not UTF-8, checked model", ("check", ODD), prepare=_model(ODD)),
    Trial("name: not UTF-8, solved model", _solve("run.nc", ODD), prepare=_model(ODD)),
    Trial("name: 250 letters", _solve("a" * 247 + ".nc"), expected=(0, 2)),
    Trial("without POSIX: help", ("--help",), program=OTHERS),
    Trial("without POSIX: solve", program=OTHERS),
    Trial("without POSIX: fipy", (*_solve("run.nc"), "--solver", "fipy"), program=OTHERS),
    Trial("without POSIX: analyse", ANALYSE, program=OTHERS),
    Trial("without POSIX: plot", PLOT, program=OTHERS),
)


def run(trial: Trial, python: Path, folder: Path, made: Path) -> tuple[bool, str]:
    """Whether a trial passed, and its last line on standard error.

    Parameters
    ----------
    trial : Trial
    python : Path
        Interpreter.
    folder : Path
        An empty one.
    made : Path
        A run file for commands that read one.
    """
    if trial.prepare is not None:
        trial.prepare(folder)
    tiny = [part for setting in TINY for part in ("--set", setting)]
    arguments: list[str | bytes] = []
    for word in trial.arguments:
        arguments += tiny if word == "@tiny" else [str(made) if word == "@run" else word]
    before = list(trial.before)
    if before[:1] == ["@terminal"]:
        before = [sys.executable, "-c", TERMINAL, *before[1:]]
    command = [*before, str(python), *trial.interpreter, *trial.program, *arguments]
    variables = os.environ | {"OMP_NUM_THREADS": "1"}
    for name, value in trial.environment.items():
        variables.pop(name, None)
        if value is not None:
            variables[name] = str(folder / value) if name == "HOME" else value
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if trial.nobody else {}
    if trial.nobody:
        os.chown(folder, NOBODY, NOBODY)
    try:
        ended = subprocess.run(
            command, cwd=folder, env=variables, capture_output=True, timeout=PATIENCE, check=False,
            **other,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False, f"no end within {PATIENCE:g} s"
    said = (ended.stderr + ended.stdout).decode(errors="backslashreplace")
    lines = ended.stderr.decode(errors="backslashreplace").splitlines()
    good = (
        ended.returncode in trial.expected
        and not any(alarm in said for alarm in ALARMS)
        and len(lines) <= trial.lines
    )
    return good, f"{ended.returncode}: {lines[-1] if lines else ''}"


def nobody_can_run(python: Path) -> bool:
    """Whether this user may become another one, and that one may run the interpreter."""
    try:
        return not subprocess.run([python, "-c", ""], user=NOBODY, check=False).returncode
    except PermissionError:
        return False


def main() -> int:
    """Run the trials, print a table, and return the number of failures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("--only", default="", help="trials whose name contains this")
    asked = parser.parse_args()
    # Without a home kernels would be compiled for every trial.
    kept = Path.home() / ".cache" / "sdf1-field"
    os.environ.setdefault("NUMBA_CACHE_DIR", str(kept))
    failures = tried = 0
    print("| machine | | exit status: last line |\n|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="sdf1-field-machines-") as scratch:
        top = Path(scratch)
        top.chmod(0o755)
        made = top / "made" / "run.nc"
        made.parent.mkdir()
        run(Trial("as it is"), asked.python, made.parent, made)
        for number, trial in enumerate(TRIALS):
            if asked.only not in trial.name:
                continue
            if trial.nobody and not nobody_can_run(asked.python):
                print(f"| {trial.name} | not tried | needs Python that others can run, and root |")
                continue
            folder = top / str(number)
            folder.mkdir()
            good, said = run(trial, asked.python, folder, made)
            tried, failures = tried + 1, failures + (not good)
            shown = said.replace(str(top), "").replace("|", "\\|")
            print(
                f"| {trial.name} | {'passed' if good else '**failed**'} | {shown[:300]} |",
                flush=True,
            )
            shutil.rmtree(folder)
    print(f"\n{tried} tried, {failures} failed")
    return failures


if __name__ == "__main__":
    sys.exit(min(main(), 1))
