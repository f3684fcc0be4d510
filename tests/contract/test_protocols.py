"""What holds for every registered protocol."""

from __future__ import annotations

import numpy as np
import pytest

from focaldepth.benchmark._protocol import PROTOCOLS, Protocol
from focaldepth.core.axis import FocusAxis, Unit
from focaldepth.core.stack import FocalStack
from focaldepth.metrics._fit import KINDS
from focaldepth.metrics._metric import metric, metric_names


@pytest.fixture(params=PROTOCOLS.names(), scope="module")
def protocol(request: pytest.FixtureRequest) -> Protocol:
    return PROTOCOLS.get(request.param)


def test_it_tells_what_it_is(protocol: Protocol) -> None:
    assert protocol.title
    assert protocol.source
    assert protocol.dataset
    assert protocol.rules.fit in KINDS
    assert protocol.rules.span > 0


def test_its_metrics_exist_and_are_told_apart(protocol: Protocol) -> None:
    names = set(metric_names())
    assert protocol.columns
    assert {column.metric for column in protocol.columns} <= names
    assert all(column.factor in (1, 100) for column in protocol.columns)
    headings = [column.heading for column in protocol.columns]
    assert len(set(headings)) == len(headings)
    assert metric(protocol.columns[0].metric).facts.better in ("lower", "higher")


def test_its_limits_are_in_order(protocol: Protocol) -> None:
    rules = protocol.rules
    if rules.low is not None and rules.high is not None:
        assert rules.low < rules.high
    if rules.clip is not None:
        assert rules.clip[0] < rules.clip[1]
    assert rules.clip is not None or not rules.clip_truth


def test_its_frames_are_among_those_counted(protocol: Protocol) -> None:
    """A stack of that many frames gives the chosen ones in order; any other number is refused."""
    if not protocol.frames:
        assert protocol.of == 0
        return
    assert list(protocol.frames) == sorted(set(protocol.frames))
    assert 0 <= protocol.frames[0] <= protocol.frames[-1] < protocol.of
    stack = FocalStack.from_arrays(np.zeros((protocol.of, 4, 5), np.uint8))
    assert protocol.pick(stack).info.frame_names == tuple(f"frame {i}" for i in protocol.frames)
    short = FocalStack.from_arrays(np.zeros((len(protocol.frames), 4, 5), np.uint8))
    assert protocol.pick(short) is short
    other = FocalStack.from_arrays(np.zeros((protocol.of + 1, 4, 5), np.uint8))
    with pytest.raises(ValueError, match=rf"the protocol takes {len(protocol.frames)} of {protocol.of}"):
        protocol.pick(other)


def test_its_rules_have_a_unit(protocol: Protocol) -> None:
    """Whatever the stack: metres, stage travel, frames."""
    for axis in (FocusAxis(np.array([0.5, 1.0, 2.0]), Unit.METRE), FocusAxis.frames(3)):
        stack = FocalStack.from_arrays(np.zeros((3, 4, 5), np.uint8), axis)
        assert protocol.rules_for(stack, axis.unit).unit is not None
