"""The fast form of in the wild says what the reference says, in all variants and sizes."""

from functools import lru_cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from focaldepth.networks import _rows, _rows_in_the_wild
from focaldepth.networks._fast import Fast, flatten
from focaldepth.networks._net import FocusNet, build
from focaldepth.networks._rows import rows_first
from focaldepth.networks._rows_in_the_wild_e2e import Motion, Warped, seen, with_flow
from focaldepth.networks._spec import NETWORKS, Options
from focaldepth.networks.dff_in_the_wild import DETECTORS, DOWNSAMPLINGS, InTheWildOptions
from focaldepth.networks.dff_in_the_wild_e2e import EndToEndOptions
from focaldepth.networks.modules.dff_in_the_wild_e2e import flow, warp

DEPTH, BOTH = "dff-in-the-wild", "dff-in-the-wild-e2e"
SIZES = [(1, 3, 32, 64), (1, 1, 64, 32), (2, 2, 96, 32), (1, 4, 160, 64)]
VARIANTS = [InTheWildOptions(detector=kind) for kind in DETECTORS]
VARIANTS += [InTheWildOptions(downsampling=kind) for kind in DOWNSAMPLINGS[1:]]


@lru_cache(maxsize=3)
def made(name: str, options: Options | None = None) -> FocusNet:
    torch.manual_seed(5)
    net = build(name, options)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.running_mean.uniform_(-0.1, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.7, 1.4)  # type: ignore[union-attr]
            module.bias.data.uniform_(-0.1, 0.1)
    return net


def again(name: str, options: Options | None = None) -> FocusNet:
    """The same network; the fast form takes the weights of the one that it is made from."""
    net = build(name, options)
    net.load_state_dict(made(name, options).state_dict())
    return net


def inputs(name: str, batch: int, n: int, height: int, width: int) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(n)
    given = {"frames": 2 * torch.rand(batch, n, 3, height, width, generator=random) - 1}
    given["focus"] = torch.rand(batch, n, generator=random).cumsum(1)
    fov = 1 + 0.1 * torch.rand(batch, n, generator=random)
    return given | dict.fromkeys(NETWORKS.get(name).inputs, fov)


@pytest.fixture
def narrow_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several bands even in small pictures."""
    monkeypatch.setattr(_rows_in_the_wild, "BAND_BYTES", 1)


@torch.inference_mode()
def check(name: str, given: dict[str, Tensor], options: Options | None = None, **more: Any) -> None:
    reference, fast = made(name, options), Fast(again(name, options), **more)
    reference.every_scale = fast.every_scale = True
    wanted, found = flatten(reference(**given)), flatten(fast(**given))
    reference.every_scale = False
    assert {k for k, v in wanted.items() if v is not None} == {k for k, v in found.items() if v is not None}
    for key, tensor in wanted.items():
        if tensor is not None:
            own = found[key]
            assert own is not None
            scale = max(1.0, float(tensor.abs().max()))
            assert float((own - tensor).abs().max()) < 2e-4 * scale, key


@pytest.mark.usefixtures("narrow_bands")
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", [DEPTH, BOTH])
def test_it_says_what_the_reference_says(name: str, size: tuple[int, int, int, int]) -> None:
    check(name, inputs(name, *size))


@pytest.mark.usefixtures("narrow_bands")
@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_with_the_modules_of_figure_11(options: InTheWildOptions) -> None:
    check(DEPTH, inputs(DEPTH, 1, 3, 64, 32), options)


def test_with_the_field_of_view_alone() -> None:
    check(BOTH, inputs(BOTH, 1, 3, 64, 32), EndToEndOptions(alignment="field_of_view"))


def test_without_fused_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rows, "HAS_FUSED", False)
    check(BOTH, inputs(BOTH, 1, 2, 64, 64))


@pytest.mark.parametrize("name", [DEPTH, BOTH])
def test_in_one_band_and_with_frames_that_do_not_count(name: str) -> None:
    given = inputs(name, 2, 3, 32, 64)
    check(name, given | {"frame_valid": torch.tensor([[True, True, False], [True, True, True]])})


@pytest.mark.parametrize("name", [DEPTH, BOTH])
def test_the_general_form_says_the_same(name: str) -> None:
    """It runs where bands do not pay: on graphics cards."""
    fast = Fast(again(name), device="cuda")
    reference, given = made(name), inputs(name, 1, 3, 32, 64)
    with torch.inference_mode():
        torch.testing.assert_close(fast(**given).depth, reference(**given).depth, rtol=1e-3, atol=2e-4)
    assert not fast.plain_because


@torch.inference_mode()
def test_bfloat16_moves_depth_little() -> None:
    """Weights that were never trained tell frames apart far less than noise does, hence the mean."""
    given = inputs(BOTH, 1, 5, 96, 96)
    wanted, found = made(BOTH)(**given), Fast(again(BOTH), bfloat16=True)(**given)
    assert found.depth.dtype is torch.float32
    torch.testing.assert_close(found.extras["coefficients"], wanted.extras["coefficients"], rtol=1e-3, atol=1e-4)
    span = float(given["focus"].max() - given["focus"].min())
    assert float((found.depth - wanted.depth).abs().mean()) < 0.01 * span


@pytest.mark.parametrize("name", [DEPTH, BOTH])
def test_memory_is_known_before(name: str) -> None:
    """Less than half of the reference's for large pictures; it grows with the pixels, beside what a band takes."""
    sizes = []
    for side in (256, 512, 1024):
        given = {key: t.to("meta") for key, t in inputs(name, 1, 5, 32, 32).items()}
        given["frames"] = torch.empty(1, 5, 3, side, side, device="meta")
        fast = Fast(again(name))
        own, plain = (fast.peak_bytes(given, merged=merged) for merged in (True, False))
        assert own < (0.8 if side == 256 else 0.5) * plain
        sizes.append(own / side**2)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[2] < 700  # 5 frames


@torch.inference_mode()
def test_warped_rows_are_those_of_the_reference() -> None:
    torch.manual_seed(1)
    volume, fov = torch.randn(2, 3, 4, 24, 16), 1 + 0.2 * torch.rand(2, 4)
    coefficients = torch.randn(2, 4, 3) * torch.tensor([0.05, 3, 3])
    wanted = rows_first(warp(volume, flow(coefficients, fov, 24, 16)))
    node = Warped(rows_first(volume), Motion.of(coefficients, fov))
    assert node.height == 24
    for start, stop in ((0, 24), (5, 6), (20, 24)):
        torch.testing.assert_close(node.read(start, stop), wanted[:, :, start:stop], rtol=1e-4, atol=1e-5)


def test_the_mean_of_a_convolution_follows_from_sums() -> None:
    x, weight = torch.randn(1, 4, 9, 7), torch.randn(3, 4, 3, 3)
    wanted = torch.nn.functional.conv2d(x, weight, padding=1).mean((2, 3))
    sums = seen(seen(x, 2), -1)  # over columns of over rows
    found = torch.einsum("ocyx,xybc->bo", weight, sums) / 63
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_flow_is_added_with_its_weights() -> None:
    base, flows, weights = torch.randn(2, 4, 3, 1, 5), torch.randn(1, 4, 3, 3, 5), torch.randn(2, 6, 3)
    wanted = base + torch.einsum("bnk,chkw->bchnw", weights, flows[0])
    torch.testing.assert_close(with_flow(base, flows, weights), wanted)
