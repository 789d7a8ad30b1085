"""Everything that takes long: its bar, its workers, and numbers by which two results are told apart.

Each row is called with ``progress`` or ``verbose``, and with ``n_jobs`` where it divides.
"""

import numpy as np

import convexscore as cs
from convexscore.samplers.grid import GridLaw, langevin_law, reverse_law

RNG = np.random.default_rng(0)
SKEWED = np.exp(RNG.standard_normal(60))
PLANE = RNG.standard_normal((24, 2)) ** 3
SPACE = RNG.standard_normal((12, 3)) ** 3
TIES = np.array([[x, y, z] for x in range(3) for y in range(3) for z in range(2)], dtype=float)
LABELS = np.sin(PLANE[:, 0])
ROWS = np.column_stack([np.linspace(-1.5, 2.0, 6), np.ones(6)])
NOISY = cs.DenoisingScoreMatching(PLANE, -PLANE)
EXPECTED = cs.DenoisingScoreMatching.expected(SKEWED, 0.3)
START = RNG.standard_normal(5000)
LEVELS = cs.samplers.sigma_grid(3.0, 0.5, 3)
GRID = np.linspace(-6, 6, 61)
LAW = GridLaw(GRID, np.exp(-(GRID**2) / 2))
NETWORK = cs.solve(PLANE, 12.0, skip=True).network
TIED = cs.solve(PLANE, 12.0, skip=True, conservative=True).network
BENT = cs.solve(SKEWED, 8.0, skip=True, tails="integrable")
PATH = cs.regularization_path(SKEWED, skip=True, betas=[20.0, 10.0])
UNROLLED = cs.baselines.UnrolledDenoiser([[0.0, 0.4], [0.4, 0.0]], 2, 3)
SPINS = np.tile([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [1.0, 1.0]], (50, 1))


def gaussian(y, sigma=0.0):
    return -y / (1 + sigma**2)


def logpdf(y):
    return -(y**2) / 2


def solved(solution):
    network = solution.network
    return solution.value, solution.certificate.dual, network(np.ones((1, network.n_features)))


def solving(*arguments, **options):
    return lambda **work: solved(cs.solve(*arguments, **options, **work))


def adam(result):
    return result.losses, [(network.W1, network.b1, network.W2) for network in result.networks]


def patterns(found):
    return found.signs, found.witnesses


def estimator(X, **settings):
    def fit(verbose=False, **work):
        made = cs.ConvexScoreEstimator(random_state=0, verbose=int(verbose), **settings, **work).fit(X)
        return made.score_function(X)

    return fit


def conditional(X, *arguments, **options):
    def fit(**work):
        score = cs.NoiseConditionalScore.fit(X, *arguments, **options, rng=0, **work)
        return [solved(solution) for solution in score.solutions]

    return fit


#: Name of the keyword of the bar, and what is called.
DIVIDED = {
    "select_beta": ("progress", lambda **work: cs.select_beta(SKEWED, rng=0, skip=True, **work)),
    "select_beta rounded": ("progress", lambda **work: cs.select_beta(SKEWED.round(1), rng=0, **work)),
    "select_beta cv": ("progress", lambda **work: cs.select_beta(SKEWED, "cv", rng=0, **work)),
    "select_beta expected": (
        "progress",
        lambda **work: cs.select_beta(EXPECTED, rng=0, n_replicates=20, skip=True, **work),
    ),
    "select_beta plane": (
        "progress",
        lambda **work: cs.select_beta(PLANE[:12], rng=0, skip=True, n_replicates=4, **work),
    ),
    "select_beta denoising": (
        "progress",
        lambda **work: cs.select_beta(NOISY, rng=0, n_replicates=6, **work),
    ),
    "select_beta space": (
        "progress",
        lambda **work: cs.select_beta(SPACE[:8], rng=0, skip=True, n_replicates=2, n_iterations=1, **work),
    ),
    "interval_bands": (
        "progress",
        lambda **work: [
            (band.lower, band.simultaneous_upper)
            for found in [BENT.density().interval_bands(0.9, 60, rng=0, **work)]
            for band in (found.score, found.pdf, found.quantile)
        ],
    ),
    "mode_test": (
        "progress",
        lambda **work: [
            (found.pvalue, found.critical_beta, found.replicate_modes)
            for found in [cs.mode_test(SKEWED, 1, 60, rng=0, **work)]
        ],
    ),
    "solve auto": ("verbose", solving(SKEWED, "auto", skip=True)),
    "solve auto log-concave": ("verbose", solving(SKEWED[:12], "auto", skip=True, shape="log-concave")),
    "solve plane": ("verbose", solving(PLANE, 12.0, skip=True)),
    "solve space": ("verbose", solving(SPACE, 30.0, skip=True, max_boxes=2000)),
    "solve conservative plane": ("verbose", solving(PLANE, 12.0, skip=True, conservative=True)),
    "solve conservative space": (
        "verbose",
        solving(SPACE, 30.0, skip=True, conservative=True, max_boxes=2000),
    ),
    "certify": ("progress", lambda **work: cs.certify(NETWORK, PLANE, 12.0, **work).dual),
    "certify conservative": ("progress", lambda **work: cs.certify(TIED, PLANE, 12.0, **work).dual),
    "pool": ("progress", lambda **work: cs.PooledScore.fit(SKEWED, rng=0, **work)(SKEWED)),
    "pool of the plane": (
        "progress",
        lambda **work: cs.PooledScore.fit(PLANE, ("line", "mixture"), rng=0, **work)(PLANE),
    ),
    "enumerate_patterns": ("progress", lambda **work: patterns(cs.enumerate_patterns(PLANE, True, **work))),
    "enumerate_patterns of ties": ("progress", lambda **work: patterns(cs.enumerate_patterns(TIES, **work))),
    "iter_patterns": (
        "progress",
        lambda **work: [patterns(block) for block in cs.iter_patterns(PLANE, True, block_size=50, **work)],
    ),
    "count_patterns": ("progress", lambda **work: cs.count_patterns(SPACE, True, **work)),
    "count_patterns of ties": ("progress", lambda **work: cs.count_patterns(TIES, True, **work)),
    "sample_patterns": (
        "progress",
        lambda **work: patterns(cs.sample_patterns(PLANE, 25_000, rng=0, **work)),
    ),
    "train_adam": (
        "progress",
        lambda **work: adam(
            cs.train_adam(cs.ScoreMatching(SKEWED), 5.0, n_trials=3, n_epochs=20, rng=0, **work)
        ),
    ),
    "train_adam in batches": (
        "progress",
        lambda **work: adam(
            cs.train_adam(NOISY, 5.0, n_trials=3, n_epochs=5, batch_size=7, rng=0, keep_best=True, **work)
        ),
    ),
    "tune_adam": (
        "progress",
        lambda **work: adam(
            cs.baselines.tune_adam(cs.ScoreMatching(PLANE), 5.0, n_trials=2, n_epochs=5, rng=0, **work)
        ),
    ),
    "fit_mixture": ("progress", lambda **work: cs.baselines.fit_mixture(PLANE, 3, rng=0, **work)),
    "pattern_weights": (
        "progress",
        lambda **work: cs.baselines.pattern_weights(PLANE, True, n_draws=200_000, rng=0, **work),
    ),
    "regularization_path": (
        "progress",
        lambda **work: (
            cs.regularization_path(SKEWED, skip=True, betas=[20.0, 10.0], tails="integrable", **work).n_kinks
        ),
    ),
    "path.solutions": ("progress", lambda **work: [solved(found) for found in PATH.solutions(**work)]),
    "levels": ("progress", conditional(SKEWED[:20], [0.8, 0.4])),
    "levels integrated out": ("progress", conditional(SKEWED[:9], [0.8, 0.6, 0.4], n_draws=np.inf)),
    "levels of the plane": ("progress", conditional(PLANE[:12], [0.8, 0.4], n_draws=2)),
    "levels, gated": ("progress", conditional(PLANE[:6], [0.8, 0.4], 10.0, n_draws=1, gated=True)),
    "estimator": ("verbose", estimator(SKEWED[:, None])),
    "estimator of the plane": ("verbose", estimator(PLANE, method="certified", beta=20.0)),
    "estimator, conservative": (
        "verbose",
        estimator(PLANE, method="certified", conservative=True, beta=20.0),
    ),
    "estimator, denoising": (
        "verbose",
        estimator(SKEWED[:20, None], method="certified", objective="dsm", beta=5.0),
    ),
}

#: Samplers: their chains are divided among workers in blocks, whose random numbers are their own.
SAMPLERS = {
    "langevin": lambda **work: cs.samplers.langevin(gaussian, START, 0.1, 3, rng=0, **work),
    "annealed_langevin": lambda **work: cs.samplers.annealed_langevin(
        gaussian, START, LEVELS, n_steps=2, rng=0, **work
    ),
    "underdamped": lambda **work: cs.samplers.underdamped(gaussian, START, 0.2, 3, rng=0, **work),
    "mala": lambda **work: cs.samplers.mala(
        gaussian, logpdf, START, 0.5, 3, rng=0, return_acceptance=True, **work
    ),
    "reverse": lambda **work: cs.samplers.reverse(gaussian, LEVELS, 5000, None, rng=0, **work),
    "joint": lambda **work: cs.samplers.joint(gaussian, 2.0, 3, 5000, None, rng=0, n_steps=2, **work),
    "sequential": lambda **work: cs.samplers.sequential(gaussian, 2.0, 2, 5000, None, rng=0, **work),
}

#: What shows a bar, one step after the other.
ALONE = {
    "solve": ("verbose", solving(SKEWED, 10.0, skip=True)),
    "solve log-concave": ("verbose", solving(SKEWED, 30.0, skip=True, shape="log-concave")),
    "solve expected": ("verbose", solving(EXPECTED, 5.0, skip=True)),
    "solve gated": ("verbose", solving(PLANE[:8], 40.0, gated=True)),
    "solve gated by columns": ("verbose", solving(PLANE[:8], 40.0, gated=True, solver="column_generation")),
    "solve without weight decay": ("verbose", solving(cs.DenoisingScoreMatching(PLANE[:8], -PLANE[:8]), 0.0)),
    "solve ridge": ("verbose", solving(PLANE[:8], 40.0, gated=True, penalty="ridge")),
    "solve space without bias": ("verbose", solving(SPACE[:8], 30.0, bias=False, max_boxes=1)),
    "certify on the line": (
        "progress",
        lambda **work: cs.certify(cs.solve(SKEWED, 10.0).network, SKEWED, 10.0, **work).dual,
    ),
    "regularization_path, exact": (
        "progress",
        lambda **work: cs.regularization_path(SKEWED, **work).betas,
    ),
    "regularization_path on a grid": (
        "progress",
        lambda **work: cs.regularization_path(SKEWED, betas=[30.0, 20.0], **work).n_kinks,
    ),
    "train_ntk_network": (
        "progress",
        lambda **work: cs.baselines.train_ntk_network(PLANE, LABELS, 20, 5, rng=0, **work)(PLANE),
    ),
    "reweighted_least_squares": (
        "progress",
        lambda **work: cs.baselines.reweighted_least_squares(ROWS, ROWS[:, 0] ** 2, 0.2, 5, **work).values,
    ),
    "UnrolledDenoiser.fit": (
        "progress",
        # Its products hang on how arrays lie in memory.
        lambda **work: UNROLLED.fit(SPINS, 0.9 * SPINS, 0.5, n_iterations=3, **work).losses.round(9),
    ),
    "langevin_law": ("progress", lambda **work: langevin_law(LAW, gaussian, 0.1, 3, **work).density),
    "reverse_law": (
        "progress",
        lambda **work: (
            reverse_law(
                gaussian, cs.samplers.sigma_grid(50.0, 0.5, 30), np.linspace(-8, 8, 161), **work
            ).density
        ),
    ),
}


def content(result):
    """Everything in a result, so that two are equal only if they are bit for bit."""
    if isinstance(result, (tuple, list)):
        return [content(part) for part in result]
    array = np.asarray(result)
    return array.shape, array.dtype.str, array.tobytes()
