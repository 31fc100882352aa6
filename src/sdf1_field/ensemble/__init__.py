"""Many dishes side by side on Dask, each stored when it is finished and never simulated again."""

from sdf1_field.ensemble.running import Ensemble, Failure, run_dishes

__all__ = ["Ensemble", "Failure", "run_dishes"]
