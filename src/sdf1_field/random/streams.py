"""Streams of random numbers and NumPy's generator for each."""

import zlib
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.int64]


class Stream(IntEnum):
    """Purpose of a random number; part of the generator's counter."""

    SCENE = 1
    VARIATION = 2
    DONOR = 3
    PLACEMENT = 4
    MOTION = 5
    ENCOUNTER = 6
    BOOTSTRAP = 7
    CARGO = 8
    DETACHED = 9
    LIFE = 10
    UPTAKE = 11
    MSC_WALK = 12
    MSC_EDGE = 13
    FIBRE = 14
    BREAKAGE = 15
    BRANCHING = 16
    NUCLEATION = 17
    MIGRASOME = 18
    STROMA = 19
    PLACE = 20
    VESICLES = 21
    READING = 22
    POOL = 23


def name_key(name: str) -> int:
    """Number of an entity that has a name, such as a ligand; the same in every model.

    Returns
    -------
    int
        Non-negative, below 2**32.
    """
    return zlib.crc32(name.encode())


def generator(seed: int, stream: Stream, entity: int = 0) -> np.random.Generator:
    """Sequential generator for one purpose, independent of those for other purposes.

    Parameters
    ----------
    seed : int
        The dish's seed, >= 0.
    stream : Stream
        Purpose of the numbers.
    entity : int
        Number of the entity, >= 0.
    """
    words = np.random.SeedSequence(seed, spawn_key=(int(stream), entity)).generate_state(4)
    key = words.astype(np.uint64)
    pairs = key[[0, 2]] << np.uint64(32) | key[[1, 3]]
    return np.random.Generator(np.random.Philox(key=pairs))
