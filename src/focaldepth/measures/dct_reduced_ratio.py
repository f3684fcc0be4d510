"""Energy of five low alternating coefficients over that of the constant one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from focaldepth.core.settings import check, setting
from focaldepth.measures._measure import Grey, MeasureFacts, Score
from focaldepth.measures._strips import in_strips
from focaldepth.measures._window import ratio

_KEPT = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0))


@dataclass(frozen=True)
class DctReducedRatio:
    """(F01^2 + F10^2 + F11^2 + F02^2 + F20^2) / F00^2, F the cosine transform of the block around a pixel.

    Without the high frequencies noise counts little.
    """

    title: ClassVar[str] = "DCT reduced energy ratio"
    source: ClassVar[str] = (
        "Lee, Yoo, Kumar, Kim, Reduced energy-ratio measure, IEEE Signal Processing Letters 16, 2009"
    )
    facts: ClassVar[MeasureFacts] = MeasureFacts("dct", ("DCT2", "DCTR"), degree=0, offset=False)

    side: int = setting(8, "rows and columns of a block", unit="px", low=3, high=64)

    def __post_init__(self) -> None:
        check(self)

    @property
    def reach(self) -> int:
        """Half a block."""
        return self.side // 2

    def __call__(self, grey: Grey) -> Score:
        """Return the score of every pixel.

        >>> wave = np.cos(np.pi * (np.arange(8) + 0.5) / 8).astype(np.float32)
        >>> DctReducedRatio()(np.tile(2 + wave, (8, 1)))[4, 4].round(4)
        np.float32(0.125)
        """
        return in_strips(grey, self.reach, self._score)

    def _score(self, strip: NDArray[Any]) -> NDArray[Any]:
        waves = self._waves()
        rows = [cv2.filter2D(strip, -1, wave[None]) for wave in waves]
        energy = np.zeros_like(strip)
        for u, v in _KEPT:
            coefficient = cv2.filter2D(rows[u], -1, waves[v][:, None])
            energy += coefficient * coefficient
        constant = cv2.filter2D(rows[0], -1, waves[0][:, None])
        return ratio(energy, constant * constant)

    def _waves(self) -> NDArray[np.float64]:
        """The first three vectors of the orthonormal cosine transform, (3, side)."""
        place = np.pi * (np.arange(self.side) + 0.5) / self.side
        waves: NDArray[np.float64] = np.sqrt(2 / self.side) * np.cos(np.arange(3)[:, None] * place)
        waves[0] /= np.sqrt(2)
        return waves


MEASURE = DctReducedRatio()
