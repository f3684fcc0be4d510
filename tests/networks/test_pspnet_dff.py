"""PSPNet and PSP-LF: parts, dilation, and the regression over the stack that they share with DDFFNet."""

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from focaldepth.core.errors import SettingError, WeightsError
from focaldepth.networks._net import FocusNet, build
from focaldepth.networks._resnet import DilatedResNet
from focaldepth.networks._spec import NETWORKS
from focaldepth.networks.modules.pspnet_dff import PspNetDff
from focaldepth.networks.pspnet_dff import PspNetOptions, read_options


@cache
def made() -> FocusNet:
    torch.manual_seed(6)
    return build("pspnet-dff", PspNetOptions(frames=3))


def stack() -> Tensor:
    return torch.rand(1, 3, 3, 48, 56, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(("layers", "trunk"), [(50, 23_508_032), (101, 42_500_160)])
def test_every_part_has_its_size(layers: int, trunk: int) -> None:
    """By hand: four 1x1 convolutions to a quarter, a 3x3 of all to 512, one of them to a map; trunks as published."""
    with torch.device("meta"):
        net = PspNetDff(PspNetOptions(layers=layers))
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in net.named_children()}
    pyramid, head = 4 * (2048 * 512 + 2 * 512), 4096 * 512 * 9 + 2 * 512 + 513
    assert parts == {"encoder": trunk, "pyramid": pyramid, "head": head, "scoring": 10}


def halving(net: DilatedResNet) -> None:
    """Undo the dilation: halve where a residual network does."""
    for part in ("layer3", "layer4"):
        for name, layer in net.get_submodule(part).named_modules():
            if isinstance(layer, nn.Conv2d):
                layer.dilation, layer.padding = (1, 1), (layer.kernel_size[0] // 2,) * 2
                if name in ("0.conv2", "0.downsample.0"):
                    layer.stride = (2, 2)


@torch.inference_mode()
def test_the_dilated_trunk_gives_the_numbers_of_the_halving_one_and_those_in_between() -> None:
    torch.manual_seed(7)
    net = DilatedResNet((1, 1, 2, 2)).eval()
    x = torch.rand(1, 3, 64, 96)
    fine = net(x)
    assert fine.shape == (1, 2048, 8, 12)
    halving(net)
    torch.testing.assert_close(net(x), fine[:, :, ::4, ::4], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_frames_share_weights_and_depth_is_a_sum_over_their_maps() -> None:
    net, frames = made(), stack()
    out = net(frames, torch.zeros(1, 3))
    maps, order = out.extras["activation"], [2, 0, 1]
    turned = net(frames[:, order], torch.rand(1, 3)).extras["activation"]
    torch.testing.assert_close(turned, maps[:, :, order], rtol=1e-4, atol=1e-4)
    weights = net.get_parameter("scoring.weight").view(1, 1, 3, 1, 1)
    torch.testing.assert_close(out.depth, (weights * maps).sum(2), rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_regions_of_every_size_reach_the_map() -> None:
    net = made()
    first = net(stack(), torch.zeros(1, 3)).extras["activation"]
    for k in range(4):
        norm: Any = net.get_submodule(f"pyramid.{k}.2")
        kept = norm.weight.clone()
        norm.weight.zero_()
        off = (net(stack(), torch.zeros(1, 3)).extras["activation"] - first).abs().max()
        norm.weight.copy_(kept)
        assert off > 1e-3


def shapes_of(options: PspNetOptions) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in PspNetDff(options).state_dict().items()}


@pytest.mark.parametrize("layers", [50, 101])
def test_options_are_read_from_shapes(layers: int) -> None:
    assert read_options(shapes_of(PspNetOptions(4, layers)), {}) == PspNetOptions(4, layers)


def test_other_trunks_and_outputs_are_refused() -> None:
    shapes = shapes_of(PspNetOptions())
    with pytest.raises(WeightsError, match=r"has 6 blocks, and there are 2 outputs.*6 or 23"):
        read_options({**shapes, "scoring.weight": (2, 20, 1, 1)}, {})
    with pytest.raises(WeightsError, match="has 7 blocks"):
        read_options({**shapes, "encoder.layer3.6.conv3.weight": (1,)}, {})
    with pytest.raises(SettingError, match=r"layers is 18.*50, 101"):
        PspNetOptions(layers=18)


def test_psp_lf_is_pspnet_on_eleven_views() -> None:
    spec = NETWORKS.get("psp-lf")
    assert spec.default == PspNetOptions(11)
    assert spec.read_options(shapes_of(PspNetOptions(11)), {}) == spec.default
    with pytest.raises(WeightsError, match=r"takes 10 pictures, not 11 views.*as pspnet-dff"):
        spec.read_options(shapes_of(PspNetOptions()), {})
