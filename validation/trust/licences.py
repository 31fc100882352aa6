"""The licences of everything in ``requirements.lock``, as a page of the documentation.

Names and licences are those of the installed packages' own metadata.

python validation/trust/licences.py     # writes docs/licences.md
"""

import contextlib
import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
PAGE = ROOT / "docs" / "licences.md"
STATED = {"fipy": "no copyright in the United States (NIST); free use and distribution elsewhere"}
"""Read in the packages' own licence files, where their metadata has none."""
ELSEWHERE = "not installed on the system where this page was made"
LONGEST = 60
"""Characters beyond which a field holds the licence's whole text instead of its name."""
HEAD = (
    "# Licences of what sdf1-field stands on\n\nsdf1-field itself is under the BSD 3-clause "
    "licence. It contains no code of these packages; they are installed beside it. The first table "
    "has what every installation needs, the second what its extras, documentation and tests add. "
    "Both follow from `requirements.lock` and the metadata of the packages (`make licences`).\n"
)


def locked() -> dict[str, list[str]]:
    """Versions of each package of the lock; one for some systems, another for others."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", LOCK.read_text(encoding="utf-8"), re.M):
        found.setdefault(name, []).append(version)
    return found


def licence(name: str) -> str:
    """Licence by a package's metadata, or as stated above."""
    if name in STATED:
        return STATED[name]
    try:
        metadata = distribution(name).metadata
    except PackageNotFoundError:
        return ELSEWHERE
    classifiers = metadata.get_all("Classifier", [])
    # The names are in English, with the word License in front or behind.
    named = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: ")]
    text = str(metadata.get("License") or "").strip()
    if expression := metadata.get("License-Expression"):
        return str(expression)
    return (
        text
        if 0 < len(text) <= LONGEST and "\n" not in text and "(c)" not in text
        else (", ".join(named))
    )


def needed(requirements: Iterable[str], known: set[str]) -> set[str]:
    """Packages that some requirements need without extras, and those that are known already."""
    for requirement in requirements:
        if "extra ==" in requirement:
            continue
        key = re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()
        if key not in known:
            known.add(key)
            with contextlib.suppress(PackageNotFoundError):
                needed(distribution(key).requires or (), known)
    return known


def table(names: list[str], versions: dict[str, list[str]]) -> Iterator[str]:
    """Lines of a table in Markdown."""
    yield "| package | version | licence |\n|---|---|---|\n"
    for name in names:
        yield f"| {name} | {', '.join(versions[name])} | {licence(name)} |\n"


def main() -> None:
    """Write the page."""
    versions = locked()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    always = needed(project["dependencies"], set()) & set(versions)
    with PAGE.open("w", encoding="utf-8") as page:
        page.write(HEAD)
        for title, names in (
            ("Every installation", sorted(always)),
            ("Extras, documentation, tests", sorted(set(versions) - always)),
        ):
            page.write(f"\n## {title}\n\n")
            page.writelines(table(names, versions))


if __name__ == "__main__":
    main()
