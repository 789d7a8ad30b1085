"""Pricing that keeps less in memory finds the same."""

import numpy as np
import pytest

import convexscore as cs
from convexscore.multivariate.pricing import gates, planar

X = np.random.default_rng(0).standard_normal((9, 2))


@pytest.mark.parametrize("activation", ["relu", "abs"])
def test_gates_converted_in_parts_price_the_same(monkeypatch, activation):
    whole = cs.solve(cs.ScoreMatching(X), 8.0, activation, gated=True)
    # A few patterns at once.
    monkeypatch.setattr(gates, "_BLOCK", 30)
    parts = cs.solve(cs.ScoreMatching(X), 8.0, activation, gated=True)
    assert len(cs.enumerate_patterns(X, bias=True)) * len(X) > 2 * 30
    assert parts.certificate.gap <= 1e-6 * abs(whole.value)
    assert parts.value == pytest.approx(whole.value, rel=1e-6)


@pytest.mark.parametrize("bias", [True, False])
def test_kink_lines_sorted_anew_price_the_same(monkeypatch, bias):
    whole = cs.solve(cs.ScoreMatching(X), 6.0, bias=bias)
    monkeypatch.setattr(planar, "_KEPT", 0)
    anew = cs.solve(cs.ScoreMatching(X), 6.0, bias=bias)
    assert anew.certificate.gap <= 1e-6 * abs(whole.value)
    assert anew.value == pytest.approx(whole.value, rel=1e-6)
