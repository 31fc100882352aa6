"""Power of a planned experiment: how many dishes tell two models apart."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdf1_field.errors import RunError, reason_of, write_whole, written_aside

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sdf1_field.studies.compared import Compared
    from sdf1_field.studies.power_report import Draws, PowerFound

FILES = ("power.json", "power.csv", "power.png")


def power(
    model: str | Path,
    against: str | Path,
    *,
    n: Sequence[int] = (3, 4, 6, 10),
    views: Sequence[int] = (1, 2, 4),
    alpha: float = 0.05,
    test: str = "student",
    target: float = 0.8,
    variation: float | None = None,
    quantity: str = "fold change",
    at: str | float | None = None,
    settings: Sequence[str] = (),
    first_settings: Sequence[str] = (),
    dishes: int = 48,
    seed: int = 1,
    posterior: str | Path | None = None,
    draws: int = 16,
    folder: str | Path | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> "PowerFound":
    """Chance that an experiment of a given size finds the difference between two models.

    Dishes and results are written to a folder, as ``sdf1-field power`` does; dishes that it holds
    already are not made again.

    Parameters
    ----------
    model, against : str or pathlib.Path
        Shipped names, or model files.
    n : sequence of int
        Replicates in each group, 2 or more.
    views : sequence of int
        Simulated views that each of them is the sum of.
    alpha : float
        Two-sided level of the test.
    test : str
        ``student``, ``welch``, or ``paired``, for which dishes of both models share their seeds.
    target : float
        Power of which the least number of replicates is sought.
    variation : float, optional
        Coefficient of variation between experiments beyond their dishes; if not given as papers'
        experiments are taken to vary.
    quantity : str
        Reading that is compared.
    at : str or float, optional
        When it is read, such as ``"4 h"`` or in seconds; if not given at 4 h, or at the end of a
        shorter run.
    settings, first_settings : sequence of str
        ``KEY=VALUE`` of both models, and of the first alone.
    dishes : int
        Of each model.
    seed : int
    posterior : str or pathlib.Path, optional
        Folder of ``sdf1-field calibrate``, its ``posterior.nc``, or ``recorded``: power is then
        also found at some of its draws.
    draws : int
        Of the posterior.
    folder : str or pathlib.Path, optional
        Named after the model if not given.
    scheduler : str, optional
        Address of a running Dask scheduler; processes of this machine if not given.
    workers : int, optional
    progress : callable, optional
        Called with what is counted, how many are done and how many there will be.

    Returns
    -------
    sdf1_field.studies.power_report.PowerFound
        ``regions`` hold effects, powers and least numbers.

    Raises
    ------
    InputError
        If the question is wrong.
    RunError
        If dishes fail or cannot be kept.
    """
    from sdf1_field.studies.compared import Side, compared, folder_name
    from sdf1_field.studies.power_report import answered, asked
    from sdf1_field.units import parse

    first = Side(str(model), tuple(first_settings))
    question = asked(
        compared(
            first, Side(str(against)), shared=tuple(settings), quantity=quantity,
            time=parse(at, "time") if isinstance(at, str) else at,
        ),
        numbers=n, views=views, alpha=alpha, test=test, power=target, variation=variation,
        dishes=dishes, seed=seed,
    )  # fmt: skip
    place = Path(folder) if folder is not None else Path(folder_name(first, seed))
    found = answered(
        question, place, draws=posterior_draws(question.compared, posterior, draws),
        scheduler=scheduler, workers=workers, progress=progress,
    )  # fmt: skip
    write_power(found, place)
    return found


def posterior_draws(
    compared: "Compared", posterior: str | Path | None, number: int
) -> "Draws | None":
    """Some draws of a posterior, checked against what is compared; None without a posterior.

    Raises
    ------
    InputError
        If it is no posterior, or cells cannot be replayed at its draws.
    """
    if posterior is None:
        return None
    from sdf1_field.calibration.draws import chosen_draws
    from sdf1_field.studies.power_draws import require_replayable

    found = chosen_draws(posterior, number)
    require_replayable(compared, found.settings[0])
    return found.settings, found.law, found.source


def write_power(found: "PowerFound", folder: Path) -> None:
    """Write `FILES` beside the dishes.

    Raises
    ------
    RunError
        If the folder cannot be written to.
    """
    from sdf1_field.studies.power_report import as_json

    plain = as_json(found)
    try:
        write_whole(folder / FILES[0], f"{json.dumps(plain, indent=2, allow_nan=False)}\n")
        write_whole(folder / FILES[1], _as_csv(plain))
        with written_aside(folder / FILES[2]) as partial:
            figure_of(found).savefig(partial, format="png", dpi=150, metadata={"Software": None})
    except OSError as error:
        raise RunError(
            f"{error.filename or folder}: {reason_of(error)}. The dishes are kept; make room and "
            "use the same command."
        ) from None


def _as_csv(plain: dict[str, Any]) -> str:
    """One line for each region, number of views and number of replicates."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    ways = ("answer", "simulated", "formula")
    ends = [f"{way}{end}" for way in ways for end in ("", "_low", "_high")]
    over_draws = [f"draws_{key}" for key in ("median", "low", "high")]
    rows.writerow(["quantity", "of", "views", "n", "by", *ends, *over_draws])
    for region in plain["regions"]:
        for power in region["power"]:
            numbers = []
            for way in ways:
                one = power[way] or {"value": None, "interval": None}
                numbers += [one["value"], *(one["interval"] or (None, None))]
            draws = power["over_draws"] or {}
            numbers += [draws.get(key) for key in ("median", "low", "high")]
            head = [plain["quantity"], region["of"], power["views"], power["n"], power["by"]]
            rows.writerow(["" if value is None else value for value in (*head, *numbers)])
    return text.getvalue()


def figure_of(found: "PowerFound") -> "Figure":
    """Power against the number of replicates, for each region and number of views."""
    from sdf1_field.figures.power import PowerCurve, PowerPanel, power_figure
    from sdf1_field.studies.power_report import test_text

    ask, compared = found.asked, found.asked.compared
    panels = []
    for region in found.regions:
        curves = []
        for views in ask.views:
            powers = [one for one in region.powers if one.views == views]
            answers = [one.answer for one in powers]
            curves.append(
                PowerCurve(
                    views,
                    [one.number for one in powers],
                    [one.value for one in answers],
                    [one.low for one in answers],
                    [one.high for one in answers],
                    [one.simulated is not None for one in powers],
                )
            )
        name = compared.quantity.name
        panels.append(PowerPanel(f"{name}, {region.of}" if region.of else name, curves))
    caption = (
        f"Chance that {test_text(ask.planned.test)}, two-sided at {ask.planned.alpha:g}, finds the "
        "difference."
    )
    title = f"{compared.first.label}\nagainst {compared.against.label}"
    return power_figure(panels, ask.power, title, caption)
