"""A run, or several dishes of one experiment: their fields, tracks, tables and pictures."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

import pandas as pd
import xarray as xr

from sdf1_field import record
from sdf1_field.api.frames import (
    long_frame,
    motion_frame,
    region_names,
    tracks_frame,
    wide_frame,
)
from sdf1_field.api.notebook import dishes_html, with_picture
from sdf1_field.api.pictures import require_picture, save_picture
from sdf1_field.api.tables import make_table, usual_table
from sdf1_field.api.times import seconds_of
from sdf1_field.api.viewing import View, view_runs
from sdf1_field.errors import InputError, Sdf1FieldWarning
from sdf1_field.spec import Model, facts_html, ligand_named
from sdf1_field.units import duration_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sdf1_field.figures.paper import Page
    from sdf1_field.view.document import Document

At = str | float | Sequence[str | float]
"""One time or several: text such as ``"4 h"``, or seconds."""

_FACTS = ("model", "treatment", "seed", "program", "created", "time", "grid", "stroma", "cells")
_FLOOR = ("time", "y", "x")


def times_of(at: At | None) -> list[float] | None:
    """Times [s] as a user writes them; None for none."""
    if at is None:
        return None
    if isinstance(at, str) or not isinstance(at, Iterable):
        return [seconds_of(at)]
    return [seconds_of(time) for time in at] or None


class Dishes:
    """Tables of one run, or of several that are dishes of one experiment."""

    datasets: tuple[xr.Dataset, ...]
    """One for each dish."""

    def table(
        self,
        name: str | None = None,
        *,
        at: At | None = None,
        control: "Dishes | Sequence[Run] | None" = None,
        paired: bool = False,
    ) -> Any:
        """Table as `sdf1-field analyse --json` prints it but for ``changed``, of plain values.

        Parameters
        ----------
        name : str, optional
            As after ``--show``, such as ``"fold-change"``; the one that suits the run if not given.
        at : str, float or sequence of these, optional
            When: text such as ``"4 h"``, or seconds.
        control : Run, Runs or sequence of Run, optional
            Dishes of the control experiment.
        paired : bool
            Compare donor by donor.

        Raises
        ------
        InputError
            If the runs do not have the data of the table.
        """
        against = _datasets(control)
        name = usual_table(self.datasets) if name is None else name
        return make_table(name, self.datasets, times_of(at), against=against, paired=paired)

    def fold_change(
        self,
        at: At | None = None,
        *,
        control: "Dishes | Sequence[Run] | None" = None,
        paired: bool = False,
    ) -> pd.DataFrame:
        """Cells, densities and fold changes by region, as `analysis.fold_change_table` counts them.

        Parameters
        ----------
        at : str, float or sequence of these, optional
            When: text such as ``"4 h"``, or seconds; 4 and 12 h where the run has them.
        control : Run, Runs or sequence of Run, optional
            Dishes of a control experiment; a t test over dishes compares with them.
        paired : bool
            Compare donor by donor.

        Returns
        -------
        pandas.DataFrame
            One row for each time and region.
        """
        return wide_frame(self.table("fold-change", at=at, control=control, paired=paired))

    def course(self) -> pd.DataFrame:
        """Fold change at every saved observation; see `analysis.course_table`."""
        return wide_frame(self.table("course"))

    def distance(self, at: At | None = None) -> pd.DataFrame:
        """Density of cells by distance from stroma; see `analysis.distance_table`."""
        return wide_frame(self.table("distance", at=at))

    def dwell(self) -> pd.DataFrame:
        """How long cells stay over each region; see `analysis.dwell_table`."""
        return wide_frame(self.table("dwell"))

    def approach(self) -> pd.DataFrame:
        """Chemotactic index by distance from stroma; see `analysis.approach_table`."""
        return wide_frame(self.table("approach"))

    def motion(self, *, control: "Dishes | Sequence[Run] | None" = None) -> pd.DataFrame:
        """Paths, speed and persistence of cells, one row for each quantity.

        See `analysis.motion_table`; the test compares the lengths of paths over cells.
        """
        return motion_frame(self.table("motion", control=control))

    def network(
        self, at: At | None = None, *, control: "Dishes | Sequence[Run] | None" = None
    ) -> pd.DataFrame:
        """Stromal cells, fibres and migrasomes, one row for each time and quantity.

        See `analysis.network_table`; of the end if no time is given.
        """
        return long_frame(self.table("network", at=at, control=control), ("time",))

    def cargo(
        self, at: At | None = None, *, control: "Dishes | Sequence[Run] | None" = None
    ) -> pd.DataFrame:
        """Where stromal cells' chemokines are, one row for each time, ligand and quantity.

        See `analysis.cargo_table`; of the last time at which they were followed if none is given.
        """
        return long_frame(self.table("cargo", at=at, control=control), ("time", "ligand"))

    def floor_profile(
        self, at: At | None = None, *, control: "Dishes | Sequence[Run] | None" = None
    ) -> pd.DataFrame:
        """Concentration on the floor under and around stroma; see `analysis.field_table`."""
        return wide_frame(self.table("field", at=at, control=control))


class Run(Dishes):
    """One solved model, in a file or in memory.

    Parameters
    ----------
    dataset : xarray.Dataset
        From `sdf1_field.record.open_run`.
    path : pathlib.Path, optional
        Of its file; None if it is in memory.
    """

    def __init__(self, dataset: xr.Dataset, path: Path | None = None) -> None:
        self.dataset = dataset
        self.path = path
        self.datasets = (dataset,)

    @cached_property
    def model(self) -> Model:
        """The model it was made from, as recorded in it."""
        return record.model_of(self.dataset)

    @property
    def seed(self) -> int:
        """Of the dish."""
        return int(self.dataset.attrs["seed"])

    @property
    def fields(self) -> xr.Dataset:
        """Everything on the floor by frame: of each ligand ``sdf1`` [nM], ``sdf1_bound``, ....

        Times are in seconds.
        """
        names = [str(name) for name, own in self.dataset.items() if own.dims == _FLOOR]
        time = self.dataset["time"]
        plain = time.assign_attrs({"units": "s", "long_name": "time"})
        for key in ("calendar", "standard_name", "units_metadata"):
            plain.attrs.pop(key, None)
        return self.dataset[names].assign_coords(time=plain)

    def timedeltas(self) -> xr.Dataset:
        """The whole run with durations since time 0 (``timedelta64``) in place of seconds.

        Then ``sel(time="4h")`` finds a frame.
        """
        return record.in_timedeltas(self.dataset)

    def regions(self, at: str | float | None = None) -> xr.DataArray:
        """Name of the region at each place of the floor, to group or mask fields by.

        Parameters
        ----------
        at : str or float, optional
            When: text such as ``"4 h"``, or seconds; the end if not given.

        Returns
        -------
        xarray.DataArray of str, shape (y, x)
            As in `fold_change`; None outside the wall of a round well.

        Raises
        ------
        InputError
            If the floor was not saved at that time.
        """
        return region_names(self.dataset, None if at is None else seconds_of(at))

    def tracks(self) -> pd.DataFrame:
        """Places of cells: ``trajectory``, ``time_s``, ``x_um``, ``y_um``, ``state``, ``region``.

        Raises
        ------
        InputError
            If the run has no cells.
        """
        return tracks_frame(self.dataset)

    def summary(self) -> dict[str, Any]:
        """Size, stroma, cells, ligands and mass audit, as `sdf1-field inspect` prints them."""
        return record.summary(self.dataset)

    def explain(self) -> "Document":
        """What was simulated, what is changed, and what the outcome depends on.

        Returns
        -------
        sdf1_field.view.document.Document
            Sections of sentences and tables; printing it gives the text that
            `sdf1-field explain` prints.
        """
        from sdf1_field.view.explaining import explain

        return explain(self.dataset, self.path)

    def plot(
        self,
        path: str | Path | None = None,
        *,
        at: str | float | None = None,
        ligand: str | None = None,
        field: str | None = None,
        ranges: str | Sequence[str] = (),
        inset: str | None = None,
        part: str | None = None,
        page: "Page | None" = None,
        width: str | float | None = None,
        panel: str | None = None,
        force: bool = False,
    ) -> "Figure":
        """Picture of the run, as `sdf1-field plot` draws it.

        Parameters
        ----------
        path : str or pathlib.Path, optional
            File to write it to, such as ``run.png``.
        at : str or float, optional
            Time to show: text such as ``"4 h"``, or seconds; the end if not given.
        ligand : str, optional
            Which ligand; the first if not given.
        field : str, optional
            ``"dissolved"``, ``"bound"`` to the coat, or ``"both"``; where cells steer by the coat
            both if not given.
        ranges : str or sequence of str
            Ends of colour scales with their units, such as ``"0.5..2 pM"``.
        inset : str, optional
            Where a magnified window is: ``"auto"``, or a place such as ``"600,400 um"``.
        part : str, optional
            Which of the two figures of cargo: ``"floor"`` or ``"routes"``.
        width : str or float, optional
            On a journal's page: text such as ``"85 mm"``, or millimetres; for a screen if not
            given.
        panel : str, optional
            Letter in the top left corner.
        page : Page, optional
            Instead of width and panel.
        force : bool
            Replace an existing file.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        InputError
            If the run has no such field or time, an option does not suit its picture, or the file
            exists or cannot be written.
        """
        from sdf1_field.figures import plot_run
        from sdf1_field.figures.paper import Page

        file = None if path is None else Path(path)
        if file is not None:
            require_picture(file, force=force)
        page = page or Page.of(width, panel)
        figure = plot_run(
            self.dataset,
            time=None if at is None else seconds_of(at),
            ligand=self._ligand(ligand),
            field=field,
            ranges=(ranges,) if isinstance(ranges, str) else tuple(ranges),
            inset=inset,
            part=part,
            page=page,
        )
        if file is not None:
            title = self.model.spec.title
            save_picture(figure, file, page, title=title, about=figure.get_suptitle())
        return figure

    def movie(
        self,
        path: str | Path,
        *,
        start: str | float | None = None,
        stop: str | float | None = None,
        every: str | float | None = None,
        frames_per_second: float = 8.0,
        width: int = 1280,
        ligand: str | None = None,
        field: str | None = None,
        ranges: str | Sequence[str] = (),
        inset: str | None = None,
        interpolate: bool = False,
        force: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Movie of the run's saved times, as `sdf1-field movie` writes it.

        Parameters
        ----------
        path : str or pathlib.Path
            File to write: ``.mp4`` or ``.webm`` by ffmpeg, or ``.gif``.
        start, stop : str or float, optional
            First and last time: text such as ``"4 h"``, or seconds; those of the run if not given.
        every : str or float, optional
            Between two pictures; every saved time if not given.
        frames_per_second : float
            Pictures in a second.
        width : int
            [pixel].
        ligand, field, ranges, inset
            As for `plot`.
        interpolate : bool
            Show cells on straight lines between their observations too; the movie says so.
        force : bool
            Replace an existing file.
        progress : callable, optional
            Called with the number of pictures done and their number.

        Raises
        ------
        InputError
            If the run has fewer than two of these times or nothing to draw, there is no ffmpeg,
            or the file exists or cannot be written.
        RunError
            If ffmpeg ended early.
        """
        from sdf1_field.api.movies import require_movie, save_movie
        from sdf1_field.figures.floor import Shown
        from sdf1_field.figures.movie import Reel

        file = Path(path)
        require_movie(file, frames_per_second, force=force)
        limits = [None if time is None else seconds_of(time) for time in (start, stop, every)]
        texts = (ranges,) if isinstance(ranges, str) else tuple(ranges)
        reel = Reel(
            self.dataset,
            Shown(self._ligand(ligand), field, texts, inset),
            start=limits[0],
            stop=limits[1],
            every=limits[2],
            width=width,
            interpolate=interpolate,
        )
        if reel.uneven:
            warnings.warn(
                f"{file}: the run was not saved at even intervals, so the movie's clock does not "
                "go evenly. Choose times with --every.",
                Sdf1FieldWarning,
                stacklevel=2,
            )
        title = self.model.spec.title
        save_movie(reel, file, frames_per_second=frames_per_second, title=title, progress=progress)

    def _ligand(self, name: str | None) -> str | None:
        """Key of a ligand of the run by its key, label or synonym; None for none."""
        if name is None:
            return None
        spec = self.model.spec
        return ligand_named(name, {key: spec.ligand[key].label for key in spec.solved_ligands})

    def view(
        self, path: str | Path | None = None, *, size: float | None = None, force: bool = False
    ) -> View:
        """Page that plays the run in any browser, as `sdf1-field view` writes it.

        Parameters
        ----------
        path : str or pathlib.Path, optional
            File to write it to, such as ``run.html``.
        size : float, optional
            Largest page [MB], 20 if not given; a larger run is thinned out, which the page says.
        force : bool
            Replace an existing file.

        Returns
        -------
        View
            Which a notebook shows.

        Raises
        ------
        InputError
            If the run shows nothing, or if the file exists or cannot be written.
        """
        return view_runs([self], None if path is None else Path(path), size=size, force=force)

    def close(self) -> None:
        """Close the file."""
        self.dataset.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """Its file, or that it is in memory."""
        return "in memory" if self.path is None else str(self.path)

    def __repr__(self) -> str:
        times = self.dataset["time"].values
        span = f"{duration_text(float(times[0]))} to {duration_text(float(times[-1]))}"
        return f"Run({self.dataset.attrs['model_name']!r}, seed {self.seed}, {span}, {self.place})"

    @cached_property
    def _html(self) -> str:
        """A small picture, and the facts of `summary`."""
        facts = self.summary()
        rows = [(key, str(facts[key])) for key in _FACTS if key in facts]
        rows += [(key, str(value)) for key, value in self.model.changed.items()]
        return with_picture(self.dataset, facts_html(facts["title"], rows))

    def _repr_html_(self) -> str:
        return self._html


class Runs(Dishes, Sequence[Run]):
    """Several runs as dishes of one experiment: their tables are of all dishes together.

    Parameters
    ----------
    runs : Run, str, pathlib.Path or iterable of these
        Runs, or run files to open.

    Raises
    ------
    InputError
        If there is none, or a file is no run.
    """

    def __init__(self, runs: "Run | str | Path | Iterable[Run | str | Path]") -> None:
        if isinstance(runs, Run | str | Path):
            runs = [runs]
        self._runs = tuple(run if isinstance(run, Run) else open_run(run) for run in runs)
        if not self._runs:
            raise InputError("Runs: there is no run. Give at least one.")
        self.datasets = tuple(run.dataset for run in self._runs)

    def plot(self, path: str | Path | None = None, **options: Any) -> "Figure":
        """Figure of the dishes, as `sdf1-field plot` draws it: `plot_groups` of one group.

        Parameters
        ----------
        path : str or pathlib.Path, optional
            File to write it to, such as ``figure.pdf``.
        **options
            As of `plot_groups`, such as ``show="course"``.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        InputError
            As of `plot_groups`.
        """
        from sdf1_field.api.groups import plot_groups

        return plot_groups({"": self}, path, **options)

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> "Runs": ...

    def __getitem__(self, index: int | slice) -> "Run | Runs":
        chosen = self._runs[index]
        return Runs(chosen) if isinstance(chosen, tuple) else chosen

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def view(
        self, path: str | Path | None = None, *, size: float | None = None, force: bool = False
    ) -> View:
        """Page that plays the runs side by side in step; as `Run.view`.

        Raises
        ------
        InputError
            Also if the runs count their time from different events.
        """
        return view_runs(self, None if path is None else Path(path), size=size, force=force)

    def close(self) -> None:
        """Close the files."""
        for run in self._runs:
            run.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        first = self._runs[0].dataset.attrs["model_name"]
        seeds = ", ".join(str(run.seed) for run in self._runs)
        shown = seeds if len(seeds) <= 100 else f"{seeds[:100]} …"
        return f"Runs({first!r}, {self._count}, seeds {shown})"

    @property
    def _count(self) -> str:
        return "1 dish" if len(self) == 1 else f"{len(self)} dishes"

    @cached_property
    def _html(self) -> str:
        """Table of the dishes, and their fold changes together."""
        return dishes_html(self._count, self.datasets, [run.place for run in self])

    def _repr_html_(self) -> str:
        return self._html


def _datasets(control: "Dishes | Sequence[Run] | None") -> tuple[xr.Dataset, ...]:
    if control is None:
        return ()
    return control.datasets if isinstance(control, Dishes) else Runs(control).datasets


def open_run(path: str | Path) -> Run:
    """Open a run file; values are read when they are used.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    Run
        Closed by `Run.close` or at the end of a ``with`` block.

    Raises
    ------
    InputError
        If the file is missing, damaged, or not a run of this program.
    """
    return Run(record.open_run(path), Path(path))
