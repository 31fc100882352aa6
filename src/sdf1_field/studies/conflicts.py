"""Values on which the literature disagrees, as data that ships with the claims of papers."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdf1_field.shipped import shipped_folder
from sdf1_field.simulation.replayable import may_differ

_FILE = "conflicts.toml"
_DONE_TO_FIELDS = "treatments."
"""Beginning of keys that cells may have otherwise, and that change the field here."""


@dataclass(frozen=True)
class Choice:
    """One of the values that the literature gives.

    Parameters
    ----------
    name : str
        Of the conflict.
    label : str
        The value, for people.
    settings : mapping of str to str or float
        Values by key.
    source : str
    read : str
        Whether the source was ``found`` and read, is ``recalled``, or the value is ``derived``.
    """

    name: str
    label: str
    settings: Mapping[str, str | float]
    source: str
    read: str

    @property
    def recorded_anew(self) -> bool:
        """Whether stroma or field depend on it, so that dishes must be recorded with it."""
        return any(not may_differ(key) or key.startswith(_DONE_TO_FIELDS) for key in self.settings)

    @property
    def words(self) -> str:
        """Name and value."""
        return f"{self.name}: {self.label}"


@dataclass(frozen=True)
class Conflicts:
    """Choices, and the claims that are asked again with each of them.

    Parameters
    ----------
    claims : tuple of str
        Ids.
    choices : tuple of Choice
    """

    claims: tuple[str, ...]
    choices: tuple[Choice, ...]


def conflicts_of(paper: str) -> Conflicts:
    """Conflicts about a paper's experiments; none where the file has none."""
    file = shipped_folder("validation") / _FILE
    table: Mapping[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    own = table.get(paper, {"claims": [], "conflict": []})
    return Conflicts(
        tuple(own["claims"]),
        tuple(
            Choice(one["name"], choice["label"], choice["settings"], choice["source"],
                   choice["read"])
            for one in own["conflict"]
            for choice in one["choice"]
        ),
    )  # fmt: skip
