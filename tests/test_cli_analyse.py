import csv
import io
import json
import re

import pytest

from conftest import FOLLOWED, TRACKED
from sdf1_field.cli.tables import Shown, show_table
from sdf1_field.digits import interval_text, number_text, spread_text

STROMA = "cells.density=0 1/mm**2"


@pytest.fixture
def alone(solved):
    return solved("tracking-kg1a", *TRACKED)


@pytest.fixture
def stroma(solved):
    """Function that gives MSC and networks without haematopoietic cells."""
    return lambda *settings, seed=1: solved("coculture-kg1a", STROMA, *settings, seed=seed)


@pytest.fixture
def l929(solved):
    """Function that gives L929 whose cargo is followed as it moves through migrasomes."""
    return lambda *settings, seed=1: solved("secretion-l929", *FOLLOWED, *settings, seed=seed)


def table_of(result):
    """What is printed before the lines about what is changed."""
    return result.output.partition("\n\nchanged from the shipped model in ")[0] + "\n"


def refusal(result):
    assert result.exit_code == 2, result.output
    (line,) = result.output.splitlines()
    return line


def numbers(text):
    return [float(word) for word in re.findall(r"[-+]?\d+\.?\d*", text.replace(",", ""))]


def test_an_unknown_table_is_refused_with_those_known(run, tiny_run):
    line = refusal(run("analyse", tiny_run, "--show", "density"))
    assert "'density' is not one of 'fold-change', 'course', 'distance'" in line


@pytest.mark.parametrize("kind", ["course", "dwell", "approach", "motion"])
def test_a_time_is_refused_where_the_whole_recording_is_shown(run, tiny_run, kind):
    line = refusal(run("analyse", tiny_run, "--show", kind, "--at", "1 h"))
    assert f"at: '{kind}' is of the whole recording." in line


@pytest.mark.parametrize("kind", ["course", "distance", "dwell", "approach"])
def test_a_control_is_refused_where_there_is_no_test(run, tiny_run, solved, kind):
    line = refusal(run("analyse", tiny_run, "--show", kind, "--against", solved(seed=2)))
    assert f"control: '{kind}' has no test." in line


@pytest.mark.parametrize(
    "kind", ["fold-change", "course", "distance", "dwell", "approach", "field"]
)
def test_csv_has_the_rows_and_keys_of_json(run, tiny_run, solved, kind):
    runs = ["analyse", tiny_run, "--show", kind]
    if kind in ("fold-change", "field"):
        runs += ["--against", solved(seed=2)]
    rows = json.loads(run(*runs, "--json").stdout)
    table = list(csv.DictReader(io.StringIO(run(*runs, "--csv").stdout)))
    assert len(table) == len(rows)
    for line, row in zip(table, rows, strict=True):
        flat = {}
        for key, value in row.items():
            if isinstance(value, dict):
                flat |= {f"{key}.{inner}": own for inner, own in value.items()}
            elif key == "interval":
                flat["interval.low"], flat["interval.high"] = value or (None, None)
            else:
                flat[key] = value
        assert set(flat) <= set(line)
        for key, text in line.items():
            value = flat.get(key)
            if value is None:
                assert text == ""
            elif isinstance(value, bool | str | list):
                assert text == {True: "true", False: "false"}.get(
                    value if isinstance(value, bool) else None,
                    "; ".join(value) if isinstance(value, list) else value,
                )
            else:
                assert float(text) == value
    if kind == "fold-change":
        assert any(line["against.test"] == "unpaired t" for line in table)


def test_csv_is_refused_for_nested_tables_and_beside_json(run, tiny_run, alone, stroma):
    for kind, path in (("motion", tiny_run), (None, alone), ("network", stroma())):
        shown = () if kind is None else ("--show", kind)
        line = refusal(run("analyse", path, *shown, "--csv"))
        assert f"--csv: '{kind or 'motion'}' nests lists" in line
        assert "Use --json, or --show one of fold-change, course," in line
    assert "Give one of them" in refusal(run("analyse", tiny_run, "--csv", "--json"))


def test_pairs_need_a_control_and_donors(run, tiny_run, alone, solved):
    assert "Give a control" in refusal(run("analyse", tiny_run, "--paired"))
    other = solved("tracking-kg1a", *TRACKED, seed=2)
    line = refusal(run("analyse", alone, "--against", other, "--paired"))
    assert "compares cells" in line


def test_a_coculture_and_cells_alone_are_not_compared(run, tiny_run, alone):
    assert "no MSC and no migrasomes" in refusal(run("analyse", tiny_run, "--against", alone))


def test_a_run_without_cells_or_with_one_frame_is_refused(run, solved, steady_model):
    steady, empty = solved(str(steady_model)), solved("null-kg1a", STROMA)
    for kind in ("fold-change", "course", "distance", "dwell", "approach", "motion"):
        for path in (steady, empty):
            assert "no cells to analyse" in refusal(run("analyse", path, "--show", kind))
    once = solved("coculture-kg1a", "output.tracks_from=2 h")
    for kind in ("dwell", "approach", "motion"):
        assert "only once" in refusal(run("analyse", once, "--show", kind))


def test_networks_need_msc_a_saved_time_and_no_pairs(run, alone, stroma):
    without = refusal(run("analyse", alone, "--show", "network"))
    assert "has no MSC and no migrasomes, which this table is about. Choose motion" in without
    line = refusal(run("analyse", stroma(), "--at", "10 min"))
    assert "not saved at 10 min; it was from 0 s to 2 h every 15 min. Choose one" in line
    pairs = refusal(run("analyse", stroma(), "--against", stroma(seed=2), "--paired"))
    assert "paired: 'network' compares cells" in pairs
    itself = refusal(run("analyse", stroma(), "--against", stroma()))
    assert "is the same dish as" in itself
    later = stroma("output.fields_from=1 h", "output.fields_every=1 h", seed=3)
    early = refusal(run("analyse", stroma(), "--at", "30 min", "--against", later))
    assert "not saved at 30 min; it was from 1 h to 2 h" in early


def test_cargo_needs_kinetics_a_saved_time_and_no_pairs(run, tiny_run, stroma, l929):
    for path in (tiny_run, stroma()):
        line = refusal(run("analyse", path, "--show", "cargo"))
        assert "follows no cargo. Solve a grown scene with mechanisms.cargo_kinetics=true" in line
    line = refusal(run("analyse", l929(), "--at", "4 h"))
    assert "not saved at 4 h; it was from 0 s to 6 h every 3 h. Choose one" in line
    line = refusal(run("analyse", l929(), "--against", l929("output.ligands=['ccl2']", seed=2)))
    assert "follows ccl2, not mcsf. Choose one of these, or add it to output.ligands" in line
    assert "is the same dish as" in refusal(run("analyse", l929(), "--against", l929()))
    pairs = refusal(run("analyse", l929(), "--against", l929(seed=2), "--paired"))
    assert "paired: 'cargo' compares cells" in pairs
    other = l929("stromal_type.l929.cargo.mcsf.vesicle_load=50.0", seed=2)
    assert "differs from" in refusal(run("analyse", l929(), other))


def test_fields_need_a_stroma_a_saved_time_and_the_same_ligands(run, tiny_run, alone, l929):
    line = refusal(run("analyse", alone, "--show", "field"))
    assert "has no MSC and no migrasomes, which this table is about. Choose motion" in line
    line = refusal(run("analyse", tiny_run, "--show", "field", "--at", "10 min"))
    assert "the floor was not saved at 10 min" in line
    control = ("--against", l929("output.ligands=['ccl2']"))
    line = refusal(run("analyse", l929(), "--show", "field", *control))
    assert "has no field of M-CSF. Add mcsf to its output.ligands" in line


def test_a_control_that_is_no_run_is_refused(run, tiny_run):
    assert "none.nc: no such file" in refusal(run("analyse", tiny_run, "--against", "none.nc"))


def test_what_is_shown_first_depends_on_the_stroma_and_the_cells(
    run, tiny_run, alone, stroma, l929
):
    assert "a cell counts for the region" in table_of(run("analyse", tiny_run))
    assert table_of(run("analyse", alone)).startswith("tracked for 2 h in frames every 15 min")
    assert "MSC with retraction fibres" in table_of(run("analyse", stroma()))
    assert "MSC with retraction fibres" in table_of(run("analyse", tiny_run, "--show", "network"))
    assert table_of(run("analyse", l929())).startswith("M-CSF at 6 h; 1 dish, ")
    assert "L929 with retraction fibres" in table_of(run("analyse", l929(), "--show", "network"))


@pytest.mark.parametrize(
    ("kind", "keys", "factor"),
    [
        ("course", ("cells", "fold_change", "encounter_limit"), 1.0),
        ("distance", ("cells", "density_per_mm2", "ratio"), 1.0),
        ("dwell", ("episodes", "cut"), 1.0),
        ("dwell", ("mean_dwell", "median_dwell"), 1 / 60),
        ("approach", ("cells", "steps", "index"), 1.0),
    ],
)
def test_tables_say_the_same_as_json(run, tiny_run, kind, keys, factor):
    rows = json.loads(table_of(run("analyse", tiny_run, "--show", kind, "--json")))
    lines = table_of(run("analyse", tiny_run, "--show", kind)).splitlines()[2:]
    shown = [numbers(line) for line in lines]
    each = 2 if kind == "course" else 1
    for n, row in enumerate(rows):
        for key in keys:
            if row[key] is not None:
                value = row[key] * factor
                assert any(v == pytest.approx(value, abs=0.51 if factor < 1 else 6e-3, rel=1e-2)
                           for v in shown[n // each]), (key, value, lines[n // each])  # fmt: skip


def test_motion_says_the_same_as_json_and_names_what_it_corrects(run, solved):
    alone = solved("tracking-kg1a", *TRACKED, "output.tracks_every=2 min")
    found = json.loads(table_of(run("analyse", alone, "--json")))
    assert (found["control"], found["comparison"]) == (None, None)
    text = table_of(run("analyse", alone))
    for key, ends in (
        ("apparent_speed_um_per_min", "apparent_speed_interval"),
        ("speed_um_per_min", "speed_interval"),
        ("persistence_min", "persistence_interval"),
    ):
        assert f"  {interval_text(found['runs'][key], found['runs'][ends])}\n" in text
    assert f"median {number_text(found['runs']['path_um']['median'])}" in text
    assert "speed from frame to frame" in text
    assert "speed, corrected for the frames" in text
    assert "out of reach of the walls" in text
    coarse = solved("tracking-kg1a", *TRACKED)
    note = json.loads(table_of(run("analyse", coarse, "--json")))["runs"]["note"]
    assert note
    assert f"note: {note}" in table_of(run("analyse", coarse))


def test_paths_against_a_control_end_with_the_test(run, alone, solved):
    faster = solved("tracking-kg1a", *TRACKED, "cell_type.kg1a.speed=3 um/min", seed=2)
    last = table_of(run("analyse", faster, "--against", alone)).splitlines()[-1]
    assert last.startswith("path length against the control: ratio of medians")
    assert last.endswith("p <0.001 (Mann-Whitney U test over cells)")


def test_paths_in_dishes_of_one_seed_end_with_a_test_on_pairs(run, alone, solved):
    faster = solved("tracking-kg1a", *TRACKED, "cell_type.kg1a.speed=3 um/min")
    last = table_of(run("analyse", faster, "--against", alone)).splitlines()[-1]
    assert last.endswith(
        "p <0.001 (Wilcoxon signed-rank test over pairs of cells of one seed and number)"
    )


def test_fold_changes_in_dishes_of_one_seed_say_that_they_are_paired(run, solved):
    drug = [solved("coculture-kg1a", "treatments.amd3100.dose=10 uM", seed=n) for n in (1, 2)]
    control = ("--against", solved(seed=2), "--against", solved(seed=1))
    text = table_of(run("analyse", *drug, *control))
    table = text[text.index("against 2 dishes of the control, paired by seed") :].splitlines()
    assert table[1].split("  ")[-1] == "p (paired t test)"


def test_stroma_in_dishes_of_one_seed_is_not_tested(run, stroma, l929):
    for model, options in (
        (stroma, ("scene.network_fraction=0.5",)),
        (l929, ("traffic.transport_rate=0 1/h",)),
    ):
        line = refusal(run("analyse", model(), "--against", model(*options)))
        assert "are of one seed (1), and the tests take them for independent. Solve one" in line
        assert run("analyse", model(), "--against", model(*options, seed=2)).exit_code == 0


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("fold-change", "no cells were saved at 5000 h; they were from 0 s to 2 h"),
        ("distance", "no cells were saved at 5000 h"),
        ("network", "the floor was not saved at 5000 h; it was from 0 s to 2 h"),
        ("field", "the floor was not saved at 5000 h"),
    ],
)
def test_a_time_that_the_run_has_not_is_refused_before_anything_is_counted(
    run, tiny_run, kind, message, monkeypatch
):
    def computed(*_, **__):
        raise AssertionError("computed first")

    for name in (
        "fold_change.pooled_encounter_limit",
        "fold_change.run_censuses",
        "network_summary.run_network",
        "distance.run_outlines",
        "fields._profiles",
    ):
        monkeypatch.setattr(f"sdf1_field.analysis.{name}", computed)
    line = refusal(run("analyse", tiny_run, "--show", kind, "--at", "1 h", "--at", "5000 h"))
    assert message in line
    assert "Choose one of these times." in line


def test_fold_changes_against_a_control_have_a_table_of_their_own(run, solved):
    drug = [solved("coculture-kg1a", "treatments.amd3100.dose=10 uM", seed=n) for n in (4, 5)]
    control = ("--against", solved(seed=1), "--against", solved(seed=2))
    text = table_of(run("analyse", *drug, *control))
    table = text[text.index("against 2 dishes of the control") :].splitlines()
    assert table[1].split("  ")[-1] == "p (unpaired t test)"
    rows = json.loads(table_of(run("analyse", *drug, *control, "--json")))
    own = rows[1]["against"]
    assert f"  {spread_text(own['mean'], own['deviation'])}  " in table[2]
    assert table[2].endswith(f"{rows[1]['against']['p']:.3f}")
    alone = table_of(run("analyse", drug[0], "--against", solved(seed=1))).splitlines()
    assert alone[-1].endswith(" -")


def test_a_table_without_a_printer_is_printed_under_the_keys_of_its_rows(capsys):
    rows = [
        {"region": "MSC body", "cells": 3, "mean": {"um": 2.5}},
        {"region": "free surface", "cells": 12, "mean": {"um": None}},
    ]
    show_table("new", rows, Shown(dishes=1, controls=0, stroma="MSC", units={}))
    assert capsys.readouterr().out.splitlines() == [
        "region        cells  mean.um",
        "MSC body      3      2.50",
        "free surface  12     -",
    ]


def test_networks_say_the_same_as_json(run, stroma):
    runs, control = [stroma(seed=n) for n in (1, 2)], stroma("scene.network_fraction=0.5", seed=3)
    rows = json.loads(
        table_of(
            run("analyse", *runs, "--at", "2 h", "--at", "1 h", "--against", control, "--json")
        )
    )
    text = table_of(run("analyse", *runs, "--at", "2 h", "--at", "1 h", "--against", control))
    assert [row["time"] for row in rows] == [3600.0, 7200.0]
    for row, part in zip(rows, re.split("^at ", text, flags=re.M)[1:], strict=True):
        # The first of a label is in the counts, a later one in the tests.
        lines = {line.partition("  ")[0]: line for line in reversed(part.splitlines())}
        for label, key, factor in (
            ("MSC with retraction fibres, %", "msc_with_fibres", 100.0),
            ("of MSC with fibres, those mostly by retraction, %", "networks_by_retraction", 100.0),
            ("attached migrasomes per mm2", "attached_per_mm2", 1.0),
        ):
            for group in (row["runs"], row["control"]):
                assert f"  {number_text(group[key]['pooled'], factor)}" in lines[label]
            own = row["runs"][key]
            assert spread_text(own["mean"], own["deviation"], factor) in lines[label]
        per_cell = row["runs"]["migrasomes_per_cell"]
        cells = lines["migrasomes per MSC that has some"]
        assert f"{per_cell['cells']} MSC, median {per_cell['median']:g} (" in cells
        assert f"  {row['runs']['msc']}" in lines["MSC in the view"]
        for own in row["runs"]["by_distance"]:
            if own["upper_um"] is not None:
                name = f"{own['lower_um']:g}-{own['upper_um']:g}"
                assert lines[name].split()[1] == str(own["migrasomes"])
        assert part.count("over cells") == 6
        assert part.count("over fields") == 1


def test_tables_name_the_runs_own_stroma(run, solved, l929):
    text = table_of(run("analyse", l929(), "--show", "network"))
    assert "L929 with retraction fibres, %" in text
    assert "from the edge of their L929, um" in text
    assert "MSC" not in text
    co_culture = solved("coculture-kg1a", "scene.stroma=l929")
    for kind, name in (
        ("fold-change", "2 h   L929 "),
        ("course", "on L929"),
        ("distance", "L929 body"),
        ("dwell", "L929 "),
        ("approach", "L929 body"),
    ):
        text = table_of(run("analyse", co_culture, "--show", kind))
        assert name in text
        assert "MSC" not in text


def test_a_dish_of_no_stroma_has_one_answer_for_every_table_about_it(run, alone, solved):
    kinds = ("fold-change", "course", "distance", "dwell", "approach", "network", "cargo", "field")
    for kind in kinds:
        line = refusal(run("analyse", alone, "--show", kind))
        assert line.endswith(
            "has no MSC and no migrasomes, which this table is about. Choose motion, or "
            "solve a model with scene.msc_density above 0."
        )
    bare = solved("coculture-kg1a", STROMA, "scene.msc_density=0 1/mm**2")
    for arguments in ((), *(("--show", kind) for kind in kinds)):
        line = refusal(run("analyse", bare, *arguments))
        assert line.endswith(
            "has no cells, no MSC and no migrasomes to analyse. Use `sdf1-field inspect`, or solve "
            "a model with scene.msc_density above 0."
        )


def test_networks_of_one_dish_have_no_spread_over_dishes_and_no_tests(run, stroma):
    text = table_of(run("analyse", stroma()))
    assert text.startswith("at 2 h; 1 dish, 0.0900 mm2\n")
    assert "over dishes" not in text
    assert "Mann-Whitney" not in text


def test_cargo_says_the_same_as_json(run, l929):
    options = ("--against", l929("traffic.transport_rate=0 1/h", seed=3), "--at", "6 h")
    runs = [l929(seed=n) for n in (1, 2)]
    rows = json.loads(table_of(run("analyse", *runs, *options, "--json")))
    text = table_of(run("analyse", *runs, *options))
    assert [row["label"] for row in rows] == ["M-CSF", "CCL2"]
    parts = re.split(r"^(?=(?:M-CSF|CCL2) at )", text, flags=re.M)[1:]
    for row, part in zip(rows, parts, strict=True):
        own, control = row["runs"], row["control"]
        lines = {line.partition("  ")[0]: line for line in reversed(part.splitlines())}
        assert part.startswith(
            f"{row['label']} at 6 h; 2 dishes, {own['msc']} L929, {own['migrasomes']} migrasomes; "
            f"control: 1 dish, {control['msc']} L929"
        )
        for label, key, name in (
            ("in cell bodies", "balance", "in_bodies"),
            ("secreted", "balance", "secreted"),
            ("by cell bodies", "routes", "released_by_bodies"),
            ("by migrasomes, by fusion", "routes", "released_by_fusion"),
        ):
            words = lines[label].removeprefix(label).split()
            for n, group in enumerate((own, control)):
                amount = group[key][name]
                assert words[3 * n : 3 * n + 3] == [
                    number_text(amount["molecules"]),
                    number_text(amount["per_cell"]),
                    number_text(amount["share"], 100.0),
                ]
        ratio = number_text(own["secreted_to_content"]["pooled"])
        assert f"  {ratio}  " in lines["secreted over content of cell bodies"]
        share = number_text(100.0 * own["with_cargo"]["pooled"])
        assert f"  {share}  " in lines["migrasomes with a vesicle or more, %"]
        assert (
            f"  {number_text(own['enrichment']['pooled'])}  "
            in lines["molecules per volume, migrasomes over cell bodies"]
        )
        per_cell = own["vesicles_per_cell"]
        spread = spread_text(per_cell["mean"], per_cell["deviation"])
        assert f"  {spread}  " in lines["vesicles in all migrasomes of a cell"]
        assert f"  {per_cell['count']} L929" in lines["vesicles in all migrasomes of a cell"]
        for own_bin in own["by_distance"]:
            if own_bin["upper_um"] is not None:
                name = f"{own_bin['lower_um']:g}-{own_bin['upper_um']:g}"
                assert lines[name].split()[1] == str(own_bin["migrasomes"])
        tests = part[part.index("\nmean ") :].splitlines()[2:]
        for test, line in zip(row["tests"], [t for t in tests if t], strict=True):
            assert line.endswith(f"unpaired t over {test['unit']}")
        assert own["balance"]["in_migrasomes"]["molecules"] > 0.0
        assert control["balance"]["in_migrasomes"]["molecules"] == 0.0
        assert control["with_cargo"]["pooled"] == 0.0


def test_cargo_of_one_dish_has_no_spread_over_dishes_and_no_tests(run, l929):
    text = table_of(run("analyse", l929()))
    assert "over dishes" not in text
    assert "unpaired t" not in text
    assert "(runs)" not in text
    assert text.count("how it was secreted") == 2


def test_fields_say_the_same_as_json_in_a_unit_that_suits(run, l929):
    options = ("--show", "field", "--at", "6 h", "--at", "3 h")
    control = ("--against", l929(seed=3))
    rows = json.loads(table_of(run("analyse", l929(), *options, *control, "--json")))
    text = table_of(run("analyse", l929(), *options, *control))
    factors = {"nM": 1.0, "pM": 1e3, "fM": 1e6}
    shown = [line for line in text.splitlines() if line and " on the floor at " not in line]
    assert len(shown) == len(rows) + 4
    tables = re.split(r"^where ", text, flags=re.M)[1:]
    for n, table in enumerate(tables):
        header, *lines = table.splitlines()
        unit = re.search(r"mean, (\wM)  control, (\wM)  ratio", header)
        assert unit[1] == unit[2]
        floor = rows[8 * n + 6]
        assert number_text(factors[unit[1]] * floor["mean"]) in lines[6]
        assert lines[6].endswith(number_text(floor["ratio_of_means"]))
        # The unit suits the end of the run, and is the same at all times.
        assert unit[1] == re.search(r"mean, (\wM)", tables[n % 2])[1]
        if floor["time"] == 6 * 3600.0:
            assert 0.1 <= factors[unit[1]] * floor["mean"] < 1000.0
    assert [row["time"] for row in rows[:: len(rows) // 4]] == [3 * 3600.0] * 2 + [6 * 3600.0] * 2


def test_dwell_times_that_outlast_the_recording_are_lower_bounds(run, tiny_run):
    lines = table_of(run("analyse", tiny_run, "--show", "dwell")).splitlines()
    assert lines[-1] == "> lower bound: some stays outlast the recording"
    assert any("> " in line for line in lines[2:-1])


def test_help_explains_every_table(run):
    text = " ".join(table_of(run("analyse", "--help")).split())
    for word in (
        "fold-change",
        "course:",
        "distance:",
        "dwell:",
        "approach:",
        "motion:",
        "network:",
        "cargo:",
        "field:",
        "--paired",
    ):
        assert word in text
