"""Exports to PyTorch: the same function, of either type, that can be saved."""

import copy
import subprocess
import sys

import numpy as np
import pytest

import convexscore as cs

torch = pytest.importorskip("torch")


def network_of_two():
    return cs.TwoLayerNetwork([[1.0], [-1.0]], [-1.0, 0.5], [[-2.0, 0.3]], [0.5], [[-1.0]], activation="abs")


def test_torch_export_computes_the_same_function():
    objective = cs.ScoreMatching(cs.datasets.load_old_faithful()["eruptions"])
    for activation in ("relu", "abs"):
        net = cs.solve(objective, 40.0, activation, skip=True).network
        module = net.to_torch()
        x = torch.linspace(1, 6, 50, dtype=torch.float64)[:, None].requires_grad_()
        values = module(x)
        np.testing.assert_allclose(values.detach().numpy(), net(x.detach().numpy()), atol=1e-6)
        data = torch.tensor(objective.X).requires_grad_()
        slopes = torch.autograd.grad(module(data).sum(), data)[0]
        np.testing.assert_allclose(slopes.numpy()[:, 0], net.divergence(objective.X), atol=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_torch_exports_of_either_type_count_ties_as_the_network_does(dtype, offset):
    # Quarters are numbers of either type, and the ties of the data are on the kinks.
    x = offset + np.round(4 * cs.datasets.load_old_faithful()["eruptions"]) / 4
    net = cs.solve(cs.ScoreMatching(x), 40.0, skip=True).network
    assert np.isin(net.kinks, x).any()
    module = net.to_torch(dtype=dtype)
    assert {weight.dtype for weight in module.parameters()} == {getattr(torch, dtype)}
    points = torch.tensor(x[:, None], dtype=getattr(torch, dtype), requires_grad=True)
    slopes = torch.autograd.grad(module(points).sum(), points)[0]
    np.testing.assert_allclose(slopes.numpy()[:, 0], net.divergence(x), atol=1e-3)


def test_torch_exports_are_saved_and_loaded_whole(tmp_path):
    module = network_of_two().to_torch(dtype=torch.float32)
    torch.save(module, tmp_path / "module.pt")
    for loaded in (torch.load(tmp_path / "module.pt", weights_only=False), copy.deepcopy(module)):
        assert type(loaded) is type(module)
        points = torch.linspace(-2, 2, 9)[:, None]
        assert torch.equal(loaded(points), module(points))
    # Another process imports the class by its name before any network was exported.
    code = "import sys, torch; print(torch.load(sys.argv[1], weights_only=False)(torch.zeros(1, 1)).item())"
    shell = [sys.executable, "-c", code, str(tmp_path / "module.pt")]
    printed = subprocess.run(shell, capture_output=True, text=True, check=True).stdout
    assert float(printed) == module(torch.zeros(1, 1)).item()


@pytest.mark.parametrize("dtype", ["int64", "float", 1.5, None, ["float32"], "float16"])
def test_wrong_torch_types_are_named(dtype):
    with pytest.raises(ValueError, match="dtype: expected 'float32', 'float64' or a floating point type"):
        network_of_two().to_torch(dtype=dtype)


def test_weights_beyond_a_torch_type_are_refused():
    net = cs.TwoLayerNetwork([[1e60]], [0.0], [[1.0]], [0.0])
    with pytest.raises(ValueError, match=r"dtype: expected a type that holds hidden\.weight"):
        net.to_torch(dtype="float32")
    with pytest.raises(ValueError, match="dtype: expected"):
        net.to_torch(dtype=torch.int64)
