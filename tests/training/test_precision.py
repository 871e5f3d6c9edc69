"""Depthwise convolutions stay in float32 under a CPU's autocast."""

import torch
from torch import nn

from container.training.run import keep_depthwise_in_float32


def layers() -> nn.Sequential:
    """A dense, a depthwise and a dense convolution of one group of one channel."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 1, 1), nn.Conv2d(1, 1, 1))


def dtypes(network: nn.Sequential) -> list[torch.dtype]:
    found = []
    x = torch.randn(2, 3, 12, 12)
    with torch.autocast("cpu", torch.bfloat16):
        for layer in network:
            x = layer(x)
            found.append(x.dtype)
    return found


def test_depthwise_convolutions_alone_run_in_float32() -> None:
    reduced, full = torch.bfloat16, torch.float32
    network = layers()
    assert dtypes(network) == [reduced] * 4
    keep_depthwise_in_float32(network)
    assert dtypes(network) == [reduced, full, reduced, reduced]


def test_values_and_gradients_without_autocast_are_the_same() -> None:
    plain, kept = layers(), layers()
    keep_depthwise_in_float32(kept)
    x = torch.randn(2, 3, 12, 12)
    outputs = [network(x) for network in (plain, kept)]
    assert torch.equal(*outputs)
    for output in outputs:
        output.square().mean().backward()
    for one, other in zip(plain.parameters(), kept.parameters(), strict=True):
        assert one.grad is not None and other.grad is not None and torch.equal(one.grad, other.grad)


def test_filters_learn_under_autocast() -> None:
    network = layers()
    keep_depthwise_in_float32(network)
    with torch.autocast("cpu", torch.bfloat16):
        loss = network(torch.randn(2, 3, 12, 12)).float().square().mean()
    loss.backward()
    for parameter in network.parameters():
        assert parameter.grad is not None and parameter.grad.dtype == torch.float32 and parameter.grad.abs().sum() > 0
