"""A folder of `sdf1-field calibrate` as plain values: chances of claims, and parameters."""

from collections.abc import Mapping
from typing import Any

from sdf1_field.calibration.report import held_text
from sdf1_field.claims.targets import LEAST_SIZE
from sdf1_field.digits import number_text, spread_text
from sdf1_field.errors import Sdf1FieldError
from sdf1_field.judging.tables import share_text
from sdf1_field.reproduce import load_paper
from sdf1_field.spec import parameters
from sdf1_field.view.chances import scale, shaded


def calibration_data(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of the page.

    Parameters
    ----------
    plain : mapping
        Of the folder's calibration.json.

    Returns
    -------
    dict
        ``kind``, ``title``, ``citation``, ``notes``, ``scale`` (`chances.scale`), ``claims``,
        ``parameters``, and rows of text: ``space`` and ``correlations``.
    """
    name, informing = str(plain["paper"]), [str(one) for one in plain["informing"]]
    try:
        paper = load_paper(name)
        says = {claim.id: claim.says for claim in paper.claims}
        citation = paper.citation
    except Sdf1FieldError:
        says, citation = {}, ""
    size = float(plain["effective_size"])
    evidence = plain["evidence"]
    notes = [
        f"Parameters are inferred from {', '.join(informing)}; each of these is also predicted by "
        "the others alone. Explained: the chance that a new paper reports the claim, by the "
        "posterior of all claims that inform. From the others: by that of the other claims. Prior: "
        "over the whole intervals, before any claim.",
        f"The chance that one paper reports all of {', '.join(informing)}, over the prior (the "
        f"evidence), is {spread_text(evidence['value'], evidence['error'])}. "
        f"{int(plain['points'])} points were replayed, {int(plain['sampled'])} emulated; the "
        f"effective size of the posterior is {size:.0f}.",
    ]
    if size < LEAST_SIZE:
        notes.append(
            f"The effective size is below {LEAST_SIZE:g}: these numbers are rough and decide "
            "nothing."
        )
    return {
        "kind": "calibration",
        "title": f"{name}, calibrated on {', '.join(informing)}",
        "citation": citation,
        "notes": notes,
        "scale": scale(),
        "claims": [
            {
                "id": str(one["id"]),
                "says": says.get(str(one["id"]), ""),
                "role": "informs" if one["informs"] else "predicted",
                "seen": bool(one["law_chosen_by"]),
                "verdict": str(one["verdict"]),
                "size": f"{one['effective_size']:.0f}",
                **{key: shaded(one[key]) for key in ("explained", "reported", "prior")},
            }
            for one in plain["claims"]
        ],
        "parameters": [_parameter(one) for one in plain["parameters"]],
        "space": [[", ".join(map(str, one["claims"])), _held(one)] for one in plain["space"]],
        "correlations": [
            [str(one["key"]), str(one["with"]), f"{one['value']:+.2f}"]
            for one in plain["correlations"]
        ],
    }


def _held(one: Mapping[str, Any]) -> str:
    """Share of the prior; without the number of points, as earlier files are, 0 has no limit."""
    share, error = float(one["share"]), float(one["error"])
    if "points" in one:
        return held_text(share, error, float(one["points"]))
    return spread_text(share, error) if error > 0.0 else f"{share:g}"


def _parameter(one: Mapping[str, Any]) -> dict[str, Any]:
    """Interval, posterior and shipped value of a parameter, in its unit."""
    low, high = (float(end) for end in one["interval"])
    quantiles = one["quantiles"]
    inner = None if quantiles is None or None in quantiles else [float(q) for q in quantiles]
    shipped = _shipped(str(one["key"]), str(one["unit"]))
    median = one["median"]
    return {
        "key": str(one["key"]),
        "unit": str(one["unit"]),
        "interval": [low, high],
        "quantiles": inner,
        "median": median,
        "best": one["best"],
        "shipped": shipped,
        "width": "-" if one["width"] is None else share_text(one["width"]),
        "logarithmic": low > 0.0,
        "text": [
            number_text(median),
            "-" if inner is None else " to ".join(map(number_text, inner)),
            number_text(one["best"]),
            number_text(shipped),
        ],
    }


def _shipped(key: str, unit: str) -> float | None:
    """Shipped value in a unit; None if it has another one or there is none."""
    entry = parameters().get(key)
    if entry is None or isinstance(entry.value, bool | list):
        return None
    number, _, own = str(entry.value).partition(" ")
    try:
        return float(number) if own == unit else None
    except ValueError:
        return None
