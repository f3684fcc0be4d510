"""From smoothed evidence to depth: peaks, paths, total variation."""

from types import SimpleNamespace

import numpy as np
import pytest

from focaldepth.classical._edge_aware import EdgeAware
from focaldepth.classical._evidence import weigh
from focaldepth.classical._regularise import find_peaks, own_weight, smooth, smooth_position
from focaldepth.classical._semi_global import sum_paths
from focaldepth.classical._variational import FocusCurves, minimise
from focaldepth.classical._volume import gather
from focaldepth.core.progress import Run
from focaldepth.scenes.layers import LayeredScene, render

RUN = Run(threads=2)


def bumps(places, count=40):
    """A volume whose pixels peak at the given places (depths are 0, 0.5, 1 ...)."""
    depths = np.arange(count) * 0.5
    volume = np.exp(-((depths - np.asarray(places, float)[..., None]) ** 2) / 8).astype(np.float32)
    return SimpleNamespace(depths=depths, reading_px=1.0), volume


def test_peaks_are_found_between_hypotheses():
    places = np.random.default_rng(1).uniform(2, 17, (70, 9))
    evidence, volume = bumps(places)
    found = find_peaks(evidence, volume, 2)
    assert np.abs(found.position - places).max() < 0.02
    assert found.second.max() < 1
    assert np.all(found.bend > 0)


def test_a_peak_at_an_end_stays_there():
    evidence, volume = bumps(np.array([[-3.0, 30.0]]))
    assert find_peaks(evidence, volume, 1).position.tolist() == [[0.0, 19.5]]


def test_the_position_without_a_volume_is_that_of_the_volume():
    rendered = render(LayeredScene(seed=5, frames=6, height=64, width=80, contrast=1.0))
    state = gather(rendered.stack, RUN, None, luminance=True)
    evidence = weigh(state.luminance, rendered.stack.blur_axis.values, 1, RUN)
    weight, along = own_weight(evidence), EdgeAware(state.guide, 8.0, 0.4)
    whole = find_peaks(evidence, smooth(evidence, weight, along, RUN), 2).position
    parts = smooth_position(evidence, weight, along, RUN)
    assert np.mean(np.abs(whole - parts) < 1e-3 * np.ptp(evidence.depths)) > 0.999


def test_evidence_finds_the_depth_of_a_textured_plane():
    scene = LayeredScene(seed=1, frames=8, height=96, width=96, layers=0, relief=0, contrast=1.0, noise=0.001)
    rendered = render(scene)
    state = gather(rendered.stack, RUN, None, luminance=True)
    evidence = weigh(state.luminance, rendered.stack.blur_axis.values, 1, RUN)
    along = EdgeAware(state.guide, 12.0, 0.4)
    position = find_peaks(evidence, smooth(evidence, own_weight(evidence), along, RUN), 2).position
    error = np.abs(position - rendered.truth.values) / scene.step
    assert np.median(error) < 0.08


def test_paths_prefer_the_smooth_explanation():
    """A pixel that hardly prefers a far depth follows its neighbours; across an edge of the picture it need not."""
    cost = np.ones((9, 9, 12), np.float32)
    cost[..., 3] = 0
    cost[4, 4] = 1
    cost[4, 4, 9] = 0.9
    total = sum_paths(cost, np.zeros((9, 9, 1), np.float32), 0.05, 0.4, RUN)
    assert (total.argmin(2) == 3).all()


def test_paths_without_penalties_change_nothing():
    cost = np.random.default_rng(0).random((6, 7, 5)).astype(np.float32)
    total = sum_paths(cost, np.zeros((6, 7, 3), np.float32), 0.0, 0.0, RUN)
    assert (total.argmin(2) == cost.argmin(2)).all()


@pytest.mark.parametrize("weight", [0.001, 3.0])
def test_total_variation_removes_outliers_in_proportion_to_its_weight(weight):
    focus = np.linspace(0, 9, 10)
    scores = np.repeat(np.exp(-((focus - 4) ** 2) / 6).astype(np.float32)[:, None, None], 24, 1).repeat(24, 2)
    scores[:, 12, 12] = 0.5 * np.exp(-((focus - 8) ** 2) / 6)
    depth = minimise(FocusCurves.fit(scores, focus, 8), weight, 4.0, 200, RUN)
    assert np.abs(np.delete(depth.ravel(), 12 * 24 + 12) - 4).max() < 0.6
    assert (depth[12, 12] > 7) == (weight < 1)
