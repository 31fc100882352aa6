"""The tables of `sdf1-field analyse` in plain text: a printer each, by subject.

`cells`, `networks`, `cargo` and `fields` hold the printers, `text` their form.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sdf1_field.cli.tables import cargo, cells, fields, networks
from sdf1_field.cli.tables.text import Shown, print_rows, print_table

__all__ = ["Shown", "print_table", "show_table"]

_PRINTERS: Mapping[str, Callable[[Any, Shown], None]] = {
    "fold-change": cells.print_fold_changes,
    "course": cells.print_course,
    "distance": cells.print_distances,
    "dwell": cells.print_dwell,
    "approach": cells.print_approach,
    "motion": cells.print_motion,
    "network": networks.print_networks,
    "cargo": cargo.print_cargo,
    "field": fields.print_fields,
}
"""Printers by the names of `api.tables`; a table without one is printed by `print_rows`."""


def show_table(name: str, table: Any, shown: Shown) -> None:
    """Print a table of `api.tables`."""
    _PRINTERS.get(name, print_rows)(table, shown)
