"""One transform per frame from places of pairs: exact, robust, and in a time that grows with the number of frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.align._alignment import MotionModel
from focaldepth.align._evidence import Evidence
from focaldepth.align._geometry import apply_to, corner_motion
from focaldepth.align._graph import Places, _block_tridiagonal, solve
from focaldepth.align._judge import judge
from focaldepth.align._links import Links
from focaldepth.align._pair import Match

from .conftest import similarity

SHAPE = (240, 320)


def truth_of(model, n):
    rng = np.random.default_rng(1)
    out = []
    for k in range(n):
        dx, dy, turn = rng.normal(size=3) * [2, 2, 0.1]
        t = similarity(1, 0, dx, dy) if model == "translation" else similarity(1 + 0.001 * k, turn, dx, dy)
        if model in ("affine", "homography"):
            t = t @ np.array([[1, 0.002 * rng.normal(), 0], [0, 1, 0], [0, 0, 1.0]])
        if model == "homography":
            t = t @ np.array([[1, 0, 0], [0, 1, 0], [*(1e-5 * rng.normal(size=2)), 1.0]])
        out.append(t)
    return np.stack(out)


def match_of(truth, a, b, count=40, wrong=0, area=(0, 0, 320, 240)):
    rng = np.random.default_rng(100 * a + b)
    seen = rng.uniform(area[:2], area[2:], (count, 2))
    p, q = apply_to(truth[a], seen), apply_to(truth[b], seen)
    q[:wrong] += 25
    return Match(a, b, p, q, np.tile(np.eye(2) * 100, (count, 1, 1)), truth[b] @ np.linalg.inv(truth[a]), 1.0)


def pairs(n, spans=(1, 3, 9)):
    return [(j - s, j) for j in range(n) for s in spans if j >= s]


@pytest.mark.parametrize("model", list(MotionModel))
@pytest.mark.parametrize("n", [2, 5, 40])
def test_exact_places_give_exact_transforms(model, n):
    truth = truth_of(model, n)
    reference = n // 2
    truth = truth @ np.linalg.inv(truth[reference])
    places = Places.of([match_of(truth, a, b) for a, b in pairs(n)])
    found = solve(n, places, reference, model, SHAPE, np.tile(np.eye(3), (n, 1, 1)))
    assert (found[reference] == np.eye(3)).all()
    assert max(corner_motion(f, SHAPE, t) for f, t in zip(found, truth, strict=True)) < 2e-3


def test_wrong_places_count_little():
    truth = truth_of("similarity", 12)
    truth = truth @ np.linalg.inv(truth[6])
    places = Places.of([match_of(truth, a, b, wrong=6) for a, b in pairs(12)])
    found = solve(12, places, 6, MotionModel.SIMILARITY, SHAPE, np.tile(np.eye(3), (12, 1, 1)))
    assert max(corner_motion(f, SHAPE, t) for f, t in zip(found, truth, strict=True)) < 0.1


def test_frames_without_places_stay_where_they_start():
    truth = truth_of("similarity", 8)
    places = Places.of([match_of(truth, a, b) for a, b in pairs(8) if 5 not in (a, b)])
    start = np.tile(np.eye(3), (8, 1, 1))
    start[5] = similarity(1.01, 0.3, 4, -3)
    found = solve(8, places, 2, MotionModel.SIMILARITY, SHAPE, start)
    np.testing.assert_allclose(found[5], start[5], atol=1e-9)


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 1000))
def test_elimination_solves_the_whole_system(blocks, side, seed):
    rng = np.random.default_rng(seed)
    size = blocks * side
    whole = np.zeros((size, size))
    for k in range(blocks):
        part = slice(k * side, min((k + 2) * side, size))
        rows = rng.normal(size=(4 * side, part.stop - part.start))
        whole[part, part] += rows.T @ rows
    cut = [slice(k * side, (k + 1) * side) for k in range(blocks)]
    here = np.stack([whole[c, c] for c in cut])
    across = np.stack([whole[c, d] for c, d in zip(cut, [*cut[1:], cut[0]], strict=True)])
    right = rng.normal(size=(blocks, side))
    found = _block_tridiagonal(here, across, right)
    np.testing.assert_allclose(whole @ found.ravel(), right.ravel(), atol=1e-8)


def test_detail_in_one_window_only_proves_nothing():
    truth = np.stack([similarity(1, 0, 3.0 * k, 0) for k in range(3)])
    links = Links(3)
    matches = tuple(match_of(truth, a, b, area=(2, 2, 30, 30)) for a, b in pairs(3))
    for match in matches:
        links.add(match)
    evidence = Evidence(matches, links, SHAPE, 1, np.ones((3, 12, 12), np.float32), np.ones(3))
    verdict = judge(evidence, tuple(MotionModel), 0.4)
    assert verdict.model is None
    assert verdict.explained == 0
