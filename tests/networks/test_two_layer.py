"""Networks: evaluation by kinks, conventions, files; and the reconstruction of solutions."""

import io
import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convexscore as cs
from convexscore.activations import get_activation
from convexscore.univariate.program import UnivariateProgram
from convexscore.univariate.reconstruction import reconstruct
from convexscore.univariate.solvers.active_set import solve_active_set
from convexscore.univariate.spline import SplineProblem
from tests.problems import DATA, KINDS, make_beta, make_data, make_objective, problems, value_scale


def random_network(rng, n_neurons=7, n_features=1, activation="relu", skip=True):
    shape = (n_features, n_features)
    return cs.TwoLayerNetwork(
        rng.standard_normal((n_neurons, n_features)),
        rng.standard_normal(n_neurons),
        rng.standard_normal((n_features, n_neurons)),
        rng.standard_normal(n_features),
        rng.standard_normal(shape) if skip else None,
        activation=activation,
        right_derivative=rng.random(n_neurons) < 0.5,
    )


def literal_values(net, x):
    """The definition, neuron by neuron."""
    sigma = (lambda t: max(t, 0.0)) if net.activation == "relu" else abs
    rows = []
    for point in x:
        hidden = np.array([sigma(w @ point + b) for w, b in zip(net.W1, net.b1, strict=True)])
        rows.append(net.W2 @ hidden + net.V @ point + net.b2)
    return np.array(rows)


def literal_divergence(net, x, pre=None):
    """Trace of the Jacobian by the definition; `pre` replaces the computed pre-activations."""
    left = {"relu": 0.0, "abs": -1.0}[net.activation]
    pre = x @ net.W1.T + net.b1 if pre is None else pre
    total = np.full(len(x), np.trace(net.V))
    for k in range(net.n_neurons):
        right = (pre[:, k] > 0) | ((pre[:, k] == 0) & net.right_derivative[k])
        total += np.where(right, 1.0, left) * (net.W2[:, k] @ net.W1[k])
    return total


@given(st.integers(0, 10**6), st.sampled_from(["relu", "abs"]), st.integers(1, 3), st.booleans())
def test_evaluation_and_derivatives_follow_the_definition(seed, activation, d, skip):
    rng = np.random.default_rng(seed)
    net = random_network(rng, int(rng.integers(0, 9)), d, activation, skip)
    x = rng.standard_normal((20, d))
    np.testing.assert_allclose(net(x), literal_values(net, x), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(net.divergence(x), literal_divergence(net, x), rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(np.trace(net.jacobian(x), axis1=1, axis2=2), net.divergence(x), atol=1e-11)
    step = 1e-6 * rng.standard_normal((20, d))
    slope = np.einsum("nab,nb->na", net.jacobian(x), step)
    near_kink = (np.abs(x @ net.W1.T + net.b1) < 1e-4).any(axis=1)
    difference = net(x + step) - net(x - step)
    np.testing.assert_allclose(difference[~near_kink], 2 * slope[~near_kink], atol=1e-13)


def test_a_line_shaped_input_comes_back_line_shaped():
    net = random_network(np.random.default_rng(0))
    assert net(np.zeros(4)).shape == (4,)
    assert net(np.zeros((4, 1))).shape == (4, 1)
    assert net(1.0).shape == ()
    assert net.divergence(np.zeros((4, 1))).shape == (4,)
    assert net.jacobian(np.zeros(4)).shape == (4, 1, 1)


def test_neurons_without_input_weight_are_constants():
    net = cs.TwoLayerNetwork([[0.0], [1.0]], [-2.0, 0.0], [[3.0, 1.0]], [1.0], activation="abs")
    np.testing.assert_allclose(net([-1.0, 2.0]), [8.0, 9.0])
    np.testing.assert_allclose(net.kinks, [0.0])


@pytest.mark.parametrize(("activation", "left"), [("relu", 0.0), ("abs", -1.0)])
@pytest.mark.parametrize("weight", [2.0, -2.0])
def test_the_kink_convention_picks_the_one_sided_derivative(activation, left, weight):
    for right in (True, False):
        net = cs.TwoLayerNetwork(
            [[weight]], [-3 * weight], [[1.0]], [0.0], activation=activation, right_derivative=[right]
        )
        expected = weight * (1.0 if right else left)
        np.testing.assert_allclose(net.divergence([3.0]), expected)
        # The ordinary network nearby has the derivative that the convention promises.
        np.testing.assert_allclose(net.shifted().divergence([3.0]), expected)
        np.testing.assert_allclose(net.shifted()([3.0]), net([3.0]), atol=1e-7)


def literal_loss(net, objective, beta):
    """The training objective by the definition, pre-activations zero where the kink is the datum."""
    x = objective.X
    pre = x @ net.W1.T + net.b1
    pre[x == (-net.b1 / net.W1[:, 0])[None, :]] = 0.0
    sigma = get_activation(net.activation)
    values = sigma.value(pre) @ net.W2.T + x @ net.V.T + net.b2
    loss = 0.5 * np.sum((values - objective.targets) ** 2, axis=1)
    if objective.has_trace:
        loss += literal_divergence(net, x, pre)
    return objective.weights @ loss + beta / 2 * (np.sum(net.W1**2) + np.sum(net.W2**2))


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize(("name", "activation", "skip"), KINDS)
def test_the_networks_own_loss_is_the_programs_value(name, activation, skip, data):
    from convexscore.univariate.statement import state_univariate

    objective = make_objective(name, *make_data(data))
    for share in (0.05, 0.3, 0.8, 1.1):
        beta = make_beta(objective, activation, skip, share)
        solution = cs.solve(objective, beta, activation, skip)
        net = solution.network
        assert net.loss(objective, beta) == pytest.approx(solution.value, rel=1e-11, abs=1e-12)
        assert literal_loss(net, objective, beta) == pytest.approx(solution.value, rel=1e-9)
        program = state_univariate(objective, beta, activation, skip).problem
        tolerances = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-12)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")
            tight = program.solve(solver="CLARABEL", **tolerances)
        if program.status == "optimal_inaccurate":
            # Clustered data close to the bound are more than the interior-point solver can do.
            assert data == "clustered"
            assert share == 0.05
            continue
        assert abs(solution.value - tight) <= 1e-8 * abs(tight) + 1e-12


@given(problems())
def test_reconstruction_costs_what_the_spline_costs(problem):
    objective, beta, activation, skip = problem
    program = UnivariateProgram.from_objective(objective, activation, skip)
    spline_problem = SplineProblem(program, beta)
    spline = solve_active_set(spline_problem).spline
    net = reconstruct(spline_problem, spline)
    value = spline_problem.value(spline) + program.zero_value
    assert abs(net.loss(objective, beta) - value) <= 1e-10 * value_scale(objective, value)
    np.testing.assert_allclose(
        net(program.position), spline_problem.at_positions(spline), atol=1e-9 * np.ptp(spline.values) + 1e-12
    )


@given(problems())
def test_kinks_are_exactly_at_data_and_neurons_are_balanced(problem):
    objective, beta, activation, skip = problem
    net = cs.solve(objective, beta, activation, skip).network
    assert np.isin(-net.b1 / net.W1[:, 0], objective.X).all()
    np.testing.assert_allclose(np.abs(net.W1[:, 0]), np.abs(net.W2[0]), rtol=1e-8)
    if not skip:
        assert (net.V == 0).all()


@given(problems())
def test_neurons_are_as_few_as_a_basic_solution_needs(problem):
    objective, beta, activation, skip = problem
    net = cs.solve(objective, beta, activation, skip).network
    x = np.unique(objective.X)
    assert net.n_neurons <= x.size + 1
    # Independent columns, counting the symmetric pair at the ends of the data as one.
    at_ends = np.isin(-net.b1 / net.W1[:, 0], x[[0, -1]])
    sigma = get_activation(net.activation)
    columns = sigma.value(np.sign(net.W1[:, 0]) * (x[:, None] + net.b1 / net.W1[:, 0]))
    free = [np.ones(x.size)] + ([x - x.mean()] if skip else [])
    matrix = np.column_stack([columns[:, ~at_ends], *free])
    scale = np.linalg.norm(matrix, axis=0)
    assert np.linalg.matrix_rank(matrix / scale, tol=1e-13) == matrix.shape[1]
    assert at_ends.sum() <= 2


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_shifting_the_kinks_gives_an_ordinary_network_of_the_same_loss(activation):
    objective = cs.ScoreMatching(cs.datasets.load_old_faithful()["eruptions"])
    solution = cs.solve(objective, 40.0, activation, skip=True)
    for eta in (1e-4, 1e-6, 1e-8):
        plain = solution.network.shifted(eta)
        assert plain.right_derivative.all()
        assert abs(plain.loss(objective, 40.0) - solution.value) < 1e5 * eta
    # The convention matters: the other one without moving the kinks changes the loss.
    net = solution.network
    arrays = (net.W1, net.b1, net.W2, net.b2, net.V)
    other = cs.TwoLayerNetwork(*arrays, activation=activation, right_derivative=~net.right_derivative)
    assert other.loss(objective, 40.0) > solution.value + 1


def test_data_far_from_zero_lose_no_more_than_their_own_digits():
    x = np.random.default_rng(0).standard_normal(200)
    near = cs.solve(cs.ScoreMatching(x), 20.0, skip=True)
    far = cs.solve(cs.ScoreMatching(x + 1e6), 20.0, skip=True)
    assert far.value == pytest.approx(near.value, rel=1e-6)
    assert far.certificate.max_violation < 1e-5


def test_saved_networks_come_back_equal(tmp_path):
    net = random_network(np.random.default_rng(0), 5, 2, "abs")
    path = tmp_path / "model.npz"
    net.save(path)
    loaded = cs.TwoLayerNetwork.load(path)
    assert loaded.activation == "abs"
    for name in ("W1", "b1", "W2", "b2", "V", "right_derivative"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(net, name))
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


def npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def test_damaged_and_foreign_files_are_refused(tmp_path):
    path = tmp_path / "model.npz"
    random_network(np.random.default_rng(0)).save(path)
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], b"", b"x,y\n1,2\n", npz(a=np.ones(3))):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"path: expected a model file"):
            cs.TwoLayerNetwork.load(path)
    for position in range(60, len(whole) - 60, 97):
        flipped = bytearray(whole)
        flipped[position] ^= 0xFF
        path.write_bytes(bytes(flipped))
        try:
            cs.TwoLayerNetwork.load(path)
        except ValueError as error:
            assert str(error).startswith("path:")  # noqa: PT017  (the flip may also be harmless)


def test_newer_formats_ask_for_an_upgrade(tmp_path):
    header = {"kind": "convexscore.TwoLayerNetwork", "version": 99, "activation": "relu"}
    path = tmp_path / "model.npz"
    path.write_bytes(npz(header=np.array(json.dumps(header))))
    with pytest.raises(ValueError, match=r"format 99.*upgrade"):
        cs.TwoLayerNetwork.load(path)
    with pytest.raises(FileNotFoundError):
        cs.TwoLayerNetwork.load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0]], [0.0], [[1.0]], 0.0), "b1, b2: expected shapes"),
        (([[1.0]], [0.0], [[1.0, 2.0]], [0.0]), r"W2: expected shape \(1, 1\), got \(1, 2\)"),
        (([[np.nan]], [0.0], [[1.0]], [0.0]), "W1: expected finite numbers"),
        (([[1.0]], [0.0], [[1.0]], [0.0], [[1.0, 2.0]]), r"V: expected shape \(1, 1\)"),
    ],
)
def test_ill_shaped_networks_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        cs.TwoLayerNetwork(*arguments)


def test_points_of_the_wrong_shape_are_refused():
    net = random_network(np.random.default_rng(0), 3, 2)
    with pytest.raises(ValueError, match=r"x: expected shape \(n, 2\), got \(4,\)"):
        net(np.zeros(4))


# Kinks far away: neurons whose input weights training has all but switched off


def far_network(rng, activation):
    """A network with kinks around a centre, and neurons with kinks anywhere up to the largest numbers."""
    m = int(rng.integers(1, 40))
    far = rng.random(m) < rng.choice([0.0, 0.2, 0.9, 1.0])
    centre = rng.choice([0.0, 3.0, -3.0, 1e6, -1e6])
    W1, W2 = rng.standard_normal(m), rng.standard_normal(m)
    b1 = np.where(far, rng.standard_normal(m), -W1 * (centre + rng.standard_normal(m)))
    top = float(rng.choice([2, 20, 290]))
    W1 = W1 * np.where(far, 10 ** -rng.uniform(0, top, m), 1.0)
    # Some of them as balanced as neurons come: much of the output then depends on the bias alone.
    W2 = W2 * np.where(far & (rng.random() < 0.3), np.abs(W1) ** -rng.uniform(0, 0.5, m), 1.0)
    if rng.random() < 0.3:
        # A kink beyond all numbers, and none at all.
        W1[0], W1[-1] = 5e-324, 0.0
    V = rng.choice([0.0, -1.0, 1e-8, rng.standard_normal()])
    net = cs.TwoLayerNetwork(
        W1[:, None],
        b1,
        W2[None],
        [rng.standard_normal() - V * centre],
        [[V]],
        activation=activation,
        right_derivative=rng.random(m) < 0.5,
    )
    beyond = rng.choice([-1.0, 1.0], 4) * 10 ** rng.uniform(-3, top, 4)
    on_kinks = rng.choice(np.append(net.kinks[np.abs(net.kinks) < 1e300], 0.0), 4)
    return net, np.concatenate([centre + 2 * rng.standard_normal(6), [0.0, centre], beyond, on_kinks])


def kinks_of(net):
    with np.errstate(all="ignore"):
        return -net.b1 / net.W1[:, 0]


def literal_terms(net, x):
    """What the definition sums up at each point: sizes for values and for slopes."""
    w, b, v = np.abs(net.W1[:, 0]), np.abs(net.b1), np.abs(net.W2[0])
    skip, offset = abs(net.V[0, 0]), abs(net.b2[0])
    return (np.abs(x)[:, None] * w + b) @ v + skip * np.abs(x) + offset, w @ v + skip


@given(st.integers(0, 10**6), st.sampled_from(["relu", "abs"]))
def test_kinks_at_any_distance_follow_the_definition(seed, activation):
    net, x = far_network(np.random.default_rng(seed), activation)
    values, slope = literal_terms(net, x)
    allowed = 8 * np.sqrt(1 + net.n_neurons) * np.finfo(float).eps
    column = x[:, None]
    assert (np.abs(net(x) - literal_values(net, column)[:, 0]) <= allowed * values).all()
    # The side of a kink is known where the pre-activation is not a rounding error.
    pre = column @ net.W1.T + net.b1
    clear = (np.abs(pre) > 1e-13 * (np.abs(column @ net.W1.T) + np.abs(net.b1))).all(axis=1)
    clear |= np.isin(x, net.kinks)
    pre[column == kinks_of(net)] = 0.0
    close = np.abs(net.divergence(x) - literal_divergence(net, column, pre)) <= allowed * slope
    assert close[clear].all()


@given(st.integers(0, 10**6), st.sampled_from(["relu", "abs"]))
def test_many_sorted_points_and_few_are_evaluated_alike(seed, activation):
    net, x = far_network(np.random.default_rng(seed), activation)
    x = np.sort(x)
    copies = 64 * (net.n_neurons + 3)
    many = np.repeat(x, copies)
    np.testing.assert_array_equal(net(many).reshape(-1, copies), np.tile(net(x)[:, None], copies))
    np.testing.assert_array_equal(net.divergence(many)[::copies], net.divergence(x))


@given(st.integers(0, 10**6), st.sampled_from(["relu", "abs"]), st.sampled_from(["sm", "dsm"]))
def test_the_loss_does_not_see_how_far_kinks_are(seed, activation, kind):
    rng = np.random.default_rng(seed)
    net, _ = far_network(rng, activation)
    near = np.where(np.abs(kinks_of(net)) < 1e7, kinks_of(net), 0.0)
    x = rng.choice(near) + rng.standard_normal(20)
    objective = cs.ScoreMatching(x) if kind == "sm" else cs.DenoisingScoreMatching(x, rng.standard_normal(20))
    column = objective.X
    residual = literal_values(net, column) - objective.targets
    literal = 0.5 * np.sum(residual**2)
    terms, slope = literal_terms(net, x)
    size = np.sum((np.abs(residual[:, 0]) + terms) * terms)
    if objective.has_trace:
        literal += literal_divergence(net, column).sum()
        size += 20 * slope
    expected = literal + net.weight_decay()
    assert abs(net.loss(objective, 1.0) - expected) <= 1e-13 * (size + net.weight_decay())


@pytest.mark.parametrize("w", [1e-3, 1e-20, 1e-150, 1e-300, 5e-324])
def test_a_decayed_neuron_is_a_constant(w):
    for side in (1.0, -1.0):
        for v in (w, 1.0):
            net = cs.TwoLayerNetwork([[side * w], [side]], [1.0, 0.0], [[v, -1.0]], [0.0], [[-1.0]])
            constant = v * (1 - 0.5 * w)
            np.testing.assert_allclose(net([-0.5 * side]), 0.5 * side + constant, rtol=1e-15)
            np.testing.assert_allclose(net.divergence([-0.5 * side]), -1.0 + v * side * w, rtol=1e-15)
        assert net.kinks.size == (1 if w == 5e-324 else 2)


def test_far_kinks_do_not_stop_outer_slopes_from_cancelling():
    # Near neurons whose outer slopes cancel up to rounding; the far ones end the pieces next to them.
    weight = np.array([0.1, 0.2, -0.3, 1e-20, -1e-20])
    net = cs.TwoLayerNetwork(
        np.abs(weight)[:, None],
        np.array([-0.1, 0.0, 0.3, 1.0, -1.0]),
        np.sign(weight)[None],
        [-0.7],
        activation="abs",
    )
    score = net.piecewise
    assert (score.slopes[[0, 1, -2, -1]] == 0).all()
    np.testing.assert_allclose(score.values[[0, -1]], score.values[[1, -2]], rtol=1e-12)
    for factor in (0.5, 2.0):
        np.testing.assert_allclose(net(factor * score.knots[[0, -1]]), score.values[[0, -1]], rtol=1e-12)


@pytest.mark.parametrize("shape", [(3, 2), (1, 3), (2, 3, 4)])
def test_a_network_of_one_feature_refuses_several_columns(shape):
    net = cs.TwoLayerNetwork([[1.0]], [0.0], [[1.0]], [0.0])
    with pytest.raises(ValueError, match="x: expected shape"):
        net(np.ones(shape))
    assert net(np.ones((3, 1))).shape == (3, 1)
    assert net(2.0).shape == ()


@pytest.mark.parametrize("path", [None, 1, 1.5, True, [], object(), np.zeros(2), "a\0b", "\ud800"])
def test_what_is_no_path_is_refused_by_name(path):
    network = cs.TwoLayerNetwork([[1.0]], [0.0], [[1.0]], [0.0])
    for call in (network.save, cs.TwoLayerNetwork.load, cs.GatedNetwork.load):
        with pytest.raises((TypeError, ValueError), match=r"path: expected a (path|name)"):
            call(path)


def test_paths_may_be_bytes(tmp_path):
    network = cs.TwoLayerNetwork([[1.0]], [0.0], [[1.0]], [0.0])
    network.save(str(tmp_path / "network.npz").encode())
    assert cs.TwoLayerNetwork.load(str(tmp_path / "network.npz").encode())([2.0]) == [2.0]


def test_without_weight_decay_weights_of_any_size_have_none():
    network = cs.TwoLayerNetwork([[1e200]], [0.0], [[0.0]], [1.0])
    assert network.loss(cs.DenoisingScoreMatching([0.0, 1.0], [1.0, 1.0]), 0.0) == 0.0
    assert network.loss(cs.DenoisingScoreMatching([0.0, 1.0], [1.0, 1.0]), 1.0) == np.inf


def test_kink_conventions_that_do_not_fit_are_refused_by_name():
    relu = get_activation("relu")
    np.testing.assert_array_equal(relu.derivative([0.0, 0.0, 1.0], [True, False, False]), [1.0, 0.0, 1.0])
    for right in ([True, False], np.ones((2, 3), dtype=bool), "a", None, 0.5):
        with pytest.raises((TypeError, ValueError), match="right: expected"):
            relu.derivative([0.0, 0.0, 1.0], right)
