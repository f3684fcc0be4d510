"""EXIF blocks survive patching and moving, and broken ones are refused."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from focaldepth.io._exif_block import as_block, neutral, parse, strip_prefix


def _with_thumbnail(order: str, trailing: bytes = b"") -> bytes:
    """Orientation 3, then a second directory with a thumbnail of 10 bytes, by hand."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    first = struct.pack(order + "HHHIHHI", 1, 0x0112, 3, 1, 3, 0, 26)
    second = struct.pack(order + "HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, 10, 0)
    return mark + struct.pack(order + "I", 8) + first + second + b"THUMBNAIL!" + trailing


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("trailing", [b"", b"maker note"])
def test_neutral_resets_orientation_and_drops_the_thumbnail(order, trailing):
    block = _with_thumbnail(order, trailing)
    out = neutral(b"Exif\0\0" + block, (5, 7))
    assert b"THUMBNAIL!" not in out
    assert out.endswith(trailing)
    exif = Image.Exif()
    exif.load(out)
    assert dict(exif) == {0x0112: 1}
    assert not exif.get_ifd(1)


def test_pieces_put_together_again_say_the_same(exif):
    ifds = parse(strip_prefix(exif))
    again = as_block(ifds)
    assert again is not None
    assert {t: e.raw for t, e in parse(again).exif.items()} == {t: e.raw for t, e in ifds.exif.items()}
    assert {t: e.raw for t, e in parse(again).gps.items()} == {t: e.raw for t, e in ifds.gps.items()}


def test_nothing_makes_no_block():
    assert as_block(parse(b"II*\0\x08\0\0\0\0\0\0\0\0\0")) is None


@pytest.mark.parametrize("block", [b"", b"II*\0", b"MM\0*\0\0\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"GIF89a.."])
def test_broken_blocks_are_refused(block):
    with pytest.raises(ValueError, match="EXIF block"):
        neutral(block, (1, 1))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_never_crashes(data):
    """Any change of bytes gives a block or a ValueError, nothing else."""
    exif = Image.Exif()
    exif[0x010F] = "ACME"
    exif.get_ifd(0x8769).update({0x829A: (1, 250), 0x927C: b"note " * 5})
    block = bytearray(strip_prefix(exif.tobytes()))
    for _ in range(data.draw(st.integers(1, 4))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    try:
        out = neutral(bytes(block), (4, 4))
        as_block(parse(out))
    except ValueError:
        return
    buffer = io.BytesIO()
    Image.new("L", (4, 4)).save(buffer, "JPEG", exif=out)
