"""Bytes damaged at random: the same for the same seed."""

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

COMMON = (
    b"\0", b"\x1b[31m", b"\x1b]0;title\x07", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc2\x9b", b"nan",
    b"inf", b"-1", b"1e999", b"1e-320", b"0", b"9" * 5000, b"-0.0", b"\r", b"\n", b"\t", b"'", b'"',
    b"x" * 100_000, b"[" * 5000, b"{" * 300, b"\xe2\x80\xae", b"18446744073709551616",
)  # fmt: skip
"""Texts that readers stumble over."""
_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF)


def mutated(seed: bytes, rng: random.Random, words: Sequence[bytes] = ()) -> bytes:
    """Some bytes after one to five random changes.

    Parameters
    ----------
    seed : bytes
    rng : random.Random
    words : sequence of bytes
        Texts of the format, put in besides `COMMON`.
    """
    made = bytearray(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        at = rng.randrange(len(made) + 1)
        many = min(int(2 ** rng.uniform(0, 10)), len(made) - at)
        match rng.randrange(10):
            case 0 if at < len(made):
                made[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(made):
                made[at] = rng.choice(_NUMBERS)
            case 2:
                made[at : at + many] = bytes(many)
            case 3 if rng.random() < 0.3:
                del made[at:]
            case 4:
                made[at:at] = rng.randbytes(rng.randrange(1, 40))
            case 5:
                del made[at : at + many]
            case 6:
                made[at:at] = made[at : at + many]
            case 7:
                other = rng.randrange(len(made) + 1)
                made[other : other + many] = made[at : at + many]
            case _:
                word = rng.choice((*words, *words, *COMMON) if words else COMMON)
                made[at : at + (len(word) if rng.random() < 0.5 else 0)] = word
    return bytes(made)


def place_mutated(
    seed: Path, target: Path, rng: random.Random, words: Sequence[bytes] = ()
) -> None:
    """Write a damaged copy of a file, or of a folder in which one file is damaged or missing."""
    if not seed.is_dir():
        target.write_bytes(mutated(seed.read_bytes(), rng, words))
        return
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(seed, target)
    file = rng.choice(sorted(path for path in target.rglob("*") if path.is_file()))
    if rng.random() < 0.05:
        file.unlink()
    else:
        file.write_bytes(mutated(file.read_bytes(), rng, words))
