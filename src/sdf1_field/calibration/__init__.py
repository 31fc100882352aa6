"""Inference of a model's parameters from the claims of a paper.

`papers` judges claims by virtual papers that are drawn from emulated fold changes.
"""
