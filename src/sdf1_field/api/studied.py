"""What a study has found: its table, its picture, its folder."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


Found = TypeVar("Found")


class Studied(Generic[Found]):
    """A finished study.

    Parameters
    ----------
    found : object
        All that was found; its class says what.
    folder : pathlib.Path
        Where its results are.
    title : str
        For a picture that is written.
    records : callable
        Gives the rows of `table`, as mappings.
    figure : callable
        Draws the picture.
    """

    def __init__(
        self,
        found: Found,
        folder: Path,
        title: str,
        records: Callable[[], Sequence[Mapping[str, Any]]],
        figure: "Callable[[], Figure]",
    ) -> None:
        self.found = found
        self.folder = folder
        self._title, self._records, self._figure = title, records, figure

    @property
    def table(self) -> "pd.DataFrame":
        """The study's CSV file as a data frame."""
        import pandas as pd

        return pd.DataFrame(self._records())

    def plot(self, path: str | Path | None = None, *, force: bool = False) -> "Figure":
        """The study's picture; written to a path if one is given.

        Raises
        ------
        InputError
            If the picture exists or cannot be written.
        """
        from sdf1_field.api.pictures import require_picture, save_picture

        if path is not None:
            require_picture(Path(path), force=force)
        figure = self._figure()
        if path is not None:
            save_picture(figure, Path(path), title=self._title)
        return figure

    def __repr__(self) -> str:
        return f"Studied({self._title!r}, {str(self.folder)!r})"
