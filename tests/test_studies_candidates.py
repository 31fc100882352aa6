"""Candidate experiments as data: what ships, and what is refused."""

import pytest

from sdf1_field import InputError
from sdf1_field.studies.candidates import READOUTS, load_candidates, spec_of
from sdf1_field.studies.outcomes import watched_conditions
from sdf1_field.studies.readouts import components, strands

MINE = """
[condition.mine]
label = "mine"
model = "{model}"
settings = {settings}

[candidate.mine]
title = "my experiment"
compare = {compare}
readouts = {readouts}
{more}
"""
FOLD = '[{ what = "fold change", times = ["4 h"] }]'


@pytest.fixture
def file(tmp_path):
    def write(model="coculture-kg1a", settings="[]", compare='["mine", "control"]', readouts=FOLD,
              more=""):  # fmt: skip
        path = tmp_path / "mine.toml"
        path.write_text(
            MINE.format(
                model=model, settings=settings, compare=compare, readouts=readouts, more=more
            )
        )
        return path

    return write


def refused(path):
    with pytest.raises(InputError) as caught:
        load_candidates(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith((".", "?"))
    return text


def test_shipped_candidates_have_conditions_that_differ_and_readouts_of_each_kind():
    found = load_candidates()
    assert 10 <= len(found) <= 14
    for one in found.values():
        assert one.title
        assert one.why
        specs = [spec_of(condition) for condition in one.conditions]
        assert len({spec.model_dump_json() for spec in specs}) == len(one.conditions)
        assert all(spec.variation.dish.secretion == 0.0 for spec in specs)
    assert {r.what for one in found.values() for r in one.readouts} == set(READOUTS)


def test_dishes_are_conditions_times_experiments_and_views_are_counted_in_each():
    found = load_candidates()
    assert found["antibody-views"].dishes == found["amd3100-3um"].dishes == 2 * 3
    assert found["antibody-views"].views == 2 * found["amd3100-3um"].views == 4


def test_a_candidate_of_ones_own_joins_the_shipped_ones(file):
    path = file(settings='["treatments.amd3100.dose=0.3 uM"]', more="experiments = 5\nviews = 1")
    found = load_candidates(path)
    mine = found["mine"]
    assert list(found)[:-1] == list(load_candidates())
    assert (mine.dishes, mine.conditions[1].label) == (10, "untreated")
    assert mine.readouts[0].of == ("MSC", "network")
    # Its conditions come after those of the same time, so that kept replays stay what they are.
    names, shipped = (
        [one.condition.name for one in watched_conditions(candidates)]
        for candidates in (found.values(), load_candidates().values())
    )
    assert names == [*shipped, "mine"]


def test_a_single_condition_may_be_measured_by_itself(file):
    assert load_candidates(file(compare='["mine"]'))["mine"].dishes == 3


def test_names_and_strands_of_numbers_match():
    for one in load_candidates().values():
        for readout in one.readouts:
            assert len(components(readout)) == len(strands(readout))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"compare": '["mine", "contol"]'}, "unknown condition 'contol'. Did you mean"),
        ({"compare": '["mine", "mine"]'}, "is not one condition, or two that differ"),
        ({"model": "coculture"}, "condition.mine.model: unknown 'coculture'"),
        ({"settings": '["treatments.amd3100.dose=3"]'}, "treatments.amd3100.dose"),
        ({"settings": '["cels.density=1 1/mm**2"]'}, "Did you mean"),
        ({"readouts": '[{ what = "foldchange", times = ["4 h"] }]'}, "unknown readout"),
        ({"readouts": '[{ what = "fold change", times = ["4"] }]'}, "readouts.times: "),
        ({"readouts": '[{ what = "fold change", times = ["4 h", "1 h"] }]'}, "do not rise"),
        ({"readouts": '[{ what = "fold change", times = ["20 min"] }]'}, "no multiple of numerics"),
        ({"readouts": '[{ what = "dwell time", times = ["1 h", "4 h"] }]'}, "has one time"),
        ({"readouts": '[{ what = "approach bias", of = ["MSC"], times = ["4 h"] }]'}, "no 'of'"),
        ({"readouts": '[{ what = "fold change", of = ["FS"], times = ["4 h"] }]'}, "region 'FS'"),
        ({"readouts": '[{ what = "fold change", of = [], times = ["4 h"] }]'}, "names no region"),
        ({"readouts": "[]"}, "is not a list of tables"),
        ({"more": "experiments = 1"}, "1 shows no scatter between experiments. Plan 2 or more."),
        ({"more": "views = 0"}, "0 is not a whole number, 1 or more."),
        ({"more": "dishes = 3"}, "unknown key 'dishes'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_line(file, change, says):
    text = refused(file(**change))
    assert text.startswith("mine.toml: ")
    assert says in text


@pytest.mark.parametrize(
    ("settings", "readouts", "says"),
    [
        ('["cells.density=0 1/mm**2"]', FOLD, "no cells that move"),
        ('["scene.msc_density=0 1/mm**2"]', FOLD, "no MSC bodies. Leave MSC out of 'of'."),
        ('["treatments.decellularisation.start=0 h"]', FOLD, "no MSC bodies"),
        ('["scene.msc_density=0 1/mm**2"]', '[{ what = "approach bias", times = ["4 h"] }]',
         "no fibres to measure from"),
        ('["mechanisms.uptake=true"]', FOLD, "take up the ligand"),
    ],
)  # fmt: skip
def test_a_readout_that_the_model_cannot_give_is_refused(file, settings, readouts, says):
    text = refused(file(settings=settings, readouts=readouts))
    assert "cannot be read of condition 'mine'" in text
    assert says in text


def test_a_file_without_candidates_or_with_known_names_is_refused(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("")
    assert "holds no candidate" in refused(path)
    path.write_text('[condition.control]\nmodel = "coculture-kg1a"\n')
    assert "condition.control: is known already" in refused(path)
    path.write_text('[candidates.mine]\ntitle = "x"\n')
    assert "unknown key 'candidates'. Did you mean 'candidate' or 'condition'?" in refused(path)
    assert "no such file" in refused(tmp_path / "none.toml")
