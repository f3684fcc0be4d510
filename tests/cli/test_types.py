"""How texts become values."""

from __future__ import annotations

import click
import pytest

from focaldepth.cli._optics import parse_optics
from focaldepth.cli._types import mapping, memory_size, size_text
from focaldepth.core.errors import FocalDepthError
from focaldepth.core.optics import LensModel


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GiB", 2**31), ("2gib", 2**31), ("1.5g", 1_500_000_000), ("512 MiB", 2**29), ("1024", 1024), ("3kb", 3000)],
)
def test_memory_size(text: str, size: int) -> None:
    assert memory_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1GiB", "2 giga", "GiB", "1i"])
def test_memory_size_refuses(text: str) -> None:
    with pytest.raises(click.BadParameter, match="amount of memory"):
        memory_size(text)


@pytest.mark.parametrize("size", [100, 2**20, 3 * 2**30, 7 * 2**40])
def test_size_text_has_a_unit(size: int) -> None:
    assert size_text(size).split()[1] in ("B", "KiB", "MiB", "GiB")


def test_mapping_refuses_contradiction() -> None:
    assert mapping([("a", "1"), ("a", "1")], "--set") == {"a": "1"}
    with pytest.raises(click.UsageError, match="--set a is given twice: 1 and 2"):
        mapping([("a", "1"), ("a", "2")], "--set")


@pytest.mark.parametrize(
    ("key", "text", "fact", "value"),
    [
        ("focal_length", "50mm", "focal_length_m", 0.05),
        ("focal-length", "5 cm", "focal_length_m", 0.05),
        ("focal_length_m", "0.05", "focal_length_m", 0.05),
        ("pixel_pitch", "4um", "pixel_pitch_m", 4e-6),
        ("pixel_pitch", "4µm", "pixel_pitch_m", 4e-6),
        ("pixel_size", "650nm", "pixel_size_m", 6.5e-7),
        ("f_number", "2.8", "f_number", 2.8),
        ("f_number", "f/2.8", "f_number", 2.8),
        ("na", "0.4", "numerical_aperture", 0.4),
        ("model", "microscope", "model", LensModel.MICROSCOPE),
        ("model", "thin-lens", "model", LensModel.THIN_LENS),
    ],
)
def test_optics(key: str, text: str, fact: str, value: object) -> None:
    """Friendly forms become SI facts whose origin is the argument."""
    optics = parse_optics({key: text})
    assert optics is not None
    found = getattr(optics, fact)
    assert found == (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value)
    assert optics.origin[fact] == "argument"


@pytest.mark.parametrize(
    ("key", "text", "hint"),
    [
        ("focal_length", "50", "Give a unit, such as focal_length=50mm"),
        ("focal_length", "50 parsec", "unknown unit 'parsec'"),
        ("focal_lenght", "50mm", "Did you mean focal_length"),
        ("f_number", "wide", "is not a number"),
        ("f_number", "-2", "must be a positive number"),
        ("f_number", "nan", "must be a positive number"),
        ("model", "microscop", "Did you mean microscope"),
    ],
)
def test_optics_refuses(key: str, text: str, hint: str) -> None:
    """Nothing is guessed; the message says what to write."""
    with pytest.raises(FocalDepthError, match=hint) as caught:
        parse_optics({key: text})
    assert caught.value.exit_code == 2


def test_no_optics() -> None:
    assert parse_optics({}) is None
