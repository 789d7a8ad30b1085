"""Networks of data far from zero: what is subtracted from points first."""

import json

import numpy as np
import pytest

import convexscore as cs

rng = np.random.default_rng(11)
FAR = np.array([2.0**27, -(2.0**26)])


def plane(origin=None):
    generator = np.random.default_rng(3)
    arrays = [generator.standard_normal(shape) for shape in ((3, 2), 3, (2, 3), 2, (2, 2))]
    return cs.TwoLayerNetwork(*arrays, right_derivative=[True, False, True], origin=origin)


def line(origin=None):
    return cs.TwoLayerNetwork([[1.0], [-2.0]], [0.5, 1.0], [[1.0, -0.5]], [0.1], [[-1.0]], origin=origin)


@pytest.mark.parametrize(("make", "origin"), [(plane, FAR), (line, FAR[:1])])
def test_points_are_measured_from_it(make, origin):
    x = np.round(64 * rng.standard_normal((7, origin.size))) / 64
    near, far = make(), make(origin)
    np.testing.assert_array_equal(far(x + origin), near(x))
    np.testing.assert_array_equal(far.jacobian(x + origin), near.jacobian(x))
    np.testing.assert_array_equal(far.divergence(x + origin), near.divergence(x))
    assert far.weight_decay() == near.weight_decay()


def test_kinks_and_pieces_are_where_the_points_are():
    far, near = line(FAR[:1]), line()
    np.testing.assert_array_equal(far.kinks - FAR[0], near.kinks)
    np.testing.assert_array_equal(far.piecewise.knots - FAR[0], near.piecewise.knots)
    np.testing.assert_array_equal(far.piecewise.slopes, near.piecewise.slopes)
    assert far.piecewise(np.array([0.0]))[0] == near(-FAR[0])
    assert far(FAR[0]).shape == ()
    assert far(np.full((3,), FAR[0])).shape == (3,)


def test_recentred_networks_are_the_same_function():
    x = rng.standard_normal((9, 2))
    network = plane([3.0, -1.0])
    for origin in (None, [0.5, 2.0]):
        moved = network.recentred(origin)
        np.testing.assert_array_equal(moved.origin, np.zeros(2) if origin is None else origin)
        np.testing.assert_allclose(moved(x), network(x), rtol=1e-12)
        np.testing.assert_array_equal(moved.right_derivative, network.right_derivative)
    assert network.shifted(1e-6).origin.tolist() == [3.0, -1.0]
    with pytest.raises(ValueError, match=r"origin: expected shape \(2,\)"):
        network.recentred([1.0])


def test_files_keep_it_in_a_format_that_older_readers_refuse(tmp_path):
    for network, version in ((plane(FAR), 2), (plane(), 1)):
        path = tmp_path / f"{version}.npz"
        network.save(path)
        with np.load(path) as stored:
            assert json.loads(str(stored["header"]))["version"] == version
        x = rng.standard_normal((4, 2)) + FAR
        np.testing.assert_array_equal(cs.TwoLayerNetwork.load(path)(x), network(x))


def test_solutions_far_from_zero_are_written_and_read_without_loss(tmp_path):
    x = np.round(64 * rng.standard_normal(40)) / 64 + 2.0**27
    solution = cs.solve(x, 4.0)
    solution.network.save(tmp_path / "m.npz")
    network = cs.TwoLayerNetwork.load(tmp_path / "m.npz")
    assert network.loss(cs.ScoreMatching(x), 4.0) == pytest.approx(solution.value, rel=1e-13)
    expected = cs.ExpectedDenoising(x, 0.5)
    found = cs.solve(expected, 1.0, skip=True)
    assert found.network.loss(expected, 1.0) == pytest.approx(found.value, rel=1e-12)


def test_training_and_warm_starts_take_networks_with_another_origin():
    points = np.round(64 * rng.standard_normal((12, 2))) / 64
    near = cs.solve(points, 8.0)
    far = cs.solve(points + FAR, 8.0)
    assert far.network.origin.any()
    again = cs.solve(points + FAR, 8.0, start=near.network.recentred(-FAR).recentred())
    assert again.value == pytest.approx(far.value, rel=1e-6)
    moved = cs.solve(points + 1, 8.0, start=plane([1.0, 1.0]))
    assert moved.value == pytest.approx(near.value, rel=1e-6)
    start = cs.TwoLayerNetwork([[1.0]], [0.0], [[0.5]], [0.0], origin=[2.0])
    result = cs.baselines.train_adam(
        cs.ScoreMatching([0.0, 1.0, 3.0]),
        2.0,
        initial=start,
        n_epochs=1,
        learning_rate=1e-12,
        n_neurons=1,
        rng=0,
    )
    np.testing.assert_allclose(result.networks[0]([0.0, 4.0]), start([0.0, 4.0]), atol=1e-9)


def test_modules_subtract_it_too():
    torch = pytest.importorskip("torch")
    x = np.round(64 * rng.standard_normal((5, 2))) / 64 + FAR
    network = plane(FAR)
    module = network.to_torch(1e-9)
    np.testing.assert_allclose(module(torch.tensor(x)).detach().numpy(), network.shifted(1e-9)(x), rtol=1e-12)


def test_a_bad_origin_is_named():
    with pytest.raises(ValueError, match=r"origin: expected shape \(2,\), got \(1,\)"):
        plane([1.0])
    with pytest.raises(ValueError, match="origin"):
        plane([np.nan, 0.0])
