"""Writers of small stacks in every container format, and the readers that take them back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from focaldepth.io._reader import READERS, Container, ContainerReader, ReadOptions

Array = np.ndarray[Any, Any]
N, H, W = 7, 21, 30


def make_frames(dtype: str, colour: bool, n: int = N, h: int = H, w: int = W, seed: int = 0) -> Array:
    """(n, h, w, 1 or 3) random pixels over the whole range; floats in [0, 1)."""
    rng = np.random.default_rng(seed)
    shape = (n, h, w, 3 if colour else 1)
    if dtype.startswith("float"):
        return rng.random(shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def grey(frames: Array) -> Array:
    """Drop a colour axis of one."""
    return frames[..., 0] if frames.shape[-1] == 1 else frames


def write_tiff(path: Path, frames: Array) -> None:
    import tifffile

    tifffile.imwrite(path, grey(frames), photometric="rgb" if frames.shape[-1] == 3 else "minisblack")


def write_ome(path: Path, frames: Array) -> None:
    import tifffile

    colour = frames.shape[-1] == 3
    axes = "ZYXS" if colour else "ZYX"
    photometric = "rgb" if colour else "minisblack"
    tifffile.imwrite(path, grey(frames), ome=True, photometric=photometric, compression="zlib", metadata={"axes": axes})


def write_imagej(path: Path, frames: Array) -> None:
    import tifffile

    tifffile.imwrite(path, grey(frames), imagej=True, metadata={"axes": "ZYXS" if frames.shape[-1] == 3 else "ZYX"})


def write_pages(path: Path, frames: Array) -> None:
    import tifffile

    with tifffile.TiffWriter(path) as file:
        for frame in grey(frames):
            file.write(
                frame,
                contiguous=False,
                metadata=None,
                compression="lzw",
                photometric="rgb" if frames.shape[-1] == 3 else "minisblack",
            )


def write_hdf5(path: Path, frames: Array) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("scan/frames", data=frames, chunks=(1, *frames.shape[1:]), compression="gzip")


def write_zarr(path: Path, frames: Array) -> None:
    import zarr

    store: Any = zarr.storage.ZipStore(path, mode="w") if path.suffix == ".zip" else path
    zarr.create_array(store, data=frames, chunks=(1, *frames.shape[1:]))
    if path.suffix == ".zip":
        store.close()


def write_npy(path: Path, frames: Array) -> None:
    np.save(path, frames)


def write_npz(path: Path, frames: Array) -> None:
    np.savez_compressed(path, frames=frames, focus=np.arange(1.0, len(frames) + 1), focus_unit="dioptre")


def write_npz_plain(path: Path, frames: Array) -> None:
    np.savez(path, frames=np.asfortranarray(frames))


def write_video(
    path: Path, frames: Array, times: list[float] | None = None, codec: str = "libx264rgb", **options: str
) -> None:
    import av

    if codec not in av.codecs_available:
        pytest.skip(f"this build of PyAV has no encoder {codec}")
    rgb = codec == "libx264rgb"
    with av.open(str(path), "w") as file:
        settings = ({"qp": "0", "g": "4"} if rgb else {"g": "4"}) | options
        stream = file.add_stream(codec, rate=25, options=settings)
        stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "rgb24" if rgb else "yuv420p"
        tick = Fraction(1, 25 if codec == "mpeg2video" else 1000)
        stream.codec_context.time_base = tick
        for i, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            picture.pts = round((times[i] if times else i / 25) / tick)
            picture.time_base = tick
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))


@dataclass(frozen=True)
class Format:
    """One way to store a stack.

    Attributes:
        reader: name of the reader that takes it back.
        suffix: of the file.
        write: function that writes it.
        dtypes: what it can hold.
        colours: grey (False) and colour (True) as far as it can hold them.
    """

    reader: str
    suffix: str
    write: Callable[[Path, Array], None]
    dtypes: tuple[str, ...] = ("uint8", "uint16", "float32")
    colours: tuple[bool, ...] = (False, True)


FORMATS = {
    "tiff": Format("tiff-stack", ".tif", write_tiff),
    "pages": Format("tiff-stack", ".tif", write_pages, ("uint8", "uint16")),
    "ome": Format("tiff-stack", ".ome.tif", write_ome),
    "imagej": Format("tiff-stack", ".tif", write_imagej, colours=(False,)),
    "imagej-rgb": Format("tiff-stack", ".tif", write_imagej, ("uint8",), (True,)),
    "hdf5": Format("hdf5", ".h5", write_hdf5),
    "zarr": Format("zarr", ".zarr", write_zarr),
    "zarr-zip": Format("zarr", ".zarr.zip", write_zarr),
    "npy": Format("npy", ".npy", write_npy),
    "npz": Format("npz", ".npz", write_npz),
    "npz-plain": Format("npz", ".npz", write_npz_plain),
    "video": Format("video", ".mkv", write_video, ("uint8",), (True,)),
}


def reader(name: str) -> ContainerReader:
    """Return a container reader by name."""
    found = READERS.get(name)
    assert isinstance(found, ContainerReader)
    return found


def open_container(name: str, path: Path, **options: Any) -> Container:
    """Open a file with a reader."""
    return reader(name).open(path, ReadOptions(**options))


def read_all(container: Container) -> Array:
    """Return all frames (N, H, W, C)."""
    return np.stack([container.source.read(i) for i in range(len(container.source))])


@pytest.fixture
def shared() -> Path:
    """The folder of shared test data."""
    folder = Path(os.environ.get("FOCALDEPTH_SHARED", Path(__file__).parents[4] / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("no shared data; name its folder in FOCALDEPTH_SHARED")
    return folder / "data"
