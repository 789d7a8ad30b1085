"""Refitting a solution without its weight decay: kinks and their signs stay, sizes are set free.

Weight decay selects kinks and shrinks what it selects: in the linear regime of score matching without
skip the slope is ``(1 - beta/n)`` times the Gaussian one.  Over splines with kinks at the selected
positions ``t_j`` and of the selected signs ``sigma_j``, the refit minimizes the data term alone,

    min_s  sum_i m_i (mean slope at t_i) [SM] + 1/2 sum_i m_i (s(t_i) - l_i)^2
           subject to  sigma_j delta_j >= 0,

the splines at Bregman distance zero from the solution (Brinkmann, Burger, Rasch & Sutour 2017).  The line
is free, and kinks may vanish.  Data on a kink count the mean of its two slopes: without a penalty the
cheaper of the two would make sharp kinks pay for themselves.

Its optimality conditions are ``sum m z = 0``, ``kappa = 0`` and ``sigma_j H(t_j) >= 0``, with equality at
kinks that are there; ``H`` counts half of a tie here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._support.validation import FloatArray
from .blocks import Moments
from .spline import Spline, SplineProblem
from .univariate import UnivariateProgram

__all__ = ["RefitProblem"]

Index = NDArray[np.intp]


class RefitProblem(SplineProblem):
    """A univariate program's data term over splines with given kinks and signs.

    Parameters
    ----------
    program : UnivariateProgram
        The program.
    kinks : int ndarray of shape (n_kinks,)
        Indices of interior positions, ascending.
    signs : ndarray of shape (n_kinks,)
        Signs that the slope jumps must keep.
    blocks : Moments, optional
        The program's moments.
    """

    def __init__(
        self, program: UnivariateProgram, kinks: Index, signs: FloatArray, blocks: Moments | None = None
    ) -> None:
        super().__init__(program, 1.0, blocks)
        self.kinks, self.signs = kinks, signs
        self.kappa_range = (0.0, 0.0)

    def penalty(self, kinks: Index) -> FloatArray:
        """Return zeros: sizes are free."""
        return np.zeros(kinks.size)

    def keeps_signs(self, kinks: Index) -> NDArray[np.bool_]:
        """Return True for every kink."""
        return np.ones(kinks.size, dtype=bool)

    def violations(self, spline: Spline) -> tuple[Index, FloatArray]:
        """Return the selected kinks that are missing though they would lower the objective."""
        slack = self.slack(self.at_positions(spline))
        # The minimizer's own kinks have no slack but rounding.
        found = (slack < 0) & ~np.isin(self.kinks, spline.kinks)
        return self.kinks[found], -slack[found] * self.signs[found]

    def slack(self, score: FloatArray) -> FloatArray:
        """Return ``sigma_j H(t_j)`` at the selected kinks, for a score given at the positions."""
        exclusive, inclusive, _ = self.program.correlation(score - self.program.target)
        return 0.5 * (exclusive + inclusive)[self.kinks] * self.signs
