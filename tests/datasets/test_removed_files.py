"""Whatever is missing of a data set, the check names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from focaldepth.core.errors import FocalDepthError
from focaldepth.datasets._dataset import dataset

MISSING = {
    "arkitscenes": ("Validation/41069021/wide/41069021_300.111.png",
                    "Validation/41069021/highres_depth/41069021_300.111.png"),
    "ddfs-nikon": ("nikon_focal_stack/desk/DSC_0002.jpg", "nikon_focal_stack/desk/DSC_0002.jpg.txt"),
    "fod500": ("fs_6/000003_02All.tif", "fs_6/000003Dpt.exr"),
    "fod500-dered": ("000001_04All.png", "000001Aif.png", "000001Dpt.npy"),
    "infinigen-defocus": ("0a1/image_ap_1.40_fd_2.40.png", "0a1/image_all_in_focus.png", "0a1/depth.npy"),
    "mdff": ("mDFF-dataset_cropped_clipped.h5",),
    "mobile-depth": ("Aligned/Figure1/keyboard/a01.jpg", "calibration/metal/calibrated.txt"),
    "nyuv2": ("nyu_depth_v2_labeled.mat", "splits.mat"),
    "smartphone": ("test/scaled_images/scene_b/16/result_scaled_image_center.jpg",
                   "test/merged_depth/scene_b/result_merged_depth_center.png",
                   "test/merged_conf/scene_b/result_merged_conf_center.exr"),
    "zedd": ("metadata.txt", "val/val_0001/gt/depth.npy",
             "val/val_0001/focus_stack/img_run_3_motor_3B39_aperture_F2.8.jpg",
             "test/test_0001/focus_stack/img_run_5_motor_2371_aperture_F16.0.jpg"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "lost"), [(name, file) for name, files in MISSING.items() for file in files])
def test_a_removed_file_is_named(tmp_path: Path, name: str, lost: str) -> None:
    made = dataset(name)
    made.fake(tmp_path)
    (tmp_path / lost).unlink()
    try:
        found = made.check(tmp_path)
        told = " ".join((*found.problems, *found.notes))
    except FocalDepthError as error:
        told = str(error)
    assert Path(lost).name in told
