"""The recipes of docs/architecture.md: each really adds a small part, from outside the package."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone

import convexscore as cs
from convexscore import families
from convexscore.activations import Activation, get_activation
from convexscore.families import SolverRow
from convexscore.results import Solution
from convexscore.samplers._chains import Move, run, starting_points
from tests.claims.test_protocols import check_sampler, check_target

PAGE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")
X = np.random.default_rng(0).standard_normal(30)


def test_the_page_has_these_recipes():
    headings = [line.removeprefix("### ") for line in PAGE.splitlines() if line.startswith("### ")]
    parts = ("An activation", "An objective", "A solver", "A sampler", "A target", "An estimator")
    assert tuple(headings) == parts


class TestActivation:
    leaky = Activation("leaky", 0.1)

    def network(self):
        return cs.TwoLayerNetwork([[1.0], [-2.0]], [0.5, 1.0], [[1.0, -0.5]], [0.1], activation=self.leaky)

    def test_networks_take_it(self):
        network, x = self.network(), np.linspace(-3, 3, 41)
        hidden = self.leaky.value(np.outer(x, [1.0, -2.0]) + np.array([0.5, 1.0]))
        np.testing.assert_allclose(network(x), hidden @ [1.0, -0.5] + 0.1, atol=1e-14)
        step = 1e-6
        numeric = (network(x + step) - network(x - step)) / (2 * step)
        np.testing.assert_allclose(network.divergence(x), numeric, atol=1e-8)

    def test_networks_in_the_plane_take_it(self):
        network = cs.TwoLayerNetwork(np.eye(2), [0.0, 1.0], np.eye(2), [0.0, 0.0], activation=self.leaky)
        np.testing.assert_allclose(network([[-1.0, -3.0]]), [[-0.1, -0.2]])

    @pytest.mark.parametrize("data", [X, X.reshape(-1, 2)])
    def test_gradient_descent_trains_it(self, data):
        objective = cs.ScoreMatching(data)
        result = cs.baselines.train_adam(
            objective, 3.0, self.leaky, n_neurons=4, n_epochs=5, n_trials=2, rng=0
        )
        network = result.networks[0]
        assert network.activation is self.leaky
        assert result.losses[0, -1] == pytest.approx(network.loss(objective, 3.0), rel=1e-10)

    @pytest.mark.parametrize("data", [X, X.reshape(-1, 2)])
    @pytest.mark.parametrize("gated", [False, True])
    def test_programs_that_do_not_know_it_say_so(self, data, gated):
        with pytest.raises(ValueError, match=r"activation: expected one of 'relu', 'abs' for .*leaky"):
            cs.solve(cs.ScoreMatching(data), 20.0, self.leaky, gated=gated)
        with pytest.raises(ValueError, match="activation: expected one of 'relu', 'abs'"):
            cs.beta_bounds(cs.ScoreMatching(data), self.leaky)

    def test_paths_and_files_say_so_too(self, tmp_path):
        with pytest.raises(ValueError, match="activation: expected one of 'relu', 'abs', got"):
            cs.regularization_path(cs.ScoreMatching(X), self.leaky)
        with pytest.raises(TypeError, match="activation: expected the name of one for a model file"):
            self.network().save(tmp_path / "m.npz")
        assert list(tmp_path.iterdir()) == []

    def test_names_that_nobody_knows_are_refused(self):
        with pytest.raises(ValueError, match="activation: expected one of 'relu', 'abs', got 'leaky'"):
            get_activation("leaky")


@dataclass(frozen=True, eq=False)
class RegressionOnScores:
    """Fit a network to scores that are known at the samples."""

    name: ClassVar[str] = "regression"
    has_trace: ClassVar[bool] = False

    X: np.ndarray
    targets: np.ndarray
    sample_weight: np.ndarray | None = field(default=None)

    @property
    def weights(self):
        return np.ones(len(self.X)) if self.sample_weight is None else self.sample_weight

    def loss(self, score):
        return 0.5 * float(np.sum(self.weights[:, None] * (score(self.X) - self.targets) ** 2))


@pytest.mark.parametrize("n_features", [1, 2])
def test_an_objective_from_outside_is_solved_and_certified(n_features):
    points = np.random.default_rng(1).standard_normal((12, n_features))
    objective = RegressionOnScores(points, -points)
    solution = cs.solve(objective, 1.0)
    assert solution.status in ("optimal", "closed_form")
    assert solution.value == pytest.approx(objective.loss(solution.network) + solution.network.weight_decay())
    same = cs.solve(cs.DenoisingScoreMatching(points, -points), 1.0)
    assert solution.value == pytest.approx(same.value, rel=1e-9)
    assert cs.beta_bounds(objective).minimum == 0.0
    if n_features == 1:
        assert cs.select_beta(objective, rng=0) == cs.select_beta(same_objective(points), rng=0)


def same_objective(points):
    return cs.DenoisingScoreMatching(points, -points)


def solve_by_the_path(problem, beta, *, solver, tol, verbose, options):
    """Return the solution that the regularization path has at this weight decay."""
    path = cs.regularization_path(problem.objective, problem.activation, problem.skip, beta_min=beta)
    found = path.solution(beta)
    return replace(found, stats=replace(found.stats, solver=solver))


def test_a_solver_from_outside_is_one_line_of_its_family(monkeypatch):
    line = families.FAMILIES[1]
    row = SolverRow(("first",), shows_progress=False, solve=solve_by_the_path)
    wider = replace(line, solvers={**line.solvers, "path": row})
    monkeypatch.setattr(families, "FAMILIES", (families.FAMILIES[0], wider, *families.FAMILIES[2:]))
    objective = cs.ScoreMatching(X)
    solution = cs.solve(objective, 3.0, solver="path", first=1)
    assert isinstance(solution, Solution)
    assert (solution.stats.solver, solution.status) == ("path", "optimal")
    assert solution.value == pytest.approx(cs.solve(objective, 3.0).value, rel=1e-12)
    # What the row says is what is refused, and what error messages say.
    with pytest.raises(TypeError, match=r"solver 'path' does not know second; .* takes first"):
        cs.solve(objective, 3.0, solver="path", second=1)
    with pytest.raises(ValueError, match="verbose: expected False for solver 'path'"):
        cs.solve(objective, 3.0, solver="path", verbose=True)
    with pytest.raises(ValueError, match=r"solver: expected one of .*'path'"):
        cs.solve(objective, 3.0, solver="simplex")


def over_relaxed(score, x0, step_size, n_steps, rng=None, n_jobs=None):
    """Langevin steps with twice the noise: the law at temperature two."""

    def setup(x, generator):
        move = Move(x, generator)

        def advance(number):
            move(score, step_size, np.sqrt(4 * step_size), f"step {number}", "step_size: take smaller steps")

        return advance

    x = starting_points(x0)
    return run(setup, x, n_steps, rng, description="steps", progress=False, n_jobs=n_jobs)[0]


def test_a_sampler_from_outside_keeps_the_protocol():
    check_sampler(lambda score, x0, **options: over_relaxed(score, x0, 0.05, 40, **options))
    samples = over_relaxed(lambda x: -x, np.zeros(20_000), 0.05, 200, rng=0)
    assert samples.var() == pytest.approx(2.0, rel=0.1)


class Gaussian:
    """A target: everything that samplers, figures and benchmarks ask of one."""

    def logpdf(self, y, sigma=0.0):
        variance = 1 + sigma**2
        return -0.5 * y**2 / variance - 0.5 * np.log(2 * np.pi * variance)

    def score(self, y, sigma=0.0):
        return -y / (1 + sigma**2)

    def denoise(self, y, sigma):
        return y / (1 + sigma**2)

    def sample(self, n, rng=None):
        return np.random.default_rng(rng).standard_normal(n)


def test_a_target_from_outside_keeps_the_protocol():
    check_target(Gaussian())
    levels = cs.samplers.sigma_grid(10.0, 0.05, 60)
    samples = cs.samplers.reverse(Gaussian().score, levels, 4000, None, rng=1)
    assert samples.std() == pytest.approx(1.0, rel=0.06)


class CertifiedScore(BaseEstimator):
    """A thin estimator over the doors."""

    def __init__(self, beta="auto", activation="relu", skip=True):
        self.beta, self.activation, self.skip = beta, activation, skip

    def fit(self, X, y=None):
        self.solution_ = cs.solve(cs.ScoreMatching(X), self.beta, self.activation, self.skip)
        self.density_ = cs.ScoreDensity(self.solution_.network)
        return self

    def score_samples(self, X):
        return self.density_.logpdf(np.asarray(X)[:, 0])

    def sample(self, n_samples=1, rng=None):
        return self.density_.sample(n_samples, rng=rng)[:, None]


def test_an_estimator_from_outside_is_thin():
    estimator = clone(CertifiedScore(beta=10.0)).fit(X[:, None])
    assert estimator.get_params()["beta"] == 10.0
    assert estimator.solution_.certificate.scope == "global"
    assert np.isfinite(estimator.score_samples(X[:, None])).all()
    assert estimator.sample(5, rng=0).shape == (5, 1)
