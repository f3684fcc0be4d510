"""Facts about lens and sensor: never guessed, each with its origin."""

import copy
import pickle

import numpy as np
import pytest

from focaldepth.core.errors import SettingError, UnitError
from focaldepth.core.optics import LensModel, Optics

FACTS = ("focal_length_m", "f_number", "pixel_pitch_m", "pixel_size_m", "disparity_scale_m_px", "numerical_aperture")


def test_nothing_is_known_by_default() -> None:
    assert Optics().facts() == {"model": "thin_lens"}


@pytest.mark.parametrize("fact", FACTS)
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "wide", [1, 2], np.float32(-3)])
def test_a_fact_must_be_a_positive_number(fact: str, value: object) -> None:
    with pytest.raises(SettingError, match=rf"optics: {fact} must be a positive number, got .* Leave it away when"):
        Optics(**{fact: value})


@pytest.mark.parametrize("value", [2, 2.0, "2", np.float32(2), np.int64(2)])
def test_numbers_of_any_kind_become_float(value: object) -> None:
    found = Optics(f_number=value).f_number
    assert found == 2
    assert type(found) is float


def test_a_model_may_be_given_by_name() -> None:
    assert Optics(model="telecentric").model is LensModel.TELECENTRIC


def test_an_unknown_model_lists_the_known_ones() -> None:
    with pytest.raises(SettingError, match=r"model is 'fisheye'. Allowed: thin_lens, telecentric, microscope"):
        Optics(model="fisheye")


def test_need_names_fact_purpose_and_option() -> None:
    with pytest.raises(
        UnitError, match=r"the field of view needs focal_length_m, which is unknown. Give it with --opt"
    ):
        Optics().need("focal_length_m", "the field of view")


def test_with_facts_fills_what_is_unknown_and_keeps_what_is_known() -> None:
    known = Optics(f_number=4, origin={"f_number": "argument"})
    filled = known.with_facts("EXIF", f_number=8, focal_length_m=0.05, pixel_pitch_m=None)
    assert (filled.f_number, filled.focal_length_m, filled.pixel_pitch_m) == (4, 0.05, None)
    assert dict(filled.origin) == {"f_number": "argument", "focal_length_m": "EXIF"}
    assert known.focal_length_m is None


def test_origin_is_read_only_and_does_not_count_for_equality() -> None:
    origin = {"f_number": "argument"}
    optics = Optics(f_number=4, origin=origin)
    origin["f_number"] = "changed"
    assert optics.origin["f_number"] == "argument"
    with pytest.raises(TypeError):
        optics.origin["x"] = "y"
    with pytest.raises(AttributeError):
        optics.f_number = 2
    assert optics == Optics(f_number=4)
    assert hash(optics) == hash(Optics(f_number=4))


def test_facts_are_plain_values() -> None:
    assert Optics(f_number=4, model=LensModel.MICROSCOPE).facts() == {"f_number": 4.0, "model": "microscope"}


@pytest.mark.parametrize("again", [copy.deepcopy, copy.copy, lambda o: pickle.loads(pickle.dumps(o))])
def test_optics_travel_to_other_processes(again: object) -> None:
    optics = Optics(focal_length_m=0.05, model=LensModel.MICROSCOPE, origin={"focal_length_m": "EXIF"})
    back = again(optics)
    assert back == optics
    assert dict(back.origin) == dict(optics.origin)
