"""Volumes by bands of rows: any rows of any layer are those of the whole, exactly as far as rounding goes."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from focaldepth.networks import _rows
from focaldepth.networks._most_held import most_held
from focaldepth.networks._rows import (
    Conv,
    Held,
    Layer,
    Map,
    Pooled,
    Up,
    Window,
    as_pairs,
    frames_first,
    from_pairs,
    halved,
    rows_first,
    stored,
    whole,
)

H, N, W = 16, 3, 8
KINDS: dict[str, tuple[int, dict[str, Any]]] = {
    "3x3x3": (16, {"kernel_size": 3, "padding": 1}),
    "pairs": (8, {"kernel_size": 3, "padding": 1}),
    "few": (2, {"kernel_size": (1, 3, 3), "padding": (0, 1, 1)}),
    "frames": (8, {"kernel_size": (3, 1, 1), "padding": (1, 0, 0)}),
    "pixel": (8, {"kernel_size": 1}),
    "gaps": (8, {"kernel_size": (1, 5, 5), "padding": (0, 4, 4), "dilation": (1, 2, 2)}),
    "stride": (16, {"kernel_size": 3, "padding": 1, "stride": (1, 2, 2)}),
    "stride of a pixel": (8, {"kernel_size": 1, "stride": (1, 2, 2)}),
    "two": (4, {"kernel_size": (3, 2, 2), "padding": 1}),
}
"""Name -> channels made, and what else is said of the convolution."""
windows = st.tuples(st.integers(0, H - 1), st.integers(1, H)).map(lambda p: (p[0], min(p[0] + p[1], H)))


@dataclass
class Counted:
    """Counts how often each row is read."""

    tensor: Tensor

    def __post_init__(self) -> None:
        self.height = self.tensor.shape[2]
        self.reads = torch.zeros(self.height, dtype=torch.int)

    def read(self, start: int, stop: int) -> Tensor:
        assert 0 <= start < stop <= self.height
        self.reads[start:stop] += 1
        return self.tensor[:, :, start:stop].contiguous(memory_format=torch.channels_last_3d)


def volume(channels: int = 4, batch: int = 1, seed: int = 0) -> Tensor:
    return torch.randn(batch, channels, N, H, W, generator=torch.Generator().manual_seed(seed))


def norm_of(channels: int) -> nn.BatchNorm3d:
    norm = nn.BatchNorm3d(channels).eval()
    for values in (norm.running_mean, norm.bias.data):
        assert values is not None
        values.uniform_(-0.5, 0.5)
    for values in (norm.running_var, norm.weight.data):
        assert values is not None
        values.uniform_(0.5, 2)
    return norm


def clipped(rows: tuple[int, int], height: int) -> tuple[int, int]:
    return min(rows[0], height - 1), max(min(rows[1], height), min(rows[0], height - 1) + 1)


@pytest.fixture(params=[True, False], ids=["fused", "plain"])
def fused(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without the operators that nothing promises."""
    if request.param and not _rows.HAS_FUSED:
        pytest.skip("this PyTorch has no fused convolutions")
    monkeypatch.setattr(_rows, "HAS_FUSED", request.param)


@pytest.mark.usefixtures("fused")
@pytest.mark.parametrize("plus", [False, True], ids=["alone", "sum"])
@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_rows_of_a_convolution_are_those_of_the_whole(kind: str, plus: bool) -> None:
    torch.manual_seed(1)
    outer, options = KINDS[kind]
    conv, norm, x = nn.Conv3d(4, outer, bias=kind == "two", **options), norm_of(outer), volume(batch=2)
    y = norm(conv(x))
    more = torch.randn_like(y) if plus else None
    y = rows_first(F.relu(y if more is None else y + more))
    node = Conv(Layer(conv, norm, relu=True), Counted(rows_first(x)), None if more is None else whole(rows_first(more)))
    height = y.shape[2]
    assert node.height == height
    for start in range(height):
        for stop in {start + 1, min(start + 4, height), height}:
            torch.testing.assert_close(node.read(start, stop), y[:, :, start:stop], rtol=1e-4, atol=1e-5)


@given(windows)
@settings(max_examples=30)
@torch.inference_mode()
def test_rows_of_an_enlargement_are_those_of_the_whole(rows: tuple[int, int]) -> None:
    torch.manual_seed(1)
    conv, norm, x = nn.ConvTranspose3d(4, 8, 3, (1, 2, 2), 1, (0, 1, 1), bias=False), norm_of(8), volume()
    y = rows_first(norm(conv(x)))
    node = Up(Layer(conv, norm), whole(rows_first(x)))
    assert node.height == 2 * H
    start, stop = 2 * rows[0] + 1, 2 * rows[1]
    for a, b in (rows, (start, stop)):
        torch.testing.assert_close(node.read(a, b), y[:, :, a:b], rtol=1e-4, atol=1e-5)


@given(windows, st.integers(1, H + 3))
@settings(max_examples=20)
@torch.inference_mode()
def test_chains_and_blocks_give_the_same_in_any_bands(rows: tuple[int, int], band: int) -> None:
    """Convolutions after each other, a block that reads its source twice, and a pooling."""
    torch.manual_seed(2)
    first, second = (nn.Conv3d(4, 4, 3, padding=1) for _ in range(2))
    x = volume()
    inner = F.relu(first(x))
    y = rows_first(F.max_pool3d(F.relu(second(inner) + inner), (1, 2, 2)))

    def block(held: Held, start: int, stop: int) -> Tensor:
        return Conv(Layer(second, relu=True), held, plus=held).read(start, stop)

    chain = Window(block, Conv(Layer(first, relu=True), whole(rows_first(x))), 1, 1)
    node = Pooled(lambda v: halved(v, torch.maximum), chain, 2)
    a, b = clipped(rows, node.height)
    torch.testing.assert_close(node.read(a, b), y[:, :, a:b], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(stored(node, band).tensor, y, rtol=1e-4, atol=1e-5)


def test_bands_read_each_row_once_and_what_a_layer_needs_beside() -> None:
    source = Counted(rows_first(volume()))
    stored(Conv(Layer(nn.Conv3d(4, 8, 3, padding=1)), source), 4)
    between = {3, 4, 7, 8, 11, 12}
    assert source.reads.tolist() == [2 if row in between else 1 for row in range(H)]


def test_a_volume_may_be_written_over_by_what_reads_the_same_rows() -> None:
    x = rows_first(volume())
    wanted, room = x + 1, whole(x)
    found = stored(Map(lambda v: v + 1, (room,)), 5, into=room)
    assert found.tensor is x
    torch.testing.assert_close(x, wanted)


def test_pairs_of_pixels_are_views() -> None:
    x = rows_first(volume(6, batch=2))
    pairs = as_pairs(x)
    assert pairs.data_ptr() == x.data_ptr()
    assert torch.equal(pairs[:, :6, ..., 1], x[..., 2])
    assert torch.equal(pairs[:, 6:, ..., 1], x[..., 3])
    assert torch.equal(from_pairs(pairs), x)
    assert torch.equal(frames_first(rows_first(volume())), volume())


@torch.inference_mode()
def test_a_layer_computes_in_the_type_of_what_it_reads() -> None:
    torch.manual_seed(3)
    layer, x = Layer(nn.Conv3d(4, 16, 3, padding=1), relu=True), rows_first(volume())
    narrow = Conv(layer, whole(x.bfloat16())).read(0, H)
    assert narrow.dtype is torch.bfloat16
    torch.testing.assert_close(narrow.float(), Conv(layer, whole(x)).read(0, H), rtol=0.05, atol=0.05)


def test_memory_is_counted_as_tensors_come_and_go() -> None:
    def work() -> None:
        a = torch.empty(1000, device="meta")  # 4000
        b = a.view(10, 100)  # the same memory
        c = b + 1  # 8000
        del a
        d = c * 2  # 12000, for b still shows it
        del b
        e = d.relu_()  # the same as d
        del c, d
        f = e.bfloat16()  # 6000
        assert f.numel() == 1000

    assert most_held(work) == 12_000
    assert most_held(lambda: None) == 0


def test_given_tensors_do_not_count_as_memory_held() -> None:
    x = torch.empty(1000, device="meta")
    assert most_held(lambda: x.view(10, 100).add_(1).relu()) == 4000
