"""What ``--json`` prints is what docs/json.md says, key by key."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tests.test_reproduce import report

from calibration_builders import FREE, use_the_law
from conftest import FOLLOWED, TINY, overrides
from mask_builders import CLASSES, bodies, imagej
from power_builders import use_the_law as use_the_law_of_power
from sdf1_field.cli import main
from sdf1_field.reproduce import as_json
from track_builders import csv_text

PAGE = Path(__file__).parents[1] / "docs" / "json.md"


@dataclass(frozen=True)
class Row:
    """One line of a table of the page."""

    type: str
    unit: str
    missing: str


def is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


TYPES = {
    "text": lambda v: isinstance(v, str),
    "number": is_number,
    "whole number": lambda v: is_number(v) and isinstance(v, int),
    "true or false": lambda v: isinstance(v, bool),
    "two numbers": lambda v: isinstance(v, list) and len(v) == 2 and all(map(is_number, v)),
    "two values": lambda v: isinstance(v, list) and len(v) == 2,
    "as written": lambda v: v is not None,
    "list of text": lambda v: isinstance(v, list) and all(isinstance(e, str) for e in v),
    "list of whole numbers": lambda v: isinstance(v, list) and all(isinstance(e, int) for e in v),
    "list of lists of text": lambda v: all(isinstance(cell, str) for row in v for cell in row),
    "object": lambda v: isinstance(v, dict),
    "list of numbers": lambda v: all(map(is_number, v)),
    "list of pairs of numbers": lambda v: all(
        len(pair) == 2 and all(map(is_number, pair)) for pair in v
    ),
    "list of objects": lambda v: isinstance(v, list) and all(isinstance(e, dict) for e in v),
}


def sections():
    """For each command on the page its shape and its rows by key."""
    found = {}
    for part in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]:
        heading, _, body = part.partition("\n")
        command = re.fullmatch(r"`sdf1-field ([^`]+)`", heading)
        if command is None:
            continue
        rows = {}
        for line in body.splitlines():
            if line.startswith("| `"):
                key, kind, unit, _, missing = (cell.strip() for cell in line.split("|")[1:-1])
                assert key not in rows, f"{heading}: {key} twice"
                rows[key.strip("`")] = Row(kind, unit, missing)
        for key, row in list(rows.items()):
            if row.type.startswith("as `"):
                like = row.type[len("as `") : -1]
                rows[key] = replace(row, type=rows[like].type)
                rows |= {
                    key + other[len(like) :]: of_other
                    for other, of_other in rows.items()
                    if other.startswith((f"{like}.", f"{like}[]."))
                }
        shape = re.match(r"A list of objects|An object by dotted path|An object", body.strip())[0]
        found[command[1]] = (shape, rows)
    return found


SECTIONS = sections()


def conform(value, rows, prefix=""):
    """Check one object against the rows below a prefix; return the keys that had a value."""
    own = {
        key[len(prefix) :]: key
        for key in rows
        if key.startswith(prefix) and not re.search(r"[.\[]", key[len(prefix) :])
    }
    assert value.keys() <= own.keys(), f"{prefix}: not on the page"
    seen = set()
    for name, key in own.items():
        row = rows[key]
        if name not in value:
            assert row.missing.startswith("absent"), f"{key} is not there"
        elif value[name] is None:
            assert row.missing.startswith("null"), f"{key} is null"
        else:
            assert TYPES[row.type](value[name]), f"{key} is no {row.type}: {value[name]!r}"
            seen.add(key)
            if row.type == "object":
                seen |= conform(value[name], rows, f"{key}.")
            elif row.type == "list of objects":
                seen |= {k for each in value[name] for k in conform(each, rows, f"{key}[].")}
    return seen


def no_constant(name):
    raise AssertionError(f"{name} is not JSON")


@pytest.fixture
def printed():
    """Function that calls a command with ``--json`` and checks it against its section.

    Gives the keys that had a value.
    """

    def call(section, *arguments):
        result = CliRunner().invoke(main, [str(a) for a in (*arguments, "--json")])
        assert result.exit_code == 0, result.output
        answer = json.loads(result.stdout, parse_constant=no_constant)
        shape, rows = SECTIONS[section]
        assert isinstance(answer, list) is (shape == "A list of objects")
        if shape == "An object":
            return conform(answer, rows)
        items = answer if isinstance(answer, list) else answer.values()
        assert items
        return {key for item in items for key in conform(item, rows)}

    return call


def documented(section):
    return set(SECTIONS[section][1])


def test_every_command_with_json_is_on_the_page():
    with_json = {
        name
        for name, command in main.commands.items()
        if any("--json" in option.opts for option in command.params)
    }
    assert {section.split()[0] for section in SECTIONS} == with_json


def test_every_number_has_a_unit_and_nothing_else_has():
    for section, (_, rows) in SECTIONS.items():
        for key, row in rows.items():
            has = row.type in ("number", "two numbers", "two values", "as written")
            assert bool(row.unit) is has, f"{section}: {key}"


def test_list_prints_what_the_page_says(printed):
    assert printed("list", "list") == documented("list")


@pytest.mark.parametrize("model", ["parameters", "coculture-cd34-48h", "round-well"])
def test_show_prints_what_the_page_says(printed, model):
    assert printed("show", "show", model) == documented("show")


def left_out(reason):
    """Keys of ``inspect`` that the page says are missing for a reason."""
    return {k for k, row in SECTIONS["inspect"][1].items() if reason in row.missing}


def test_inspect_prints_what_the_page_says(printed, tiny_run, solved):
    keys = printed("inspect", "inspect", tiny_run, "--digest")
    assert keys == documented("inspect") - left_out("no medium change")
    assert printed("inspect", "inspect", tiny_run) == keys - {"digest"}
    dosed = printed("inspect", "inspect", solved("coculture-kg1a-sdf1"), "--digest")
    assert dosed == keys | left_out("no medium change")


def test_explain_prints_what_the_page_says(printed, tiny_run):
    assert printed("explain", "explain", tiny_run) == documented("explain")


def test_inspect_of_a_steady_field_leaves_out_what_the_page_says(printed, solved, steady_model):
    keys = printed("inspect", "inspect", solved(str(steady_model)))
    missing = left_out("steady mode") | left_out("saturates") | left_out("no medium change")
    assert keys == documented("inspect") - missing - {"digest"}


@pytest.fixture
def dishes(solved):
    """Function that gives two dishes of a model whose cells are seen every minute."""

    def pair(model, *settings):
        return [solved(model, "output.tracks_every=1 min", *settings, seed=n) for n in (1, 2)]

    return pair


def against(runs):
    return [part for run in runs for part in ("--against", run)]


def test_every_table_of_analyse_is_on_the_page():
    (show,) = (o for o in main.commands["analyse"].params if "--show" in o.opts)
    headings = {f"analyse --show {kind}" for kind in show.type.choices}
    assert {s for s in SECTIONS if s.startswith("analyse")} == headings


@pytest.mark.parametrize("kind", ["course", "distance", "dwell", "approach"])
def test_analyse_prints_what_the_page_says(printed, dishes, kind):
    section = f"analyse --show {kind}"
    # Half of the cells that CXCR4 holds stay until the run ends, so their median is unknown.
    let_go = "cell_type.kg1a.triggered_arrest_rate=0 1/s"
    keys = printed(section, *section.split(), *dishes("coculture-kg1a", let_go))
    assert keys == documented(section)


def test_fold_changes_and_their_test_are_what_the_page_says(printed, dishes):
    section, runs = "analyse --show fold-change", dishes("coculture-kg1a")
    keys = printed(section, *section.split(), *runs, *against(dishes("null-kg1a")))
    assert keys == documented(section)
    without = printed(section, "analyse", *runs)
    assert without == {key for key in keys if not key.startswith("against")}
    alone = printed(section, "analyse", runs[0])
    assert alone == without - {"interval"}


def test_networks_and_their_tests_are_what_the_page_says(printed, solved):
    section = "analyse --show network"
    stroma = ("coculture-kg1a", "cells.density=0 1/mm**2")
    runs = [solved(*stroma, seed=n) for n in (1, 2)]
    control = [solved(*stroma, "scene.fibres_per_network=4.0", seed=n) for n in (3, 4)]
    keys = printed(section, "analyse", *runs, *against(control))
    assert keys == documented(section)
    without = printed(section, "analyse", *runs)
    assert without == {key for key in keys if not key.startswith(("control", "tests"))}
    alone = printed(section, "analyse", runs[0])
    spread = {key for key in without if key.endswith(".deviation")}
    assert alone == without - spread


@pytest.fixture
def l929(solved):
    """Function that gives dishes of L929 whose cargo is followed as it moves."""

    def dishes(*seeds):
        return [solved("secretion-l929", *FOLLOWED, seed=seed) for seed in seeds]

    return dishes


def test_cargo_and_its_tests_are_what_the_page_says(printed, l929):
    section = "analyse --show cargo"
    keys = printed(section, "analyse", *l929(1, 2), *against(l929(3, 4)))
    assert keys == documented(section)
    without = printed(section, "analyse", *l929(1, 2))
    assert without == {key for key in keys if not key.startswith(("control", "tests"))}
    alone = printed(section, "analyse", *l929(1))
    over_dishes = ("secreted_to_content", "share_through_migrasomes", "with_cargo", "enrichment")
    assert without - alone == {f"runs.{key}.deviation" for key in over_dishes}


def test_cargo_of_seeded_cells_has_the_nulls_the_page_says(printed, l929):
    section = "analyse --show cargo"
    keys = printed(section, "analyse", *l929(1), "--at", "0 h")
    for key, row in SECTIONS[section][1].items():
        if key.startswith("runs") and "without migrasomes" in row.missing:
            assert key not in keys


def test_fields_are_what_the_page_says(printed, l929):
    section = "analyse --show field"
    keys = printed(section, *section.split(), *l929(1, 2), *against(l929(3, 4)))
    assert keys == documented(section)
    without = printed(section, *section.split(), *l929(1, 2))
    assert without == {k for k in keys if not k.startswith(("control", "ratio"))}
    assert printed(section, *section.split(), *l929(1)) == without - {"deviation"}


def test_motion_and_its_test_are_what_the_page_says(printed, dishes):
    section, runs = "analyse --show motion", dishes("null-kg1a")
    keys = printed(section, *section.split(), *runs, *against(dishes("coculture-kg1a")))
    assert keys == documented(section)
    without = printed(section, *section.split(), *runs)
    assert without == {key for key in keys if key.startswith(("runs", "changed"))}


def test_motion_of_still_cells_has_the_nulls_the_page_says(printed, solved):
    still = solved("null-kg1a", "cell_type.kg1a.speed=0 um/min")
    section = "analyse --show motion"
    rows = SECTIONS[section][1]
    unknown = {
        key for key, row in rows.items() if re.search("no walk fits|none moved", row.missing)
    }
    keys = printed(section, *section.split(), still)
    assert {key.partition(".")[0] for key in unknown} == {"runs", "control"}
    assert not unknown & keys


@pytest.mark.slow
def test_measure_prints_what_the_page_says(printed, tmp_path, tiny_run):
    options = []
    for n in range(4):
        rng = np.random.default_rng(n)
        mask = imagej(tmp_path / f"{n}.tif", bodies())
        places = rng.uniform(0.0, 39.0, (100, 2))
        text = "\n".join(["x_um,y_um", *(f"{x},{y}" for x, y in places)])
        (tmp_path / f"{n}.csv").write_text(text, encoding="utf-8")
        options += ["--group", "ab"[n // 2], mask, tmp_path / f"{n}.csv"]
    keys = printed(
        "measure", "measure", *options, "--labels", CLASSES, "--after", "1 h", "--speed",
        "2 um/min", "--against", tiny_run,
    )  # fmt: skip
    walks = 10.0 + rng.standard_normal((20, 30, 2)).cumsum(axis=1) * [0.3, 0.1] + [30.0, 0.0]
    spots = [(30 * c + t, c, t, *walks[c, t]) for c in range(20) for t in range(30)]
    (tmp_path / "tracked.csv").write_text(csv_text(spots), encoding="utf-8")
    alone = printed(
        "measure", "measure", tmp_path / "0.tif", tmp_path / "tracked.csv", "--frame", "0",
        "--labels", CLASSES, "--after", "1 h", "--speed", "2 um/min",
    )  # fmt: skip
    one = {f"groups[].{key}" for key in ("dishes[].walk_pieces", "dishes[].walk_tracks")}
    one |= {"groups[].regions[].counting"}
    assert one <= alone
    assert keys | one == documented("measure")


def test_scene_prints_what_the_page_says(printed, tmp_path):
    mask = imagej(tmp_path / "mask.tif", bodies())
    (tmp_path / "spots.csv").write_text("x_um,y_um\n9,9\n27,20\n", encoding="utf-8")
    keys = printed("scene", "scene", mask, "--labels", CLASSES)
    spots = tmp_path / "spots.csv"
    keys |= printed("scene", "scene", mask, "--labels", CLASSES, "--migrasomes", spots)
    assert keys == documented("scene") - {"migrasomes.median_diameter_um"}


def test_tracks_print_what_the_page_says(printed, written, tmp_path):
    mask = ("--towards", imagej(tmp_path / "mask.tif", bodies(), size=5.0), "--labels", CLASSES)
    rng = np.random.default_rng(1)

    def file(name, cells):
        places = 200.0 + 0.5 * rng.standard_normal((cells, 30, 2)).cumsum(axis=1).cumsum(axis=1)
        rows = [(30 * c + t, c, t, *places[c, t]) for c in range(cells) for t in range(30)]
        return written(csv_text(rows), name)

    own, control = file("own.csv", 12), file("control.csv", 15)
    keys = printed("tracks", "tracks", own, "--against", control, *mask)
    assert keys == documented("tracks")
    without = printed("tracks", "tracks", own, *mask)
    assert without == {key for key in keys if not key.startswith(("control", "comparison"))}
    alone = printed("tracks", "tracks", own)
    assert alone == {key for key in without if not key.startswith("guidance[]")}
    still = written(csv_text([(t, 0, t, 1.0, 1.0) for t in range(5)]), "still.csv")
    keys = printed("tracks", "tracks", still, *mask)
    nulls = r"not resolved|none moved|fewer than two|two steps in a row"
    unknown = {k for k, row in SECTIONS["tracks"][1].items() if re.search(nulls, row.missing)}
    named = ("tracks", "guidance")
    assert {key for key in unknown if key.startswith(named)} == without - keys


@pytest.mark.slow
def test_reproduce_prints_what_the_page_says(printed, tiny_targets, tmp_path):
    keys = printed(
        "reproduce", "reproduce", "deniz2023", "--claim", "T1", "--targets", tiny_targets,
        "--dishes", 6, "--views", 1, "--workers", 1, "-o", tmp_path / "out",
    )  # fmt: skip
    # These claims are not the joint ones, none prints a p, and nothing is recorded of them.
    later = ("joint", "informed_by", "claims[].from_others")
    absent = {key for key in documented("reproduce") if key.startswith(later)}
    assert keys == documented("reproduce") - absent
    whole = report()
    whole = replace(whole, weights=replace(whole.weights, informed_by="D14"))
    assert absent <= conform(as_json(whole), SECTIONS["reproduce"][1])
    written = json.loads((tmp_path / "out" / "claims-T1.json").read_text(encoding="utf-8"))
    assert [claim["id"] for claim in written["claims"]] == ["T1"]


def test_judge_prints_what_the_page_says(printed):
    folder = PAGE.parents[1] / "validation" / "judge"
    keys = printed("judge", "judge", folder / "walkers.toml", folder / "walkers.csv")
    # These claims are no joint ones, and none prints a p or was read from a figure.
    without = ("joint", "informed_by", *(f"claims[].statements[].{k}" for k in ("value", "digi")))
    assert documented("judge") - keys == {k for k in documented("judge") if k.startswith(without)}


@pytest.mark.slow
def test_calibrate_prints_what_the_page_says(printed, monkeypatch, tmp_path):
    pytest.importorskip("sklearn")
    use_the_law(monkeypatch)
    keys = printed(
        "calibrate", "calibrate", "deniz2023", "--free",
        ",".join((*FREE, "cell_type.kg1a.half_trigger", "cell_type.kg1a.receptors")), "--quick",
        "--workers", 1, "-o", tmp_path / "out",
    )  # fmt: skip
    # No two parameters of the law act as a product.
    assert documented("calibrate") - keys == {
        f"correlations[].{key}" for key in ("key", "with", "value")
    }


def test_power_prints_what_the_page_says(printed, monkeypatch, tmp_path):
    use_the_law_of_power(monkeypatch)
    keys = printed(
        "power", "power", "coculture-kg1a-amd3100-10um", "--against", "coculture-kg1a", "--n", 3,
        "--views", 1, "--dishes", 12, "-o", tmp_path / "out", "--quiet",
    )  # fmt: skip
    without = documented("power") - keys
    assert all("draws" in key for key in without), without


@pytest.mark.usefixtures("by_none")
def test_sweep_prints_what_the_page_says(printed, tmp_path):
    small = (*TINY, "run.duration=15 min")
    asked = ["sweep", "coculture-kg1a", "--dishes", "2", "--quiet", *overrides(small)]
    dose = "treatments.amd3100.dose=0 uM,10 uM"
    keys = printed("sweep", *asked, "--over", dose, "-o", tmp_path / "curve")
    assert {"curves[].constant_value", "values[].ratio_low", "over[].numbers"} <= keys
    switch = "mechanisms.haptotaxis=true,false"
    keys |= printed("sweep", *asked, "--over", dose, "--over", switch, "-o", tmp_path / "grid")
    unseen = documented("sweep") - keys
    fitted = ("half", "low", "high", "steepness", "start", "end", "over_constant", "competing_nM")
    assert unseen <= {f"curves[].{key}" for key in fitted} | {
        "seconds_per_dish", "failed[].settings", "failed[].seed", "failed[].message",
    }  # fmt: skip
