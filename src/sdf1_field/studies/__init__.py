"""Questions over many dishes: sweeps, ablation, power, choice of the next experiment."""
