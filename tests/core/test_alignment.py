"""Where frames lie: one transform, flag, reason and score per frame."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from focaldepth.core.alignment import Alignment
from focaldepth.core.errors import AlignmentError


def test_untouched_moves_nothing_and_refers_to_the_middle() -> None:
    made = Alignment.untouched(5, "not needed", evidence={"shift_px": 0.02})
    assert (made.moves, made.reference, made.rule, len(made.reasons)) == (False, 2, "not needed", 5)
    assert made.aligned.all()
    assert np.isnan(made.score).all()
    assert made.evidence["shift_px"] == 0.02


def test_the_smallest_shift_is_a_move() -> None:
    transforms = np.tile(np.eye(3), (3, 1, 1))
    transforms[0, 0, 2] = 1e-3
    assert replace(Alignment.untouched(3, "x"), transforms=transforms).moves


@pytest.mark.parametrize(
    "wrong",
    [{"transforms": np.zeros((3, 2, 3))}, {"transforms": np.zeros((4, 3, 3))}, {"aligned": np.ones(2, bool)},
     {"score": np.ones(4)}, {"reasons": ("",)}, {"reference": 3}, {"reference": -1}],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(AlignmentError, match=r"do not belong together. Give one transform, flag, reason and score"):
        replace(Alignment.untouched(3, "x"), **wrong)


def test_it_is_frozen_and_its_evidence_read_only() -> None:
    made = Alignment.untouched(3, "x")
    with pytest.raises(AttributeError):
        made.rule = "y"
    with pytest.raises(TypeError):
        made.evidence["shift_px"] = 1.0


def test_it_travels_to_other_processes() -> None:
    made = Alignment.untouched(3, "x", evidence={"shift_px": 1.0})
    back = pickle.loads(pickle.dumps(made))
    assert (back.rule, dict(back.evidence)) == (made.rule, dict(made.evidence))
    np.testing.assert_array_equal(back.transforms, made.transforms)
