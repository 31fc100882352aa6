"""Load a model by name or file, with settings."""

from collections.abc import Iterable
from pathlib import Path

from sdf1_field.spec import Model, asked_model


def load_model(model: str | Path, *, settings: Iterable[str] = ()) -> Model:
    """Read, merge and check a model, as the command line does.

    Each setting, and each key of a model file of your own, has to act on something in the model.

    Parameters
    ----------
    model : str or pathlib.Path
        A shipped model's name, or the path of a model file (ends in ``.toml`` or has a slash).
    settings : iterable of str
        Overrides ``"dotted.path=value"``, later ones first in rank.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        If the model is unknown, anything in it is wrong or acts on nothing; the text says where,
        what, remedy.
    """
    return asked_model(model, settings=settings)
