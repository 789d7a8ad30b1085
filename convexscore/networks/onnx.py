"""Export of networks to ONNX files; the package `onnx` is imported only when asked for."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from .._support.files import written_whole
from .._support.records import package_version
from .._support.validation import as_choice
from ..activations import get_activation

__all__ = ["ONNX_TYPES", "write_onnx"]

#: Types of numbers that files may have.
ONNX_TYPES = ("float32", "float64")
# Versions of operators and of the format that programs of several years know.
_OPERATORS, _FORMAT = 17, 8


def write_onnx(path: str | os.PathLike[str], network: Any, dtype: str) -> None:
    """Write a network (its kink convention ignored) as the graph of a function of ``x``, shape ``(n, d)``."""
    as_choice("dtype", dtype, ONNX_TYPES)
    try:
        import onnx
    except ImportError as error:
        raise ImportError("export_onnx needs the package onnx; install it with: pip install onnx") from error

    helper = onnx.helper
    kind = onnx.TensorProto.FLOAT if dtype == "float32" else onnx.TensorProto.DOUBLE
    weights, nodes = _graph(network, helper)
    tensors = []
    for name, array in weights.items():
        with np.errstate(over="ignore"):
            values = np.asarray(array, dtype=dtype)
        if not np.isfinite(values).all():
            raise ValueError(f"dtype: expected a type that holds {name}, got {dtype!r}")
        tensors.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
    shape = ["n", network.W1.shape[1]]
    graph = helper.make_graph(
        nodes,
        "score",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("score", kind, shape)],
        tensors,
    )
    model = helper.make_model(
        graph,
        producer_name="convexscore",
        producer_version=package_version(),
        opset_imports=[helper.make_opsetid("", _OPERATORS)],
        ir_version=_FORMAT,
    )
    onnx.checker.check_model(model)
    with written_whole(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def _graph(network: Any, helper: Any) -> tuple[dict[str, Any], list[Any]]:
    """Return the weights of a network and the steps from ``x`` to its score."""
    slope = get_activation(network.activation).left_slope
    weights = {name: getattr(network, name) for name in ("W1", "b1", "W2", "b2")}
    weights |= {"V": network.V.T, "left_slope": np.array(slope), "one": np.array(1.0), "zero": np.array(0.0)}
    # Gated networks have no origin, and others no gates: theirs are their neurons.
    gates = getattr(network, "gates", None)
    weights["origin"] = np.zeros(len(network.b2)) if gates is not None else network.origin
    heights = "pre"
    nodes = [
        helper.make_node("Sub", ["x", "origin"], ["centred"]),
        helper.make_node("Gemm", ["centred", "W1", "b1"], ["pre"], transB=1),
    ]
    if gates is not None:
        weights |= {"gates": gates, "gate_offsets": network.gate_offsets}
        heights = "heights"
        nodes.append(helper.make_node("Gemm", ["centred", "gates", "gate_offsets"], ["heights"], transB=1))
    nodes += [
        helper.make_node("GreaterOrEqual", [heights, "zero"], ["open"]),
        helper.make_node("Where", ["open", "one", "left_slope"], ["slope"]),
        helper.make_node("Mul", ["slope", "pre"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "W2", "b2"], ["bent"], transB=1),
        helper.make_node("MatMul", ["centred", "V"], ["straight"]),
        helper.make_node("Add", ["bent", "straight"], ["score"]),
    ]
    return weights, nodes
