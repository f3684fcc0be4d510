"""The plain npz: frames, focus, truth, lens facts; bombs and lies."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest

from focaldepth.core.axis import Unit
from focaldepth.core.errors import ReadError
from focaldepth.core.stack import Transfer
from focaldepth.io.readers import _npz_file

from .conftest import make_frames, open_container, read_all

FRAMES = make_frames("uint8", True, 5, 20, 30)
FACTS = {
    "focal_length_mm": 50.0,
    "f_number": 2.5,
    "pixel_pitch_um": 93.75,
    "transfer": "sRGB",
    "reference_frame": 2,
    "homography_ref_to_frame": [np.eye(3).tolist()] * 4 + [np.full((3, 3), 2.0).tolist()],
}


def plain(path, frames=FRAMES, focus=None, **entries):
    content = {
        "frames": frames,
        "focus": np.float32([1, 2, 3, 4, 5] if focus is None else focus),
        "focus_unit": "metre",
        "depth": np.full(frames.shape[1:3], 2.5, np.float32),
        "all_in_focus": frames[2],
        "attrs": json.dumps(FACTS),
    }
    np.savez_compressed(path, **(content | entries))
    return path


def header(shape, dtype="|u1", order=False):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": order, "shape": shape})
    return out.getvalue()


def test_everything_the_format_holds(tmp_path):
    container = open_container("npz", plain(tmp_path / "a.npz"))
    np.testing.assert_array_equal(read_all(container), FRAMES)
    assert (container.axis.unit, container.focus_origin) == (Unit.METRE, "npz focus")
    assert container.optics.facts() == {
        "focal_length_m": 0.05, "f_number": 2.5, "pixel_pitch_m": pytest.approx(93.75e-6), "model": "thin_lens",
    }  # fmt: skip
    assert container.transfer is Transfer.SRGB
    assert container.truth["depth"].shape == (20, 30)
    assert container.truth["depth_unit"] == "metre"
    assert container.truth["homography_ref_to_frame"].shape == (5, 3, 3)
    assert container.extra["attrs"]["f_number"] == 2.5


def test_shuffled_frames_are_sorted_with_what_belongs_to_them(tmp_path):
    container = open_container("npz", plain(tmp_path / "a.npz", focus=[5, 3, 1, 2, 4]))
    np.testing.assert_array_equal(read_all(container), FRAMES[[2, 3, 1, 4, 0]])
    np.testing.assert_allclose(container.axis.values, [1, 2, 3, 4, 5])
    assert container.truth["reference_frame"] == 0
    assert container.truth["homography_ref_to_frame"][3, 0, 1] == 2
    assert container.frame_names[0].endswith("frame 3")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_fortran_order(tmp_path, save):
    save(tmp_path / "a.npz", frames=np.asfortranarray(FRAMES))
    np.testing.assert_array_equal(read_all(open_container("npz", tmp_path / "a.npz")), FRAMES)


def test_large_arrays_are_unpacked_beside_the_memory(tmp_path, monkeypatch):
    path = plain(tmp_path / "a.npz")
    for order in (False, True):
        frames = np.asfortranarray(FRAMES) if order else FRAMES
        member = _npz_file.members(plain(path, frames))["frames"]
        back = _npz_file.load(path, member, limit=100)
        assert isinstance(back, np.memmap)
        np.testing.assert_array_equal(back, FRAMES)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive:
        archive.writestr("frames.npy", header(FRAMES.shape) + FRAMES.tobytes())
    np.testing.assert_array_equal(read_all(open_container("npz", tmp_path / "a.npz")), FRAMES)


def test_another_key_by_choice(tmp_path):
    np.savez(tmp_path / "a.npz", left=FRAMES, right=255 - FRAMES)
    with pytest.raises(ReadError, match=r"several arrays can be the stack.*left \(5, 20, 30, 3\)"):
        open_container("npz", tmp_path / "a.npz")
    np.testing.assert_array_equal(read_all(open_container("npz", tmp_path / "a.npz", dataset="right")), 255 - FRAMES)
    with pytest.raises(ReadError, match="no array 'middle'"):
        open_container("npz", tmp_path / "a.npz", dataset="middle")


def test_lens_facts_that_cannot_be_are_ignored_with_a_warning(tmp_path):
    container = open_container("npz", plain(tmp_path / "a.npz", attrs=json.dumps({"f_number": -1})))
    assert "f_number must be a positive number" in container.warnings[0]
    container = open_container("npz", plain(tmp_path / "a.npz", attrs="{not json"))
    assert "not JSON" in container.warnings[0]


def test_pickles_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", frames=np.array([{}], object))
    with pytest.raises(ReadError, match="'frames' holds Python objects"):
        open_container("npz", tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(5, 20, 30, 4), (5, 20, 30, 2), (10**6, 10**6, 10**6)])
def test_headers_that_lie_about_the_shape(tmp_path, shape):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("frames.npy", header(shape) + FRAMES.tobytes())
    with pytest.raises(ReadError, match=r"a\.npz: array 'frames' has \d+ bytes, its shape .* needs"):
        open_container("npz", tmp_path / "a.npz")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(_npz_file, "_FREE", 1 << 20)
    np.savez_compressed(tmp_path / "a.npz", frames=np.zeros((20, 1000, 1000), np.uint8))
    container = open_container("npz", tmp_path / "a.npz")
    with pytest.raises(ReadError, match=r"from 0.02 MB to 20 MB: this looks like a decompression bomb"):
        container.source.read(0)


def test_a_small_piece_of_bzip2_cannot_fill_the_memory(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_BZIP2) as archive,
        archive.open("frames.npy", "w") as file,
    ):
        file.write(b"\x93NUMPY\x01\x00")
        block = bytes(32 << 20)
        for _ in range(2):
            file.write(block)
    tracemalloc.start()
    with pytest.raises(ReadError):
        open_container("npz", tmp_path / "a.npz")
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


def test_the_rendered_stacks(shared):
    for name in ("blender/handheld_01", "middlebury/art"):
        path = shared / f"{name}.npz"
        container = open_container("npz", path)
        with np.load(path) as content:
            np.testing.assert_array_equal(read_all(container), content["frames"])
            np.testing.assert_array_equal(container.truth["depth"], content["depth"])
            assert container.axis.unit.value == str(content["focus_unit"])
        assert container.transfer is Transfer.SRGB
        assert not container.warnings
        assert ("homography_ref_to_frame" in container.truth) is ("handheld" in name)
