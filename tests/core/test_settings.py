"""Settings: one declaration for default, help, range and text form."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focaldepth.core.errors import SettingError, UnknownNameError
from focaldepth.core.settings import SettingFact, check, facts, parse, setting


class Shape(StrEnum):
    ROUND = "round"
    SQUARE = "square"


@dataclass(frozen=True)
class Knobs:
    gain: float = setting(1.0, "how much", unit="px", low=0.0, high=10.0)
    steps: int = setting(3, "how many", low=1)
    fast: bool = setting(False, "whether")
    mode: str = setting("a", "which", choices=("a", "b"))
    label: str = setting("", "any text")
    shape: Shape = setting(Shape.ROUND, "outline", choices=tuple(Shape))  # noqa: RUF009
    hidden: int = 7

    def __post_init__(self) -> None:
        check(self)


def fact(name: str) -> SettingFact:
    return next(f for f in facts(Knobs) if f.name == name)


class TestFacts:
    def test_declared_fields_are_listed_in_order(self) -> None:
        assert [f.name for f in facts(Knobs)] == ["gain", "steps", "fast", "mode", "label", "shape"]

    def test_classes_and_instances_tell_the_same(self) -> None:
        assert facts(Knobs) == facts(Knobs(gain=2.0))

    def test_what_is_declared_is_told(self) -> None:
        assert fact("gain") == SettingFact("gain", float, 1.0, "how much", "px", 0.0, 10.0)

    @pytest.mark.parametrize(
        ("name", "words", "allowed"),
        [("gain", ">= 0 and <= 10", ">= 0 and <= 10"), ("steps", ">= 1", ">= 1"), ("mode", "a, b", "a, b"),
         ("fast", "", "true or false"), ("label", "", "a text")],
    )  # fmt: skip
    def test_ranges_in_words(self, name: str, words: str, allowed: str) -> None:
        assert (fact(name).range_text, fact(name).allowed) == (words, allowed)


class TestCheck:
    @pytest.mark.parametrize(
        "good",
        [{"gain": 0}, {"gain": 10}, {"gain": np.float32(3)}, {"steps": np.int64(2)}, {"steps": 10**9}, {"fast": True},
         {"mode": "b"}, {"shape": Shape.SQUARE}, {"label": "x"}],
    )  # fmt: skip
    def test_good_values_pass(self, good: dict[str, object]) -> None:
        Knobs(**good)

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            ({"gain": -0.1}, r"Knobs: gain is -0.1. Allowed: >= 0 and <= 10\."),
            ({"gain": 10.1}, r"gain is 10.1"),
            ({"gain": float("nan")}, r"gain is nan. Allowed: >= 0 and <= 10"),
            ({"gain": "1"}, r"gain is '1'. Allowed: >= 0"),
            ({"gain": None}, r"gain is None"),
            ({"gain": True}, r"gain is True"),
            ({"steps": 0}, r"steps is 0. Allowed: >= 1\."),
            ({"steps": 1.5}, r"steps is 1.5"),
            ({"fast": 1}, r"fast is 1. Allowed: true or false"),
            ({"mode": "c"}, r"mode is 'c'. Allowed: a, b\."),
            ({"label": 3}, r"label is 3. Allowed: a text\."),
            ({"shape": "oval"}, r"shape is 'oval'. Allowed: round, square"),
        ],
    )
    def test_bad_values_name_class_setting_and_range(self, bad: dict[str, object], message: str) -> None:
        with pytest.raises(SettingError, match=message):
            Knobs(**bad)

    def test_a_sweep_is_checked_too(self) -> None:
        with pytest.raises(SettingError, match="gain is 11"):
            replace(Knobs(), gain=11)

    def test_settings_are_hashable_and_show_themselves(self) -> None:
        assert hash(Knobs()) == hash(Knobs())
        assert "gain=1.0" in repr(Knobs())


class TestParse:
    @given(st.floats(0, 10), st.integers(1, 1000), st.booleans(), st.sampled_from("ab"), st.text())
    def test_what_is_written_is_read_back(self, gain: float, steps: int, fast: bool, mode: str, label: str) -> None:
        made = Knobs(gain, steps, fast, mode, label)
        texts = {f.name: str(getattr(made, f.name)) for f in facts(made)}
        assert parse(Knobs, texts) == made

    @pytest.mark.parametrize("yes", ["true", "Yes", "ON", "1"])
    @pytest.mark.parametrize("no", ["false", "No", "OFF", "0"])
    def test_words_for_yes_and_no(self, yes: str, no: str) -> None:
        assert parse(Knobs, {"fast": yes}).fast is True
        assert parse(Knobs, {"fast": no}).fast is False

    def test_dashes_stand_for_underscores(self) -> None:
        @dataclass(frozen=True)
        class Long:
            max_sigma: float = setting(1.0, "")

        assert parse(Long, {"max-sigma": "2"}).max_sigma == 2

    def test_what_is_left_away_keeps_its_default(self) -> None:
        assert parse(Knobs, {}) == Knobs()

    def test_an_unknown_setting_suggests_the_nearest(self) -> None:
        with pytest.raises(UnknownNameError, match=r"Knobs: unknown setting 'gian'. Did you mean gain\?"):
            parse(Knobs, {"gian": "1"})

    def test_a_field_that_is_no_setting_cannot_be_set(self) -> None:
        with pytest.raises(UnknownNameError, match=r"unknown setting 'hidden'"):
            parse(Knobs, {"hidden": "1"})

    @pytest.mark.parametrize(
        ("texts", "message"),
        [
            ({"gain": "wide"}, r"Knobs: gain is 'wide'. Give a number\."),
            ({"gain": "99"}, r"gain is 99.0. Allowed: >= 0 and <= 10"),
            ({"gain": "nan"}, r"gain is nan. Allowed"),
            ({"steps": "2.5"}, r"steps is '2.5'. Give a whole number\."),
            ({"fast": "maybe"}, r"fast is 'maybe'. Allowed: true or false\."),
            ({"mode": "z"}, r"mode is 'z'. Allowed: a, b"),
            ({"shape": "oval"}, r"shape is 'oval'. Give round, square\."),
        ],
    )
    def test_a_wrong_text_says_what_to_give(self, texts: dict[str, str], message: str) -> None:
        with pytest.raises(SettingError, match=message):
            parse(Knobs, texts)
