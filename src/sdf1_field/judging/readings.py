"""A table of readings as a CSV file: replicates of conditions, from any program or bench.

A row holds one value. `needed_readings` says which of them claims ask for, `read_readings` makes
pools of a file's rows, and `write_readings` writes a pool's.
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from sdf1_field.claims import Observable, Paper, Pool, Quantity, Reading, Sample
from sdf1_field.claims.pools import values_of
from sdf1_field.claims.targets import Claim, Condition, Statement
from sdf1_field.errors import InputError, read_file, write_whole
from sdf1_field.spec import suggestion
from sdf1_field.units import duration_text, parse

COLUMNS = ("condition", "replicate", "view", "quantity", "of", "time", "value", "total", "unit")
NEEDED = ("condition", "replicate", "quantity", "value")
"""Columns that a file must have."""
_MOST_BYTES = 2**30
_LONGEST = 60
"""Characters of a field in a message."""
_DONORS = "donors"


@dataclass(frozen=True)
class Need:
    """A reading that every view of a condition must have.

    Parameters
    ----------
    quantity, of : str
    time : float or None
        [s]; None where it is read once.
    """

    quantity: str
    of: str
    time: float | None

    def text(self) -> str:
        """In words."""
        of = f" of {self.of}" if self.of else ""
        at = "" if self.time is None else f" at {duration_text(self.time)}"
        return f"'{self.quantity}'{of}{at}"


def needed_readings(paper: Paper) -> dict[str, dict[Need, str]]:
    """For each condition that claims or their null models read, what is read, and by which claim.

    Returns
    -------
    dict of str to dict of Need to str
        The first claim's id; conditions in the order of claims.
    """
    needs: dict[str, dict[Need, str]] = {}
    for claim in paper.claims:
        for statement in claim.statements:
            for key, need in _read_by(statement):
                needs.setdefault(key, {}).setdefault(need, claim.id)
                null = paper.conditions[key].null
                if claim.against_null and null is not None:
                    own = _at_own_time(need, paper.conditions[null])
                    needs.setdefault(null, {}).setdefault(own, claim.id)
    return needs


def _at_own_time(need: Need, null: Condition) -> Need:
    """What is read for another condition's time in a null model that is read once."""
    return replace(need, time=null.times[0]) if len(null.times) == 1 else need


def _read_by(statement: Statement) -> Iterator[tuple[str, Need]]:
    """Conditions and readings of a statement; of a density ratio its counts and areas."""
    s = statement
    sides = [(s.condition, s.quantity, s.time)]
    if s.against is not None:
        sides.append((s.condition, s.against, s.time))
    elif s.reference is not None:
        sides.append((s.reference, s.quantity, s.reference_time))
    for key, quantity, time in sides:
        ratio = s.density_ratio if quantity == s.quantity else None
        if ratio is None:
            yield key, Need(quantity, s.of, time)
            continue
        for region in (s.of, ratio.base):
            for part in (ratio.counts, ratio.areas):
                yield key, Need(part, region, time)


def null_conditions(paper: Paper) -> set[str]:
    """Conditions that only stand for the null model of others."""
    asked = {key for claim in paper.claims for key in claim.conditions}
    return {
        null
        for claim in paper.claims
        for null in _nulls(paper, claim)
        if null not in asked
    }  # fmt: skip


def _nulls(paper: Paper, claim: Claim) -> list[str]:
    if not claim.against_null:
        return []
    found = (paper.conditions[key].null for key in claim.conditions)
    return [null for null in found if null is not None]


# Reading


@dataclass(eq=False)
class _Rows:
    """What a file says of one view: values of each reading, wholes of shares, and first lines."""

    values: dict[Need, list[float]] = field(default_factory=dict)
    totals: dict[Need, float] = field(default_factory=dict)
    lines: dict[Need, int] = field(default_factory=dict)


_Views = dict[str, _Rows]
_Replicates = dict[str, _Views]


class _File:
    """A file of readings being read, for messages with its line."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.line = 1

    def refuse(self, reason: str, line: int | None = None) -> NoReturn:
        raise InputError(f"{self.shown}: line {line or self.line}: {reason}")


def read_readings(
    text: str, shown: str, paper: Paper, observations: Mapping[str, Observable]
) -> tuple[Paper, dict[str, Pool]]:
    """Pools of a paper's conditions from a file of readings.

    Parameters
    ----------
    text, shown : str
        The table, and its name in messages.
    paper : Paper
        With the claims that are asked.
    observations : mapping of str to Observable
        Quantities by kind of observation.

    Returns
    -------
    paper : Paper
        Its conditions sum all views of a replicate, where it leaves no choice of their number.
    pools : dict of str to Pool
        Of the conditions that claims read; one of a null model that the file lacks is empty.

    Raises
    ------
    InputError
        If the file is no such table, or has other readings than the claims ask for.
    """
    found = _rows_of(text, shown, paper, observations)
    needs = needed_readings(paper)
    only_null = null_conditions(paper)
    conditions, pools = dict(paper.conditions), {}
    for key, asked in needs.items():
        if key not in found and key in only_null:
            pools[key] = Pool(key, ())
            continue
        if key not in found:
            raise InputError(
                f"{shown}: has no readings of condition '{key}', which "
                f"{next(iter(asked.values()))} needs. Add them, or choose other claims with "
                "--claim."
            )
        condition = conditions[key]
        sizes = {len(views) for views in found[key].values()}
        if len(sizes) > 1:
            _refuse_uneven(shown, key, found[key])
        (views,) = sizes
        if condition.views == (1,) and views > 1:
            conditions[key] = replace(condition, views=(views,))
        dishes = tuple(
            _dish(shown, f"replicate {name} of '{key}'{_view_text(view)}", rows, asked)
            for name, of_replicate in found[key].items()
            for view, rows in of_replicate.items()
        )
        pools[key] = Pool(_DONORS if condition.donors else key, dishes, views)
    _require_pairs(shown, conditions, {key: found[key] for key in needs if key in found})
    whole = replace(paper, conditions=conditions)
    for key in pools:
        if key not in only_null:
            _require_replicates(shown, key, conditions[key], pools[key])
    return whole, pools


def _view_text(view: str) -> str:
    return f", view {view}," if view else ""


def _refuse_uneven(shown: str, key: str, replicates: _Replicates) -> NoReturn:
    numbers = [len(views) for views in replicates.values()]
    most = max(numbers)
    name = next(n for n, views in replicates.items() if len(views) < most)
    raise InputError(
        f"{shown}: replicate {name} of '{key}' has {len(replicates[name])} views, and others have "
        f"{most}. Give all replicates of a condition the same number."
    )


def _require_pairs(
    shown: str, conditions: Mapping[str, Condition], found: Mapping[str, _Replicates]
) -> None:
    """Refuse conditions with donors whose donors are not the same, in the same order."""
    donors = [key for key in found if conditions[key].donors]
    for key in donors[1:]:
        first, own = list(found[donors[0]]), list(found[key])
        if first != own:
            odd = next(iter(sorted({*first} ^ {*own})), None)
            what = (
                f"replicate {odd} is in only one of '{donors[0]}' and '{key}'"
                if odd is not None
                else f"replicates of '{key}' are in another order than those of '{donors[0]}'"
            )
            raise InputError(
                f"{shown}: {what}. They are donors, who are paired: list the same ones in all "
                "conditions with donors."
            )


def _require_replicates(shown: str, key: str, condition: Condition, pool: Pool) -> None:
    fewest = min(condition.views) if pool.of_donor == 1 else 1
    need = condition.replicates * fewest
    if pool.units < need:
        raise InputError(
            f"{shown}: condition '{key}' has {pool.units} replicates, and one experiment of the "
            f"paper has {need}. Add readings, or correct replicates in the claims file."
        )
    if pool.of_donor > 1 and min(condition.views) > pool.of_donor:
        raise InputError(
            f"{shown}: condition '{key}' has {pool.of_donor} views of each replicate, and an "
            f"experiment sums {min(condition.views)} or more. Add views."
        )


def _dish(shown: str, where: str, rows: _Rows, asked: Mapping[Need, str]) -> tuple[Reading, ...]:
    readings = []
    for need, claim in asked.items():
        if need not in rows.values:
            raise InputError(
                f"{shown}: {where} has no {need.text()}, which {claim} needs. Add the row; leave "
                "its value empty if there is no such number."
            )
        values = rows.values[need]
        if need in rows.totals:
            values = [*values, rows.totals[need]]
        time = math.nan if need.time is None else need.time
        readings.append(Reading(need.quantity, time, np.array(values), need.of))
    return tuple(readings)


def _rows_of(
    text: str, shown: str, paper: Paper, observations: Mapping[str, Observable]
) -> dict[str, _Replicates]:
    """Values of a file by condition, replicate and view, in the file's order."""
    file = _File(shown)
    table = csv.reader(io.StringIO(text, newline=""))
    try:
        place = _columns(file, next(table, []))
        found: dict[str, _Replicates] = {}
        times: dict[str, float] = {}
        for cells in table:
            file.line = table.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(place):
                file.refuse(
                    f"has {len(cells)} fields, and the header {len(place)}. Write numbers with a "
                    "decimal point, and put text with commas between quotation marks."
                )
            row = {name: cells[n].strip() for name, n in place.items()}
            key, need, quantity = _need(file, row, paper, observations, times)
            if not row["replicate"]:
                file.refuse("replicate: missing. Number the replicates of each condition.")
            views = found.setdefault(key, {}).setdefault(row["replicate"], {})
            rows = views.setdefault(row.get("view", ""), _Rows())
            if need in rows.values and quantity.sample is not Sample.CELLS:
                file.refuse(
                    f"replicate {row['replicate']} of '{key}'{_view_text(row.get('view', ''))} has "
                    f"{need.text()} twice, first in line {rows.lines[need]}. Remove one, or give "
                    "each replicate its own number."
                )
            rows.lines.setdefault(need, file.line)
            rows.values.setdefault(need, []).append(_number(file, "value", row["value"]))
            if quantity.sample is Sample.SHARE:
                rows.totals[need] = _total(file, row, rows.values[need][0])
            elif row.get("total"):
                file.refuse(
                    f"total: {quantity.name} is read by {quantity.sample}, and only a share has "
                    "one. Leave it empty."
                )
    except csv.Error as error:
        file.refuse(f"not a table in CSV: {error}. Save it as CSV with commas.", table.line_num)
    if not found:
        raise InputError(f"{shown}: has no readings below its header. Add a row for each value.")
    return found


def readings_text(path: Path) -> str:
    """Text of a file of readings; InputError if it is none."""
    content = read_file(path, most=_MOST_BYTES)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8. Save it as CSV UTF-8.") from None


def _columns(file: _File, header: list[str]) -> dict[str, int]:
    """Place of each column."""
    names = [name.strip() for name in header]
    shown = f"the columns are {', '.join(NEEDED)}, and may be {', '.join(_OPTIONAL)}"
    if len(names) == 1 and any(sign in names[0] for sign in ";\t"):
        file.refuse(
            "its columns are not separated by commas. Save it as CSV with commas, and decimal "
            "points in numbers."
        )
    for name in names:
        if name not in COLUMNS:
            file.refuse(
                f"unknown column '{name[:_LONGEST]}'. {suggestion(name, COLUMNS)}"
            )  # fmt: skip
    for name in names:
        if names.count(name) > 1:
            file.refuse(f"two columns '{name}'. Take one out.")
    for name in NEEDED:
        if name not in names:
            file.refuse(f"no column '{name}'; {shown}. Add it.")
    return {name: n for n, name in enumerate(names)}


_OPTIONAL = tuple(name for name in COLUMNS if name not in NEEDED)


def _need(
    file: _File,
    row: Mapping[str, str],
    paper: Paper,
    observations: Mapping[str, Observable],
    times: dict[str, float],
) -> tuple[str, Need, Quantity]:
    """Condition, reading and quantity of a row."""
    key = row["condition"]
    if not key:
        file.refuse(
            "condition: missing. Name it; pandas reads names such as null, None and NA as missing, "
            "so read the table with keep_default_na=False."
        )
    if key not in paper.conditions:
        file.refuse(
            f"unknown condition '{key[:_LONGEST]}'. {suggestion(key, list(paper.conditions))}"
        )
    condition = paper.conditions[key]
    known = observations[condition.observation].quantities
    name = row["quantity"]
    if name not in known:
        file.refuse(f"unknown quantity '{name[:_LONGEST]}'. {suggestion(name, list(known))}")
    quantity = known[name]
    of = row.get("of", "")
    if of not in (quantity.of or ("",)):
        text = f"Known: {', '.join(quantity.of)}." if quantity.of else "Leave it empty."
        file.refuse(f"of '{of[:_LONGEST]}' of {name}. {text}")
    unit = row.get("unit", "")
    if unit and unit != quantity.unit:
        file.refuse(
            f"unit '{unit[:_LONGEST]}' of {name}, whose unit is {quantity.unit} in the claims "
            "file. Convert the values."
        )
    return key, Need(name, of, _time(file, row.get("time", ""), condition, times)), quantity


def _time(
    file: _File, text: str, condition: Condition, times: dict[str, float]
) -> float | None:  # fmt: skip
    if not condition.times:
        # What is read once may say when.
        return None
    if not text:
        if len(condition.times) > 1:
            known = ", ".join(map(duration_text, condition.times))
            file.refuse(f"time: missing; {condition.label} is read at {known}. Add the time.")
        return condition.times[0]
    if text not in times:
        try:
            times[text] = parse(text, "time")
        except ValueError as error:
            file.refuse(f"time: {error}")
    near = [time for time in condition.times if math.isclose(times[text], time, rel_tol=1e-9)]
    if not near:
        known = ", ".join(map(duration_text, condition.times))
        file.refuse(f"time '{text[:_LONGEST]}': {condition.label} is read at {known}. Correct it.")
    return near[0]


def _number(file: _File, column: str, text: str) -> float:
    """A finite number; NaN of an empty field."""
    if not text:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        file.refuse(f"{column}: '{text[:_LONGEST]}' is not a number. Write it like 1.5.")
    if not math.isfinite(value):
        file.refuse(
            f"{column}: '{text[:_LONGEST]}' is not a finite number. Leave the field empty if there "
            "is none."
        )
    return value


def _total(file: _File, row: Mapping[str, str], amount: float) -> float:
    text = row.get("total", "")
    if not text:
        file.refuse(
            f"total: missing; {row['quantity']} is a share, so value is how many have the property "
            "and total of how many. Add it."
        )
    total = _number(file, "total", text)
    if not 0.0 <= amount <= total:
        file.refuse(
            f"value {row['value'] or 'missing'} of total {text}: a share is how many, from 0 to "
            "the total. Correct it."
        )
    return total


# Writing


def write_readings(
    path: Path,
    paper: Paper,
    pools: Mapping[str, Pool],
    observations: Mapping[str, Observable],
) -> None:
    """Write what claims read in pools, in the form of `read_readings`.

    Parameters
    ----------
    path : Path
    paper : Paper
    pools : mapping of str to Pool
        By condition; those that claims read are written.
    observations : mapping of str to Observable

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for key, asked in needed_readings(paper).items():
        if key in pools:
            known = observations[paper.conditions[key].observation].quantities
            table.writerows(_lines(key, pools[key], asked, known))
    write_whole(path, text.getvalue())


def _lines(
    key: str, pool: Pool, asked: Iterable[Need], known: Mapping[str, Quantity]
) -> Iterator[tuple[object, ...]]:
    for n, dish in enumerate(pool.dishes):
        replicate, view = n // pool.of_donor + 1, n % pool.of_donor + 1
        place = (key, replicate, view if pool.of_donor > 1 else "")
        for need in asked:
            quantity = known[need.quantity]
            values = values_of(dish, need.quantity, need.of, need.time).tolist()
            total: object = ""
            if quantity.sample is Sample.SHARE:
                values, total = values[:1], _field(values[1])
            time = "" if need.time is None else f"{_field(need.time)} s"
            for value in values or [math.nan]:
                yield (
                    *place, need.quantity, need.of, time, _field(value), total, quantity.unit,
                )  # fmt: skip


def _field(value: float) -> str:
    """A number with all its digits; empty where there is none."""
    if not math.isfinite(value):
        return ""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 2.0**53 else repr(value)
