"""Pages of reproduce and calibrate folders: what their files hold, and refusals in one line."""

import csv
import json
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from sdf1_field.cli import main
from sdf1_field.errors import InputError
from sdf1_field.figures.verdicts import chance_colour
from sdf1_field.reproduce import load_paper
from sdf1_field.reproduce.experiments import plan
from sdf1_field.view.folder import folder_page, is_folder_of_results

DISHES = 12
SAYS = "AMD3100 <script>alert(1)</script> reduces both"
HEADER = [
    "model", "settings", "seed", "observation", "quantity", "of", "time_s", "unit", "n",
    "how_many", "mean", "deviation",
]  # fmt: skip


def statement(region):
    return {
        "statement": region,
        "measure": f"ratio of means: fold change {region}, 4 h",
        "condition": "amd3100",
        "reference": "control",
        "expected": "below 1, p < 0.05",
        "test": "unpaired t",
        "effect": 0.25,
        "interval": [0.2, 0.3],
        "p": 0.001,
        "chance": 0.1,
        "value": None,
        "digitised_by": None,
    }


def claim():
    chance = {"value": 0.1, "interval": [0.05, 0.2], "range": [0.05, 0.2], "by_views": []}
    return {
        "id": "D13", "paper": SAYS, "effect": 0.25, "interval": [0.2, 0.3], "chance": chance,
        "from_others": {"reported": 0.58, "direction": 0.97, "prior": 0.09, "explained": 0.6,
                        "effective_size": 7386.0},
        "law_chosen_by": False, "null": None, "status": "calibrated", "verdict": "direction only",
        "by_construction": [], "source": "Fig. 5G", "deciding": "network",
        "statements": [statement("MSC"), statement("network")],
    }  # fmt: skip


@pytest.fixture
def reproduced(tmp_path):
    """Folder of a claim with a table of its dishes, of which one has a file and a page.

    Neither its name nor its numbers of dishes and views are those of a default call.
    """
    folder = tmp_path / "looked"
    (folder / "runs").mkdir(parents=True)
    paper = load_paper("deniz2023")
    planned = plan(paper, dishes=DISHES, views=(1,), seed=3)
    shown = [one for one in planned if one.condition in ("control", "amd3100")]
    conditions = [
        {
            "condition": key, "label": paper.conditions[key].label, "observation": "cells",
            "model": paper.conditions[key].model,
            "seeds": [one.dish.seed for one in shown if one.condition == key],
        }
        for key in ("control", "amd3100")
    ]  # fmt: skip
    whole = {"paper": "deniz2023", "dishes": DISHES, "directions_only": True, "claims": [claim()],
             "joint": None, "informed_by": None, "grid": [], "seed": 3,
             "conditions": conditions}  # fmt: skip
    (folder / "claims.json").write_text(json.dumps(whole), encoding="utf-8")
    with (folder / "runs.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(HEADER)
        for one in shown:
            dish, settings = one.dish, "; ".join(one.dish.settings)
            table.writerow([dish.model, settings, dish.seed, "cells", "fold change", "MSC",
                            14400, 1, 255, "", 20.0 + one.number, ""])  # fmt: skip
    first = next(one.dish for one in planned if one.condition == "amd3100")
    stem = f"coculture-kg1a-amd3100-10um-cells-seed{first.seed}-0123456789abcdef"
    for end in (".nc", ".html"):
        (folder / "runs" / f"{stem}{end}").touch()
    return folder


def data_of(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1])


def test_chances_are_shaded_on_the_scale_of_the_verdict_picture(reproduced):
    (told,) = data_of(folder_page(reproduced))["claims"]
    assert told["explained"] == {
        "value": 0.1, "text": "10 %", "colour": chance_colour(0.1), "ink": "black",
        "interval": "5 % to 20 %",
    }  # fmt: skip
    assert told["others"]["text"] == "58 %"
    assert told["null"] is None


def test_dots_are_the_dishes_of_each_condition(reproduced):
    (told,) = data_of(folder_page(reproduced))["claims"]
    (panel,) = told["panels"]
    assert (panel["title"], panel["time"]) == ("fold change MSC", "4 h")
    assert [len(column["dots"]) for column in panel["columns"]] == [DISHES, DISHES]
    assert sorted(value for _, value in panel["columns"][1]["dots"])[0] == 20.0


def test_dishes_without_a_dot_are_counted(reproduced):
    table = reproduced / "runs.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join(lines[:-3]), encoding="utf-8")
    columns = data_of(folder_page(reproduced))["claims"][0]["panels"][0]["columns"]
    assert sum(len(one["dots"]) for one in columns) == 2 * DISHES - 3
    assert {one["planned"] for one in columns} == {DISHES}


def test_dishes_of_two_conditions_with_one_seed_keep_their_links(reproduced):
    file = reproduced / "claims.json"
    whole = json.loads(file.read_text(encoding="utf-8"))
    (linked,) = (reproduced / "runs").glob("*.nc")
    seed = whole["conditions"][1]["seeds"][0]
    whole["conditions"][0]["seeds"][0] = seed
    table = reproduced / "runs.csv"
    rows = table.read_text(encoding="utf-8").splitlines()
    control = next(n for n, row in enumerate(rows) if row.startswith("coculture-kg1a,"))
    rows[control] = re.sub(r",\d+,cells", f",{seed},cells", rows[control])
    table.write_text("\n".join(rows), encoding="utf-8")
    file.write_text(json.dumps(whole), encoding="utf-8")
    other = linked.with_name(f"coculture-kg1a-cells-seed{seed}-fedcba9876543210.nc")
    other.touch()
    control, treated = data_of(folder_page(reproduced))["claims"][0]["dishes"]
    assert [dish["file"] for dish in control["files"]] == [f"runs/{other.name}"]
    assert [dish["file"] for dish in treated["files"]] == [f"runs/{linked.name}"]


def test_an_earlier_folder_says_why_it_has_no_dots(reproduced):
    file = reproduced / "claims.json"
    whole = json.loads(file.read_text(encoding="utf-8"))
    del whole["conditions"], whole["seed"]
    file.write_text(json.dumps(whole), encoding="utf-8")
    told = data_of(folder_page(reproduced))
    assert told["claims"][0]["panels"] == []
    assert "does not say" in told["notes"][-1]


@pytest.mark.slow
@pytest.mark.usefixtures("by_none")
def test_every_dish_that_reproduce_simulated_has_a_dot(tiny_targets, tmp_path):
    folder = tmp_path / "any-name"
    words = ["reproduce", "deniz2023", "--claim", "T1", "--targets", str(tiny_targets), "--quick",
             "--seed", "7", "--workers", "1", "-o", str(folder)]  # fmt: skip
    # A process of its own, as a user has it: here warnings of Matplotlib are errors.
    program = [sys.executable, "-m", "sdf1_field.cli"]
    made = subprocess.run([*program, *words], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (told,) = data_of(folder_page(folder))["claims"]
    with (folder / "runs.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["quantity"] == "fold change"]
    known = [row for row in rows if row["of"] == "MSC" and row["mean"] not in ("", "nan")]
    (panel,) = told["panels"]
    assert known
    assert sum(len(column["dots"]) for column in panel["columns"]) == len(known)
    assert {column["planned"] for column in panel["columns"]} == {DISHES}
    with_values = len({row["seed"] for row in rows})
    assert with_values == sum(len(dishes["files"]) for dishes in told["dishes"]) == 2 * DISHES


def test_dishes_are_linked_from_where_the_page_lies_and_have_a_command(reproduced):
    (told,) = data_of(folder_page(reproduced, reproduced.parent))["claims"]
    treated = told["dishes"][1]
    assert [dish["file"].split("/")[:2] for dish in treated["files"]] == [["looked", "runs"]]
    assert treated["files"][0]["page"].endswith(".html")
    assert treated["command"].startswith("sdf1-field solve coculture-kg1a-amd3100-10um --set ")


def test_a_claim_that_looks_like_html_stays_text(reproduced):
    page = folder_page(reproduced)
    assert "<script>alert" not in page
    assert data_of(page)["claims"][0]["says"] == SAYS


def test_without_its_table_of_dishes_a_folder_has_no_dots(reproduced):
    (reproduced / "runs.csv").unlink()
    told = data_of(folder_page(reproduced))
    assert told["claims"][0]["panels"] == []
    assert "no runs.csv" in told["notes"][-1]


@pytest.fixture
def calibrated(tmp_path):
    def parameter(key, unit, low, high):
        return {"key": key, "unit": unit, "interval": [low, high], "median": 2.0,
                "quantiles": None, "width": None, "best": 2.5}  # fmt: skip

    chances = {"explained": 0.9, "direction": 0.9, "reported": 0.1, "prior": 0.02}
    whole = {
        "paper": "deniz2023", "informing": ["D12"], "law": [], "points": 90, "sampled": 4096,
        "effective_size": 67.0, "evidence": {"value": 8e-5, "error": 1e-5},
        "claims": [{"id": "D12", "informs": True, "law_chosen_by": False, **chances,
                    "effective_size": 70.4, "verdict": "undecided"}],
        "space": [{"claims": ["D12"], "share": 0.0, "error": 0.0, "points": 3000.0}],
        "parameters": [parameter("cell_type.kg1a.speed", "um/min", 0.5, 3.0),
                       parameter("cell_type.kg1a.cd166_bonds", "", 0.0, 5.0)],
        "correlations": [{"key": "a", "with": "b", "value": -0.61}],
        "half_dose": None, "informed_by": None, "grid": [],
    }  # fmt: skip
    (tmp_path / "calibration.json").write_text(json.dumps(whole), encoding="utf-8")
    return tmp_path


def test_a_calibration_has_shipped_values_beside_its_posterior(calibrated):
    told = data_of(folder_page(calibrated))
    speed, bonds = told["parameters"]
    assert (speed["shipped"], speed["logarithmic"]) == (2.903, True)
    assert (bonds["shipped"], bonds["logarithmic"]) == (3.611, False)
    assert speed["quantiles"] is None
    assert told["claims"][0]["reported"]["text"] == "10 %"
    assert told["space"] == [["D12", "< 0.001"]]
    assert told["correlations"] == [["a", "b", "-0.61"]]


def test_other_folders_and_damaged_files_are_refused_in_one_line(tmp_path, reproduced):
    assert not is_folder_of_results(tmp_path)
    assert is_folder_of_results(reproduced)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="is neither a folder of `sdf1-field reproduce`"):
        folder_page(empty)
    (tmp_path / "begun" / "runs").mkdir(parents=True)
    with pytest.raises(InputError, match="`sdf1-field reproduce` has not finished here"):
        folder_page(tmp_path / "begun")
    with pytest.raises(InputError, match="no such folder"):
        folder_page(tmp_path / "none")
    file = reproduced / "claims.json"
    for text, reason in (
        ("{", "damaged"),
        ("[]", "not a table of claims"),
        ('{"paper": "deniz2023", "dishes": 12, "claims": [{}]}', "KeyError: 'chance'"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=reason) as caught:
            folder_page(reproduced)
        assert str(caught.value).startswith(f"{file}: ")
        assert "\n" not in str(caught.value)


def test_the_command_tells_folders_from_runs(reproduced, tmp_path):
    page = tmp_path / "claims.html"
    made = CliRunner().invoke(main, ["view", str(reproduced), "-o", str(page)])
    assert (made.exit_code, made.output.strip()) == (0, str(page))
    assert data_of(page.read_text(encoding="utf-8"))["kind"] == "claims"
    again = CliRunner().invoke(main, ["view", str(reproduced), "-o", str(page)])
    assert (again.exit_code, "exists already" in again.stderr) == (2, True)
    both = CliRunner().invoke(main, ["view", str(reproduced), str(reproduced)])
    assert (both.exit_code, len(both.stderr.splitlines())) == (2, 1)
