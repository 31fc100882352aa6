"""Ensembles of dishes, simulated in parallel on Dask; each finished dish is stored."""

from sdf1_field.ensemble.running import Failure, run_dishes

__all__ = ["Failure", "run_dishes"]
