"""Names, formats and tags of the pictures of fuse and align."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from focaldepth.cli._pictures import place_of, suffix_of, tags_of
from focaldepth.cli.align import stems
from focaldepth.core.errors import SettingError
from focaldepth.core.stack import FocalStack, StackInfo


def stack_of(names: tuple[str, ...], dtype: type = np.uint8, files: tuple[str, ...] = ()) -> FocalStack:
    stack = FocalStack.from_arrays(np.zeros((len(names), 4, 4), dtype))
    return replace(stack, info=StackInfo(frame_names=names, files=files))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("a.jpg", "b.jpg"), ["a", "b"]),
        (("a.jpg", "a.png"), ["frame_0", "frame_1"]),
        (("z.tif[0]", "z.tif[1]"), ["frame_0", "frame_1"]),
        (("sub/a.jpg", "other/b.jpg"), ["a", "b"]),
        (("../..", "b"), ["frame_0", "frame_1"]),
        (("IMG 1.jpg", "IMG 2.jpg"), ["IMG 1", "IMG 2"]),
    ],
)
def test_stems(names: tuple[str, ...], expected: list[str]) -> None:
    """Names of frames where they are names of files, else numbers; never a path."""
    assert stems(stack_of(names)) == expected


@pytest.mark.parametrize(
    ("file", "dtype", "suffix"),
    [
        ("a.jpg", np.uint8, ".jpg"),
        ("a.png", np.uint8, ".png"),
        ("a.png", np.uint16, ".png"),
        ("a.tif", np.uint8, ".tiff"),
        ("a.nef", np.uint16, ".tiff"),
        ("a.tif", np.float32, ".tiff"),
    ],
)
def test_format_keeps_the_depth(file: str, dtype: type, suffix: str, tmp_path: Path) -> None:
    stack = stack_of(("a", "b"), dtype, (file, file))
    assert suffix_of(stack) == suffix
    assert place_of(tmp_path, stack, "all_in_focus") == tmp_path / f"all_in_focus{suffix}"
    assert place_of(tmp_path / "x.PNG", stack, "all_in_focus") == tmp_path / "x.PNG"


def test_format_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"cannot write \.gif pictures"):
        place_of(tmp_path / "x.gif", stack_of(("a", "b")), "all_in_focus")


def test_tags_of_each_frame(tmp_path: Path) -> None:
    """An aligned frame keeps the EXIF block of its own file."""
    files = []
    for i in range(2):
        exif = Image.Exif()
        exif[271] = f"maker {i}"
        files.append(str(tmp_path / f"{i}.jpg"))
        Image.new("RGB", (8, 8)).save(files[-1], exif=exif)
    stack = stack_of(("0.jpg", "1.jpg"), files=tuple(files))
    for i in range(2):
        exif, _ = tags_of(stack, i)
        assert exif is not None
        assert f"maker {i}".encode() in exif


def test_tags_of_a_container_are_those_of_the_reference() -> None:
    stack = stack_of(("a", "b"), files=("stack.ome.tif",))
    stack = replace(stack, info=replace(stack.info, exif=b"exif", icc=b"icc"))
    assert tags_of(stack, 1) == (b"exif", b"icc")
