import tomllib

import pytest

from sdf1_field import shipped
from sdf1_field.errors import RunError
from sdf1_field.shipped import model_names, model_titles, shipped_folder

PAPERS_ARMS = {
    "coculture-kg1a",
    "coculture-kg1a-amd3100-10um",
    "coculture-kg1a-amd3100-1um",
    "coculture-kg1a-anti-cd166",
    "coculture-kg1a-igg",
    "coculture-kg1a-sdf1",
    "coculture-kg1a-sdf1-amd3100",
    "null-kg1a",
}


def test_every_arm_of_the_experiments_and_the_null_model_is_shipped():
    assert set(model_names()) >= PAPERS_ARMS
    assert model_names() == sorted(model_names())


def test_the_parameters_are_no_model():
    assert (shipped_folder("models") / "parameters.toml").is_file()
    assert "parameters" not in model_names()


def test_every_model_has_a_title_of_its_own_that_fits_a_line():
    titles = model_titles()
    assert list(titles) == model_names()
    assert len(set(titles.values())) == len(titles)
    assert all(0 < len(title) <= 80 and "\n" not in title for title in titles.values())


def test_every_shipped_file_is_toml():
    for name in ("models", "validation"):
        for path in shipped_folder(name).rglob("*.toml"):
            assert tomllib.loads(path.read_text(encoding="utf-8")), path


def test_the_packages_own_folder_comes_before_the_checkouts(tmp_path, monkeypatch):
    package = tmp_path / "src" / "sdf1_field"
    inside, checkout = package / "models", tmp_path / "models"
    package.mkdir(parents=True)
    checkout.mkdir()
    monkeypatch.setattr(shipped, "files", lambda _: package)
    assert shipped_folder("models") == checkout
    inside.mkdir()
    assert shipped_folder("models") == inside


def test_a_missing_folder_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "files", lambda _: tmp_path)
    with pytest.raises(RunError) as caught:
        shipped_folder("models")
    assert str(caught.value) == (
        f"{tmp_path}: the folder 'models' is missing. Reinstall sdf1-field."
    )
    assert caught.value.exit_status == 1
