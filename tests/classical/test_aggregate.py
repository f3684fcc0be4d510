"""Windows on coarser grids weigh as they say."""

import cv2
import numpy as np
import pytest

from focaldepth.classical._aggregate import Pyramid, Window, aggregate, enlarge, grid_shape, shrink


def test_shrink_is_the_block_mean_and_repeats_the_border():
    plane = np.arange(15, dtype=np.float32).reshape(3, 5)
    small = shrink(plane, 2)
    assert small.shape == grid_shape(3, 5, 2) == (2, 3)
    assert small[0, 0] == plane[:2, :2].mean()
    assert small[1, 2] == plane[2, 4]


@pytest.mark.parametrize("factor", [1, 2])
def test_a_constant_score_is_multiplied_by_the_sum_of_the_weights(factor):
    window = Window(((2.0, 1.0), (12.0, 0.2), (25.0, 0.05)), 1)
    out = aggregate(Pyramid(np.full((70, 90), 3, np.float32)), window, factor)
    assert np.allclose(out, 3 * window.weight, rtol=1e-5)


def test_wide_gaussians_on_coarse_grids_agree_with_the_direct_one():
    score = np.random.default_rng(0).random((160, 192)).astype(np.float32)
    direct = cv2.GaussianBlur(score, (0, 0), 12)
    quick = aggregate(Pyramid(score), Window(((12.0, 1.0),), 1), 1)
    inner = (slice(40, -40), slice(40, -40))
    assert np.abs(direct - quick)[inner].max() < 0.1 * score.std()


def test_enlarging_keeps_a_ramp():
    ramp = np.tile(np.arange(8, dtype=np.float32), (4, 1))
    big = enlarge(ramp, 2, 8, 16)
    assert np.allclose(np.diff(big[:, 1:-1], axis=1), 0.5)
