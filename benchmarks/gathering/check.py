"""Compare any program's results with the limits of the case; needs NumPy and SciPy alone.

python benchmarks/gathering/check.py results.csv

A row of results is ``quantity,key,value,n``:

    field,PROBE,nM,                 mean concentration over the sensed layer at a probe
    walk,SECONDS,um**2,N            mean squared displacement of N free cells
    encounter,SECONDS,SHARE,N       share of N cells that sources have held
    gathering,SOURCE,SHARE,N        steady share of N independent cells over a source; 0: over any

A part that is missing, such as all walks of a program without cells, is "not given": the rest is
judged without it. Of a part that is given all rows are needed.

Exit status: 0 if all that is given agrees, 1 if a value does not, 2 if the file is wrong.
"""

import csv
import math
import sys
from pathlib import Path

import limits

COLUMNS = ["quantity", "key", "value", "n"]


class WrongFile(Exception):
    """Results that cannot be compared: where, what, remedy."""


def expected():
    """Limits by quantity and key."""
    encounter = limits.json.loads((limits.HERE / "limits.json").read_text(encoding="utf-8"))
    return {
        "field": limits.field_limits(),
        "walk": limits.walk_limits(),
        "encounter": {float(t): share for t, share in encounter["encounter"].items()},
        "gathering": limits.gathering_limits(),
    }


def read(path, known):
    """Value and number of cells by quantity and key; WrongFile if the file is not as it should."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WrongFile(f"{path}: {error}") from None
    if not lines or [name.strip() for name in lines[0]] != COLUMNS:
        raise WrongFile(f"{path}: the header must be {','.join(COLUMNS)}.")
    found = {}
    for number, line in enumerate(lines[1:], 2):
        where = f"{path}: line {number}"
        if not any(cell.strip() for cell in line):
            continue
        if len(line) != len(COLUMNS):
            raise WrongFile(f"{where}: {len(line)} fields; there must be {len(COLUMNS)}.")
        quantity, key, value, n = (cell.strip() for cell in line)
        if quantity not in known:
            raise WrongFile(f"{where}: unknown quantity '{quantity}'. Known: {', '.join(known)}.")
        try:
            place, number_of = (quantity, float(key)), float(value)
            cells = float(n) if n else math.nan
        except ValueError:
            raise WrongFile(f"{where}: key, value and n must be numbers.") from None
        if place[1] not in known[quantity]:
            keys = ", ".join(f"{one:g}" for one in known[quantity])
            raise WrongFile(f"{where}: {quantity} has no {key}. Known: {keys}.")
        if place in found:
            raise WrongFile(f"{where}: {quantity} {key} is there twice.")
        if not math.isfinite(number_of):
            raise WrongFile(f"{where}: the value is not finite.")
        least = limits.CASE.get(quantity, {}).get("least_n")
        if least is not None and not cells >= least:
            raise WrongFile(
                f"{where}: {quantity} needs n, the number of cells, of {least} or more."
            )
        found[place] = number_of, cells
    if not found:
        raise WrongFile(f"{path}: no results below the header. Add a row for each value.")
    for quantity in {quantity for quantity, _ in found}:
        for key in known[quantity]:
            if (quantity, float(key)) not in found:
                raise WrongFile(f"{path}: no {quantity} {key:g}. Add the row.")
    return found


def chance_error(quantity, limit, n):
    """Standard error of a mean over n cells that follow the limit."""
    if quantity == "field":
        return 0.0
    if quantity == "walk":
        # The most that it can be: squared displacements of a diffusing cell are exponential.
        return limit / math.sqrt(n)
    return math.sqrt(limit * (1.0 - limit) / n)


def compare(path):
    """Rows of quantity, key, value, limit, allowed difference, and whether it is kept.

    Parts that are not given have no rows.
    """
    known = expected()
    found = read(path, known)
    tolerances = limits.CASE["tolerances"]
    compared = []
    for quantity, keys in known.items():
        for key, limit in keys.items():
            if (quantity, float(key)) not in found:
                continue
            value, n = found[quantity, float(key)]
            allowed = tolerances[quantity] * limit
            allowed += tolerances["standard_errors"] * chance_error(quantity, limit, n)
            compared.append((quantity, key, value, limit, allowed, abs(value - limit) <= allowed))
    return compared


def main():
    """Print the comparison; exit as the first lines say."""
    if len(sys.argv) != 2:
        print("usage: python check.py results.csv", file=sys.stderr)
        return 2
    try:
        compared = compare(sys.argv[1])
    except WrongFile as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{'quantity':<10} {'key':>6} {'value':>11} {'limit':>11} {'off':>8} {'allowed':>8}")
    for quantity, key, value, limit, allowed, kept in compared:
        off, may = 100.0 * (value / limit - 1.0), 100.0 * allowed / limit
        print(
            f"{quantity:<10} {key:>6g} {value:>11.5g} {limit:>11.5g} {off:>+7.1f}% {may:>7.1f}%  "
            f"{'pass' if kept else 'FAIL'}"
        )
    given = {row[0] for row in compared}
    for quantity in expected():
        if quantity not in given:
            print(f"{quantity:<10} not given")
    failed = sum(not row[-1] for row in compared)
    print(f"{len(compared) - failed} of {len(compared)} pass")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
