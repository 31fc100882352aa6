"""Which parameters explain a paper, which of its results the others predict, and which law does.

Cells are replayed at many points of the parameters' intervals, the logarithms of their fold changes
are emulated between these points, and virtual papers are drawn from the emulated fold changes.
"""
