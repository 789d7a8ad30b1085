"""What the univariate programs know of an activation: atoms, band, boundedness, range of the multiplier.

ReLU has two atoms a position, ``(x - t)_+`` and ``(t - x)_+``; their correlations with a residual are ``H``
and ``H - kappa`` (`univariate.program`).  The absolute value is even and has one, whose correlation is
``2 H - kappa``.  Everything else on the line follows from that, and stands here once for each.
"""

from __future__ import annotations

from dataclasses import dataclass

from .._support.validation import FloatArray, as_choice

__all__ = ["RULES", "ActivationRules", "rules_of"]


@dataclass(frozen=True)
class ActivationRules:
    """The facts of one activation.

    Parameters
    ----------
    name : str
        Name of the activation.
    even : bool
        Whether ``sigma(-t) = sigma(t)``: one atom a position instead of two.
    """

    name: str
    even: bool

    @property
    def sides(self) -> tuple[float, ...]:
        """Signs of the first-layer weights of a position's atoms."""
        return (1.0,) if self.even else (1.0, -1.0)

    @property
    def width(self) -> float:
        """Half the width of the band of ``H`` for a unit of ``beta``, at ``kappa = 0``."""
        return 0.5 if self.even else 1.0

    @property
    def omega(self) -> float:
        """How much of ``|kappa|`` narrows the band."""
        return 0.0 if self.even else 1.0

    def half_width(self, beta: float, kappa: float = 0.0) -> float:
        """Return half the width of the band that ``H`` must stay in, around ``kappa / 2``."""
        return self.width * beta - 0.5 * self.omega * abs(kappa)

    def smallest_beta(self, low: float, high: float, kappa: float) -> float:
        """Return the smallest ``beta`` whose band holds ``[low, high]``."""
        if self.even:
            return max(2 * high - kappa, kappa - 2 * low)
        return max(high, -low, high - kappa, kappa - low)

    def boundedness_bound(self, mass: FloatArray, skip: bool) -> float:
        """Return the smallest ``beta`` at which score matching has a minimum, for masses at positions.

        ZP's Lemmas A.1-A.3 for distinct data.  With ties of mass ``m_j``: every ``m_j`` for abs without skip;
        else ``m_1``, ``m_k`` and half of the others for ReLU, twice that for abs.
        """
        if self.even and not skip:
            return float(mass.max())
        return float(max(mass[0], mass[-1], mass.max() / 2)) / self.width

    def kappa_range(self, tie: FloatArray, inside: float, beta: float) -> tuple[float, float]:
        """Return the range of ``kappa`` without skip: what the band allows.

        ``H`` takes the values ``kappa`` and ``kappa - m_1`` at the first position, ``0`` and ``m_k`` at the
        last, and the band is no narrower than the largest step inside, ``m_j <= 2 beta - |kappa|`` for ReLU.

        Parameters
        ----------
        tie : ndarray of shape (n_positions,)
            The mass that a kink may count with either slope.
        inside : float
            The largest of these strictly inside the data.
        beta : float
            Weight decay.
        """
        ends = max(tie[0], tie[-1])
        if self.even:
            return float(2 * ends - beta), float(beta)
        room = 2 * beta - inside
        return float(-max(min(beta - ends, room), 0.0)), float(max(min(beta, room), 0.0))

    def kappa_range_rate(self, tie: FloatArray, inside: float, beta: float) -> tuple[float, float]:
        """Return the derivatives of the ends of the range with respect to ``beta``, from below."""
        if self.even:
            return -1.0, 1.0
        ends = max(tie[0], tie[-1])
        high = 2.0 if inside >= beta else 1.0
        low = -2.0 if inside - ends >= beta else -1.0
        return low if self.kappa_range(tie, inside, beta)[0] < 0 else 0.0, high

    def range_switches(self, tie: FloatArray, inside: float) -> list[float]:
        """Return the values of ``beta`` at which an end of the range changes its rate."""
        return [] if self.even else [inside, inside - float(max(tie[0], tie[-1]))]


#: The activations that the programs of the line know.
RULES = {rules.name: rules for rules in (ActivationRules("relu", False), ActivationRules("abs", True))}


def rules_of(activation: str) -> ActivationRules:
    """Return the rules of an activation, or raise a ValueError that names those there are."""
    return RULES[as_choice("activation", activation, RULES)]
