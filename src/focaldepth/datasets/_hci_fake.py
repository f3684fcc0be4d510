"""Folders of the 4D Light Field benchmark in miniature."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from focaldepth.io._hci import PARAMETERS, TRUTH
from focaldepth.io.picture import write_picture

_SIDE, _VIEWS = 16, 9
SCENES = {"additional": "tower", "stratified": "dots", "training": "boxes", "test": "bedroom"}
_CFG = f"""[intrinsics]
image_resolution_x_px = {_SIDE}
image_resolution_y_px = {_SIDE}
focal_length_mm = 100.0
sensor_size_mm = 35.0
fstop = 100.0

[extrinsics]
num_cams_x = {_VIEWS}
num_cams_y = {_VIEWS}
baseline_mm = 50.0
focus_distance_m = 8.0
center_cam_x_m = 0.0
center_cam_y_m = 0.0
center_cam_z_m = 0.0
center_cam_rx_rad = 0.0
center_cam_ry_rad = 0.0
center_cam_rz_rad = 0.0

[meta]
scene = {{scene}}
category = {{category}}
date = 01.01.2016
version = 1.0
authors = nobody
contact = nobody
disp_min = -1.0
disp_max = 1.0
frustum_disp_min = -1.2
frustum_disp_max = 1.2
depth_map_scale = 10.0
"""


def fake_folders(root: Path, categories: Sequence[str], rng: np.random.Generator) -> None:
    """Write one scene per category: a plane of disparity 1; its truth runs from the bottom row, the test has none."""
    for category in categories:
        scene = SCENES[category]
        folder = root / category / scene
        folder.mkdir(parents=True)
        texture = rng.integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
        for i in range(_VIEWS**2):
            u, v = divmod(i, _VIEWS)
            moved = np.roll(texture, (_VIEWS // 2 - u, _VIEWS // 2 - v), (0, 1))
            write_picture(folder / f"input_Cam{i:03d}.png", moved)
        (folder / PARAMETERS).write_text(_CFG.format(scene=scene, category=category), encoding="utf-8")
        if category != "test":
            truth = np.ones((_SIDE, _SIDE), "<f4")
            truth[0] = -1.5
            with (folder / TRUTH).open("wb") as file:
                file.write(f"Pf\n{_SIDE} {_SIDE}\n-1.0\n".encode("ascii"))
                file.write(truth[::-1].tobytes())
