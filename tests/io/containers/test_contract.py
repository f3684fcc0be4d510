"""What every container reader promises, checked on everything that is registered."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from focaldepth.core.errors import MissingExtraError, ReadError
from focaldepth.core.stack import reduce_frame
from focaldepth.io._reader import READERS, ContainerReader, ReadOptions

from .conftest import FORMATS, N, make_frames, open_container, read_all, reader

CASES = [
    pytest.param(f, dtype, colour, id=f"{name}-{dtype}-{'rgb' if colour else 'grey'}")
    for name, f in FORMATS.items()
    for dtype in f.dtypes
    for colour in f.colours
]
ONE_EACH = [pytest.param(f, id=name) for name, f in FORMATS.items()]


def written(tmp_path, form, dtype=None, colour=None, n=N):
    frames = make_frames(dtype or form.dtypes[0], form.colours[-1] if colour is None else colour, n)
    path = tmp_path / f"stack{form.suffix}"
    form.write(path, frames)
    return path, frames


def containers():
    return [n for n in READERS.names() if isinstance(READERS.get(n), ContainerReader)]


def test_every_container_reader_is_covered_here():
    own = {"tiff-stack", "hdf5", "zarr", "npy", "npz", "video"}
    assert own <= set(containers())
    assert {f.reader for f in FORMATS.values()} == own


@pytest.mark.parametrize(("form", "dtype", "colour"), CASES)
def test_frames_come_back_bit_equal(tmp_path, form, dtype, colour):
    path, frames = written(tmp_path, form, dtype, colour)
    assert reader(form.reader).accepts(path)
    container = open_container(form.reader, path)
    source = container.source
    assert (len(source), source.shape, source.dtype) == (len(frames), frames.shape[1:], frames.dtype)
    assert source.white == (np.iinfo(dtype).max if dtype[0] == "u" else 1.0)
    back = read_all(container)
    assert back.dtype == frames.dtype
    np.testing.assert_array_equal(back, frames)
    assert all(source.read(i).flags.c_contiguous for i in range(len(source)))
    assert len(container.frame_names) == len(frames)
    assert not container.warnings


@pytest.mark.parametrize("form", ONE_EACH)
def test_sources_are_read_again_and_in_any_order(tmp_path, form):
    path, frames = written(tmp_path, form)
    source = open_container(form.reader, path).source
    for i in (3, 0, N - 1, 3, 2, 1, 2, *range(N)):
        np.testing.assert_array_equal(source.read(i), frames[i])
    with pytest.raises(IndexError):
        source.read(N)


@pytest.mark.parametrize("form", ONE_EACH)
def test_four_threads_read_the_same_as_one(tmp_path, form):
    path, frames = written(tmp_path, form)
    source = open_container(form.reader, path).source
    order = np.random.default_rng(1).integers(0, N, 60)
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda i: np.array_equal(source.read(int(i)), frames[i]), order))


@pytest.mark.parametrize("form", ONE_EACH)
def test_preview_is_the_ceiling_of_the_size(tmp_path, form):
    path, frames = written(tmp_path, form)
    source = open_container(form.reader, path).source
    h, w, c = source.shape
    for factor in (1, 2, 4):
        small = source.preview(2, factor)
        assert small.shape == (-(-h // factor), -(-w // factor), c)
        assert small.dtype == source.dtype
    np.testing.assert_array_equal(small, reduce_frame(frames[2], 4))
    assert source.coverage(0) is None


@pytest.mark.parametrize("form", ONE_EACH)
def test_unknown_focus_stays_unknown(tmp_path, form):
    if form.suffix == ".npz" and "plain" not in form.write.__name__:
        pytest.skip("this one states its focus")
    path, _ = written(tmp_path, form)
    container = open_container(form.reader, path)
    assert container.axis is None
    assert container.focus_origin == "none"


@pytest.mark.parametrize("form", ONE_EACH)
def test_missing_and_empty_files_are_read_errors(tmp_path, form):
    missing = tmp_path / f"gone{form.suffix}"
    with pytest.raises(ReadError, match=r"gone.*no such file"):
        open_container(form.reader, missing)
    assert not reader(form.reader).accepts(missing) or form.reader == "npy"
    empty = tmp_path / f"empty{form.suffix}"
    empty.touch()
    with pytest.raises(ReadError, match="empty"):
        open_container(form.reader, empty)


@pytest.mark.parametrize("form", ONE_EACH)
def test_foreign_content_is_a_read_error_that_names_the_file(tmp_path, form):
    foreign = tmp_path / f"foreign{form.suffix}"
    foreign.write_bytes(b"%PDF-1.7 this is no stack" * 200)
    with pytest.raises(ReadError, match="foreign"):
        open_container(form.reader, foreign)


@pytest.mark.parametrize("form", [p for p in ONE_EACH if p.id in ("tiff", "pages", "hdf5", "zarr", "npy", "npz-plain")])
def test_nan_is_found_when_its_frame_is_read(tmp_path, form):
    frames = make_frames("float32", False)
    if form.dtypes == ("uint8", "uint16"):
        pytest.skip("holds no floats")
    frames[5, 2, 3] = np.nan
    path = tmp_path / f"stack{form.suffix}"
    form.write(path, frames)
    source = open_container(form.reader, path).source
    source.read(4)
    with pytest.raises(ReadError, match=r"frame 6 holds 1 values that are NaN"):
        source.read(5)


@pytest.mark.parametrize("form", [p for p in ONE_EACH if p.id in ("tiff", "hdf5", "zarr", "npy", "npz-plain")])
@pytest.mark.parametrize("dtype", ["int32", "int16", "uint32"])
def test_other_pixel_types_are_refused_with_a_remedy(tmp_path, form, dtype):
    path = tmp_path / f"stack{form.suffix}"
    form.write(path, np.zeros((N, 6, 8, 1), dtype))
    with pytest.raises(ReadError, match=r"(?i)uint8, uint16 or float"):
        open_container(form.reader, path)


@pytest.mark.parametrize("form", [p for p in ONE_EACH if p.id in ("tiff", "hdf5", "zarr", "npy", "npz-plain")])
def test_float64_and_float16_become_float32(tmp_path, form):
    for dtype in ("float64", "float16"):
        frames = make_frames(dtype, False)
        path = tmp_path / f"{dtype}{form.suffix}"
        form.write(path, frames)
        np.testing.assert_array_equal(read_all(open_container(form.reader, path)), frames.astype(np.float32))


def test_float_counts_get_the_full_scale_they_need(tmp_path):
    frames = make_frames("float32", True) * 200
    np.save(tmp_path / "counts.npy", frames)
    container = open_container("npy", tmp_path / "counts.npy")
    assert container.source.white == 255
    assert any("full scale is taken as 255" in w for w in container.warnings)


@pytest.mark.parametrize(("name", "module"), [("hdf5", "h5py"), ("zarr", "zarr"), ("video", "av")])
def test_a_missing_extra_names_the_command(tmp_path, monkeypatch, name, module):
    form = next(f for f in FORMATS.values() if f.reader == name)
    path, _ = written(tmp_path, form)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'focaldepth\[{reader(name).extra}\]'"):
        reader(name).open(path, ReadOptions())


def test_readers_import_no_format_library_at_module_top():
    import subprocess

    code = (
        "import sys\n"
        "from focaldepth.io._reader import READERS\n"
        "for n in ('tiff-stack','hdf5','zarr','npy','npz','video'): READERS.get(n)\n"
        "print([m for m in ('tifffile','h5py','zarr','av','cv2','imagecodecs') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_picture_is_no_container(tmp_path):
    import tifffile

    path = Path(tmp_path / "picture.tif")
    tifffile.imwrite(path, make_frames("uint8", True, 1)[0])
    assert not reader("tiff-stack").accepts(path)
