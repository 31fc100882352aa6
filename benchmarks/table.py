"""Results as Markdown: one table for each group, and the machine they were found on."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from benchmarks.cases import BIOFVM, BIOFVM_STEPS, SCRIPT, UNSATURATED, Case

_BIOFVM = f"{BIOFVM}, step {next(iter(BIOFVM_STEPS)):g} s"
HEADINGS = {
    "P1": "P1: transient",
    "coat": "P1 over a coat",
    "P2": "P2: steady state",
    "P3": "P3: two dimensions",
    "P4": "P4: biased persistent walk",
    "cells": "Cells with all mechanisms",
    "coculture": "The co-culture",
    "ensemble": "A dish of an ensemble",
    "networks": "Networks that grow",
    "growth": "Growth of cost",
    "well": "Whole wells",
}
TEXTS = {
    "P1": (
        "1000 × 1000 × 500 µm in cells of 10 µm, D = 150 µm²/s, k = 10⁻⁴ /s, walls closed, 400 "
        "sources of 1 molecule/s on the floor, from nothing to 600 s. All give the floor every "
        "6 s, but FiPy every 60 s, its step. Errors: relative, root mean square, against the exact "
        "solution of the finite volumes. The script's time includes the preparation of its modes. "
        "BioFVM was not run for this table: its rows are from a trial of another day on a machine "
        "of this kind, so that their ratios are good to the digits shown at best."
    ),
    "coat": (
        "As P1, over 6500 sites/µm² with k_on = 2.16·10⁻³ /(nM s), k_off = 0.0086 /s, k_b = 10⁻⁵ "
        "/s. *Linear*: the sources of P1, which fill fewer than 10⁻³ of the sites anywhere; the "
        "first row solves it as the default co-cultures do, the others as if it could fill. "
        "*Saturating*: 16 500 times as strong. Errors: of the floor's deviation from its mean, "
        "against the same solver at a tolerance 100 times as fine or finer."
    ),
    "P2": (
        "The steady state of P1. This program gives the floor, FiPy everything. Errors as in P1."
    ),
    "P3": (
        "One layer of 1000 × 1000 cells of 10 µm, otherwise as P1, to 60 s. FiPy takes steps of "
        "15 s."
    ),
    "P4": (
        "Cells that turn up the gradient of a map of 1000 × 1000 values, persistence and speed as "
        "KG-1a, nothing else; time for each cell and step."
    ),
    "cells": (
        "Sensing, adhesion, chemokinesis and crowding of the co-culture, on its own scene and "
        "field, made larger until it holds that many cells; time for each cell and step."
    ),
    "coculture": "`sdf1-field solve coculture-kg1a` from the shell, with compiled kernels.",
    "ensemble": (
        "4 h of co-culture simulated and its cells counted, in a process that has simulated one "
        "before; nothing is written."
    ),
    "networks": (
        "72 h of MSC at 40/mm² and their networks on fibronectin, asked for every 6 h; no fields."
    ),
    "growth": (
        "Time of one step of the field (medium of 2 mm over cells of 5 µm; D and k of P1), and of "
        "one cell's step (*bare walk* as P4, *all mechanisms* at 1000 cells/mm²). Each measured in "
        "one process."
    ),
    "well": (
        "`sdf1-field solve --threads 2` on a floor of 14 mm × 14 mm, 2800 × 2800 cells of the "
        "grid: its wall time, with compiled kernels."
    ),
}
MIB = 2**20
OWN_LOAD = 1.5
"""Mean load up to which the benchmarks were alone: they have one process at a time."""


def duration(seconds: float) -> str:
    """Three digits with a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1000 else f"{seconds:.0f} s"
    return f"{seconds / 1e-9:.3g} ns"


def ratio(value: float) -> str:
    """Two digits, or three from 100 on."""
    return f"{value:.2g}" if value < 100 else f"{float(f'{value:.3g}'):.0f}"


def times(value: float) -> str:
    """A ratio, as such."""
    return f"{ratio(value)} ×"


def error(value: float) -> str:
    """Two digits."""
    return f"{value:.1e}"


def rows(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, the others to the right."""
    rules = [":---", *("---:" for _ in header[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, rules, *lines))


def median(results: Sequence[dict[str, Any]], key: Callable[[dict[str, Any]], float]) -> float:
    """Over the runs of a case."""
    return statistics.median(key(result) for result in results)


def seconds_of(results: Sequence[dict[str, Any]]) -> float | None:
    """Median time, or None if the case failed."""
    if not results or any("failed" in result for result in results):
        return None
    return median(results, lambda result: result["seconds"])


def _facts(facts: dict[str, Any]) -> str:
    words = []
    for name, value in facts.items():
        if name == "tolerance":
            continue
        if isinstance(value, str):
            words.append(f"{name} ({value})")
        elif isinstance(value, list):
            words.append(f"{name}: {' and '.join(f'{v:.2g}' for v in value)}")
        elif name.endswith("[s]"):
            words.append(f"{name.removesuffix(' [s]')} {duration(value)}")
        elif name.endswith("[bytes]"):
            words.append(f"{name.removesuffix(' [bytes]')} {value / MIB:.3g} MiB")
        elif isinstance(value, int):
            words.append(f"{name} {value}")
        else:
            words.append(f"{name} {value:.3g}")
    return ", ".join(words)


def _group(group: str, chosen: Sequence[Case], results: dict[str, Any]) -> str:
    own = [case for case in chosen if case.group == group]
    main = next((case for case in own if case.main), None)
    base = seconds_of(results[main.name]) if main else None
    if group == "coat":
        main = next((case for case in chosen if case.group == "P1" and case.main), None)
        base = seconds_of(results[main.name]) if main else None
    kinds: dict[str, None] = {}
    for case in own:
        for result in results[case.name]:
            kinds.update(dict.fromkeys(result.get("errors", {})))
    header = ["", "time", "min to max", "runs"]
    if base is not None:
        header.append("over P1" if group == "coat" else "over ours")
    header += [f"error: {kind}" for kind in kinds]
    header += ["set-up", "memory", "peak", "remarks"]
    lines = []
    for case in own:
        found = results[case.name]
        middle = seconds_of(found)
        if middle is None:
            reason = next((r["failed"] for r in found if "failed" in r), "not run")
            lines.append([case.who, *("–" for _ in header[2:]), reason.replace("|", "/")])
            continue
        taken = [result["seconds"] for result in found]
        line = [
            f"**{case.who}**" if case.main else case.who,
            duration(middle),
            f"{duration(min(taken))} to {duration(max(taken))}",
            str(len(taken)),
        ]
        if base is not None:
            line.append(ratio(middle / base))
        last = found[-1]
        line += [error(last["errors"][k]) if k in last["errors"] else "–" for k in kinds]
        line.append(
            ", ".join(
                f"{name} {duration(median(found, lambda r, name=name: r['set_up'][name]))}"
                for name in last["set_up"]
            )
            or "–"
        )
        peak, imported = (median(found, lambda r, k=k: r[k]) for k in ("peak", "imported"))
        line.append(f"{(peak - imported) / MIB:.0f} MiB" if imported else "–")
        line.append(f"{peak / MIB:.0f} MiB" if peak else "–")
        line.append(_facts(last["facts"]) or "–")
        lines.append(line)
    return rows(header, lines)


def _machine(recorded: dict[str, Any]) -> str:
    machine, results = recorded["machine"], recorded["results"]
    lines = [
        ["processor", f"{machine['processor']}, {machine['cores']} cores"],
        ["last cache, as the system says", f"{machine['last cache [bytes]'] / MIB:.0f} MiB"],
        ["memory", f"{machine['memory [bytes]'] / 2**30:.0f} GiB"],
    ]
    found = results.get("machine: bandwidth and transforms", [])
    if found and seconds_of(found) is not None:
        speed = median(found, lambda r: r["facts"]["bandwidth [bytes/s]"])
        size = found[-1]["facts"]["array [bytes]"]
        label = f"bandwidth of one thread (triad over 3 × {size / MIB:.0f} MiB)"
        lines.append([label, f"{speed / 1e9:.1f} GB/s"])
        for side in found[-1]["facts"]["transform pairs [s]"]:
            pair = median(found, lambda r, side=side: r["facts"]["transform pairs [s]"][side])
            lines.append([f"SciPy `dctn` and `idctn`, {side}²", duration(pair)])
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines.append(["versions", f"Python {machine['python']}, {versions}"])
    return rows(["", "found"], lines)


def _aims(chosen: Sequence[Case], results: dict[str, Any]) -> str:
    mains = {case.group: case.name for case in chosen if case.main}
    lines: list[list[str]] = []

    def add(
        what: str, found: float | None, bound: str, aim: float, show: Callable[[float], str]
    ) -> None:
        if found is None:
            return
        met = found >= aim if bound == "at least" else found <= aim
        lines.append([what, f"{bound} {show(aim)}", show(found), "yes" if met else "**no**"])

    def time_of(name: str) -> float | None:
        return seconds_of(results.get(name, []))

    for peer, aim in (("FiPy", 500.0), ("py-pde", 400.0), (_BIOFVM, 1500.0)):
        a, b = time_of(f"P1: {peer}"), time_of(mains.get("P1", ""))
        recorded = "recorded " if peer == _BIOFVM else ""
        what = f"P1, {peer}'s {recorded}time over ours"
        add(what, a / b if a and b else None, "at least", aim, times)
    script, own = time_of(f"P1: {SCRIPT}"), results.get(mains.get("P1", ""), [])
    if script and seconds_of(own) is not None:
        whole = median(own, lambda r: r["seconds"] + r["set_up"].get("prepare", 0.0))
        what = "P1, the script's time over ours with `prepare`"
        add(what, script / whole, "at least", 1.5, times)
    p1, p2 = results.get(mains.get("P1", ""), []), results.get(mains.get("P2", ""), [])
    if seconds_of(p1) is not None:
        worst = max(r["errors"]["floor, worst stop"] for r in p1)
        add("P1, floor's error at the worst stop", worst, "at most", 1e-6, error)
    if seconds_of(p2) is not None:
        share = median(p2, lambda r: r["facts"]["of a transform pair"])
        add("P2, time over a pair of transforms", share, "at most", 2.0, times)
    exact = f"coat: {UNSATURATED}"
    a, b = time_of(exact), time_of(mains.get("P1", ""))
    if a and b:
        reached = max(r["errors"]["floor, worst stop"] for r in results[exact])
        what = f"P1 over a coat taken as unsaturated, over P1; error {error(reached)}"
        add(what, a / b, "at most", 3.0, times)
    for kind, aim in (("linear", 3.0), ("saturating", 8.0)):
        named = [c.name for c in chosen if c.group == "coat" and f" {kind}," in c.who]
        for name, key in zip(named, ("floor, end", "floor, worst stop"), strict=False):
            a, b = time_of(name), time_of(mains.get("P1", ""))
            reached = max((r["errors"][key] for r in results[name] if "errors" in r), default=1.0)
            what = f"P1 over a {kind} coat, over P1; error ({key}) {error(reached)}"
            add(what, a / b if a and b else None, "at most", aim, times)
    add("P4, for each cell and step", time_of(mains.get("P4", "")), "at most", 40e-9, duration)
    for case in chosen:
        if case.group == "cells":
            add(f"all mechanisms, {case.who}", time_of(case.name), "at most", 300e-9, duration)
        if case.group == "coculture":
            mode = case.who.rpartition(" ")[2]
            what = f"`solve coculture-kg1a`, scene {mode}"
            add(what, time_of(case.name), "at most", 5.0, duration)
        if case.group == "well":
            aim = 360.0 if "grown" in case.who else 180.0
            add(f"`{case.who}`, 2 threads", time_of(case.name), "at most", aim, duration)
        if case.who == "200 MSC, 72 h":
            add(f"networks of {case.who}", time_of(case.name), "at most", 3.0, duration)
    return rows(["", "aim", "found", "met"], lines) if lines else ""


def table(recorded: dict[str, Any], chosen: Sequence[Case], drawn: dict[str, float] | None) -> str:
    """The whole page.

    Parameters
    ----------
    recorded : dict
        What goes to ``results.json``.
    chosen : sequence of Case
    drawn : dict or None
        Exponents of the growth's curves by name, if the figure was drawn.
    """
    results = recorded["results"]
    parts = []
    if recorded["quick"]:
        parts.append("Tiny problems, to try it out: these numbers mean nothing.")
    if "commit" in recorded:
        parts.append(f"Recorded on {recorded['date']} from commit {recorded['commit']}.")
    load = statistics.fmean(recorded.get("load") or [0.0])
    if load > OWN_LOAD:
        parts.append(
            f"**Other programs ran meanwhile** (mean load {load:.1f} on "
            f"{recorded['machine']['cores']} cores, of which 1 is the benchmarks' own): times are "
            "too long, and ratios of what ran once or twice are off by up to several times."
        )
    aims = "" if recorded["quick"] else _aims(chosen, results)
    if aims:
        parts += ["## Aims", aims]
    for group, heading in HEADINGS.items():
        if not any(case.group == group for case in chosen):
            continue
        parts += [f"## {heading}", TEXTS[group], _group(group, chosen, results)]
        if group == "growth" and drawn is not None:
            exponents = [[name, f"{slope:.2f}"] for name, slope in drawn.items()]
            parts += [
                "Time of a whole step as a power of the number of floor cells, or of cells:",
                rows(["", "exponent"], exponents),
                "![Time of a step over the number of floor cells, and over the number of cells, "
                "both logarithmic, beside lines of slope 1](growth.png)",
            ]
    parts += ["## The machine", _machine(recorded)]
    return "\n\n".join(parts) + "\n"
