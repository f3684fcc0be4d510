"""The map of one channel or light applied to another (R12)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from focaldepth.core.errors import SettingError, StackError
from focaldepth.core.result import DepthResult
from focaldepth.core.stack import FocalStack
from focaldepth.estimate import estimate, fuse

Frames = tuple[np.ndarray, ...]


def numbered(scene: Frames) -> np.ndarray:
    """Frames without any detail, each with a grey of its own: the picture tells which frame every pixel came from."""
    return np.stack([np.full(f.shape[:2], 10 * (i + 1), np.uint8) for i, f in enumerate(scene)])


@pytest.fixture
def field(scene: Frames, tmp_path: Path) -> Path:
    """A z-stack of two channels: one shows the scene, the other the frame numbers."""
    planes = np.stack([np.stack([f[..., 1] for f in scene]), numbered(scene)], 1)
    path = tmp_path / "field.ome.tif"
    meta = {"axes": "ZCYX", "PhysicalSizeZ": 0.5, "PhysicalSizeZUnit": "µm", "Channel": {"Name": ["DAPI", "FITC"]}}
    tifffile.imwrite(path, planes, metadata=meta)
    return path


def test_the_map_of_one_channel_makes_the_picture_of_the_other(cli, field: Path, tmp_path: Path) -> None:
    """A planted stack of two channels, in two commands."""
    args = ("--align", "none", "--no-report")
    assert cli("estimate", field, "-o", tmp_path / "map", "--channel", "DAPI", *args).code == 0
    out = cli("fuse", field, "-o", tmp_path / "fitc.png", "--channel", "FITC", "--like", tmp_path / "map")
    assert out.code == 0, out.err
    picture = cv2.imread(str(tmp_path / "fitc.png"), cv2.IMREAD_UNCHANGED)
    index = DepthResult.load(tmp_path / "map").index
    assert len(np.unique(picture)) >= 4, "the scene has several depths, or the test sees nothing"
    np.testing.assert_array_equal(picture, 10 * (np.rint(index) + 1))


def test_in_python_with_colour_and_16_bit(scene: Frames) -> None:
    """Colour frames of another bit depth take the map, too; values come unchanged from the frames."""
    made = estimate(FocalStack.from_arrays(np.stack(scene)), align="none", fusion="none")
    deep = FocalStack.from_arrays(np.stack(scene).astype(np.uint16) * 200)
    other = fuse(deep, like=made)
    assert other.all_in_focus is not None
    assert (other.all_in_focus.dtype, other.all_in_focus.shape) == (np.uint16, (*made.map.shape, 3))
    nearest = np.rint(made.index).astype(int)
    wanted = np.take_along_axis(deep.read_all(), nearest[None, ..., None], 0)[0]
    np.testing.assert_array_equal(other.all_in_focus, wanted)
    np.testing.assert_array_equal(other.map.values, made.map.values)
    assert other.provenance.method == "pick-frames"


@pytest.mark.parametrize("area", ["mask", "crop"])
def test_alignment_crop_and_dropped_frames_go_along(scene: Frames, tmp_path: Path, area: str) -> None:
    """The other light is moved, cut and thinned out as the first was, also from a folder."""
    drift = [np.array([[1.0, 0, 1.0 * i - 3], [0, 1.0, 0.0]]) for i in range(8)]
    size = scene[0].shape[1::-1]
    moved = [cv2.warpAffine(f, t, size, borderMode=cv2.BORDER_REFLECT) for f, t in zip(scene, drift, strict=True)]
    moved[5] = np.random.default_rng(0).integers(0, 256, moved[5].shape).astype(np.uint8)
    stack = FocalStack.from_arrays(np.stack(moved))
    made = estimate(stack, align="ecc", area=area)
    assert made.alignment is not None
    assert not made.alignment.aligned[5]
    loaded = DepthResult.load(made.save(tmp_path / "map", report=False))
    for like in (made, loaded):
        same = fuse(stack, like=like).all_in_focus
        assert same is not None
        assert same.shape[:2] == made.map.shape
        colour = estimate(stack, align="ecc", area=area, fusion="colour").all_in_focus
        assert np.median(np.abs(same.astype(int) - colour)) <= 2
        numbers = fuse(FocalStack.from_arrays(numbered(scene)), like=like).all_in_focus
        assert numbers is not None
        assert 60 not in numbers, "frame 5 was left out"


def test_frames_that_do_not_belong_are_refused(cli, write, scene: Frames, tmp_path: Path) -> None:
    assert cli("estimate", write(scene), "-o", tmp_path / "map", "--align", "none", "--no-report").code == 0
    fewer, smaller = write(scene[:5], name="fewer"), write([f[:90] for f in scene], name="smaller")
    out = cli("fuse", fewer, "-o", tmp_path / "a.png", "--like", tmp_path / "map")
    assert out.code == 2
    assert "fewer: 5 frames, but the map was made from 8. Give the same frames" in out.err
    out = cli("fuse", smaller, "-o", tmp_path / "a.png", "--like", tmp_path / "map")
    assert out.code == 2
    assert "frames are 128 x 90 px, those of the map were 128 x 96 px" in out.err
    out = cli("fuse", fewer, "-o", tmp_path / "a.png", "--like", tmp_path)
    assert out.code == 2
    assert "is not a focaldepth result" in out.err
    assert not (tmp_path / "a.png").exists()


def test_options_that_would_be_idle_are_refused(cli, write, scene: Frames, tmp_path: Path) -> None:
    folder = write(scene)
    assert cli("estimate", folder, "-o", tmp_path / "map", "--align", "none", "--no-report").code == 0
    out = cli("fuse", folder, "-o", tmp_path / "a.png", "--like", tmp_path / "map", "--align", "ecc")
    assert out.code == 2
    assert "--align has no effect with --like" in out.err
    stack = FocalStack.from_arrays(np.stack(scene))
    with pytest.raises(SettingError, match="allows match_exposure only"):
        fuse(stack, like=DepthResult.load(tmp_path / "map"), align="ecc")
    with pytest.raises(StackError, match="4 frames, but the map was made from 8"):
        fuse(stack.take(range(4)), like=DepthResult.load(tmp_path / "map"))


def test_a_memory_limit_names_what_fuse_can_do(cli, write, scene: Frames, tmp_path: Path) -> None:
    """`fuse` has no --method and must make a picture."""
    said = cli("fuse", write(scene), "-o", tmp_path / "a.png", "--max-memory", "1MiB").err
    assert "No option makes it fit" in said
    assert "--method" not in said
