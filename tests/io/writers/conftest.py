"""A small complete result, an EXIF block and an ICC profile."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.optics import LensModel, Optics
from focaldepth.core.result import DepthMap, DepthResult, Provenance
from focaldepth.core.stack import StackInfo

SHAPE = (23, 31)


@pytest.fixture
def depth() -> DepthMap:
    rng = np.random.default_rng(1)
    values = rng.uniform(10, 40, SHAPE).astype(np.float32)
    valid = rng.random(SHAPE) > 0.2
    return DepthMap(values, Unit.MICROMETRE, valid, rng.uniform(0.1, 0.5, SHAPE).astype(np.float32))


@pytest.fixture(scope="session")
def exif() -> bytes:
    """As a camera writes it: turned picture, exposure data, GPS, a maker note, big endian, with a thumbnail."""
    block = Image.Exif()
    block.endian = ">"
    block[0x010F], block[0x0110], block[0x0112] = "ACME", "Focus 1", 6
    block[0x0132], block[0x8298] = "2024:01:02 03:04:05", "A. Person"
    exposure = {0x829A: (1, 250), 0x829D: (28, 10), 0x920A: (50, 1), 0x8827: 400, 0xA002: 999, 0xA003: 888}
    block.get_ifd(0x8769).update(exposure | {0x9003: "2024:01:02 03:04:05", 0x927C: b"maker note " * 5})
    block.get_ifd(0x8825).update({1: "N", 2: (47.0, 1.0, 2.0)})
    return block.tobytes()


@pytest.fixture(scope="session")
def icc() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def result(depth: DepthMap, exif: bytes, icc: bytes) -> DepthResult:
    rng = np.random.default_rng(2)
    shift = np.tile(np.eye(3), (5, 1, 1))
    shift[:, 0, 2] = np.arange(5) * 0.3 - 0.6
    return DepthResult(
        map=depth,
        axis=FocusAxis(np.linspace(0, 50, 5), Unit.MICROMETRE),
        optics=Optics(
            pixel_size_m=3.25e-7,
            numerical_aperture=0.4,
            model=LensModel.MICROSCOPE,
            origin={"pixel_size_m": "OME PhysicalSizeX"},
        ),
        index=rng.uniform(0, 4, SHAPE).astype(np.float32),
        source_frame=rng.integers(0, 300, SHAPE, np.int16),
        provenance=Provenance(
            method="classical-fast",
            settings={"window": 9, "weights": [1.0, 0.5], "align": "ecc"},
            versions={"focaldepth": "0.1.0"},
            inputs={"a/1.tif": "0" * 64},
            times_s={"read": 1.5},
            peak_memory_bytes=10**9,
            warnings=("frame 3 is brighter.",),
            created="2026-11-21T10:00:00Z",
            command="focaldepth estimate a -o out",
        ),
        filled=DepthMap(
            np.nan_to_num(depth.values, nan=25.0),
            Unit.MICROMETRE,
            np.ones(SHAPE, bool),
            np.nan_to_num(depth.sigma, nan=9.0),
        ),
        all_in_focus=rng.integers(0, 65536, (*SHAPE, 3)).astype(np.uint16),
        transforms=shift,
        info=StackInfo(
            name="cells µ",
            frame_names=tuple(f"z{i}" for i in range(5)),
            files=("a/1.tif",),
            order_rule="focus distance",
            focus_origin="OME PositionZ",
            exif=exif,
            icc=icc,
            reference=2,
            skipped={"z9": "unreadable"},
            warnings=("frame 3 is brighter.",),
            extra={"channel": "DAPI"},
        ),
    )
