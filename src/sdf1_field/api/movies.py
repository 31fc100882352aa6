"""Movies as files: by ffmpeg in the formats of players and browsers, by Pillow as GIF."""

import contextlib
import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sdf1_field import __version__
from sdf1_field.errors import (
    InputError,
    RunError,
    reason_of,
    refuse_existing,
    replaced_when_whole,
    require_place,
)

if TYPE_CHECKING:
    from sdf1_field.figures.movie import Pixels, Reel

_ENCODERS = {".mp4": "libx264", ".webm": "libvpx-vp9"}
"""Of ffmpeg, for each kind of file."""
_OPTIONS = {
    ".mp4": ("-preset", "medium", "-crf", "18", "-movflags", "+faststart", "-f", "mp4"),
    ".webm": ("-crf", "28", "-b:v", "0", "-row-mt", "1", "-f", "webm"),
}
# Without the names of its colours, players show a movie of this size a little greener.
_COLOURS = ("-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p")
_NAMED = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
_SUFFIXES = (*_ENCODERS, ".gif")
_FASTEST = 60
"""Pictures in a second, at most."""
_PALETTE = 256
"""Colours of a GIF."""
_PAPER = 250
"""Least red, green and blue of a colour that is paper."""
_FULL = "No space left on device"
"""What ffmpeg says of a full disk."""
_INSTALL = "Install ffmpeg or the extra 'movies', or write a .gif"

Progress = Callable[[int, int], None]
"""Called with the number of pictures done and their number."""


def require_movie(path: Path, frames_per_second: float, *, force: bool) -> None:
    """Raise InputError, before anything is drawn, if a movie cannot be made under a name."""
    require_place(path, "a movie, such as run.mp4")
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(
            f"{path}: not the name of a movie. Give one that ends in {', '.join(_SUFFIXES)}."
        )
    if not 0.0 < frames_per_second <= _FASTEST:
        raise InputError(
            f"--fps: {frames_per_second:g} is out of range. Give more than 0, up to {_FASTEST}."
        )
    refuse_existing(path, force=force)
    if suffix in _ENCODERS:
        _program(_ENCODERS[suffix])


def save_movie(
    reel: "Reel",
    path: Path,
    *,
    frames_per_second: float,
    title: str,
    progress: Progress | None = None,
) -> None:
    """Write a movie, whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    RunError
        If ffmpeg ended early.
    """
    suffix = path.suffix.lower()
    with replaced_when_whole(path) as partial:
        # What cannot be written is found before anything is drawn, and named by the system.
        partial.touch()
        pictures = _watched(reel, progress)
        if suffix == ".gif":
            _save_gif(pictures, partial, frames_per_second)
        else:
            _save_encoded(pictures, reel.size, path, partial, frames_per_second, title)


def _watched(reel: "Reel", progress: Progress | None) -> Iterator["Pixels"]:
    """Pictures, each reported when it has been taken."""
    for n, picture in enumerate(reel, start=1):
        yield picture
        if progress is not None:
            progress(n, len(reel))


def _save_gif(pictures: Iterator["Pixels"], path: Path, frames_per_second: float) -> None:
    """GIF whose pictures share the colours of the first, the middle and the last."""
    from PIL import Image

    images = [Image.fromarray(picture) for picture in pictures]
    some = [images[n] for n in (0, len(images) // 2, -1)]
    sample = Image.new("RGB", (some[0].width, len(some) * some[0].height))
    for n, image in enumerate(some):
        sample.paste(image, (0, n * image.height))
    palette = sample.quantize(_PALETTE, method=Image.Quantize.MEDIANCUT, kmeans=1)
    colours = palette.getpalette() or []
    # Paper is white, and not a mean of light colours.
    for n in range(0, len(colours), 3):
        if min(colours[n : n + 3]) >= _PAPER:
            colours[n : n + 3] = [255, 255, 255]
    palette.putpalette(colours)
    first, *others = (
        image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for image in images
    )
    first.save(
        path, format="GIF", save_all=True, append_images=others, loop=0,
        duration=round(1000.0 / frames_per_second), comment=f"sdf1-field {__version__}".encode(),
    )  # fmt: skip


def _save_encoded(
    pictures: Iterator["Pixels"],
    size: tuple[int, int],
    path: Path,
    partial: Path,
    frames_per_second: float,
    title: str,
) -> None:
    """Movie by ffmpeg, which reads pixels from a pipe."""
    suffix = path.suffix.lower()
    command = [
        _program(_ENCODERS[suffix]), "-y", "-loglevel", "error", "-f", "rawvideo",
        "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", f"{frames_per_second:g}",
        "-i", "-", "-an", *_COLOURS, "-c:v", _ENCODERS[suffix], *_NAMED,
        "-metadata", f"title={title}", "-metadata", f"comment=sdf1-field {__version__}",
        *_OPTIONS[suffix], str(partial.absolute()),
    ]  # fmt: skip
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        try:
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                for picture in pictures:
                    process.stdin.write(picture.tobytes())
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            status = process.wait()
        finally:
            process.kill()
            process.wait()
        words = _words(said)
        # On a full disk ffmpeg may say so and end as if all were well.
        if status != 0 or words:
            raise _ended(path, status, words)


def _words(said: IO[bytes]) -> str:
    """Errors that ffmpeg wrote."""
    said.seek(0)
    return said.read().decode(errors="replace").strip()


def _ended(path: Path, status: int, words: str) -> Exception:
    """Why ffmpeg ended before the movie was whole."""
    if _FULL in words:
        return InputError(f"{path}: {_FULL.lower()}. Choose another place.")
    if status < 0:
        return RunError(f"{path}: ffmpeg was stopped by signal {-status}. Try again.")
    first = words.splitlines()[0] if words else f"it ended with status {status}"
    return RunError(f"{path}: ffmpeg failed: {first.rstrip('.')}. {_INSTALL}.")


@functools.cache
def _program(encoder: str) -> str:
    """The system's ffmpeg, or else that of the package imageio-ffmpeg, if it has an encoder.

    Raises
    ------
    InputError
        If neither has it.
    """
    found = [program for program in (shutil.which("ffmpeg"), _packaged()) if program]
    for program in found:
        try:
            listed = subprocess.run(
                [program, "-hide_banner", "-encoders"], capture_output=True, check=True, text=True
            ).stdout
        except (OSError, subprocess.CalledProcessError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else "does not start"
            raise InputError(f"{program}: {reason}. {_INSTALL}.") from None
        if any(line.split()[1:2] == [encoder] for line in listed.splitlines()):
            return program
    if found:
        raise InputError(f"{found[0]}: has no encoder {encoder}. {_INSTALL}.")
    raise InputError(f"there is no ffmpeg, which writes .mp4 and .webm. {_INSTALL}.")


def _packaged() -> str | None:
    """The ffmpeg of imageio-ffmpeg; None if it is not installed."""
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ImportError:
        return None
    try:
        return str(get_ffmpeg_exe())
    except RuntimeError:
        return None
