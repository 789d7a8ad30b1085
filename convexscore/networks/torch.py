"""Export of networks to PyTorch; imported only when asked for."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .._support.validation import FloatArray, shown
from ..activations import Activation, get_activation

if TYPE_CHECKING:
    import torch

# The name of the class of exported networks, which is made when it is first asked for.
_CLASS = "ScoreModule"


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
    def origin(self) -> FloatArray:
        """What is subtracted from points first."""

    @property
    def activation(self) -> str | Activation:
        """The activation or its name."""


def to_module(network: TwoLayers, dtype: FloatType) -> torch.nn.Module:
    """Return `network` (its kink convention ignored) as a ``torch.nn.Module`` with weights of a type."""
    import torch

    m, d = network.W1.shape
    # Looked up as pickle does, so that there is one class.
    score = getattr(sys.modules[__name__], _CLASS)
    left_slope = get_activation(network.activation).left_slope
    module: torch.nn.Module = score(d, m, left_slope, dtype.torch)
    weights = {
        "hidden.weight": network.W1,
        "hidden.bias": network.b1,
        "output.weight": network.W2,
        "output.bias": network.b2,
        "skip.weight": network.V,
        "origin": network.origin,
    }
    tensors = {name: torch.tensor(array.copy()).to(dtype.torch) for name, array in weights.items()}
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"dtype: expected a type that holds {name}, got {dtype.torch}")
    module.load_state_dict(tensors)
    return module


@dataclass(frozen=True)
class FloatType:
    """A floating point type of PyTorch and the distance of 1 from the next number."""

    torch: torch.dtype
    resolution: float


def float_type(dtype: Any) -> FloatType:
    """Return a floating point type by its name or itself."""
    try:
        import torch
    except ImportError as error:
        raise ImportError("to_torch needs PyTorch; install it with: pip install torch") from error

    named = {"float32": torch.float32, "float64": torch.float64}
    found = named.get(dtype) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ValueError(
            f"dtype: expected 'float32', 'float64' or a floating point type of torch, got {shown(dtype)}"
        )
    return FloatType(found, float(torch.finfo(found).eps))


def __getattr__(name: str) -> Any:
    """Make the class of exported networks when it is first asked for, by an export or by unpickling."""
    if name != _CLASS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[_CLASS] = _score_class()
    return globals()[_CLASS]


def _score_class() -> type[torch.nn.Module]:
    import torch

    class ScoreModule(torch.nn.Module):
        """``W2 sigma(W1 x + b1) + V x + b2`` on tensors of shape ``(n, d)``."""

        def __init__(self, n_features: int, n_neurons: int, left_slope: float, dtype: torch.dtype) -> None:
            super().__init__()
            self.left_slope = left_slope
            self.hidden = torch.nn.utils.skip_init(torch.nn.Linear, n_features, n_neurons, dtype=dtype)
            self.output = torch.nn.utils.skip_init(torch.nn.Linear, n_neurons, n_features, dtype=dtype)
            self.skip = torch.nn.utils.skip_init(
                torch.nn.Linear, n_features, n_features, bias=False, dtype=dtype
            )
            self.register_buffer("origin", torch.zeros(n_features, dtype=dtype))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            centred = x - self.origin
            pre = self.hidden(centred)
            active = torch.relu(pre) - self.left_slope * torch.relu(-pre)
            return self.output(active) + self.skip(centred)

    # Pickle names a class by where it is: here, not inside this function.
    ScoreModule.__qualname__ = _CLASS
    return ScoreModule
