"""Random numbers keyed by their purpose, not by the order in which they are drawn.

Scenes and cells draw from Philox4x32-10 (`sdf1_field.random.kernels`): one block of four words per
(seed, stream, entity, step). Numbers that belong to an entity, such as the migrasomes of a fibre,
take a key of that entity in place of the seed, so that they do not depend on how many another
entity has drawn. Numbers drawn in one sequence, such as a bootstrap's, come from NumPy's own
counter-based generator (`generator`), which needs no Numba.

References
----------
Salmon et al. (2011) Parallel random numbers: as easy as 1, 2, 3. SC'11, 10.1145/2063384.2063405.
"""

from sdf1_field.random.streams import Keys, Stream, generator, name_key

__all__ = ["Keys", "Stream", "generator", "name_key"]
