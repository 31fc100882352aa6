"""What the page says of a run in text: curves, parameters, warnings, mass audit, provenance."""

from pathlib import Path
from typing import Any

import xarray as xr


def run_facts(run: xr.Dataset, path: Path | None) -> dict[str, Any]:  # noqa: ARG001
    """Facts of a run, each of plain values, for the page's tabs."""
    return {}
