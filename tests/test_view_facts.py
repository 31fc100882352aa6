"""What the viewer's tabs say of a run is what `analyse`, `inspect` and `show` say."""

import json
import re
from importlib import resources

import numpy as np
import pytest

from sdf1_field import record
from sdf1_field.analysis import fold_change_table
from sdf1_field.view.assembly import safe_json
from sdf1_field.view.facts import run_facts

END = 7200.0


@pytest.fixture(scope="module")
def facts(tiny_run):
    with record.open_run(tiny_run) as run:
        return run_facts(run, tiny_run)


def curve(facts, key):
    return next(one for one in facts["curves"] if one["key"] == key)


def at(curve, key, time):
    series = next(one for one in curve["series"] if one["key"] == key)
    return series["values"][curve["times"].index(time)]


def test_the_fold_change_and_its_limit_are_those_of_analyse(facts, tiny_run):
    with record.open_run(tiny_run) as run:
        table = {row["region"]: row for row in fold_change_table([run], [END])}
    drawn = curve(facts, "fold-change")
    for key, region in (("msc", "MSC"), ("network", "migrasome network")):
        for name, value in ((key, "fold_change"), (f"{key} limit", "encounter_limit")):
            expected = table[region][value]
            found = at(drawn, name, END)
            assert found == (None if expected is None else pytest.approx(expected, rel=1e-5))


def test_cells_of_all_regions_and_states_are_all_cells(facts):
    for key in ("regions", "held"):
        counted = np.sum([one["values"] for one in curve(facts, key)["series"]], axis=0)
        assert (counted == 30).all()


def test_releases_by_route_are_the_files(cargo_run):
    with record.open_run(cargo_run) as run:
        drawn = curve(run_facts(run, cargo_run), "releases-ccl2")
        expected = run["ccl2_cargo_released_by_fusion"].values
    values = next(o["values"] for o in drawn["series"] if o["key"] == "released_by_fusion")
    assert values == pytest.approx(expected, rel=1e-5)


def test_each_parameter_has_value_unit_status_source_and_interval(facts, tiny_run):
    with record.open_run(tiny_run) as run:
        entries = record.model_of(run).entries
    rows = {row["key"]: row for row in facts["parameters"]}
    assert rows.keys() == entries.keys() - {"title", "description"}
    speed = rows["cell_type.kg1a.speed"]
    assert (speed["value"], speed["unit"], speed["status"]) == ("2.903", "um/min", "calibrated")
    assert speed["interval"] == "0.5 um/min to 3 um/min"
    assert rows["dish.width"]["changed"]
    assert rows["cell_type.cd34.speed"]["unread"] == "cells.type is 'kg1a'"


def test_warnings_are_those_of_the_intervals(facts):
    assert any(
        text.startswith("--set: dish.height: 200 um is outside") for text in facts["warnings"]
    )
    assert len(facts["outside"]) == len(facts["warnings"])


def test_the_audit_has_every_entry(facts):
    (sdf1, _) = facts["audit"]
    rows = dict(sdf1["rows"])
    assert sdf1["label"] == "SDF-1"
    assert "of all" in rows["missing from the audit"]
    assert rows["molecules through top"] == "0"


def test_a_title_that_looks_like_html_stays_text(tiny_run):
    with record.open_run(tiny_run) as run:
        run.attrs["title"] = "</script><script>alert(1)</script>"
        text = safe_json(run_facts(run, tiny_run))
    assert "<" not in text
    assert json.loads(text)["explain"]["title"].startswith("</script><script>")


def test_a_run_without_stroma_shows_how_far_cells_go(solved):
    path = solved("tracking-kg1a", "scene.msc_density=0 1/mm**2", "treatments={}",
                  "output.ligands=[]", "cell_type.kg1a.speed=1.5 um/min",
                  "output.fields_from=0 h", "output.tracks_from=0 h")  # fmt: skip
    with record.open_run(path) as run:
        keys = [one["key"] for one in run_facts(run, path)["curves"]]
    assert keys[0] == "distance"
    assert not {"fold-change", "regions", "stroma"} & set(keys)


def test_no_two_scripts_of_the_page_define_the_same_name():
    defined = []
    for script in resources.files("sdf1_field.view").joinpath("page").iterdir():
        if script.name.endswith(".js"):
            text = script.read_text(encoding="utf-8")
            defined += re.findall(r"^(?:async )?(?:function|class) (\w+)", text, flags=re.M)
            for line in re.findall(r"^(?:const|let) (.*)", text, flags=re.M):
                defined += re.findall(r"(?:^|, )(\w+) = ", line)
    assert sorted(set(defined)) == sorted(defined)
