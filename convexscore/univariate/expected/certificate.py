"""Certificates of expected denoising, whose kinks may be anywhere on the line."""

from __future__ import annotations

import numpy as np

from ...networks.two_layer import TwoLayerNetwork
from ...numerics.piecewise import PiecewiseLinear
from ...results import Certificate
from .correlation_range import correlation_range
from .program import ExpectedProgram

__all__ = ["balanced_score", "certify_expected"]


def certify_expected(program: ExpectedProgram, network: TwoLayerNetwork, beta: float) -> Certificate:
    """Recompute value, lower bound and violations of an expected denoising program from a network.

    The dual value of a residual ``z = s - l`` with balanced ``s`` is ``sum w / (2 eps^2) - 1/2 int q s^2``.
    Where the correlations exceed `beta` by a share ``theta``, ``(1 - theta) z`` is feasible.

    Parameters
    ----------
    program : ExpectedProgram
        The program.
    network : TwoLayerNetwork
        The network to certify.
    beta : float
        Weight decay, positive.

    Returns
    -------
    Certificate
        Of scope ``"global"``: its violation bounds that of kinks anywhere on the line.
    """
    score = network.piecewise
    mean, kappa = program.balance(score)
    mean /= program.total
    scale = max(beta, program.total)
    tolerance = max(1e-10 * beta, program.rounding(score))
    low, high = correlation_range(program, score, tolerance)
    violation = max(program.rules.smallest_beta(low, high, kappa) - beta, 0.0)
    violation = max(violation, abs(mean) * program.total * np.sqrt(program.variance))
    if program.skip:
        violation = max(violation, abs(kappa))
    balanced = balanced_score(program, score, mean, kappa if program.skip else 0.0)
    kappa = program.balance(balanced)[1]
    low, high = correlation_range(program, balanced, tolerance)
    largest = program.rules.smallest_beta(low, high, 0.0 if program.skip else kappa)
    keep = min(1.0, beta / largest) if largest > beta + 1e-12 * scale else 1.0
    # int q s^2 and int q s' = -int q l s from the closed form of the loss.
    trace = float(np.sum(balanced.slopes * program.data.piece_moments(balanced.knots)[0]))
    square = 2 * (program.data.score_matching_loss(balanced) - trace)
    constant = program.objective.constant
    # int q l^2 has no closed form; it is at most sum w / eps^2.
    dual = constant - 0.5 * keep**2 * (square + 2 * trace) + keep * trace - (1 - keep) ** 2 * constant
    primal = network.loss(program.objective, beta)
    value_scale = abs(primal) + 1e-3 * constant
    return Certificate(
        primal,
        dual,
        primal - dual,
        float(violation),
        "global",
        value_scale=value_scale,
        violation_scale=max(beta, program.total),
    )


def balanced_score(
    program: ExpectedProgram, score: PiecewiseLinear, mean: float, kappa: float
) -> PiecewiseLinear:
    """Remove the mean, and the line that ``kappa`` stands for."""
    slope = kappa / (program.total * program.variance)
    values = score.values - mean - slope * (score.knots - program.centre)
    return PiecewiseLinear(score.knots, values, score.slopes - slope)
