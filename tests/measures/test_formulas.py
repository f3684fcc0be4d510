"""Every focus measure against its formula, written out for one pixel and computed without any of the package's code."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.fft import dctn
from scipy.stats import entropy

from focaldepth.core.errors import SettingError, StackError
from focaldepth.measures._measure import MEASURES
from focaldepth.measures.curvelet_ratio import _KERNELS
from focaldepth.measures.helmli_mean import HelmliMean
from focaldepth.measures.histogram_entropy import HistogramEntropy
from focaldepth.measures.ring_difference import RingDifference
from focaldepth.measures.thresholded_gradient import ThresholdedGradient

Picture = NDArray[np.float64]
FORMULAS: dict[str, Callable[[Picture, int, int], float]] = {}
D6 = np.array([0.47046721, 1.14111692, 0.650365, -0.19093442, -0.12083221, 0.0498175]) / 2
"""Daubechies' filter of six taps as printed in tables, sum 1."""


def formula(name: str) -> Callable[[Any], Any]:
    def keep(function: Callable[[Picture, int, int], float]) -> Callable[[Picture, int, int], float]:
        FORMULAS[name] = function
        return function

    return keep


def window(picture: Picture, y: int, x: int, radius: int = 3) -> Picture:
    return picture[y - radius : y + radius + 1, x - radius : x + radius + 1]


def around(of: Callable[[Picture, int, int], float], picture: Picture, y: int, x: int, radius: int = 3) -> Picture:
    """A quantity at every pixel of the window."""
    span = range(-radius, radius + 1)
    return np.array([[of(picture, y + dy, x + dx) for dx in span] for dy in span])


def correlated(picture: Picture, kernel: Any, y: int, x: int) -> float:
    kernel = np.asarray(kernel, float)
    r, c = kernel.shape[0] // 2, kernel.shape[1] // 2
    return float((picture[y - r : y - r + kernel.shape[0], x - c : x - c + kernel.shape[1]] * kernel).sum())


SOBEL = np.outer([1, 2, 1], [-1, 0, 1])
CROSS = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]) / 6


def modified_laplacian(p: Picture, y: int, x: int) -> float:
    return abs(2 * p[y, x] - p[y, x - 1] - p[y, x + 1]) + abs(2 * p[y, x] - p[y - 1, x] - p[y + 1, x])


def next_differences(p: Picture, y: int, x: int) -> tuple[float, float]:
    return p[y, x + 1] - p[y, x], p[y + 1, x] - p[y, x]


def derivatives(p: Picture, y: int, x: int) -> tuple[float, float]:
    """Along rows and columns, of a Gaussian of 1 px over 3 px; 1 on a ramp of slope 1."""
    span = np.arange(-3, 4)
    bell = np.exp(-(span**2) / 2)
    kernel = np.outer(bell / bell.sum(), span * bell / (span**2 * bell).sum())
    return correlated(p, kernel, y, x), correlated(p, kernel.T, y, x)


@formula("gaussian-derivative")
def _(p: Picture, y: int, x: int) -> float:
    return sum(d**2 for d in derivatives(p, y, x))


@formula("gradient-energy")
def _(p: Picture, y: int, x: int) -> float:
    return sum(d**2 for d in next_differences(p, y, x))


@formula("thresholded-gradient")
def _(p: Picture, y: int, x: int) -> float:
    larger = max(abs(d) for d in next_differences(p, y, x))
    return larger if larger >= 2 else 0


@formula("squared-gradient")
def _(p: Picture, y: int, x: int) -> float:
    return max(d**2 for d in next_differences(p, y, x))


@formula("tenengrad")
def tenengrad(p: Picture, y: int, x: int) -> float:
    return correlated(p, SOBEL, y, x) ** 2 + correlated(p, SOBEL.T, y, x) ** 2


FORMULAS["gradient-3d"] = lambda p, y, x: tenengrad(p, y, x) / 16
FORMULAS["tenengrad-variance"] = lambda p, y, x: float(np.var(np.sqrt(around(tenengrad, p, y, x, 2))))
FORMULAS["sum-modified-laplacian"] = modified_laplacian
FORMULAS["laplacian-3d"] = lambda p, y, x: float(around(modified_laplacian, p, y, x, 1).mean())
FORMULAS["laplacian-energy"] = lambda p, y, x: (
    correlated(p, np.array([[1, 4, 1], [4, -20, 4], [1, 4, 1]]) / 6, y, x) ** 2
)
FORMULAS["laplacian-variance"] = lambda p, y, x: float(
    np.var(around(lambda q, v, u: correlated(q, CROSS, v, u), p, y, x, 2))
)


@formula("diagonal-laplacian")
def _(p: Picture, y: int, x: int) -> float:
    falling = abs(2 * p[y, x] - p[y - 1, x - 1] - p[y + 1, x + 1])
    rising = abs(2 * p[y, x] - p[y - 1, x + 1] - p[y + 1, x - 1])
    return modified_laplacian(p, y, x) + (falling + rising) / np.sqrt(2)


@formula("smoothed-modified-laplacian")
def _(p: Picture, y: int, x: int) -> float:
    kernel = np.outer([1, 2, 1], [1, -2, 1])
    return (abs(correlated(p, kernel, y, x)) + abs(correlated(p, kernel.T, y, x))) / 4


def details(p: Picture, y: int, x: int) -> list[float]:
    high = D6[::-1] * np.array([1, -1, 1, -1, 1, -1])
    return [correlated(p, np.outer(a, b), y, x) for a, b in ((D6, high), (high, D6), (high, high))]


FORMULAS["wavelet-sum"] = lambda p, y, x: sum(abs(d) for d in details(p, y, x))


@formula("wavelet-variance")
def _(p: Picture, y: int, x: int) -> float:
    bands = around(details, p, y, x, 2)  # type: ignore[arg-type]
    return float(bands.var((0, 1)).sum())


@formula("wavelet-ratio")
def _(p: Picture, y: int, x: int) -> float:
    bands = around(details, p, y, x, 2)  # type: ignore[arg-type]
    low = around(lambda q, v, u: correlated(q, np.outer(D6, D6), v, u), p, y, x, 2)
    return float((bands**2).sum() / (low**2).sum())


@formula("chebyshev-moments")
def _(p: Picture, y: int, x: int) -> float:
    basis = np.linalg.qr(np.vander(np.arange(7.0), increasing=True))[0].T
    moments = basis @ window(p, y, x) @ basis.T
    order = np.add.outer(np.arange(7), np.arange(7))
    return float((moments[order > 2] ** 2).sum() / (moments[order <= 2] ** 2).sum())


@formula("eigenvalues")
def _(p: Picture, y: int, x: int) -> float:
    patch = window(p, y, x, 1)
    patch = (patch - patch.mean()) / np.sqrt((patch**2).sum())
    return float(np.linalg.eigvalsh(patch @ patch.T / 8)[-1])


FORMULAS["grey-level-variance"] = lambda p, y, x: float(window(p, y, x, 2).var())
FORMULAS["normalised-grey-level-variance"] = lambda p, y, x: float(window(p, y, x, 2).var() / window(p, y, x, 2).mean())
FORMULAS["grey-level-local-variance"] = lambda p, y, x: float(
    around(lambda q, v, u: float(window(q, v, u, 2).var()), p, y, x, 2).var()
)
FORMULAS["modified-grey-level-variance"] = lambda p, y, x: float((p[y, x] - window(p, y, x).mean()) ** 2)
FORMULAS["histogram-range"] = lambda p, y, x: float(np.ptp(window(p, y, x, 2)))
FORMULAS["histogram-entropy"] = lambda p, y, x: float(
    entropy(np.histogram(window(p, y, x, 2), 64, (0, 256))[0], base=2)
)


@formula("dct-energy-ratio")
def _(p: Picture, y: int, x: int) -> float:
    f = dctn(p[y - 4 : y + 4, x - 4 : x + 4], norm="ortho")
    return float(((f**2).sum() - f[0, 0] ** 2) / f[0, 0] ** 2)


@formula("dct-reduced-ratio")
def _(p: Picture, y: int, x: int) -> float:
    f = dctn(p[y - 4 : y + 4, x - 4 : x + 4], norm="ortho")
    return float((f[0, 1] ** 2 + f[1, 0] ** 2 + f[1, 1] ** 2 + f[0, 2] ** 2 + f[2, 0] ** 2) / f[0, 0] ** 2)


@formula("modified-dct")
def _(p: Picture, y: int, x: int) -> float:
    patch = p[y - 2 : y + 2, x - 2 : x + 2]
    return float((patch[:2, :2].sum() + patch[2:, 2:].sum() - patch[:2, 2:].sum() - patch[2:, :2].sum()) / 16) ** 2


FORMULAS["absolute-central-moment"] = lambda p, y, x: float(
    np.abs(window(p, y, x, 2) - window(p, y, x, 2).mean()).mean()
)
FORMULAS["brenner"] = lambda p, y, x: max((p[y, x + 1] - p[y, x - 1]) ** 2, (p[y + 1, x] - p[y - 1, x]) ** 2)
FORMULAS["contrast"] = lambda p, y, x: float(np.abs(window(p, y, x, 1) - p[y, x]).sum())


@formula("curvature")
def _(p: Picture, y: int, x: int) -> float:
    v, u = np.mgrid[-1:2, -1:2].reshape(2, -1)
    terms = np.stack([u, v, u**2, v**2, np.ones(9)], 1)
    return float(np.abs(np.linalg.lstsq(terms, window(p, y, x, 1).ravel(), rcond=None)[0][:4]).sum())


@formula("helmli-mean")
def _(p: Picture, y: int, x: int) -> float:
    mean = window(p, y, x).mean()
    return float(max(p[y, x] / mean, mean / p[y, x]) - 1)


@formula("local-binary-patterns")
def _(p: Picture, y: int, x: int) -> float:
    circle = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
    signs = [int(p[y + dy, x + dx] > p[y, x] + 2) for dy, dx in circle]
    changes = sum(signs[i] != signs[i - 1] for i in range(8))
    return sum(signs) if changes <= 2 else 9


@formula("steerable-filters")
def _(p: Picture, y: int, x: int) -> float:
    across, down = derivatives(p, y, x)
    return max(np.cos(t) * across + np.sin(t) * down for t in np.arange(8) * np.pi / 4)


@formula("spatial-frequency")
def _(p: Picture, y: int, x: int) -> float:
    squares = around(lambda q, v, u: sum(d**2 for d in next_differences(q, v, u)), p, y, x, 2)
    return float(np.sqrt(squares.mean()))


@formula("vollath")
def _(p: Picture, y: int, x: int) -> float:
    def difference(q: Picture, v: int, u: int) -> float:
        rows = (q[v, u + 1] - q[v, u - 1]) ** 2 - (q[v, u + 1] - q[v, u]) ** 2
        return (rows + (q[v + 1, u] - q[v - 1, u]) ** 2 - (q[v + 1, u] - q[v, u]) ** 2) / 2

    return max(float(around(difference, p, y, x, 2).mean()), 0)


@formula("ring-difference")
def _(p: Picture, y: int, x: int) -> float:
    distance = np.hypot(*np.mgrid[-3:4, -3:4])
    patch = window(p, y, x)
    return abs(float(patch[distance <= 1].mean() - patch[(distance > 2) & (distance <= 3)].mean()))


@pytest.fixture(scope="module")
def picture() -> Picture:
    """Smooth waves, an edge and a little grain, whole numbers."""
    y, x = np.mgrid[:40, :48]
    waves = 100 + 40 * np.sin(x / 3 + y / 5) + 30 * (x > 25) + np.random.default_rng(0).normal(0, 6, (40, 48))
    return np.clip(np.rint(waves), 1, 255)


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_pixel_by_pixel(name: str, picture: Picture) -> None:
    score = MEASURES.get(name)(picture.astype(np.float32))
    places = [(y, x) for y in range(10, 30, 3) for x in range(10, 38, 3)]
    found = [score[place] for place in places]
    expected = [FORMULAS[name](picture, *place) for place in places]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * max(expected))


def test_no_formula_is_missing() -> None:
    """Curvelets have no formula on pixels; their windows are tested below."""
    assert set(MEASURES.names()) - set(FORMULAS) <= {"curvelet-ratio"}


class TestCurvelets:
    def test_windows_share_the_energy_of_every_frequency(self) -> None:
        kernels = [np.fft.fft2(k) for k in _KERNELS]
        np.testing.assert_allclose(sum(np.abs(k) ** 2 for k in kernels), 1, atol=1e-5)
        np.testing.assert_allclose([k[0, 0].real for k in kernels], [1, 0, 0, 0, 0], atol=1e-6)

    def test_each_wedge_answers_to_its_direction(self) -> None:
        y, x = np.mgrid[:21, :21]
        for direction, wedge in enumerate(np.arange(4) * np.pi / 4):
            stripes = np.cos(2.2 * (np.cos(wedge) * x + np.sin(wedge) * y))
            answers = [abs(correlated(stripes, kernel, 10, 10)) for kernel in _KERNELS[1:]]
            assert int(np.argmax(answers)) == direction


class TestFrames:
    RAMP = np.tile(np.arange(5, dtype=np.float32), (5, 1))

    def test_the_gradient_counts_what_changes_from_frame_to_frame(self) -> None:
        """Slope 1 along rows (2 over two pixels), 3 along frames."""
        score = MEASURES.get("gradient-3d")(np.stack([self.RAMP, self.RAMP + 3, self.RAMP + 6]))
        np.testing.assert_allclose(score[1:-1, 1:-1], 2**2 + 6**2)

    def test_the_laplacian_is_the_mean_over_frames(self) -> None:
        frames = np.random.default_rng(0).integers(0, 256, (3, 9, 9)).astype(np.uint8)
        single = [MEASURES.get("laplacian-3d")(frame) for frame in frames]
        np.testing.assert_allclose(MEASURES.get("laplacian-3d")(frames), np.mean(single, 0), rtol=1e-5)

    def test_another_number_of_frames_is_refused(self) -> None:
        with pytest.raises(StackError, match=r"2 frames, a measure over frames takes 3\. Give the frame before"):
            MEASURES.get("laplacian-3d")(np.zeros((2, 5, 5), np.uint8))


class TestSettings:
    def test_the_threshold_decides_what_is_noise(self) -> None:
        row = np.float32([[10, 13, 20, 20]])
        assert ThresholdedGradient(threshold=0)(row).tolist() == [[3, 7, 0, 0]]
        assert ThresholdedGradient(threshold=7)(row).tolist() == [[0, 7, 0, 0]]

    def test_a_larger_window_of_the_entropy_holds_more_levels(self) -> None:
        ramp = np.tile(np.arange(0, 120, 4, dtype=np.uint8), (30, 1))
        assert HistogramEntropy(radius=1)(ramp)[15, 15] == pytest.approx(np.log2(3))
        assert HistogramEntropy(radius=7)(ramp)[15, 15] == pytest.approx(np.log2(15))

    @pytest.mark.parametrize("radii", [(2, 1, 3), (1, 2, 2.5)])
    def test_a_ring_inside_its_disc_is_refused(self, radii: tuple[float, float, float]) -> None:
        with pytest.raises(SettingError, match="Allowed: disc <= inner <= outer - 1"):
            RingDifference(*radii)

    def test_black_beside_white_is_a_large_number_and_no_infinity(self) -> None:
        assert HelmliMean(radius=1)(np.float32([[0, 0, 0], [0, 0, 9], [0, 0, 0]]))[1, 1] == pytest.approx(255, rel=1e-5)
