"""What a focus measure offers; each is one file with a last line ``MEASURE = ...``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from focaldepth.core.registry import Registry

Grey = NDArray[Any]
"""(H, W) uint8, uint16 or float32, values >= 0; full scale is 255 for measures without a law of gain."""
Score = NDArray[np.float32]

PERTUZ = "Pertuz, Puig, Garcia, Analysis of focus measure operators for shape-from-focus, Pattern Recognition 46, 2013"
"""The survey whose codes measures carry."""


@dataclass(frozen=True)
class MeasureFacts:
    """What a measure is, and how its score answers to changes of the picture.

    Attributes:
        family: gradient, laplacian, wavelet, statistics, dct or other.
        codes: other names, those of Pertuz, Puig, Garcia (2013) and of their program first; see CODES.
        degree: law of gain, score(g x picture) = g^degree x score(picture); 0 = contrast over brightness;
            None = no such law, because grey levels themselves count: give pixel values with full scale 255.
        offset: whether a constant added to all pixels leaves the score as it is.
        frames: 1, or 3 when the frames before and after take part in the score of one.
    """

    family: str
    codes: tuple[str, ...] = ()
    degree: float | None = 1
    offset: bool = True
    frames: int = 1


class Measure(Protocol):
    """Local sharpness: 0 on a flat picture, lower the more a picture is defocused, following the laws of its facts."""

    title: str
    source: str
    reach: int
    facts: MeasureFacts

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel, (H, W) float32 >= 0; pixels within `reach` of the border use reflection.

        A measure of 3 frames takes (3, H, W), the frame in question in the middle; a single (H, W) counts as its own
        neighbours.
        """


CODES = {
    "gaussian-derivative": "GRA1 GDER",
    "gradient-energy": "GRA2 GRAE",
    "thresholded-gradient": "GRA3 GRAT",
    "squared-gradient": "GRA4 GRAS",
    "gradient-3d": "GRA5",
    "tenengrad": "GRA6 TENG",
    "tenengrad-variance": "GRA7 TENV",
    "laplacian-energy": "LAP1 LAPE",
    "sum-modified-laplacian": "LAP2 LAPM",
    "diagonal-laplacian": "LAP3 LAPD",
    "laplacian-variance": "LAP4 LAPV",
    "laplacian-3d": "LAP5",
    "wavelet-sum": "WAV1 WAVS",
    "wavelet-variance": "WAV2 WAVV",
    "wavelet-ratio": "WAV3 WAVR",
    "curvelet-ratio": "WAV4",
    "chebyshev-moments": "STA1",
    "eigenvalues": "STA2 EIGV",
    "grey-level-variance": "STA3 GLVA",
    "grey-level-local-variance": "STA4 GLLV",
    "normalised-grey-level-variance": "STA5 GLVN",
    "modified-grey-level-variance": "STA6 GLVM",
    "histogram-entropy": "STA7 HISE",
    "histogram-range": "STA8 HISR",
    "dct-energy-ratio": "DCT1 DCTE",
    "dct-reduced-ratio": "DCT2 DCTR",
    "modified-dct": "DCT3 DCTM",
    "absolute-central-moment": "MIS1 ACMO",
    "brenner": "MIS2 BREN",
    "contrast": "MIS3 CONT",
    "curvature": "MIS4 CURV",
    "helmli-mean": "MIS5 HELM",
    "local-binary-patterns": "MIS6",
    "steerable-filters": "MIS7 SFIL",
    "spatial-frequency": "MIS8 SFRQ",
    "vollath": "MIS9 VOLA",
    "ring-difference": "RDF",
}
"""Measure -> its codes. Kept here as well as in the facts of each, because listing names imports nothing."""

MEASURES: Registry[Measure] = Registry(
    "measure",
    ("measures",),
    "MEASURE",
    aliases=tuple((code, name) for name, codes in CODES.items() for code in codes.split()),
)
"""All focus measures: files of ``focaldepth/measures`` and entry points ``focaldepth.measures``; codes are aliases."""
