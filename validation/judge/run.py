"""Three claims files judged by readings: this program's dishes of two papers, and another program.

python validation/judge/walkers.py validation/judge/walkers.csv
sdf1-field reproduce jiao2024 --dishes 12 -o jiao2024
sdf1-field reproduce deniz2023 --dishes 12 --claim D2 --claim D12 --claim D13 -o deniz2023
python validation/judge/run.py --jiao jiao2024 --deniz deniz2023        # writes table.md
"""

import argparse
import csv
import json
import sys
from pathlib import Path

from sdf1_field import judge

sys.path.append(str(Path(__file__).parents[1]))

from recording import markdown

HERE = Path(__file__).parent
HEADER = ["claim", "says", "effect (95 %)", "chance (95 %)", "agree", "verdict", "by reproduce"]


def rows(claims: str, readings: Path, reproduced: Path | None) -> tuple[list[list[str]], int]:
    """A row for each claim, and the number of rows of its readings."""
    kept = {} if reproduced is None else verdicts_of(reproduced)
    judged = judge(claims, readings, only=tuple(kept))
    found = []
    for claim in judged.values["claims"]:
        own = {key: claim[key] for key in ("verdict", "effect", "interval", "chance", "null")}
        before = kept.get(claim["id"])
        same = "-"
        if before is not None:
            same = "the same" if all(before[key] == own[key] for key in own) else "differs"
        found.append(
            [
                claim["id"], claim["paper"],
                text(claim["effect"], claim["interval"]),
                "-" if claim["chance"] is None
                else text(claim["chance"]["value"], claim["chance"]["interval"]),
                "yes" if claim["agrees"] else "no", claim["verdict"], same,
            ]
        )  # fmt: skip
    with readings.open(encoding="utf-8", newline="") as file:
        return found, sum(1 for _ in csv.reader(file)) - 1


def verdicts_of(path: Path) -> dict[str, dict[str, object]]:
    """Claims of a ``claims.json``."""
    return {one["id"]: one for one in json.loads(path.read_text(encoding="utf-8"))["claims"]}


def text(value: float | None, ends: list[float] | None) -> str:
    """A number and its interval."""
    if value is None:
        return "-"
    return f"{value:.3g}" + ("" if ends is None else f" ({ends[0]:.3g} to {ends[1]:.3g})")


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jiao", type=Path, required=True, help="folder of reproduce jiao2024")
    parser.add_argument("--deniz", type=Path, required=True, help="folder of reproduce deniz2023")
    asked = parser.parse_args()
    parts = ["# Three claims files judged by readings"]
    for title, claims, readings in (
        ("jiao2024, this program's dishes", "jiao2024", only(asked.jiao, "readings*.csv")),
        ("deniz2023, this program's dishes", "deniz2023", only(asked.deniz, "readings*.csv")),
        ("walkers, another program", str(HERE / "walkers.toml"), HERE / "walkers.csv"),
    ):
        ours = claims.endswith(".toml")
        reproduced = None if ours else only(readings.parent, "claims*.json")
        found, number = rows(claims, readings, reproduced)
        parts.append(f"## {title}\n\n{number} readings.\n\n{markdown(HEADER, found)}")
    (HERE / "table.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def only(folder: Path, pattern: str) -> Path:
    """The one file of a folder that a pattern fits."""
    (found,) = folder.glob(pattern)
    return found


if __name__ == "__main__":
    main()
