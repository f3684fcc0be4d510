"""R46: whatever happens to the bytes of a file, a reader gives a frame or a ReadError."""

from __future__ import annotations

import numpy as np
import pytest

from focaldepth.core.errors import ReadError
from focaldepth.io._reader import READERS

CASES = [
    ("jpeg", ".jpg", {}),
    ("jpeg", ".jpg", {"progressive": True, "exif": {271: "Maker", 274: 6, 0x920A: 50.0}}),
    ("png", ".png", {}),
    ("png", ".png", {"exif": {274: 6}}),
    ("webp", ".webp", {}),
    ("webp", ".webp", {"lossless": True, "exif": {274: 6}}),
    ("bmp", ".bmp", {}),
    ("tiff", ".tif", {"compression": "zlib"}),
    ("tiff", ".tif", {"tile": (16, 16), "exif": {271: "Maker", 274: 3}}),
    ("tiff", ".tif", {"compression": "lzw", "byteorder": ">"}),
]
ROUNDS = 60


@pytest.mark.parametrize("case", range(len(CASES)))
@pytest.mark.parametrize("kind", ["flip", "cut", "zero"])
def test_hostile_bytes(case, kind, tmp_path, scene, write) -> None:
    name, suffix, options = CASES[case]
    reader = READERS.get(name)
    path = write(tmp_path / f"a{suffix}", scene((24, 32, 3)), **options)
    data = path.read_bytes()
    rng = np.random.default_rng(case)
    for _ in range(ROUNDS):
        broken = bytearray(data)
        # Half of the damage goes into the first bytes, where the structure is.
        at = int(rng.integers(0, len(data) if rng.random() < 0.5 else min(400, len(data))))
        if kind == "flip":
            broken[at] ^= int(rng.integers(1, 256))
        elif kind == "cut":
            del broken[at:]
        else:
            broken[at : at + 8] = bytes(len(broken[at : at + 8]))
        path.write_bytes(broken)
        for call in (reader.facts, lambda p: reader.read(p, 10_000_000), lambda p: reader.preview(p, 4, 10_000_000)):
            result = outcome(call, path)
            if isinstance(result, np.ndarray):
                assert result.ndim == 3
            elif isinstance(result, ReadError):
                assert path.name in str(result)


def outcome(call, path):
    """The frame or the facts, or the only error that a reader may raise."""
    try:
        return call(path)
    except ReadError as error:
        return error
