"""Networks that come from outside: what `certify` accepts as a network, read without trust.

A PyTorch module is taken for a network of two linear layers if some assignment of its tensors to the weights
of one gives the module's own outputs; which one is found by trying, so that neither names nor order count.
PyTorch itself is never imported: who has a module has done that.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import permutations, product
from typing import Any

import numpy as np

from .._support.validation import FloatArray, shown
from ..activations import ABS, RELU, Activation
from .conservative import ConservativeNetwork
from .gated import GatedNetwork, ScoreNetwork
from .two_layer import TwoLayerNetwork

__all__ = ["as_network"]

# Tensors of a module: two weight matrices and a skip connection, two biases and an origin.
_MATRICES, _VECTORS = 3, 3
# Points at which outputs are compared, and by how many units of rounding they may differ.
_PROBES, _ROUNDING = 24, 2000.0


def as_network(network: Any) -> ScoreNetwork:
    """Return a network of this package, or a PyTorch module of two linear layers as one.

    Raises
    ------
    TypeError, ValueError
        If it is neither.
    """
    if isinstance(network, (TwoLayerNetwork, GatedNetwork, ConservativeNetwork)):
        return network
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(network, torch.nn.Module):
        return _of_module(network, torch)
    named = [
        name for name in ("network", "best") if isinstance(getattr(network, name, None), TwoLayerNetwork)
    ]
    hint = f"; its network is its attribute {named[0]!r}" if named else ""
    raise TypeError(
        "network: expected a TwoLayerNetwork, ConservativeNetwork, GatedNetwork or a torch.nn.Module of two "
        f"linear layers, got {shown(network)}{hint}"
    )


def _of_module(module: Any, torch: Any) -> TwoLayerNetwork:
    """Return the network whose outputs are those of a module."""
    tensors = [tensor for _, tensor in [*module.named_parameters(), *module.named_buffers()]]
    arrays = [tensor.detach().cpu().double().numpy() for tensor in tensors if tensor.is_floating_point()]
    matrices = [array for array in arrays if array.ndim == 2]
    vectors = [array for array in arrays if array.ndim == 1]
    fits = 2 <= len(matrices) <= _MATRICES and len(vectors) <= _VECTORS
    if fits and len(matrices) + len(vectors) == len(arrays):
        kind = next(tensor for tensor in tensors if tensor.is_floating_point())
        sigmas = _activations(module)
        outputs: dict[int, tuple[FloatArray, FloatArray] | None] = {}
        for weights in _assignments(matrices, vectors):
            d = weights["b2"].size
            if d not in outputs:
                outputs[d] = _outputs(module, torch, d, kind)
            probes = outputs[d]
            if probes is None:
                continue
            for sigma in sigmas:
                found = _written(weights, sigma)
                if found is not None and _agrees(found, *probes, float(torch.finfo(kind.dtype).eps)):
                    return found
    raise ValueError(
        "network: expected a module that computes W2 sigma(W1 x + b1) + b2, with or without V x, for ReLU or "
        "absolute values, from tensors of shape (n, n_features), got one that computes something else: "
        f"{shown(module)}"
    )


def _activations(module: Any) -> list[Activation]:
    """Return activations that a module may have: its own, if it is an exported one."""
    slope = getattr(module, "left_slope", None)
    if isinstance(slope, float):
        known = {sigma.left_slope: sigma for sigma in (RELU, ABS)}
        return [known.get(slope) or Activation("other", slope)]
    return [RELU, ABS]


def _assignments(matrices: list[FloatArray], vectors: list[FloatArray]) -> Iterator[dict[str, FloatArray]]:
    """Yield what tensors may be, those as `torch.nn.Linear` stores them, in order, first."""
    for turned in product((False, True), repeat=len(matrices)):
        shaped = [matrix.T if turn else matrix for matrix, turn in zip(matrices, turned, strict=True)]
        for W1, W2, *rest in permutations(shaped):
            m, d = W1.shape
            if W2.shape != (d, m) or (rest and rest[0].shape != (d, d)):
                continue
            shapes = {"b1": m, "b2": d, "origin": d}
            for names in permutations(shapes, len(vectors)):
                if all(shapes[name] == vector.size for name, vector in zip(names, vectors, strict=True)):
                    given = dict(zip(names, vectors, strict=True))
                    yield {
                        "W1": W1,
                        "W2": W2,
                        "V": rest[0] if rest else np.zeros((d, d)),
                        **{name: given.get(name, np.zeros(size)) for name, size in shapes.items()},
                    }


def _outputs(module: Any, torch: Any, d: int, kind: Any) -> tuple[FloatArray, FloatArray] | None:
    """Return points and a module's outputs there; None if it does not take points of this dimension."""
    # Of several sizes, so that kinks near zero and far from it are passed.
    draws = np.random.default_rng(0).standard_normal((_PROBES, d))
    points = torch.as_tensor(draws * 10.0 ** (np.arange(_PROBES) % 4 - 1)[:, None])
    points = points.to(dtype=kind.dtype, device=kind.device)
    try:
        with torch.no_grad():
            found = module(points)
        outputs = found.detach().cpu().double().numpy()
    except Exception:  # whatever a module raises that expects something else
        return None
    return (points.cpu().double().numpy(), outputs) if outputs.shape == points.shape else None


def _written(weights: dict[str, FloatArray], sigma: Activation) -> TwoLayerNetwork | None:
    # PyTorch's derivative of ReLU at zero is zero.
    right = np.full(weights["b1"].size, sigma != RELU)
    try:
        return TwoLayerNetwork(**weights, activation=sigma.label, right_derivative=right)
    except ValueError:  # weights that are not finite
        return None


def _agrees(network: TwoLayerNetwork, points: FloatArray, outputs: FloatArray, unit: float) -> bool:
    """Whether a network has these outputs but for rounding of the numbers that add up to them."""
    reach = np.abs(points) + np.abs(network.origin)
    hidden = reach @ np.abs(network.W1).T + np.abs(network.b1)
    sizes = hidden @ np.abs(network.W2).T + np.abs(network.b2) + reach @ np.abs(network.V).T
    return bool((np.abs(network(points) - outputs) <= _ROUNDING * unit * sizes).all())
