"""``focaldepth simulate`` and ``focaldepth scenes``: from the command line to folders that estimate reads."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from focaldepth.core.axis import Unit
from focaldepth.io.load import load_sample
from focaldepth.io.rgbd import load_rgbd
from focaldepth.io.transforms import read_transforms


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    folder = tmp_path / "scene"
    folder.mkdir()
    picture = np.random.default_rng(0).integers(0, 255, (40, 56, 3)).astype(np.uint8)
    cv2.imwrite(str(folder / "rgb.png"), cv2.GaussianBlur(picture, (0, 0), 1))
    depth = np.tile(np.linspace(700, 2500, 56), (40, 1)).astype(np.uint16)
    depth[0, 0] = 0
    cv2.imwrite(str(folder / "depth.png"), depth)
    return folder


def test_a_picture_with_depth_becomes_a_stack_with_its_truth(cli, scene: Path, tmp_path: Path) -> None:
    done = cli("simulate", scene, "-o", tmp_path / "S", "--focus", "0.7:2.5:4", "--json")
    assert done.code == 0, done.err
    sample = load_sample(tmp_path / "S")
    assert sample.stack.axis.unit is Unit.METRE
    assert np.allclose(sample.stack.axis.values, np.linspace(0.7, 2.5, 4))
    assert np.isnan(sample.truth.values[0, 0])
    assert np.isclose(sample.truth.values[5, 55], 2.5)
    assert sample.reference is None
    assert sample.stack.optics.focal_length_m == 0.05
    facts = json.loads((tmp_path / "S" / "stack.json").read_text())
    assert facts["optics"]["f_number"] == 2.8


def test_faults_of_a_phone_come_with_their_transforms(cli, scene: Path, tmp_path: Path) -> None:
    done = cli("simulate", scene, "-o", tmp_path / "S", "--camera", "pixel-6", "--faults", "shake,flicker,noise,jpeg")
    assert done.code == 0, done.err
    sample = load_sample(tmp_path / "S")
    true = read_transforms(tmp_path / "S" / "transforms.json", frames=10, size=(40, 56))
    assert sample.reference == true.reference == 5
    assert np.array_equal(true.matrices[5], np.eye(3))
    assert np.abs(true.matrices[0] - np.eye(3)).max() > 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--faults", "shakes"), "unknown fault 'shakes'. Did you mean shake"),
        (("--focus", "0.01,1"), "is not beyond the focal length 50 mm"),
        (("--depth", "nothing.npy"), "nothing.npy"),
        (("--focus", "near"), "neither a list of numbers nor a file"),
    ],
)
def test_wrong_input_is_one_clear_line(cli, scene: Path, tmp_path: Path, options, message: str) -> None:
    source = scene / "rgb.png" if "--depth" in options else scene
    done = cli("simulate", source, "-o", tmp_path / "S", *options)
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "S").exists()


def test_a_folder_without_depth_says_what_it_holds(cli, scene: Path, tmp_path: Path) -> None:
    (scene / "depth.png").unlink()
    done = cli("simulate", scene, "-o", tmp_path / "S")
    assert done.code == 2
    assert "holds 1 pictures and 0 depth maps" in done.err


def test_nyuv2_is_read_as_matlab_wrote_it(tmp_path: Path) -> None:
    import h5py

    images = np.random.default_rng(0).integers(0, 255, (2, 3, 12, 9)).astype(np.uint8)
    with h5py.File(tmp_path / "nyu.mat", "w") as file:
        file["images"] = images
        file["depths"] = np.full((2, 12, 9), 3.0, np.float32)
    held = load_rgbd(tmp_path / "nyu.mat", index=1)
    assert held.picture.shape == (9, 12, 3)
    assert np.allclose(held.picture[2, 5] * 255, images[1, :, 5, 2])
    with pytest.raises(OSError, match="has no scene 2"):
        load_rgbd(tmp_path / "nyu.mat", index=2)
    with h5py.File(tmp_path / "other.mat", "w") as file:
        file["pictures"] = images
    with pytest.raises(OSError, match=r"has no images and no depths. It holds: pictures \(2, 3, 12, 9\) uint8"):
        load_rgbd(tmp_path / "other.mat")
    (tmp_path / "cut.mat").write_bytes((tmp_path / "nyu.mat").read_bytes()[:700])
    with pytest.raises(OSError, match=r"cut\.mat: NYUv2 cannot be read"):
        load_rgbd(tmp_path / "cut.mat")


def test_a_middlebury_scene_has_its_depth_from_its_calibration(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "im0.png"), np.full((3, 4, 3), 90, np.uint8))
    disparity = np.full((3, 4), 40.0, "<f4")
    disparity[-1, 0] = np.inf
    (tmp_path / "disp0.pfm").write_bytes(b"Pf\n4 3\n-1\n" + disparity.tobytes())
    (tmp_path / "calib.txt").write_text("cam0=[1000 0 2; 0 1000 1; 0 0 1]\ndoffs=10\nbaseline=200\n")
    held = load_rgbd(tmp_path)
    assert np.isclose(held.depth_m[1, 1], 200 * 1000 / 50 / 1000)
    assert np.isnan(held.depth_m[0, 0])  # rows of a PFM run from the bottom
    (tmp_path / "calib.txt").write_text("nothing")
    with pytest.raises(OSError, match="calibration cannot be read"):
        load_rgbd(tmp_path)


@pytest.mark.parametrize("suffix", ["npy", "exr", "tiff"])
def test_depth_in_floats_is_metres(tmp_path: Path, suffix: str) -> None:
    import tifffile

    cv2.imwrite(str(tmp_path / "a.png"), np.full((3, 4, 3), 90, np.uint8))
    depth = np.full((3, 4), 1.25, np.float32)
    path = tmp_path / f"a_depth.{suffix}"
    if suffix == "npy":
        np.save(path, depth)
    elif suffix == "tiff":
        tifffile.imwrite(path, depth)
    else:
        import OpenEXR

        with OpenEXR.File({"type": OpenEXR.scanlineimage}, {"Z": depth}) as file:
            file.write(str(path))
    assert (load_rgbd(tmp_path).depth_m == 1.25).all()
    assert (load_rgbd(tmp_path / "a.png", path, depth_scale_m=2.0).depth_m == 2.5).all()


def test_depth_of_another_size_is_refused(scene: Path) -> None:
    cv2.imwrite(str(scene / "depth.png"), np.ones((5, 6), np.uint16))
    with pytest.raises(ValueError, match="the depth is 6 x 5 px, the picture 56 x 40 px"):
        load_rgbd(scene)
    cv2.imwrite(str(scene / "depth.png"), np.ones((40, 56), np.uint8))
    with pytest.raises(OSError, match="has 8 bits, too few for depth"):
        load_rgbd(scene)


def test_scenes_and_their_contact_sheet(cli, tmp_path: Path) -> None:
    options = ("--height", "48", "--width", "64", "--frames", "2", "--samples", "4", "--threads", "1")
    done = cli("scenes", "-n", "2", "-o", tmp_path / "D", *options, "--preview", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["shards"] == ["scenes_000000"]
    assert cv2.imread(str(tmp_path / "D" / "preview.png")).shape[2] == 3
    (tmp_path / "file").write_text("x")
    assert cli("scenes", "-n", "1", "-o", tmp_path / "file", *options).code == 2


def test_a_folder_of_pictures_beside_a_folder_of_depth_maps(cli, scene: Path, tmp_path: Path) -> None:
    """As toolkits unpack NYUv2: rgb/0001.png with depth/0001.png; --index counts the pairs."""
    pairs = tmp_path / "nyu"
    for kind in ("rgb", "depth"):
        (pairs / kind).mkdir(parents=True)
        for number in ("0001", "0002"):
            (pairs / kind / f"{number}.png").write_bytes((scene / f"{kind}.png").read_bytes())
    cv2.imwrite(str(pairs / "depth" / "0002.png"), np.full((40, 56), 1250, np.uint16))
    assert (load_rgbd(pairs, index=1).depth_m == 1.25).all()
    assert np.isnan(load_rgbd(pairs).depth_m[0, 0])
    with pytest.raises(OSError, match=r"nyu: has no scene 2\. Count from 0 to 1"):
        load_rgbd(pairs, index=2)
    (pairs / "depth" / "0002.png").unlink()
    with pytest.raises(ValueError, match="0002 lies in one of rgb and depth only"):
        load_rgbd(pairs)


def test_a_rendered_stack_brings_its_picture_and_depth(tmp_path: Path) -> None:
    held = {"all_in_focus": np.full((4, 5, 3), 51, np.uint8), "depth": np.full((4, 5), 1.5, np.float32)}
    np.savez(tmp_path / "a.npz", focus_unit="metre", **held)
    found = load_rgbd(tmp_path / "a.npz")
    assert (found.depth_m == 1.5).all()
    assert np.allclose(found.picture, 0.2)
    np.savez(tmp_path / "b.npz", focus_unit="disparity_px", **held)
    with pytest.raises(OSError, match="its depth is in disparity_px, not in metres"):
        load_rgbd(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", depth=held["depth"])
    with pytest.raises(OSError, match=r"has no all_in_focus\. It holds: depth\."):
        load_rgbd(tmp_path / "c.npz")
    np.savez(tmp_path / "e.npz", all_in_focus=held["depth"], depth=held["depth"])
    with pytest.raises(OSError, match=r"its picture is \(4, 5\)"):
        load_rgbd(tmp_path / "e.npz")
    (tmp_path / "d.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:200])
    with pytest.raises(OSError, match=r"d\.npz: stack cannot be read"):
        load_rgbd(tmp_path / "d.npz")


@pytest.mark.parametrize(
    ("depth", "options", "message"),
    [
        (np.full((40, 56), np.nan), (), "no pixel has a depth"),
        (np.zeros((40, 56)), (), "no pixel has a depth"),
        (np.full((40, 56), 0.03), (), "the scene begins at 30 mm, inside the focal length 50 mm"),
        (np.full((40, 56), 0.03), ("--depth-scale", "0"), "0.0 metres per value"),
        (np.full((40, 56), 0.03), ("--depth-scale", "nan"), "nan metres per value"),
    ],
)
def test_depth_that_cannot_be_is_told_before_anything_is_written(
    cli, scene: Path, tmp_path: Path, depth, options, message: str
) -> None:
    np.save(tmp_path / "depth.npy", depth)
    done = cli("simulate", scene / "rgb.png", "--depth", tmp_path / "depth.npy", "-o", tmp_path / "S", *options)
    assert done.code == 2
    assert message in done.err
    assert not [p for p in tmp_path.iterdir() if "S" in p.name.split(".")]


def test_millimetres_taken_for_metres_are_doubted(cli, scene: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "depth.npy", np.full((40, 56), 1500.0, np.float32))
    base = ("simulate", scene / "rgb.png", "--depth", tmp_path / "depth.npy", "--focus", "1,2")
    assert "if its depth is in millimetres, give --depth-scale 0.001" in cli(*base, "-o", tmp_path / "S").err
    assert "warning" not in cli(*base, "-o", tmp_path / "T", "--depth-scale", "0.001").err


def test_matlab_files_of_another_kind_are_told(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "group.mat", "w") as file:
        file.create_group("images")
        file["depths"] = np.ones((2, 3, 4), np.float32)
    with pytest.raises(OSError, match="has no images"):
        load_rgbd(tmp_path / "group.mat")
    with h5py.File(tmp_path / "short.mat", "w") as file:
        file["images"] = np.zeros((2, 3, 5, 4), np.uint8)
        file["depths"] = np.ones((1, 5, 4), np.float32)
    with pytest.raises(OSError, match="has no scene 1"):
        load_rgbd(tmp_path / "short.mat", index=1)
