"""Arrays of a page: each a binary block and what the scripts need to read it."""

import math
from typing import Any

from sdf1_field.view.codec import Codes, Scale, encoded

_ELEMENT = 80
"""Length of the element around a block, at most [bytes]."""


class Blocks:
    """Binary blocks of a page, named in the order in which they are added.

    Parameters
    ----------
    kind : str
        Begin of the names.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.blocks: dict[str, bytes] = {}

    def add(self, codes: Codes, scale: Scale | None = None) -> dict[str, Any]:
        """Add an array, shape (frame, ...); returns what ``page/codec.js`` reads it by."""
        name = f"{self.kind}{len(self.blocks)}"
        self.blocks[name] = encoded(codes)
        told: dict[str, Any] = {
            "block": name, "shape": list(codes.shape), "bits": 8 * codes.dtype.itemsize,
        }  # fmt: skip
        if scale is not None:
            told["scale"] = scale.described()
        return told

    @property
    def size(self) -> int:
        """Of all blocks in a page [bytes]."""
        return sum(4 * math.ceil(len(block) / 3) + _ELEMENT for block in self.blocks.values())
