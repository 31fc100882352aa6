"""Claims judged by readings of any program: the table, the verdicts, the command and the form."""

import csv
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from sdf1_field import judge
from sdf1_field.claims import Pool, Reading, forms
from sdf1_field.claims.loading import load_claims
from sdf1_field.claims.schema import claims_schema
from sdf1_field.claims.verdict import decides
from sdf1_field.cli import main
from sdf1_field.errors import InputError
from sdf1_field.judging import judge_readings, readings_text, write_readings
from sdf1_field.judging.readings import needed_readings, read_readings
from sdf1_field.observations import OBSERVATIONS

ROOT = Path(__file__).parents[1]
WALKERS = ROOT / "validation" / "judge" / "walkers.toml"
READINGS = ROOT / "validation" / "judge" / "walkers.csv"

SMALL = """\
schema = 1
[observation.counts.quantity]
"cells" = { unit = "1", sample = "dish", of = ["sources", "free"] }
"area" = { unit = "um2", sample = "dish", of = ["sources", "free"] }
"held" = { unit = "1", sample = "share" }
"path" = { unit = "um", sample = "cells" }
[observation.counts.quantity."fold change"]
unit = "1"
sample = "dish"
of = ["sources"]
density_ratio = { counts = "cells", areas = "area", base = "free" }
[mine]
replicates = 3
[mine.condition.control]
label = "control"
observation = "counts"
times = ["1 h", "2 h"]
[mine.condition.blocked]
label = "blocked"
observation = "counts"
times = ["2 h"]
[[mine.claim]]
id = "C1"
says = "fewer cells on sources"
null = false
[[mine.claim.statements]]
text = "fold"
condition = "blocked"
reference = "control"
quantity = "fold change"
of = "sources"
statistic = "ratio of means"
below = 1.0
test = "unpaired t"
p_below = 0.05
[[mine.claim]]
id = "C2"
says = "fewer held"
null = false
[[mine.claim.statements]]
text = "held"
condition = "blocked"
reference = "control"
quantity = "held"
statistic = "ratio of shares"
below = 1.0
"""


def small_rows(replicates=4):
    """Rows of two conditions, in which blocking halves the fold change."""
    rows = []
    for key, on in (("control", 60), ("blocked", 30)):
        for n in range(1, replicates + 1):
            for quantity, of, value, total in (
                ("cells", "sources", on + n, ""),
                ("cells", "free", 200 - on - n, ""),
                ("area", "sources", 1e4, ""),
                ("area", "free", 9e4, ""),
                ("held", "", on // 2 + n, 200),
            ):
                rows.append([key, str(n), "", quantity, of, "2 h", str(value), str(total), ""])
    return rows


HEADER = ["condition", "replicate", "view", "quantity", "of", "time", "value", "total", "unit"]


def text_of(rows, header=HEADER):
    return "\n".join(",".join(row) for row in [header, *rows]) + "\n"


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SMALL, encoding="utf-8")
    return str(path)


# The verdicts


def test_another_programs_claims_get_the_verdicts_that_its_rules_make_true():
    verdicts = judge(WALKERS, READINGS).table.set_index("claim")["verdict"].to_dict()
    assert [verdicts[key] for key in ("W1", "W2", "W3")] == ["reproduced"] * 3
    assert verdicts["W5"] == "not reproduced"


def test_neither_numba_nor_the_simulator_is_loaded():
    code = f"""
import sys
from sdf1_field.cli import main
try:
    main(["judge", {str(WALKERS)!r}, {str(READINGS)!r}, "--claim", "W2", "--json"])
except SystemExit as end:
    assert not end.code, end.code
rooms = ("simulation", "cells", "scene", "migrasomes", "solvers", "observations", "ensemble")
loaded = [m for m in ("numba", "fipy", "dask", "xarray", "netCDF4") if m in sys.modules]
print(loaded + [room for room in rooms if "sdf1_field." + room in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_one_experiment_has_its_own_effect_and_agreement_without_intervals(small, tmp_path):
    path = tmp_path / "readings.csv"
    path.write_text(text_of(small_rows(3)), encoding="utf-8")
    judged = judge(small, path)
    folds = [
        np.mean([(on + n) / 1e4 / ((200 - on - n) / 9e4) for n in (1, 2, 3)]) for on in (30, 60)
    ]
    first = judged.statements.iloc[0]
    assert first["agrees"]
    assert first["p_of_all"] < 0.05
    assert first["effect"] != pytest.approx(1.0)
    one = judged.values["claims"][0]["statements"][0]["experiment"]
    assert one["effect"] == pytest.approx(folds[0] / folds[1])
    assert judged.table["verdict"].tolist() == ["undecided", "undecided"]
    assert judged.table["effect_low"].isna().all()


def test_a_data_frame_is_judged_as_its_file(small, tmp_path):
    path = tmp_path / "readings.csv"
    path.write_text(text_of(small_rows(8)), encoding="utf-8")
    frame = pd.read_csv(path)
    assert judge(small, frame).table.equals(judge(small, path).table)


def test_without_readings_of_the_null_model_a_claim_is_direction_only_at_most(tmp_path):
    rows = READINGS.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "readings.csv"
    path.write_text("\n".join(r for r in rows if not r.startswith("inert,")), encoding="utf-8")
    judged = judge(WALKERS, path, only=("W2",))
    assert judged.table["verdict"].tolist() == ["direction only"]
    assert "no readings of the null model (inert)" in judged.page


@pytest.mark.parametrize(("replicates", "verdict"), [(12, "direction only"), (13, "reproduced")])
def test_a_claim_of_all_experiments_takes_thirteen_replicates_and_the_page_says_so(
    tmp_path, replicates, verdict
):
    rows = READINGS.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "readings.csv"
    kept = [row for row in rows[1:] if int(row.split(",")[1]) <= replicates]
    path.write_text("\n".join([rows[0], *kept]), encoding="utf-8")
    judged = judge(WALKERS, path, only=("W3",))
    assert judged.table["verdict"].tolist() == [verdict]
    said = "*direction only* at most (W3). It takes 13 replicates of each condition." in judged.page
    assert said == (replicates < 13)
    assert "not by its chance (W3). It takes 36 replicates of each condition." in judged.page


def test_how_many_replicates_decide_follows_from_the_bounds():
    assert next(n for n in range(1, 60) if decides(n, n)[0]) == 13
    assert next(n for n in range(1, 60) if decides(n, n)[1]) == 36
    assert next(n for n in range(1, 60) if decides(n, None) == (True, True)) == 6


def test_a_frame_without_names_of_conditions_is_refused_with_what_pandas_does(small):
    frame = pd.DataFrame(small_rows(), columns=HEADER)
    frame.loc[3, "condition"] = np.nan
    with pytest.raises(InputError, match=r"line 5: condition: missing.*keep_default_na=False"):
        judge(small, frame)


# Readings that a program writes are those that it reads


def rewritten(paper, pools, observations, tmp_path):
    path = tmp_path / "out.csv"
    write_readings(path, paper, pools, observations)
    return read_readings(readings_text(path), str(path), paper, observations)


def test_readings_are_read_as_written_to_the_last_bit(tmp_path):
    """Dishes of single views, and donors with several, as `reproduce` has them."""
    paper, observations = load_claims("deniz2023")
    paper = paper.only(("D13", "D18", "D9"))
    rng = np.random.default_rng(1)
    needs = needed_readings(paper)
    pools = {}
    for key, asked in needs.items():
        condition = paper.conditions[key]
        known = observations[condition.observation].quantities
        dishes = tuple(
            tuple(
                Reading(n.quantity, n.time or 0.0, values(rng, known[n.quantity]), n.of)
                for n in asked
            )
            for _ in range(24)
        )  # fmt: skip
        pools[key] = Pool(
            "donors" if condition.donors else key, dishes, 4 if condition.donors else 1
        )
    again, read = rewritten(paper, pools, observations, tmp_path)
    assert again == paper
    for key, pool in pools.items():
        assert (read[key].unit, read[key].of_donor) == (pool.unit, pool.of_donor)
        for n in needs[key]:
            mine, its = (p.stacked(n.quantity, n.of, n.time) for p in (pool, read[key]))
            np.testing.assert_array_equal(mine, its)


def values(rng, quantity):
    """Made-up values; now and then a number does not exist."""
    if quantity.sample == "share":
        return np.array([float(rng.integers(0, 9)), 9.0])
    if quantity.sample == "cells":
        return rng.random(rng.integers(0, 4))
    return np.array([rng.random() + 0.5 if rng.random() > 0.1 else np.nan])


def test_views_of_a_replicate_are_summed_before_densities_are_formed(small):
    rows = []
    for row in small_rows(3):
        half = [*row]
        for view in ("1", "2"):
            half[2] = view
            rows.append([*half])
    asked, observations = load_claims(small)
    paper, pools = read_readings(text_of(rows), "x", asked, observations)
    assert pools["control"].of_donor == 2
    assert paper.conditions["control"].views == (2,)
    one = judge_readings(small, text_of(small_rows(3)), "x")
    two = judge_readings(small, text_of(rows), "x")
    assert two.experiments["C1"] == one.experiments["C1"]
    assert two.found[0].statements[0].effect.value == one.found[0].statements[0].effect.value


def test_a_byte_order_mark_and_the_order_of_columns_do_not_matter(small, tmp_path):
    path = tmp_path / "readings.csv"
    turned = [row[::-1] for row in small_rows()]
    path.write_bytes(b"\xef\xbb\xbf" + text_of(turned, HEADER[::-1]).encode())
    assert judge(small, path).table["agrees"].all()


# What is wrong is said in a line


def changed(line, column, value):
    def change(rows):
        rows[line][HEADER.index(column)] = value
        return text_of(rows)

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (changed(0, "condition", "contrl"), "line 2: unknown condition 'contrl'. Did you mean"),
        (changed(0, "quantity", "cell"), "line 2: unknown quantity 'cell'. Did you mean 'cells'"),
        (changed(0, "of", "source"), "line 2: of 'source' of cells. Known: sources, free."),
        (changed(4, "of", "free"), "line 6: of 'free' of held. Leave it empty."),
        (changed(1, "value", "nan"), "line 3: value: 'nan' is not a finite number. Leave"),
        (changed(1, "value", "12 cells"), "line 3: value: '12 cells' is not a number"),
        (changed(2, "unit", "mm2"), "line 4: unit 'mm2' of area, whose unit is um2"),
        (changed(4, "total", ""), "line 6: total: missing; held is a share"),
        (changed(4, "total", "3"), "line 6: value 31 of total 3"),
        (changed(0, "total", "3"), "line 2: total: cells is read by dish"),
        (changed(0, "time", "3 h"), "line 2: time '3 h': control is read at 1 h, 2 h"),
        (changed(0, "time", ""), "line 2: time: missing; control is read at 1 h, 2 h"),
        (changed(0, "time", "2"), "line 2: time: '2'"),
        (changed(0, "replicate", ""), "line 2: replicate: missing"),
        (changed(5, "replicate", "1"), "line 7: replicate 1 of 'control' has 'cells' of sources"),
        (lambda rows: text_of(rows[1:]), "replicate 1 of 'control' has no 'cells' of sources at 2"),
        (lambda rows: text_of(rows[:20]), "no readings of condition 'blocked', which C1 needs"),
        (lambda rows: text_of(rows[:30]), "condition 'blocked' has 2 replicates, and one"),
        (lambda _: text_of([]), "has no readings below its header"),
        (lambda _: "", "no column 'condition'"),
        (lambda rows: text_of(rows).replace(",", ";"), "line 1: its columns are not separated by"),
        (lambda rows: text_of(rows).replace("replicate,", "dish,"), "unknown column 'dish'"),
        (lambda rows: text_of(rows).replace("view,", "value,", 1), "line 1: two columns 'value'"),
        (lambda rows: text_of(rows).replace(",61,", ",61,5,"), "line 2: has 10 fields, and the"),
        (lambda rows: text_of([*rows, ["control", "1", "b", *rows[0][3:]]]), "has 1 views, and"),
    ],
)  # fmt: skip
def test_wrong_readings_are_refused_in_one_line(small, tmp_path, change, expected):
    path = tmp_path / "readings.csv"
    path.write_text(change(small_rows()), encoding="utf-8")
    result = CliRunner().invoke(main, ["judge", small, str(path)])
    assert result.exit_code == 2, result.output
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1
    assert str(path) in result.stderr


def test_donors_must_be_the_same_in_all_their_conditions(small):
    text = SMALL.replace('times = ["1 h", "2 h"]', 'times = ["2 h"]')
    Path(small).write_text(text.replace('["2 h"]\n', '["2 h"]\ndonors = true\n'), encoding="utf-8")
    rows = small_rows()
    for row in rows[20:25]:
        row[1] = "other"
    with pytest.raises(InputError, match="replicate 1 is in only one of 'blocked' and 'control'"):
        judge_readings(small, text_of(rows), "readings.csv")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("schema = 1", "schema = 2", "schema: version 2 is later than 1"),
        ("schema = 1", "schema = '1'", "schema: must be a whole number"),
        ('sample = "cells"', 'sample = "cell"', "path: sample: must be one of dish, cells, share"),
        ('unit = "um", ', "", "path: unit: missing"),
        ('counts = "cells"', 'counts = "cell"', "unknown quantity 'cell'. Did you mean 'cells'"),
        ('base = "free"', 'base = "fre"', "'cells' is not of 'fre'. Add it to its of."),
        ('"counts"\ntimes = ["2', '"count"\ntimes = ["2', "unknown observation 'count'"),
        ("[observation.counts.quantity]", "[observation.counts]\nx = 1", "counts: x: unknown key"),
        ("null = false\n", "", "condition 'blocked' has no null"),
        (SMALL[SMALL.index("[[mine.claim]]"):], "", "no claims"),
        (SMALL[SMALL.index("[mine]"):], "", "has no paper"),
    ],
)  # fmt: skip
def test_wrong_claims_files_are_refused_in_one_line(small, tmp_path, before, after, expected):
    assert before in SMALL
    Path(small).write_text(SMALL.replace(before, after, 1), encoding="utf-8")
    readings = tmp_path / "readings.csv"
    readings.write_text(text_of(small_rows()), encoding="utf-8")
    result = CliRunner().invoke(main, ["judge", small, str(readings)])
    assert result.exit_code == 2, result.output
    assert expected in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["judge"], "give a claims file and a table"),
        (["judge", "deniz2032", "x.csv"], "unknown paper 'deniz2032'"),
        (["judge", "none.toml", str(READINGS)], "none.toml: no such file"),
        (["judge", "deniz2023", "x.csv"], "x.csv: no such file"),
        (["judge", "deniz2023", "x.csv", "--force"], "nothing is written without -o"),
        (["judge", str(WALKERS), str(READINGS), "--claim", "W9"], "unknown claim 'W9'"),
        (["judge", str(WALKERS), str(READINGS), "--paper", "other"], "unknown paper 'other'"),
    ],
)
def test_what_cannot_be_judged_is_refused(arguments, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "x.csv" in arguments and "no such" not in expected:
        Path("x.csv").write_text("condition\n", encoding="utf-8")
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2, result.output
    assert expected in result.stderr


def test_files_are_not_replaced_unasked(small, tmp_path):
    path, folder = tmp_path / "readings.csv", tmp_path / "out"
    path.write_text(text_of(small_rows(8)), encoding="utf-8")
    call = ["judge", small, str(path), "-o", str(folder)]
    assert CliRunner().invoke(main, call).exit_code == 0
    page, values = folder / "table.md", folder / "claims.json"
    assert "fewer cells on sources" in page.read_text(encoding="utf-8")
    printed = CliRunner().invoke(main, [*call[:3], "--json"]).stdout
    assert json.loads(printed) == json.loads(values.read_text(encoding="utf-8"))
    again = CliRunner().invoke(main, call)
    assert again.exit_code == 2
    assert "exists already" in again.stderr
    assert CliRunner().invoke(main, [*call, "--force"]).exit_code == 0


# The form of a claims file


def test_the_shipped_file_declares_what_the_program_reads():
    _, declared = load_claims("deniz2023")
    assert declared.keys() == OBSERVATIONS.keys()
    for name, observation in OBSERVATIONS.items():
        assert declared[name].quantities == observation.quantities
        assert declared[name].timed == observation.timed


def test_a_file_of_before_there_were_versions_still_loads(tmp_path):
    path = tmp_path / "old.toml"
    old = SMALL[SMALL.index("[mine]") :].replace('"counts"', '"cells"').replace("sources", "MSC")
    path.write_text(old[: old.rindex("[[mine.claim]]")], encoding="utf-8")
    paper, observations = load_claims(str(path))
    assert [claim.id for claim in paper.claims] == ["C1"]
    assert observations.keys() == OBSERVATIONS.keys()


def test_the_published_schema_is_the_one_that_the_program_prints():
    printed = CliRunner().invoke(main, ["judge", "--schema"])
    assert printed.exit_code == 0
    published = ROOT / "docs" / "reference" / "claims-1.schema.json"
    assert published.read_text(encoding="utf-8") == printed.stdout


def valid(value, schema, root):
    """Whether a value fits a JSON Schema, for the keywords that `claims_schema` uses."""
    if "$ref" in schema:
        return valid(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    kinds = {
        "object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
        "number": (int, float),
    }  # fmt: skip
    kind = schema.get("type")
    if kind and not isinstance(value, kinds[kind]):
        return False
    if isinstance(value, bool) and kind in ("integer", "number"):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if kind == "object":
        own = schema.get("properties", {})
        other = schema.get("additionalProperties", {})
        if not set(schema.get("required", ())) <= value.keys():
            return False
        return all(
            valid(inner, own.get(key, other), root)
            for key, inner in value.items()
            if key in own or other is not False
        ) and (other is not False or value.keys() <= own.keys())
    if kind == "array":
        long_enough = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1e9)
        twice = schema.get("uniqueItems") and len(set(map(str, value))) < len(value)
        return (
            long_enough
            and not twice
            and all(valid(v, schema.get("items", {}), root) for v in value)
        )
    if kind == "string" and "pattern" in schema:
        return re.search(schema["pattern"].replace("\\u0000", "\\0"), value) is not None
    if kind in ("integer", "number"):
        return (
            schema.get("minimum", -1e300) <= value <= schema.get("maximum", 1e300)
            and value > schema.get("exclusiveMinimum", -1e301)
        )  # fmt: skip
    return True


VALUES = (
    1, 0, -1, 1.5, 0.5, True, "x", "", "a/b", "..", "dishes", "share", "predicted", "mean",
    "unpaired t", [], ["a"], [1, 2], [1, 1], [0.5, 1.5], [1, "a"], {}, {"a": "b"}, [{}],
)  # fmt: skip


def accepts(form, table):
    try:
        forms.Table("here", table, form)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("name", forms.FORMS)
def test_the_schema_and_the_loader_ask_for_the_same(name):
    form, root = forms.FORMS[name], claims_schema()
    own = root["$defs"][name]
    example = {key: next(v for v in VALUES if k.fits(v) and valid(v, k.schema, root))
               for key, k in form.needed.items() if "$ref" not in str(k.schema)}  # fmt: skip
    nested = {"quantity": {}, "statements": [{"text": "a", "condition": "b", "quantity": "c"}]}
    example |= {key: nested[key] for key, k in form.needed.items() if key not in example}
    assert accepts(form, example)
    assert valid(example, own, root)
    for key in form.needed:
        less = {k: v for k, v in example.items() if k != key}
        assert not accepts(form, less)
        assert not valid(less, own, root)
    for key, kind in {**form.needed, **form.further}.items():
        for value in VALUES:
            table = {**example, key: value}
            if "$ref" in str(kind.schema) and isinstance(value, dict | list):
                continue
            by_name = kind in (forms.STATISTIC, forms.TEST) and isinstance(value, str)
            expected = value in kind.schema["enum"] if by_name else accepts(form, table)
            assert valid(table, own, root) == expected, (key, value)
    if form.each is None:
        assert not accepts(form, {**example, "other": 1})
        assert not valid({**example, "other": 1}, own, root)


def test_shipped_and_other_claims_files_fit_the_schema():
    root = claims_schema()
    for path in (ROOT / "validation" / "targets.toml", WALKERS):
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        assert tables["schema"] == 1
        assert valid(tables, root, root)
        assert not valid({**tables, "schema": 2}, root, root)
        name = next(key for key in tables if key not in forms.FILE.further)
        tables[name]["claim"][0]["statements"][0]["abve"] = 1.0
        assert not valid(tables, root, root)


def test_the_example_readings_are_what_the_walkers_script_writes():
    """Of its first replicate, since all take a second."""
    spec = importlib.util.spec_from_file_location(
        "walkers_of_the_judge", WALKERS.with_suffix(".py")
    )
    walkers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(walkers)
    rows = walkers.dish(np.random.default_rng([1, 0, 1]), attract=True, hold=True)
    with READINGS.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        kept = [row for row in table if (row["condition"], row["replicate"]) == ("control", "1")]
    assert [(r["quantity"], r["of"], float(r["value"])) for r in kept] == [
        (quantity, of, pytest.approx(value)) for quantity, of, value, _, _ in rows
    ]
