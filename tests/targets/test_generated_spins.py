"""Ancestral sampling of eight spins by each denoiser, against the law of all 256 states."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.baselines import UnrolledDenoiser
from convexscore.targets import Ising

from .literal import cosines, counts, coupled, shares

A, N = cosines(8, 0.3), 10_000
LAW = shares(lambda x: coupled(A, x), 8)
SIGMAS = np.sqrt(np.expm1(2 * np.linspace(4.0, 0.01, 21)))


def unrolled(y, sigma):
    return UnrolledDenoiser(A, 4, 8)(y / np.hypot(1, sigma), 0.5 * np.log1p(sigma**2))


def trained(y, sigma):
    """Explicit weights, and then a few steps on pairs of this level."""
    x, rng = Ising(A).sample(1000, rng=3), np.random.default_rng(4)
    t = 0.5 * np.log1p(sigma**2)
    z = (x + sigma * rng.standard_normal(x.shape)) / np.hypot(1, sigma)
    return UnrolledDenoiser(A, 3, 4).fit(x, z, t, n_iterations=3)(y / np.hypot(1, sigma), t)


def distance(x):
    return 0.5 * np.abs(counts(x) - LAW).sum()


def generated(denoise, rule="ancestral"):
    y = cs.samplers.reverse(cs.from_denoiser(denoise), SIGMAS, N, 8, rng=0, rule=rule)
    mean = denoise(y, SIGMAS[-1])
    return np.where(np.random.default_rng(6).random(mean.shape) < (1 + mean) / 2, 1.0, -1.0)


def test_samples_of_the_law_itself():
    distances = [distance(Ising(A).sample(N, rng=seed)) for seed in range(5)]
    assert np.mean(distances) == pytest.approx(0.057, abs=0.005)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exact", 0.059),
        ("naive", 0.078),
        ("tap", 0.058),
        ("amp", 0.058),
        ("unrolled", 0.063),
        ("trained", 0.065),
    ],
)
def test_total_variation_of_each_denoiser(name, expected):
    own = {"unrolled": unrolled, "trained": trained}
    denoise = own[name] if name in own else Ising(A, denoiser=name).denoise
    # Chance alone moves these distances by .004; the start alone, independent spins, is at .27.
    assert distance(generated(denoise)) == pytest.approx(expected, abs=0.012)


def test_a_frozen_score_makes_the_wrong_denoiser_look_better():
    exact, naive = (distance(generated(Ising(A, denoiser=k).denoise, "frozen")) for k in ("exact", "naive"))
    assert exact > naive > 0.1
