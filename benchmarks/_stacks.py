"""Large JPEG stacks made by mirror-tiling a real one, so that detail and decoding stay real."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
from _record import DATA

SOURCE = "stacks/botan_heatsink"
QUALITY = 91
SIZES = {2: (1152, 1728), 6: (2000, 3000), 24: (4000, 6000), 60: (6336, 9504)}


def mirrored(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Repeat a picture, every second copy mirrored, without seams."""
    wide = np.concatenate([picture, picture[:, ::-1]], 1)
    tile = np.concatenate([wide, wide[::-1]], 0)
    rows, cols = -(-height // tile.shape[0]), -(-width // tile.shape[1])
    return np.ascontiguousarray(np.tile(tile, (rows, cols, 1))[:height, :width])


def make(folder: Path, megapixels: int, frames: int) -> Path:
    """Write a stack of `frames` files spread over the real one; repeated frames are hard links."""
    height, width = SIZES[megapixels]
    files = sorted((DATA / SOURCE).glob("frame_*.jpg"))
    target = folder / f"mp{megapixels}_n{frames}"
    target.mkdir(parents=True)
    made: dict[Path, Path] = {}
    for i in range(frames):
        file = files[round(i * (len(files) - 1) / (frames - 1))]
        out = target / f"frame_{i:03d}.jpg"
        if file in made:
            os.link(made[file], out)
        else:
            cv2.imwrite(str(out), mirrored(cv2.imread(str(file)), height, width), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
            made[file] = out
    return target
