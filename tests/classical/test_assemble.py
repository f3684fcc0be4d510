"""Back to full resolution: along edges, and in blocks."""

import numpy as np

from focaldepth.classical._assemble import enlarge_along_edges, enlarge_blocks


def test_a_jump_lands_on_the_edge_of_the_picture():
    picture = np.zeros((40, 64, 3), np.uint8)
    picture[:, 30:] = 200
    small = picture.reshape(10, 4, 16, 4, 3).mean((1, 3)).astype(np.float32) / 255
    depth = np.where(np.arange(16) < 7, 1.0, 5.0).astype(np.float32)[None].repeat(10, 0)
    (full,) = enlarge_along_edges([depth], small, picture, 255.0, 4, 2)
    assert full.shape == (40, 64)
    assert np.abs(full[:, :28] - 1).max() < 0.1
    assert np.abs(full[:, 32:] - 5).max() < 0.1


def test_a_constant_stays_and_weights_sum_to_one():
    picture = np.random.default_rng(0).integers(0, 255, (33, 47, 1)).astype(np.uint8)
    plane = np.full((9, 12), 3.0, np.float32)
    (full,) = enlarge_along_edges([plane], np.zeros((9, 12, 1), np.float32), picture, 255.0, 4, 1)
    assert np.allclose(full, 3, atol=1e-3)


def test_blocks_repeat_every_grid_pixel():
    mask = np.array([[True, False]])
    assert enlarge_blocks(mask, 2, (2, 3)).tolist() == [[True, True, False]] * 2
    numbers = np.array([[300, 7]], np.int16)
    assert enlarge_blocks(numbers, 3, (3, 5)).tolist() == [[300, 300, 300, 7, 7]] * 3
