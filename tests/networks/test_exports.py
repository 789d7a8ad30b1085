"""Exports of every kind of network: the numbers of NumPy, in PyTorch and in ONNX."""

import pickle

import numpy as np
import pytest

import convexscore as cs

RNG = np.random.default_rng(0)
PLANE = RNG.standard_normal((20, 2)) @ [[1.0, 0.0], [0.5, 2.0]]
FAR = PLANE[:, 0] + 2.0**12
NOISY = cs.DenoisingScoreMatching(PLANE, -PLANE + 0.3 * RNG.standard_normal((20, 2)))

NETWORKS = {
    "line": lambda: cs.solve(PLANE[:, 0], 3.0, skip=True).network,
    "abs": lambda: cs.solve(PLANE[:, 0], 3.0, "abs").network,
    "far": lambda: cs.solve(FAR, 3.0, skip=True).network,
    "plane": lambda: cs.solve(NOISY, 1.0).network,
    "conservative": lambda: cs.solve(NOISY, 1.0, skip=True, conservative=True).network,
    "gated": lambda: cs.solve(NOISY, 1.0, gated=True, bias=False).network,
    "gated abs": lambda: cs.solve(NOISY, 1.0, "abs", skip=True, gated=True).network,
    "empty": lambda: cs.TwoLayerNetwork(np.zeros((0, 2)), [], np.zeros((2, 0)), [0.5, 1.0], -np.eye(2)),
}


def points_of(network):
    """Points around the data, none on a kink or gate."""
    spread = 3 * np.random.default_rng(1).standard_normal((50, network.n_features))
    return spread + getattr(network, "origin", 0.0)


@pytest.mark.parametrize("kind", NETWORKS)
def test_modules_have_the_same_numbers(kind):
    torch = pytest.importorskip("torch")
    network = NETWORKS[kind]()
    points = points_of(network)
    expected = network(points)
    scale = np.abs(expected).max()
    module = network.to_torch()
    inputs = torch.tensor(points)
    for made in (module, pickle.loads(pickle.dumps(module)), torch.jit.script(module)):
        np.testing.assert_allclose(made(inputs).detach().numpy(), expected, rtol=0, atol=1e-12 * scale)
    for single in (module.float(), network.to_torch(dtype="float32")):
        outputs = single(inputs.float() if kind != "far" else torch.tensor(points, dtype=torch.float32))
        assert outputs.dtype == torch.float32
        if kind != "far":
            np.testing.assert_allclose(outputs.detach().numpy(), expected, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("kind", NETWORKS)
def test_onnx_files_have_the_same_numbers(kind, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnx and onnxruntime")
    pytest.importorskip("onnx", reason="needs onnx and onnxruntime")
    network, path = NETWORKS[kind](), tmp_path / "score.onnx"
    points = points_of(network)
    expected = network(points)
    scale = np.abs(expected).max()
    for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-5)):
        network.export_onnx(path, dtype)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for part in (points, points[:1]):
            (found,) = session.run(["score"], {"x": part.astype(dtype)})
            assert found.dtype == dtype
            if (kind, dtype) != ("far", "float32"):
                np.testing.assert_allclose(found, expected[: len(part)], rtol=0, atol=tolerance * scale)


def test_onnx_files_of_other_types_are_refused(tmp_path):
    network = NETWORKS["plane"]()
    with pytest.raises(ValueError, match="dtype: expected one of 'float32', 'float64', got 'int8'"):
        network.export_onnx(tmp_path / "score.onnx", "int8")
    pytest.importorskip("onnx", reason="needs onnx")
    large = cs.TwoLayerNetwork([[1e100]], [0.0], [[1.0]], [0.0])
    with pytest.raises(ValueError, match="dtype: expected a type that holds W1"):
        large.export_onnx(tmp_path / "score.onnx", "float32")
    assert not list(tmp_path.iterdir())


def test_noise_conditional_modules():
    torch = pytest.importorskip("torch")
    score = cs.NoiseConditionalScore.fit(PLANE[:, 0], [2.0, 1.0, 0.5], 8.0, n_draws=3, rng=0)
    module, points = score.to_torch(), np.linspace(-3, 3, 31)[:, None]
    inputs = torch.tensor(points)
    for made in (module, pickle.loads(pickle.dumps(module)), torch.jit.script(module)):
        for sigma in (2.0, 1.7, 1.0, 0.6, 0.5):
            expected = score(points, sigma)
            found = made(inputs, sigma).detach().numpy()
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert module.float()(inputs.float(), 0.6).dtype == torch.float32
    for outside in (2.1, 0.4):
        with pytest.raises(ValueError, match="sigma: expected a noise level within"):
            module(inputs, outside)
    with pytest.raises(TypeError, match="self: expected networks that have to_torch"):
        cs.NoiseConditionalScore([2.0, 1.0], [np.negative, np.negative]).to_torch()


@pytest.mark.parametrize("shift", [0.0, 1e3, -1e6])
def test_double_exports_count_ties_as_the_network_does(shift):
    torch = pytest.importorskip("torch")
    x = np.round(4 * cs.datasets.load_old_faithful()["eruptions"]) / 4 + shift
    network = cs.solve(x, 40.0, skip=True).network
    assert np.isin(network.kinks, x).any()
    points = torch.tensor(x[:, None], requires_grad=True)
    slopes = torch.autograd.grad(network.to_torch()(points).sum(), points)[0]
    np.testing.assert_allclose(slopes.numpy()[:, 0], network.divergence(x), atol=1e-8)
