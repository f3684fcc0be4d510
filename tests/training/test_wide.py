"""3D convolutions stay in float32 on the processor, where their gradient in bfloat16 writes beyond its memory."""

import torch
from torch import nn

from focaldepth.training._wide import keep_wide


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv3d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv3d(4, 1, 1))


def test_outputs_and_gradients_are_those_of_float32() -> None:
    plain, wide = net(), net()
    names = list(wide.state_dict())
    keep_wide(wide)
    x = torch.rand(1, 3, 2, 8, 8)
    plain(x).sum().backward()
    with torch.autocast("cpu", torch.bfloat16):
        out = wide(x)
        flat = nn.Conv2d(3, 4, 1)(x[:, :, 0])
    out.sum().backward()
    assert (out.dtype, flat.dtype) == (torch.float32, torch.bfloat16)
    torch.testing.assert_close(out, plain(x))
    for one, other in zip(plain.parameters(), wide.parameters(), strict=True):
        assert one.grad is not None
        torch.testing.assert_close(one.grad, other.grad)
    assert list(wide.state_dict()) == names


def test_what_comes_in_half_precision_goes_on_in_full() -> None:
    wide = net()
    keep_wide(wide)
    with torch.autocast("cpu", torch.bfloat16):
        assert wide(torch.rand(1, 3, 2, 8, 8, dtype=torch.bfloat16)).dtype is torch.float32
