"""Sweeps of one or two keys: dishes, tables, half effects and a picture in a folder."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdf1_field.api.options import setting_texts, value_text
from sdf1_field.api.times import seconds_of
from sdf1_field.studies.factors import Over, read_over, require_different_keys

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

    from sdf1_field.ensemble.expecting import Expected
    from sdf1_field.figures.paper import Page
    from sdf1_field.studies.sweep import Factor, Question, Sweep
    from sdf1_field.studies.sweep_results import Curve

PICTURE = "sweep.png"


class Swept:
    """A finished sweep.

    Parameters
    ----------
    sweep : Sweep
    folder : pathlib.Path
        Where its dishes and tables are.
    """

    def __init__(self, sweep: "Sweep", folder: Path) -> None:
        from sdf1_field.studies.sweep_results import curves_of

        self.sweep = sweep
        self.folder = folder
        self.curves: Sequence[Curve] = curves_of(sweep)

    @property
    def data(self) -> "xr.Dataset":
        """Fold changes, cells and areas [um**2] by value, dish, time [s] and region."""
        from sdf1_field.studies.sweep_results import as_dataset

        return as_dataset(self.sweep)

    @property
    def dishes(self) -> "pd.DataFrame":
        """One row for each value, dish, time and region."""
        return self._frame("dish_rows")

    @property
    def values(self) -> "pd.DataFrame":
        """One row for each value, time and region: mean, S.D., ratio and intervals."""
        return self._frame("value_rows")

    def half_effects(self) -> "pd.DataFrame":
        """One row for each fitted curve: dose of the half effect, or why there is none."""
        import pandas as pd

        from sdf1_field.studies.sweep_results import curve_rows

        rows = curve_rows(self.sweep, self.curves)
        return pd.DataFrame([{k: v for k, v in row.items() if k != "line"} for row in rows])

    def _frame(self, rows: str) -> "pd.DataFrame":
        import pandas as pd

        from sdf1_field.studies import sweep_results

        return pd.DataFrame(getattr(sweep_results, rows)(self.sweep))

    def plot(
        self, path: str | Path | None = None, *, page: "Page | None" = None, force: bool = False
    ) -> "Figure":
        """Curve of one key, or heat map of two; written to a path if one is given.

        Raises
        ------
        InputError
            If the picture exists or cannot be written.
        """
        from sdf1_field.api.pictures import require_picture, save_picture

        if path is not None:
            require_picture(Path(path), force=force)
        figure = _figure(self, page)
        if path is not None:
            save_picture(figure, Path(path), page, title=f"Sweep of {self.sweep.question.model}")
        return figure

    def __repr__(self) -> str:
        question = self.sweep.question
        sizes = " x ".join(f"{len(f.values)} of {f.key}" for f in question.factors)
        return f"Swept({question.model!r}, {sizes}, {question.dishes} dishes)"


def sweep(
    model: str | Path,
    over: Mapping[str, str | Sequence[Any]],
    *,
    dishes: int,
    settings: Mapping[str, Any] | None = None,
    at: str | float | Sequence[str | float] = (),
    seed: int = 1,
    independent: bool = False,
    reference: str | Sequence[str] = (),
    folder: str | Path | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Swept:
    """Simulate dishes over values of one key of a model, or over a grid of two.

    Dishes and tables are written to a folder, as ``sdf1-field sweep`` does; dishes that it holds
    already are not simulated again.

    Parameters
    ----------
    model : str or pathlib.Path
        Name, or model file.
    over : mapping
        Values by dotted path, one or two: a sequence, or text with values and ranges such as
        ``"0 uM,0.03..30 uM:log:7"``.
    dishes : int
        Of each value, at least 2.
    settings : mapping, optional
        Other values by dotted path, for all dishes.
    at : str or float, or sequence of them
        When cells are counted, such as ``"4 h"`` or seconds; 4 and 12 h where the model has them,
        else its end.
    seed : int
        Every dish's own is drawn from it.
    independent : bool
        Give every dish a seed of its own; otherwise dishes of the same number share theirs.
    reference : str or sequence of str
        Value that ratios are to; the first if not given.
    folder : str or pathlib.Path, optional
        Named after model and keys if not given.
    scheduler : str, optional
        Address of a running Dask scheduler; processes of this machine if not given.
    workers : int, optional
        Processes; one for each core if not given.
    progress : callable, optional
        Called with how many dishes are done and how many there will be.

    Returns
    -------
    Swept

    Raises
    ------
    InputError
        If a key is unknown or without effect, a value is wrong, or the folder holds something else.
    RunError
        If results cannot be written; finished dishes are kept.

    Examples
    --------
    >>> over = {"treatments.amd3100.dose": "0 uM,0.03..30 uM:log:7"}
    >>> found = sweep("coculture-kg1a", over, dishes=12)  # doctest: +SKIP
    >>> found.values, found.half_effects(), found.plot("curve.pdf")  # doctest: +SKIP
    """
    from sdf1_field.studies.sweep import ask

    texts = {
        key: of if isinstance(of, str) else ",".join(map(value_text, of))
        for key, of in over.items()
    }
    read = overs([f"{key}={text}" for key, text in texts.items()])
    times = [at] if isinstance(at, str | float | int) else at
    question = ask(
        str(model), read, dishes=dishes,
        settings=setting_texts(settings),
        times=[seconds_of(time) for time in times], seed=seed, independent=independent,
        reference=[reference] if isinstance(reference, str) else reference,
    )  # fmt: skip
    place = default_folder(question) if folder is None else Path(folder)
    done, total = 0, len(question.all_dishes)

    def report(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, total)

    return swept(question, place, scheduler=scheduler, workers=workers, progress=report)


def overs(texts: Sequence[str]) -> tuple[Over, ...]:
    """Keys and values of ``--over``; InputError if they are wrong in themselves."""
    read = tuple(read_over(text) for text in texts)
    require_different_keys(read)
    return read


def default_folder(question: "Question") -> Path:
    """Folder named after model, keys and seed."""
    stem = Path(question.model).name.removesuffix(".toml")
    keys = "-".join("-".join(f.key.split(".")[-2:]) for f in question.factors)
    kind = "" if question.matched else "-independent"
    return Path(re.sub(r"[^\w.+-]", "_", f"{stem}-{keys}{kind}-seed{question.seed}"))


def swept(
    question: "Question",
    folder: Path,
    *,
    picture: Path | None = None,
    page: "Page | None" = None,
    command: Sequence[str] = (),
    scheduler: str | None = None,
    workers: int | None = None,
    expected: "Callable[[Expected], None] | None" = None,
    progress: Callable[[int], None] | None = None,
) -> Swept:
    """Run a sweep in its folder, and write its tables and its picture.

    Parameters
    ----------
    question : Question
    folder : pathlib.Path
    picture : pathlib.Path, optional
        ``sweep.png`` in the folder if not given.
    page : Page, optional
        That the picture is drawn for; a screen if not given.
    command : sequence of str
        Words of the command that is run; none from Python.
    scheduler, workers, expected, progress
        As of `sdf1_field.studies.sweep.run_sweep`.
    """
    from sdf1_field.ensemble.crate import write_crate
    from sdf1_field.studies.sweep import run_sweep
    from sdf1_field.studies.sweep_folder import begin_folder, note_time, write_sweep

    known = begin_folder(folder, question)

    def measured(cost: "Expected") -> None:
        if math.isnan(known):
            note_time(folder, question, cost.each)
        if expected is not None:
            expected(cost)

    found = Swept(
        run_sweep(
            question, folder, scheduler=scheduler, workers=workers, seconds=known,
            expected=measured, progress=progress,
        ),
        folder,
    )  # fmt: skip
    write_sweep(found.sweep, found.curves, folder)
    # In the folder it is the sweep's own, which another call of the sweep renews.
    found.plot(picture or folder / PICTURE, page=page, force=True)
    keys = " and ".join(factor.key for factor in question.factors)
    write_crate(
        folder,
        name=f"Sweep of {keys} in {question.model}",
        description="Fold changes of simulated dishes over values of a model's keys.",
        command=command,
    )
    return found


def _figure(found: Swept, page: "Page | None") -> "Figure":
    import numpy as np

    from sdf1_field.figures.sweeps import Swept as Axis
    from sdf1_field.figures.sweeps import curve_figure, grid_figure
    from sdf1_field.spec import load_model
    from sdf1_field.studies.sweep import ENRICHED, REGIONS
    from sdf1_field.studies.sweep_results import curve_rows, value_rows

    sweep, question = found.sweep, found.sweep.question
    title = load_model(question.model, settings=question.settings).spec.title
    axes = [Axis(_label(question, f), f.values, f.numbers) for f in question.factors]
    dots = {
        (at, region): sweep.folds[:, :, t, REGIONS.index(region)]
        for t, at in enumerate(question.times)
        for region in ENRICHED
    }
    if len(axes) == 1:
        return curve_figure(
            axes[0], value_rows(sweep), curve_rows(sweep, found.curves), dots, heading=title,
            matched=question.matched, page=page,
        )  # fmt: skip
    shape = [len(axis.values) for axis in axes]
    with np.errstate(invalid="ignore"):
        means = {
            key: (np.nansum(own, axis=1) / np.isfinite(own).sum(axis=1)).reshape(shape)
            for key, own in dots.items()
        }
    return grid_figure(axes, means, heading=title, dishes=question.dishes, page=page)


def _label(question: "Question", factor: "Factor") -> str:
    """Label of an axis: the agent of a dose, else the key, with its unit."""
    from sdf1_field.figures.sweeps import typeset

    first, *rest = factor.key.split(".")
    name = factor.key
    if first == "treatments" and rest[-1] == "dose":
        spec = question.spec_at(question.points[0])
        name = spec.agent[spec.agent_of(rest[0])].label
    return f"{name} [{typeset(factor.unit)}]" if factor.unit else name
