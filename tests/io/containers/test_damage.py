"""Damaged files end in a ReadError or in frames, and large ones are read plane by plane."""

from __future__ import annotations

import gc
import logging
import random
import sys
import tracemalloc

import numpy as np
import pytest
import tifffile

from focaldepth.core.errors import ReadError

from .conftest import FORMATS, make_frames, open_container, read_all, reader

ONE_EACH = [pytest.param(f, id=name) for name, f in FORMATS.items()]
TRIALS = 60


@pytest.fixture(autouse=True)
def quiet():
    """The format libraries log what they find in damaged files."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def survives(form, path):
    """Open and read everything; True for frames, False for a ReadError with the file's name."""
    try:
        assert reader(form.reader).accepts(path) in (True, False)
        container = open_container(form.reader, path)
        if len(container.source) <= 100:
            read_all(container)
    except ReadError as error:
        if path.name not in str(error) or not error.hint:
            raise AssertionError("an error needs file name and hint") from error
        return False
    return True


def files_of(path):
    return sorted(q for q in path.rglob("*") if q.is_file()) if path.is_dir() else [path]


@pytest.fixture
def only_new_garbage():
    """Let collections look at what a test makes alone, not at all that other tests have loaded."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("only_new_garbage")
@pytest.mark.parametrize("form", ONE_EACH)
def test_cut_off_anywhere(tmp_path, form):
    path = tmp_path / f"stack{form.suffix}"
    form.write(path, make_frames("uint8", form.colours[-1]))
    for file in files_of(path)[:2]:
        whole = file.read_bytes()
        for part in np.linspace(0, 0.97, 13):
            file.write_bytes(whole[: int(len(whole) * part)])
            outcome = survives(form, path)
            assert not outcome or form.reader in ("video", "zarr"), part
            gc.collect()
        file.write_bytes(whole)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ONE_EACH)
def test_flipped_bytes(tmp_path, form):
    rng = random.Random(f"{form.suffix}{form.write.__name__}")
    path = tmp_path / f"stack{form.suffix}"
    form.write(path, make_frames("uint8", form.colours[-1]))
    for trial in range(TRIALS):
        file = rng.choice(files_of(path))
        whole = file.read_bytes()
        data = bytearray(whole)
        end = len(data) if trial % 2 else min(len(data), 1500)
        for _ in range(rng.choice([1, 1, 4, 20])):
            data[rng.randrange(end)] = rng.randrange(256)
        file.write_bytes(data)
        survives(form, path)
        file.write_bytes(whole)


@pytest.mark.parametrize("name", ["tiff", "pages", "ome", "imagej", "hdf5", "zarr", "zarr-zip", "npy", "npz-plain"])
def test_one_plane_of_many_is_read_alone(tmp_path, name):
    form = FORMATS[name]
    n, h, w = 60, 400, 500
    path = tmp_path / f"stack{form.suffix}"
    frames = make_frames("uint8", False, n, h, w)
    form.write(path, frames)
    open_container(form.reader, path).source.read(0)
    gc.collect()
    tracemalloc.start()
    source = open_container(form.reader, path).source
    middle = source.read(30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(middle, frames[30])
    assert peak < 6 * h * w


@pytest.mark.skipif(sys.platform != "linux", reason="needs files with holes")
@pytest.mark.parametrize("kind", ["bigtiff", "imagej"])
def test_more_than_four_gigabytes(tmp_path, kind):
    n, h, w = 50, 10_000, 9_000
    path = tmp_path / "large.tif"
    if kind == "bigtiff":
        tifffile.memmap(path, shape=(n, h, w), dtype="uint8", bigtiff=True, ome=True, metadata={"axes": "ZYX"})
    else:
        first = np.zeros((2, h, w), "uint8")
        tifffile.imwrite(path, first, imagej=True, metadata={"axes": "ZYX"})
        cut_to_one_page(path, n)
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages.first.dataoffsets[0]
    with path.open("r+b") as file:
        file.truncate(max(path.stat().st_size, offset + n * h * w))
        file.seek(offset + 48 * h * w)
        file.write(bytes(range(256)))
    assert path.stat().st_size > 4 << 30
    tracemalloc.start()
    source = open_container("tiff-stack", path).source
    assert len(source) == n
    frame = source.read(48)
    assert tracemalloc.get_traced_memory()[1] < 3 * h * w
    tracemalloc.stop()
    np.testing.assert_array_equal(frame[0, :256, 0], np.arange(256))


def cut_to_one_page(path, n):
    """Make an ImageJ file describe `n` planes by its first page only, as ImageJ does beyond 4 GB."""
    with tifffile.TiffFile(path) as tif:
        page = tif.pages.first
        offset, tags = page.offset, len(page.tags)
        description = page.tags[270]
        place, count = description.valueoffset, description.count
        text = f"ImageJ=1.54f\nimages={n}\nslices={n}\nloop=false\n".encode()
    assert len(text) < count
    with path.open("r+b") as file:
        file.seek(place)
        file.write(text.ljust(count, b"\0"))
        file.seek(offset + 2 + 12 * tags)
        file.write(bytes(4))
