"""Power of a planned experiment: how many dishes tell two models apart."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdf1_field.api.options import setting_texts
from sdf1_field.api.studied import Studied
from sdf1_field.api.times import seconds_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sdf1_field.calibration.draws import Draws
    from sdf1_field.ensemble.expecting import Expected
    from sdf1_field.studies.claim_power import ClaimsFound
    from sdf1_field.studies.compared import Side
    from sdf1_field.studies.power_report import Asked, PowerFound

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
    settings: Mapping[str, Any] | None = None,
    first_settings: Mapping[str, Any] | None = None,
    dishes: int = 48,
    seed: int = 1,
    posterior: str | Path | None = None,
    draws: int = 16,
    folder: str | Path | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> "Studied[PowerFound]":
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
    settings, first_settings : mapping, optional
        Other values by dotted path, of both models, and of the first alone.
    dishes : int
        Of each model.
    seed : int
    posterior : str or pathlib.Path, optional
        Folder of ``sdf1-field calibrate``, its ``posterior.nc``, or ``recorded``: power is then
        also found at some of its draws.
    draws : int
        Of the posterior.
    folder : str or pathlib.Path, optional
        Named after both models if not given.
    scheduler : str, optional
        Address of a running Dask scheduler; processes of this machine if not given.
    workers : int, optional
        Processes; one for each core if not given.
    progress : callable, optional
        Called with what is counted, how many are done and how many there will be.

    Returns
    -------
    Studied
        Its ``found`` is a `sdf1_field.studies.power_report.PowerFound`, whose ``regions`` hold
        effects, powers and least numbers.

    Raises
    ------
    InputError
        If the question is wrong, or the folder holds another.
    RunError
        If dishes fail or cannot be kept.
    """
    from sdf1_field.studies.compared import Side, compared, folder_name
    from sdf1_field.studies.power_report import answered, as_json, asked

    first = Side(str(model), setting_texts(first_settings))
    question = asked(
        compared(
            first, Side(str(against)), shared=setting_texts(settings), quantity=quantity,
            time=None if at is None else seconds_of(at),
        ),
        numbers=n, views=views, alpha=alpha, test=test, power=target, variation=variation,
        dishes=dishes, seed=seed,
    )  # fmt: skip
    default = folder_name(first, Side(str(against)), seed)
    place = Path(default if folder is None else folder)
    require_own_folder(place, question)
    found = answered(
        question, place, draws=posterior_draws(question, posterior, draws),
        scheduler=scheduler, workers=workers, progress=progress,
    )  # fmt: skip
    write_power(found, place)
    return Studied(
        found, place, f"Power, {question.compared.first.label}",
        lambda: _records(as_json(found)), lambda: figure_of(found),
    )  # fmt: skip


def posterior_draws(question: "Asked", posterior: str | Path | None, number: int) -> "Draws | None":
    """Some draws of a posterior, checked against what is asked; None without a posterior.

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
    require_replayable(question.compared, found.settings[0], question.planned)
    return found


def _title(side: "Side") -> str:
    """A model's title and its settings."""
    from sdf1_field.spec import load_model

    return ", ".join([load_model(side.model).spec.title or side.model, *side.settings])


def require_own_folder(folder: Path, question: "Asked") -> None:
    """Refuse a folder that holds another comparison; sizes, tests and dishes may be others.

    Raises
    ------
    InputError
    """
    from sdf1_field.studies.power_report import plain_question

    plain = plain_question(question)
    same = ("first", "against", "quantity", "time", "seed")
    _require_own(folder, {"paper": None, **{key: plain[key] for key in same}})


def _require_own(folder: Path, asked: Mapping[str, Any]) -> None:
    from sdf1_field.studies.folders import known_values, require_own

    known = known_values(folder / FILES[0])
    if known is not None:
        require_own(folder, "a power", known, asked)


def write_power(found: "PowerFound", folder: Path) -> None:
    """Write `FILES` beside the dishes.

    Raises
    ------
    RunError
        If the folder cannot be written to.
    """
    from sdf1_field.studies.power_report import as_json

    plain = as_json(found)
    _write(folder, plain, _records(plain), figure_of(found))


def _write(
    folder: Path, plain: Mapping[str, Any], records: Sequence[Mapping[str, Any]], figure: "Figure"
) -> None:
    from sdf1_field.studies.folders import csv_text, json_text, write_files

    table = csv_text(list(records[0]), [list(one.values()) for one in records])
    values, rows, picture = FILES
    write_files(folder, {values: json_text(plain), rows: table}, {picture: figure})


def _records(plain: dict[str, Any]) -> list[dict[str, Any]]:
    """One record for each region, number of views and number of replicates."""
    records = []
    for region in plain["regions"]:
        for power in region["power"]:
            numbers: dict[str, Any] = {}
            for way in ("answer", "simulated", "formula"):
                ends = (way, f"{way}_low", f"{way}_high")
                numbers |= zip(ends, _ends(power[way]), strict=True)
            draws = power["over_draws"] or {}
            numbers |= {f"draws_{key}": draws.get(key) for key in ("median", "low", "high")}
            own = {key: power[key] for key in ("views", "n", "by")}
            records.append({"quantity": plain["quantity"], "of": region["of"], **own, **numbers})
    return records


def _ends(chance: Mapping[str, Any] | None) -> tuple[float | None, float | None, float | None]:
    """A chance and the ends of its interval."""
    if chance is None:
        return None, None, None
    low, high = chance["interval"] or (None, None)
    return chance["value"], low, high


def power_of_claims(
    paper: str | Path,
    claims: Sequence[str],
    *,
    n: Sequence[int] = (3, 4, 6, 10),
    views: Sequence[int] = (1, 2, 4),
    target: float = 0.8,
    dishes: int = 48,
    seed: int = 1,
    folder: str | Path | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    expected: "Callable[[Expected], None] | None" = None,
    progress: Callable[[int, int], None] | None = None,
) -> "Studied[ClaimsFound]":
    """Chance that a paper's experiment reports some claims, had it been of another size.

    Dishes and results are written to a folder, as ``sdf1-field power --claim`` does.

    Parameters
    ----------
    paper : str or pathlib.Path
        Name, or file.
    claims : sequence of str
        Ids.
    n, views, target, seed, scheduler, workers
        See `power`.
    dishes : int
        Of each condition.
    folder : str or pathlib.Path, optional
        Named after the paper if not given.
    expected : callable, optional
        See `sdf1_field.ensemble.expecting.run_expected`.
    progress : callable, optional
        Called with how many dishes are done and how many there will be.

    Returns
    -------
    Studied
        Its ``found`` is a `sdf1_field.studies.claim_power.ClaimsFound`, whose ``sizes`` hold
        chances, and ``least`` the least numbers of replicates.

    Raises
    ------
    InputError
        If the question is wrong, or the folder holds another.
    RunError
        If dishes fail or cannot be kept.
    """
    from sdf1_field.studies import claim_power
    from sdf1_field.studies.power_report import require_sizes

    require_sizes(n, views, target)
    known = claim_power.asked_claims(str(paper), claims)
    place = claims_folder(paper, seed) if folder is None else Path(folder)
    _require_own(place, {"paper": known.name, "claims": list(dict.fromkeys(claims)), "seed": seed})
    total, done = claim_power.dishes_of(known, dishes, views), 0

    def report(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, total)

    found = claim_power.found_claims(
        known, place, numbers=n, views=views, power=target, dishes=dishes, seed=seed,
        scheduler=scheduler, workers=workers, expected=expected, progress=report,
    )  # fmt: skip
    plain = claim_power.as_json(found)
    records = [
        {**one, "chance": value, "low": low, "high": high}
        for one in plain["chances"]
        for value, low, high in (_ends(one["chance"]),)
    ]
    _write(place, plain, records, _claims_figure(found))
    return Studied(
        found, place, f"Power, claims of {known.name}", lambda: records,
        lambda: _claims_figure(found),
    )  # fmt: skip


def claims_folder(paper: str | Path, seed: int) -> Path:
    """Default folder of a paper's claims."""
    return Path(f"power-{Path(paper).name.removesuffix('.toml')}-claims-seed{seed}")


def _claims_figure(found: "ClaimsFound") -> "Figure":
    """Chance of each claim as reported against the number of replicates."""
    from sdf1_field.claims.chances import UNKNOWN
    from sdf1_field.figures.power import PowerCurve, PowerPanel, power_figure

    panels = []
    for claim in found.paper.claims:
        # The whole of a claim stands before its statements.
        first = next(one for one in found.sizes if one.claim == claim.id)
        curves = []
        for views in dict.fromkeys(one.views for one in found.sizes):
            known = [
                (one.number, one.chance)
                for one in found.sizes
                if (one.claim, one.statement, one.asks, one.views)
                == (claim.id, first.statement, first.asks, views)
                and one.chance is not None
            ] or [(one.number, UNKNOWN) for one in found.sizes[:1]]
            curves.append(
                PowerCurve(
                    views,
                    [number for number, _ in known],
                    [chance.value for _, chance in known],
                    [chance.low for _, chance in known],
                    [chance.high for _, chance in known],
                    [True] * len(known),
                )
            )
        panels.append(PowerPanel(claim.id, curves))
    caption = "Chance that an experiment reports the claim as the paper did, all of it."
    return power_figure(panels, found.power, f"Claims of {found.paper.name}", caption)


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
    title = f"{_title(compared.first)}\nagainst {_title(compared.against)}"
    return power_figure(panels, ask.power, title, caption)
