"""Export of networks to PyTorch; imported only when asked for."""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .._support.validation import FloatArray, shown
from ..activations import Activation, get_activation

if TYPE_CHECKING:
    import torch

# The names of the classes of exported networks, which are made when they are first asked for.
_CLASS, _GATED, _LEVELS = "ScoreModule", "GatedModule", "NoiseConditionalModule"


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
    m, d = network.W1.shape
    left_slope = get_activation(network.activation).left_slope
    module = _made(_CLASS, d, m, left_slope, dtype.torch)
    weights = {
        "hidden.weight": network.W1,
        "hidden.bias": network.b1,
        "output.weight": network.W2,
        "output.bias": network.b2,
        "skip.weight": network.V,
        "origin": network.origin,
    }
    return _filled(module, weights, dtype)


def to_gated_module(network: Any, dtype: FloatType) -> torch.nn.Module:
    """Return a gated network as a ``torch.nn.Module`` with weights of a type."""
    m, d = network.W1.shape
    left_slope = get_activation(network.activation).left_slope
    module = _made(_GATED, d, m, left_slope, dtype.torch)
    weights = {
        "gates.weight": network.gates,
        "gates.bias": network.gate_offsets,
        "hidden.weight": network.W1,
        "hidden.bias": network.b1,
        "output.weight": network.W2,
        "output.bias": network.b2,
        "skip.weight": network.V,
    }
    return _filled(module, weights, dtype)


def to_levels_module(sigmas: FloatArray, modules: list[torch.nn.Module]) -> torch.nn.Module:
    """Return exported networks, one a noise level, as one ``torch.nn.Module`` of points and noise level."""
    return _made(_LEVELS, sigmas.tolist(), modules)


def _made(name: str, *arguments: Any) -> torch.nn.Module:
    """Return an exported network of a class, looked up as pickle does, so that there is one class."""
    kind = getattr(sys.modules[__name__], name)
    with warnings.catch_warnings():
        # PyTorch warns of networks without neurons, which there are.
        warnings.filterwarnings("ignore", message="Initializing zero-element tensors")
        return kind(*arguments)


def _filled(module: torch.nn.Module, weights: dict[str, FloatArray], dtype: FloatType) -> torch.nn.Module:
    import torch

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
    make = {_CLASS: _score_class, _GATED: _gated_class, _LEVELS: _levels_class}.get(name)
    if make is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = make()
    return globals()[name]


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


def _gated_class() -> type[torch.nn.Module]:
    import torch

    class GatedModule(torch.nn.Module):
        """``W2 (gate(x) (W1 x + b1)) + V x + b2`` on tensors of shape ``(n, d)``."""

        def __init__(self, n_features: int, n_neurons: int, left_slope: float, dtype: torch.dtype) -> None:
            super().__init__()
            self.left_slope = left_slope
            make, linear = torch.nn.utils.skip_init, torch.nn.Linear
            self.gates = make(linear, n_features, n_neurons, dtype=dtype)
            self.hidden = make(linear, n_features, n_neurons, dtype=dtype)
            self.output = make(linear, n_neurons, n_features, dtype=dtype)
            self.skip = make(linear, n_features, n_features, bias=False, dtype=dtype)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = self.hidden(x)
            active = torch.where(self.gates(x) >= 0, hidden, self.left_slope * hidden)
            return self.output(active) + self.skip(x)

    GatedModule.__qualname__ = _GATED
    return GatedModule


def _levels_class() -> type[torch.nn.Module]:
    import torch

    class NoiseConditionalModule(torch.nn.Module):
        """The score at a noise level, from the networks of the two levels around it."""

        def __init__(self, sigmas: list[float], networks: list[torch.nn.Module]) -> None:
            super().__init__()
            self.sigmas = sigmas
            self.networks = torch.nn.ModuleList(networks)

        def forward(self, x: torch.Tensor, sigma: float) -> torch.Tensor:
            high, low = self.sigmas[0], self.sigmas[-1]
            if sigma > high * (1 + 1e-6) or sigma < low * (1 - 1e-6):
                raise ValueError("sigma: expected a noise level within the range of the fitted ones")
            sigma = min(max(sigma, low), high)
            score = torch.zeros_like(x)
            for k, network in enumerate(self.networks):
                level, share = self.sigmas[k], 0.0
                if sigma == level:
                    share = 1.0
                elif sigma < level and k + 1 < len(self.sigmas) and sigma > self.sigmas[k + 1]:
                    share = math.log(sigma / self.sigmas[k + 1]) / math.log(level / self.sigmas[k + 1])
                elif sigma > level and k > 0 and sigma < self.sigmas[k - 1]:
                    share = 1.0 - math.log(sigma / level) / math.log(self.sigmas[k - 1] / level)
                if share > 0.0:
                    score = score + share * (level / sigma) ** 2 * network(x)
            return score

    NoiseConditionalModule.__qualname__ = _LEVELS
    return NoiseConditionalModule
