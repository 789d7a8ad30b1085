"""Bounds that papers prove, as functions, so that tests and figures compare them with measurements.

- langevin_kl, langevin_bound: unadjusted Langevin dynamics on a log-concave law (ZP Thms 3.4 and A.7)
- ddpm_tv: reverse diffusion, the three terms of Chen et al. (2023) without constants
- girsanov_kl: reverse diffusion, explicit: from the Fisher information along the path
- multimeasurement_w2: the posterior mean of several measurements (Saremi, Park & Bach 2023)
- is_log_concave_chain: whether each measurement's law given those before is log-concave
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ._support.sizes import as_size
from ._support.validation import (
    FloatArray,
    as_callable,
    as_choice,
    as_count,
    as_flag,
    as_float_array,
    as_real,
    shown,
)
from .numerics.scaling import exponent_of, times_power

__all__ = [
    "LangevinBound",
    "ReverseBound",
    "ddpm_tv",
    "girsanov_kl",
    "is_log_concave_chain",
    "langevin_bound",
    "langevin_kl",
    "multimeasurement_w2",
]

# Gauss-Legendre nodes of each time step; the Fisher information is analytic in time.
_NODES = 8
# Products below two to this power can be added in any number.
_ADDED = 960


class LangevinBound(NamedTuple):
    """A step, a number of steps, and the relative entropy they guarantee.

    Parameters
    ----------
    step_size : float
        The step ``h``.
    n_steps : int
        The number of steps.
    kl : float
        The bound on the relative entropy.
    """

    step_size: float
    n_steps: int
    kl: float


class ReverseBound(NamedTuple):
    """The three terms that bound the total variation of reverse diffusion, up to one factor.

    Parameters
    ----------
    start : float
        For starting from noise.
    discretization : float
        For finite steps.
    score : float
        For the error of the score.
    """

    start: float
    discretization: float
    score: float

    @property
    def total(self) -> float:
        """Their sum."""
        return self.start + self.discretization + self.score


def langevin_kl(lipschitz: float, d: int, w2: float, step_size: float, n_steps: int) -> float:
    """Return the bound ``W2^2 / (2 N h) + L d h`` on the relative entropy of unadjusted Langevin dynamics.

    For a log-concave ``p`` whose score has slopes in ``[-L, 0]``, the mean of the laws after steps ``1..N``
    of `convexscore.samplers.langevin` has at most this ``KL( . || p)`` (ZP Thm 3.4 for ReLU networks, A.7 for
    abs, after Durmus, Majewski & Miasojedow 2019, Thm 9).

    Parameters
    ----------
    lipschitz : float
        ``L``, positive: the largest absolute slope of the score, ``abs(network.piecewise.slopes).max()``.
    d : int
        Number of features.
    w2 : float
        Second Wasserstein distance of the start from ``p``, at least 0.
    step_size : float
        The step ``h``, positive and at most ``1 / L``, beyond which nothing is proved.
    n_steps : int
        Number of steps ``N``, at least 1.

    Returns
    -------
    float
        In nats.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> from convexscore.theory import langevin_kl
    >>> langevin_kl(lipschitz=1.0, d=1, w2=2.0, step_size=0.1, n_steps=200)
    0.2
    """
    slope = as_real("lipschitz", lipschitz, minimum=0.0, strict=True)
    dimension, distance = as_size("d", d, minimum=1), as_real("w2", w2, minimum=0.0)
    h = as_real("step_size", step_size, minimum=0.0, strict=True)
    if h * slope > 1 + 1e-12:
        raise ValueError(f"step_size: expected at most 1 / lipschitz, {1 / slope:g}, got {h:g}")
    return _langevin_kl(slope, dimension, distance, h, as_count("n_steps", n_steps, minimum=1))


def langevin_bound(lipschitz: float, d: int, w2: float, kl: float) -> LangevinBound:
    """Return a step and a number of steps of Langevin dynamics that reach a relative entropy `kl`.

    Half of it goes to each term of `langevin_kl`: ``h = kl / (2 L d)``, at most ``1 / L``, and
    ``N = W2^2 / (h kl)`` (ZP Thms 3.4 and A.7, with constants).

    Parameters
    ----------
    lipschitz, d, w2
        As for `langevin_kl`.
    kl : float
        The relative entropy to reach, in nats, positive.

    Returns
    -------
    LangevinBound
        ``step_size``, ``n_steps``, and ``kl``, the bound at these two.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> from convexscore.theory import langevin_bound
    >>> langevin_bound(lipschitz=1.0, d=1, w2=2.0, kl=0.2)
    LangevinBound(step_size=0.1, n_steps=200, kl=0.2)
    """
    slope = as_real("lipschitz", lipschitz, minimum=0.0, strict=True)
    target = as_real("kl", kl, minimum=0.0, strict=True)
    dimension, distance = as_size("d", d, minimum=1), as_real("w2", w2, minimum=0.0)
    # In exact arithmetic: a square, or the number of steps, may be no float.
    h = _as_float(min(Fraction(target) / (2 * Fraction(slope) * dimension), 1 / Fraction(slope)))
    if h == 0:
        raise ValueError(
            f"kl: expected a target whose step, kl / (2 lipschitz d), is a float, got {target:g}"
        )
    h = min(h, sys.float_info.max)
    # A whole number of steps that rounding has put just above itself is meant.
    steps = Fraction(distance) ** 2 / (Fraction(h) * Fraction(target)) * Fraction(1 - 1e-12)
    count = max(1, math.ceil(steps))
    return LangevinBound(h, count, _langevin_kl(slope, dimension, distance, h, count))


def _langevin_kl(slope: float, dimension: int, distance: float, h: float, count: int) -> float:
    step = Fraction(h)
    return _as_float(Fraction(distance) ** 2 / (2 * count * step) + Fraction(slope) * dimension * step)


def _as_float(number: Fraction) -> float:
    """Return the nearest float, infinity for numbers above all."""
    try:
        return float(number)
    except OverflowError:
        return math.inf


def ddpm_tv(
    kl0: float,
    T: float,
    h: float,
    L: float,
    d: int,
    m2: float,
    eps: float,
    *,
    strict: bool = True,
) -> ReverseBound:
    """Return the three terms that bound, up to one factor, the total variation of reverse diffusion.

    ``sqrt(KL0) e^-T`` for starting at the normal law, ``(L sqrt(d h) + L m2 h) sqrt(T)`` for steps of OU time
    ``h``, and ``eps sqrt(T)`` for an inexact score (Chen et al. 2023, Thm 2).

    Parameters
    ----------
    kl0 : float
        Relative entropy of the data from the standard normal law, at least 0.
    T : float
        OU time, positive; ``log(sqrt(KL0) / eps)`` balances the first term with the last.
    h : float
        Step of OU time, positive.
    L : float
        Lipschitz constant of the scores at all times of the process.
    d : int
        Number of features.
    m2 : float
        ``sqrt(E ||X||^2)``.
    eps : float
        Root mean square error of the score under the process, at least 0.
    strict : bool
        Require what the theorem does, ``L >= 1`` and ``h L <= 1``.

    Returns
    -------
    ReverseBound
        ``start``, ``discretization`` and ``score``; ``total`` is their sum.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> from convexscore.theory import ddpm_tv
    >>> [round(term, 4) for term in ddpm_tv(kl0=1.0, T=4.0, h=0.01, L=2.0, d=4, m2=1.0, eps=0.1)]
    [0.0183, 0.84, 0.2]
    """
    entropy, error = as_real("kl0", kl0, minimum=0.0), as_real("eps", eps, minimum=0.0)
    time, step = as_real("T", T, minimum=0.0, strict=True), as_real("h", h, minimum=0.0, strict=True)
    slope, size = as_real("L", L, minimum=0.0, strict=True), as_real("m2", m2, minimum=0.0)
    if as_flag("strict", strict) and (slope < 1 or step * slope > 1):
        raise ValueError(
            f"L, h: expected L of at least 1 and h L of at most 1, got {slope:g}, {step * slope:g}"
        )
    roots = math.sqrt(as_size("d", d, minimum=1)), math.sqrt(step), math.sqrt(time)
    # In exact arithmetic: a product may be a float where parts of it are none.
    noise, drift = _product(slope, *roots), _product(slope, size, step, roots[2])
    return ReverseBound(math.sqrt(entropy) * math.exp(-time), noise + drift, error * roots[2])


def girsanov_kl(
    ts: ArrayLike,
    fisher: Callable[[float], float],
    kl_T: float,
    err: ArrayLike = 0.0,
    cross: ArrayLike = 0.0,
    rule: str = "frozen",
) -> float:
    """Return an explicit bound on ``KL(q || p)`` for the law ``p`` that reverse diffusion makes of ``q``.

    With ``J_t = E ||grad log q_t||^2`` along the OU process, for each step from time ``u`` to ``u - h``::

        frozen   int_{u-h}^u J dt + J_u (h - 2 (1 - e^-h)) + h e_u + 2 (h - 1 + e^-h) c_u
        euler    int_{u-h}^u J dt + (e_u - J_u) (1 - e^{-2h}) / 2

    are summed and added to `kl_T`.  This is Girsanov's theorem with its expectation worked out: by the
    martingale ``E[s_r(X_r) | X_u] = e^{-(u-r)} s_u(X_u)`` nothing is bounded on the way, and no constant is
    hidden.  Total variation is at most ``sqrt(KL / 2)``.

    Parameters
    ----------
    ts : array of shape (n_steps + 1,)
        OU times, strictly decreasing, at least 0.  ``log1p(sigmas**2) / 2`` are those of `sigmas`.
    fisher : callable
        ``J_t`` at a time ``t``, positive; it is integrated by Gauss-Legendre quadrature.
    kl_T : float
        Relative entropy of ``q_t`` at the first time from the standard normal law, at least 0.
    err : float or array of shape (n_steps,)
        ``e_u``, the mean square error of the score at the start of each step.
    cross : float or array of shape (n_steps,)
        ``c_u``, the mean inner product of that error with the score; its size is at most ``sqrt(e J)``.
    rule : {"frozen", "euler"}
        The step, as for `convexscore.samplers.reverse`.

    Returns
    -------
    float
        In nats; of the law at the last time.

    Raises
    ------
    ValueError
        If times do not decrease, or a quantity is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from convexscore.theory import girsanov_kl
    >>> bounds = [girsanov_kl(np.linspace(4, 0, n + 1), lambda t: 1.0, 0.0) for n in (10, 20, 40)]
    >>> bounds[0] / bounds[1] < 2.2, bounds[1] / bounds[2] < 2.1
    (True, True)
    """
    times = as_float_array("ts", ts)
    if times.ndim != 1 or times.size < 2 or (np.diff(times) >= 0).any() or times[-1] < 0:
        raise ValueError(f"ts: expected strictly decreasing times of at least 0, got {times.tolist()}")
    rule, h = as_choice("rule", rule, ("frozen", "euler")), -np.diff(times)
    total = as_real("kl_T", kl_T, minimum=0.0)
    errors, products = _one_a_step("err", err, h.size), _one_a_step("cross", cross, h.size)
    if errors.min() < 0:
        raise ValueError(f"err: expected numbers of at least 0, got a minimum of {errors.min():g}")
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    within = times[1:, None] + 0.5 * h[:, None] * (1 + nodes)
    inside, start = _fisher_at(fisher, within.ravel()).reshape(within.shape), _fisher_at(fisher, times[:-1])
    # All terms are linear in these; where products are no floats, they are a power of two smaller meanwhile.
    (inside, start, errors, products), power = _tame(h, inside, start, errors, products)
    moved = inside @ (0.5 * weights) * h
    if rule == "euler":
        # Twice a step may be no float; past 50 nothing is left of the exponential.
        terms = moved - 0.5 * np.expm1(-2 * np.minimum(h, 50)) * (errors - start)
    else:
        terms = moved + start * (h + 2 * np.expm1(-h)) + h * errors + (h + np.expm1(-h)) * products * 2
    return total + times_power(float(np.sum(terms)), power)


def _tame(h: FloatArray, *values: FloatArray) -> tuple[list[FloatArray], int]:
    """Return values divided by ``2^e`` so that their products with `h` can be added, and ``e``."""
    power = max(0, exponent_of(h) + exponent_of(*values) - _ADDED)
    return [np.ldexp(array, -power) for array in values], power


def _product(*factors: float) -> float:
    return _as_float(math.prod(map(Fraction, factors), start=Fraction(1)))


def multimeasurement_w2(sigma: float, m: int, d: int) -> float:
    """Return ``sigma sqrt(d / m)``, a bound on the distance of posterior means from the data in law.

    The second Wasserstein distance of the law of ``E[X | Y_1..m]`` from that of ``X`` is at most the root
    mean square error of the posterior mean, which is at most that of the measurements' mean (Saremi, Park &
    Bach 2023).

    Parameters
    ----------
    sigma : float
        Noise of one measurement, at least 0.
    m : int
        Number of measurements, at least 1.
    d : int
        Number of features.

    Returns
    -------
    float
        In the units of the data.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> from convexscore.theory import multimeasurement_w2
    >>> multimeasurement_w2(sigma=3.0, m=36, d=4)
    1.0
    """
    noise, count = as_real("sigma", sigma, minimum=0.0), as_size("m", m, minimum=1)
    return _product(noise, math.sqrt(as_size("d", d, minimum=1) / count))


def is_log_concave_chain(score: Any, sigma: float, m: int) -> bool:
    """Return whether the law of each of `m` measurements given those before is log-concave, exactly.

    Its Hessian is ``((1 + sigma_k^2 J) / k - 1) / sigma^2`` with ``J`` the slope of the score at level
    ``sigma_k = sigma / sqrt(k)``; so the test is that every slope is at most ``k (k - 1) / sigma^2``, for
    ``k = 1..m``.  A network on the line has finitely many: nothing is sampled.

    Parameters
    ----------
    score : NoiseConditionalScore
        Networks of one feature; the levels ``sigma / sqrt(k)`` lie in the range of the fitted ones.  Any
        score will do whose method ``at_level(sigma)`` returns something with a ``piecewise`` form, as
        networks have, or with a method ``slopes``.
    sigma : float
        Noise of one measurement, positive.
    m : int
        Number of measurements, at least 1.

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If a level is outside the fitted range, or the networks have more than one feature.

    Notes
    -----
    For data ``Z + tau xi`` with ``||Z - c|| <= R`` the true score passes where ``sigma^2 >= R^2 - tau^2``.

    Examples
    --------
    >>> import convexscore as cs
    >>> from convexscore.theory import is_log_concave_chain
    >>> lines = [cs.TwoLayerNetwork([[0.0]], [0.0], [[0.0]], [0.0], [[v]]) for v in (-0.2, -0.5)]
    >>> is_log_concave_chain(cs.NoiseConditionalScore([2.0, 1.0], lines), sigma=2.0, m=4)
    True
    """
    noise, count = as_real("sigma", sigma, minimum=0.0, strict=True), as_size("m", m, minimum=1)
    if not callable(getattr(score, "at_level", None)):
        raise TypeError(f"score: expected one with a method at_level, got {shown(score)}")
    for k in range(1, count + 1):
        slopes, most = _slopes(score, noise / math.sqrt(k)), k * (k - 1) / noise / noise
        if slopes.max() > most + 1e-12 * np.abs(slopes).max():
            return False
    return True


def _slopes(score: Any, sigma: float) -> FloatArray:
    """Return the slope of a piecewise linear score at a noise level, on every piece."""
    fixed = score.at_level(sigma)
    # Networks have a piecewise form; mixtures of networks only know their slopes.
    if callable(getattr(fixed, "slopes", None)):
        return np.asarray(fixed.slopes())
    form = getattr(fixed, "piecewise", fixed)
    if not hasattr(form, "slopes"):
        raise TypeError(f"score: expected slopes or a piecewise form at sigma={sigma:g}, got {shown(fixed)}")
    return np.asarray(form.slopes)


def _one_a_step(name: str, values: ArrayLike, n_steps: int) -> FloatArray:
    array = as_float_array(name, values)
    if array.shape not in ((), (n_steps,)):
        raise ValueError(f"{name}: expected a number or shape ({n_steps},), got {array.shape}")
    return np.broadcast_to(array, (n_steps,))


def _fisher_at(fisher: Callable[[float], float], times: FloatArray) -> FloatArray:
    values = np.array([as_real("fisher", as_callable("fisher", fisher)(float(t))) for t in times])
    if values.min() <= 0:
        raise ValueError(f"fisher: expected positive values, got {values.min():g}")
    return values
