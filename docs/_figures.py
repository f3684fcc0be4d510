"""Make the pictures of the documents from the bundled stack: python docs/_figures.py."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import focaldepth
from focaldepth.report.colour import depth_scale, sigma_scale
from focaldepth.report.figures import with_bar

IMAGES = Path(__file__).parent / "images"
WIDTH = 480

Picture = NDArray[np.uint8]


def write(name: str, picture: Picture) -> None:
    """Write an RGB picture as JPEG, WIDTH pixels wide."""
    height = round(WIDTH * picture.shape[0] / picture.shape[1])
    small = cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(IMAGES / f"{name}.jpg"), small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


def main() -> None:
    """Run the bundled stack with default settings and draw what comes out."""
    IMAGES.mkdir(exist_ok=True)
    with as_file(files("focaldepth") / "data" / "demo") as folder:
        stack = focaldepth.load_stack(folder, focus_unit="m")
        result = focaldepth.estimate(stack)
        half = stack.shape[1] // 2
        near, far = stack.source.read(0), stack.source.read(len(stack) - 1)
    write("frames", np.hstack([near[:, :half], far[:, half:]]))
    write("all_in_focus", result.all_in_focus)
    depth = depth_scale(result.map, result.axis)
    write("depth", with_bar(depth.paint(result.map.values, result.map.valid), depth, "depth"))
    sigma = sigma_scale(result.map)
    if sigma is not None and result.map.sigma is not None:
        write("sigma", with_bar(sigma.paint(result.map.sigma, result.map.valid), sigma, "sigma"))


if __name__ == "__main__":
    main()
