"""Camera RAW through one fixed, linear, unbrightened development."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from focaldepth.core.errors import MissingExtraError, ReadError
from focaldepth.core.stack import Frame, Transfer, reduce_frame
from focaldepth.io._exif import read_exif
from focaldepth.io._picture import UINT16, check_pixels, guarded, orient
from focaldepth.io._reader import MAX_PIXELS, PictureFacts, PictureFile
from focaldepth.io._tags import collect_exif

_ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}


@dataclass(frozen=True)
class RawReader:
    """Reads RAW as 16-bit linear RGB in sRGB primaries.

    Attributes:
        white_balance: multipliers of red, green, blue, second green for every frame; None = the camera's of each file.
            `like` takes them from the reference frame, so the gain is equal over a stack.
    """

    title: str = "camera RAW"
    suffixes: tuple[str, ...] = (
        ".dng", ".nef", ".nrw", ".cr2", ".cr3", ".crw", ".arw", ".srf", ".sr2", ".orf", ".raf", ".rw2", ".pef",
        ".srw", ".3fr", ".iiq", ".erf", ".mrw", ".x3f",
    )  # fmt: skip
    extra: str = "raw"
    white_balance: tuple[float, float, float, float] | None = None

    def facts(self, path: PictureFile) -> PictureFacts:
        """Read the header only; libraw cannot tell a complete file from a cut one before it unpacks it."""
        with guarded(path, self.title), path.open("rb") as stream:
            block = collect_exif(stream, strict=False)
        with _opened(path) as raw:
            h, w, orientation = raw.sizes.height, raw.sizes.width, _ORIENTATIONS.get(raw.sizes.flip, 1)
        exif = read_exif(block, w, path.name)
        return PictureFacts(
            shape=(w, h, 3) if orientation >= 5 else (h, w, 3),
            dtype=UINT16,
            white=65535.0,
            transfer=Transfer.LINEAR,
            exif=exif.block,
            optics=exif.optics,
            focus=exif.focus,
            maker_note=True,
        )

    def read(self, path: PictureFile, max_pixels: int = MAX_PIXELS) -> Frame:
        """Return (H, W, 3) uint16, linear, upright."""
        return self._develop(path, max_pixels, half=False)

    def preview(self, path: PictureFile, factor: int, max_pixels: int = MAX_PIXELS) -> Frame:
        """Return the frame reduced; even factors skip the demosaicing."""
        half = factor % 2 == 0
        return reduce_frame(self._develop(path, max_pixels, half), factor // 2 if half else factor)

    def like(self, reference: PictureFile) -> RawReader:
        """Return the reader that develops every frame with the white balance of `reference`."""
        with _opened(reference) as raw:
            return replace(self, white_balance=_white_balance(raw))

    def _develop(self, path: PictureFile, max_pixels: int, half: bool) -> Frame:
        with _opened(path) as raw:
            h, w = raw.sizes.height, raw.sizes.width
            # Read before the development, which forgets it.
            orientation = _ORIENTATIONS.get(raw.sizes.flip, 1)
            check_pixels(w, h, max_pixels, path)
            frame = raw.postprocess(
                gamma=(1, 1),
                no_auto_bright=True,
                output_bps=16,
                user_wb=list(self.white_balance or _white_balance(raw)),
                # Libraw otherwise takes the brightest pixel of each frame for white: another gain in every frame.
                adjust_maximum_thr=0.0,
                user_flip=0,
                half_size=half,
            )
        expected = (-(-h // 2), -(-w // 2)) if half else (h, w)
        if half and frame.shape[:2] != expected:
            return reduce_frame(self._develop(path, max_pixels, half=False), 2)
        if frame.shape != (*expected, 3):
            raise ReadError(f"develops to {frame.shape}, expected {(*expected, 3)}.", where=path)
        return orient(frame, orientation)


def _white_balance(raw: Any) -> tuple[float, float, float, float]:
    """Return the camera's multipliers, else those of daylight, else 1; the second green follows the first."""
    for values in (raw.camera_whitebalance, raw.daylight_whitebalance):
        r, g, b, g2 = (float(v) for v in values)
        if all(isfinite(v) and v > 0 for v in (r, g, b)):
            return (r, g, b, g2 if isfinite(g2) and g2 > 0 else g)
    return (1.0, 1.0, 1.0, 1.0)


@contextmanager
def _opened(path: PictureFile) -> Iterator[Any]:
    try:
        import rawpy
    except ImportError as error:
        raise MissingExtraError("reading camera RAW", "raw", where=path) from error
    with guarded(path, "camera RAW"), path.open("rb") as stream, rawpy.imread(stream) as raw:
        yield raw


READER = RawReader()
