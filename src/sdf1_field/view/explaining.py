"""A run explained in plain language."""

from pathlib import Path

import xarray as xr

from sdf1_field.record import model_of
from sdf1_field.view.differing import changed, outside, unread
from sdf1_field.view.document import Document
from sdf1_field.view.mechanisms import mechanisms
from sdf1_field.view.methods import again, methods
from sdf1_field.view.sensitivity import hangs_on
from sdf1_field.view.setting import setting


def explain(run: xr.Dataset, path: Path | None = None) -> Document:
    """What was simulated, what differs from the shipped model, and what the outcome depends on.

    Parameters
    ----------
    run : xarray.Dataset
        From `sdf1_field.record.open_run`; also an interrupted one.
    path : pathlib.Path, optional
        Of its file, for the commands that make it again.

    Returns
    -------
    Document
        Sections ``setting``, ``mechanisms``, ``changed``, ``outside``, ``depends``, ``unread``,
        ``methods`` and ``again``.
    """
    model = model_of(run)
    return Document(
        f"{run.attrs['title']} ({model.name}, seed {int(run.attrs['seed'])})",
        (
            setting(run, model.spec),
            mechanisms(model.spec),
            changed(model),
            outside(model),
            hangs_on(model),
            unread(model),
            methods(run, model),
            again(run, model, path),
        ),
    )
