"""Damaged and hostile inputs: those that once escaped, and a few new ones of each quick reader."""

import contextlib
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.mutation import mutated
from fuzz.readers import READERS
from fuzz.trials import attempt
from sdf1_field.errors import InputError
from sdf1_field.spec import load_model
from sdf1_field.units import DIMENSIONS, parse

CORPUS = Path(__file__).parent / "fuzz" / "corpus"
BY_FOLDER = {reader.folder: reader for reader in READERS.values()}
QUICK = ("quantities", "labels", "patterns, NumPy", "patterns, PNG", "stored points", "outlines")


@pytest.mark.parametrize(
    "path", sorted(CORPUS.rglob("*.*")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_an_input_that_once_escaped_is_read_or_refused_in_a_line(path):
    reader = BY_FOLDER[path.parent.name]
    if path.parent.name == "outlines":
        pytest.importorskip("roifile")
    assert attempt(reader.read, path) is None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", QUICK)
def test_damaged_inputs_are_read_or_refused_in_a_line(tmp_path, name):
    if name == "outlines":
        pytest.importorskip("roifile")
    reader = READERS[name]
    seeds = reader.seeds(tmp_path)
    for number in range(40):
        seed = seeds[number % len(seeds)]
        target = tmp_path / f"input{seed.suffix}"
        reader.change(seed, target, random.Random(f"short {number}"), reader.words)
        assert attempt(reader.read, target) is None


def test_the_same_number_damages_in_the_same_way():
    first, again, other = (mutated(b"abc" * 50, random.Random(n)) for n in (1, 1, 2))
    assert first == again != other


@settings(max_examples=30)
@given(st.text(max_size=40), st.sampled_from(sorted(DIMENSIONS)))
def test_any_text_is_a_quantity_or_refused(text, dimension):
    with contextlib.suppress(ValueError):
        assert abs(parse(text, dimension)) < float("inf")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=40)
@given(
    st.sampled_from(["run.duration", "output.ligands", "treatments", "ligand.sdf1", "title", "x"]),
    VALUES,
)
def test_any_value_is_a_model_or_refused(path, value):
    with contextlib.suppress(InputError):
        load_model("null-kg1a").set({path: value})
