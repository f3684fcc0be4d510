"""Optimisers, learning rates and the moving average of weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from focaldepth.core.errors import UnknownNameError
from focaldepth.training._settings import TrainSettings


def make_optimiser(parameters: Iterable[nn.Parameter], settings: TrainSettings) -> Optimizer:
    """Return the optimiser of a stage; its learning rate is set before every step."""
    betas = (settings.beta1, settings.beta2)
    rate, penalty = settings.learning_rate, settings.weight_decay
    if settings.optimiser == "sgd":
        return SGD(parameters, rate, momentum=settings.momentum, weight_decay=penalty)
    return (Adam if settings.optimiser == "adam" else AdamW)(parameters, rate, betas, weight_decay=penalty)


def learning_rate(settings: TrainSettings, step: int, steps_per_epoch: int) -> float:
    """Return the learning rate of a step: a function of its number alone, so there is no state to keep.

    >>> ddff = TrainSettings(learning_rate=1e-3, schedule="step", decay=0.9, decay_epochs=4)
    >>> [round(learning_rate(ddff, 10 * epoch, 10), 6) for epoch in (0, 3, 4, 8)]
    [0.001, 0.001, 0.0009, 0.00081]
    """
    factor = 1.0
    if settings.schedule == "step":
        factor = settings.decay ** (step // steps_per_epoch // settings.decay_epochs)
    elif settings.schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * min(1.0, step / (settings.epochs * steps_per_epoch))))
    if step < settings.warmup_steps:
        factor *= (step + 1) / settings.warmup_steps
    return settings.learning_rate * factor


def chosen(net: nn.Module, beginnings: str, where: str) -> list[str]:
    """Let only the weights whose names begin so be trained; the rest of the network is frozen, batch norm included.

    Returns:
        Names of the weights that are trained.

    Raises:
        UnknownNameError: no weight has such a name.
    """
    wanted = tuple(beginnings.split())
    names = [name for name, _ in net.named_parameters()]
    for beginning in wanted:
        if not any(name.startswith(beginning) for name in names):
            known = {name.rpartition(".")[0] for name in names} | {name.partition(".")[0] for name in names}
            raise UnknownNameError("weights", beginning, known, where=where)
    trained = [name for name in names if not wanted or name.startswith(wanted)]
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name in set(trained))
    return trained


def set_training(net: nn.Module) -> None:
    """Put a network into training mode, parts without any trained weight into evaluation mode."""
    net.train()
    for module in net.modules():
        held = list(module.parameters())
        if held and not any(p.requires_grad for p in held):
            module.eval()


class Average:
    """Moving average of the weights; it begins fast and slows down to the share that it shall keep.

    Source: Tarvainen and Valpola, "Mean teachers are better role models", NIPS 2017 (the start as in their programs).

    Args:
        net: whose weights.
        keep: share that is kept per step.
    """

    def __init__(self, net: nn.Module, keep: float) -> None:
        self.keep = keep
        self.tensors = {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module, step: int) -> None:
        """Take in the weights after a step; numbers that are no weights (statistics, counts) are taken as they are."""
        keep = min(self.keep, (1 + step) / (10 + step))
        weights = {name for name, _ in net.named_parameters()}
        for name, tensor in net.state_dict().items():
            held = self.tensors[name]
            if name in weights:
                held.lerp_(tensor.to(held.dtype), 1 - keep)
            else:
                held.copy_(tensor)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from stored numbers."""
        for name, held in self.tensors.items():
            held.copy_(tensors[name])
