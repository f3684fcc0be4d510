"""Light fields in their formats on disk, made of one plane of known disparity."""

from pathlib import Path

import numpy as np
import pytest

PARAMETERS = """[intrinsics]
image_resolution_x_px = 24
image_resolution_y_px = 20
focal_length_mm = 100
sensor_size_mm = 35
fstop = 100

[extrinsics]
num_cams_x = 3
num_cams_y = 3
baseline_mm = 50
focus_distance_m = 5

[meta]
scene = fake
disp_min = -2
disp_max = 1
"""


def plane(disparity: int, grid: tuple[int, int] = (3, 3), size: tuple[int, int] = (20, 24)) -> np.ndarray:
    """Views (U, V, H, W, 3) uint8 of a textured plane of whole disparity."""
    texture = np.random.default_rng(0).integers(20, 230, (*size, 3)).astype(np.uint8)
    return np.array(
        [
            [
                np.roll(texture, (-(u - grid[0] // 2) * disparity, -(v - grid[1] // 2) * disparity), (0, 1))
                for v in range(grid[1])
            ]
            for u in range(grid[0])
        ]
    )


def write_pfm(path: Path, values: np.ndarray) -> None:
    with path.open("wb") as file:
        file.write(f"Pf\n{values.shape[1]} {values.shape[0]}\n-1.0\n".encode())
        file.write(values[::-1].astype("<f4").tobytes())


@pytest.fixture
def hci(tmp_path: Path) -> Path:
    from PIL import Image

    folder = tmp_path / "fake"
    folder.mkdir()
    views = plane(1)
    for i in range(9):
        Image.fromarray(views[i // 3, i % 3]).save(folder / f"input_Cam{i:03d}.png")
    (folder / "parameters.cfg").write_text(PARAMETERS)
    write_pfm(folder / "gt_disp_lowres.pfm", np.full((20, 24), 1.0))
    return folder


@pytest.fixture
def ddff(tmp_path: Path) -> Path:
    from scipy.io import savemat

    folder = tmp_path / "LightField" / "train" / "kitchen"
    folder.mkdir(parents=True)
    np.save(folder / "LF_0001.npy", plane(1, (9, 9)))
    lens = [-2.768, 1982.0250823695178, 7299.67268637, 7317.020641763665, 3991.6, 2629.55, 0.388, -0.0369]
    savemat(tmp_path / "IntParamLF.mat", {"IntParamLF": np.array([lens])})
    views = np.array([[521.4051918837257, 0, 285.1], [0, 521.4051918837257, 187.8], [0, 0, 1]])
    savemat(tmp_path / "IntParamLF_SubAperture.mat", {"SubIntParam": views, "SubImageSize": [[552, 383]]})
    return folder / "LF_0001.npy"
