"""Export of networks to PyTorch; imported only when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .._support.validation import FloatArray
from ..activations import Activation, get_activation

if TYPE_CHECKING:
    import torch


class TwoLayers(Protocol):
    """The weights of ``W2 sigma(W1 x + b1) + V x + b2``."""

    @property
    def W1(self) -> FloatArray:
        """First-layer weights."""

    @property
    def b1(self) -> FloatArray:
        """First-layer biases."""

    @property
    def W2(self) -> FloatArray:
        """Second-layer weights."""

    @property
    def b2(self) -> FloatArray:
        """Second-layer bias."""

    @property
    def V(self) -> FloatArray:
        """Skip connection."""

    @property
    def activation(self) -> str | Activation:
        """The activation or its name."""


def to_module(network: TwoLayers) -> torch.nn.Module:
    """Return `network` (its kink convention ignored) as a ``torch.nn.Module`` of float64 layers."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "to_torch needs PyTorch; install it with: pip install 'convexscore[torch]'"
        ) from error

    def linear(weight: FloatArray, bias: FloatArray | None) -> torch.nn.Linear:
        layer = torch.nn.Linear(*weight.shape[::-1], bias=bias is not None, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight.copy()))
            if bias is not None:
                layer.bias.copy_(torch.from_numpy(bias.copy()))
        return layer

    left_slope = get_activation(network.activation).left_slope

    class Score(torch.nn.Module):
        """``W2 sigma(W1 x + b1) + V x + b2`` on tensors of shape ``(n, d)``."""

        def __init__(self) -> None:
            super().__init__()
            self.hidden = linear(network.W1, network.b1)
            self.output = linear(network.W2, network.b2)
            self.skip = linear(network.V, None)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            pre = self.hidden(x)
            active = torch.relu(pre) - left_slope * torch.relu(-pre)
            return self.output(active) + self.skip(x)

    return Score()
