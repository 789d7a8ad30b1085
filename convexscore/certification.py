"""The door for networks trained elsewhere: `certify`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._support.sizes import as_workers
from ._support.validation import as_flag, as_real, shown
from .activations import get_activation
from .families import family_of
from .networks.conservative import ConservativeNetwork
from .networks.conversion import as_network
from .networks.gated import GatedNetwork, ScoreNetwork
from .networks.two_layer import TwoLayerNetwork
from .objectives import ExpectedDenoising, Objective, as_objective
from .problem import Problem
from .results import Certificate

__all__ = ["certify"]


def certify(
    network: Any,
    objective: Objective | ExpectedDenoising | ArrayLike,
    beta: float,
    activation: str | None = None,
    skip: bool | None = None,
    *,
    bias: bool | None = None,
    progress: bool = False,
    n_jobs: int | None = None,
) -> Certificate:
    """Say how far a network, whoever has trained it, is from the best of its kind.

    Solves the convex program of the network's kind, whose proven bound holds for every network of it, and
    computes the network's own loss; the gap is what better training could gain at most.

    Parameters
    ----------
    network : TwoLayerNetwork, ConservativeNetwork, GatedNetwork or torch.nn.Module
        The network.  A module is one that computes ``W2 sigma(W1 x + b1) + b2``, with or without ``V x``,
        from tensors of shape ``(n, n_features)``, such as ``Sequential(Linear, ReLU, Linear)`` or what
        `TwoLayerNetwork.to_torch` returns, with or without biases; which of its tensors is which is found
        from its outputs.
    objective : ScoreMatching, DenoisingScoreMatching, ExpectedDenoising or array
        The data and the loss; an array is score matching on it.
    beta : float
        Weight decay of the summed loss.
    activation : {"relu", "abs"}, optional
        The kind's activation, by default, and in any case, the network's.
    skip, bias : bool, optional
        Whether networks of the kind have a skip connection, and biases; by default whether the network has
        one that is not zero.  True compares the network with more others.
    progress : bool
        Show progress bars (needs tqdm).
    n_jobs : int, optional
        Workers of joblib that price neurons, as for `solve`; without effect where there is nothing to share.

    Returns
    -------
    Certificate
        `primal` is ``network.loss(objective, beta)``, with the weights as they are: a network whose layers
        are not balanced pays for it, and the gap counts that.  `dual`, `lower_bound` and `scope` are those
        of the solved program: for gated networks of this network's patterns, ``"patterns"``.  `max_violation`
        is the network's own, in three and more dimensions the largest that a search has found.

    Raises
    ------
    UnboundedError
        If networks of the kind have no least loss.
    TypeError, ValueError
        If the network is none of these, or the arguments are not those of its kind.

    Warns
    -----
    ConvergenceWarning
        If the program is not solved to its tolerance: the bound holds, and is not as high as it could be.

    See Also
    --------
    solve : Finds the best network.
    Certificate : What is returned.

    Examples
    --------
    >>> import convexscore as cs
    >>> x = [0.0, 1.0, 3.0, 3.5]
    >>> network = cs.TwoLayerNetwork([[1.0]], [-1.0], [[-0.5]], [0.5])
    >>> certificate = cs.certify(network, x, beta=2.0)
    >>> certificate.primal == network.loss(x, 2.0), round(certificate.gap, 4), certificate.scope
    (True, 0.6505, 'global')
    >>> best = cs.solve(x, 2.0).network
    >>> cs.certify(best, x, beta=2.0).meets(1e-8)
    True
    """
    progress, n_jobs = as_flag("progress", progress), as_workers("n_jobs", n_jobs)
    found, data, beta = as_network(network), as_objective(objective), as_real("beta", beta, minimum=0.0)
    if isinstance(found, ConservativeNetwork) and found.n_features == 1:
        # With one feature every network is a gradient.
        found = found.network
    if found.n_features != data.X.shape[1]:
        raise ValueError(
            f"network: expected one with {data.X.shape[1]} features, as the data have, got one with "
            f"{found.n_features}"
        )
    if activation is not None and get_activation(activation).label != found.activation:
        raise ValueError(
            f"activation: expected None or the network's, {found.activation!r}, got {shown(activation)}"
        )
    problem = _problem_of(found, data, skip, bias)
    primal = found.loss(data, beta)
    if not math.isfinite(primal):
        raise ValueError(f"network: expected one whose loss is a float, got {primal}")
    family = family_of(problem, beta)
    options = {"n_jobs": n_jobs} if family.takes("n_jobs", problem, "auto") else {}
    best = family.checked_solve(problem, beta, "auto", None, progress, options).certificate
    own = family.checked_certify(problem, beta, found)
    return replace(
        own,
        primal=primal,
        dual=best.dual,
        gap=primal - best.dual,
        scope=best.scope,
        lower_bound=best.lower_bound,
        value_rounding=max(own.value_rounding, best.value_rounding),
    )


def _problem_of(network: ScoreNetwork, objective: Any, skip: bool | None, bias: bool | None) -> Problem:
    """Return the problem that a network is a candidate of."""
    kind: dict[str, Any] = {}
    if isinstance(network, GatedNetwork):
        if network.b2.any():
            raise ValueError(
                "network: expected a gated network without a bias of its second layer, as gated programs "
                f"have none, got b2={shown(network.b2)}"
            )
        has_skip, has_bias = bool(network.V.any()), bool(network.b1.any() or network.gate_offsets.any())
        kind = {"gated": True, "patterns": _patterns_of(network, objective.X)}
    elif isinstance(network, ConservativeNetwork):
        has_skip, kind = bool(network.S.any()), {"conservative": True}
        has_bias = bool(network.offsets.any() or network.b2.any() or network.origin.any())
    else:
        assert isinstance(network, TwoLayerNetwork)
        has_skip = bool(network.V.any())
        has_bias = bool(network.b1.any() or network.b2.any() or network.origin.any())
    skip, bias = _allowed("skip", skip, has_skip), _allowed("bias", bias, has_bias)
    return Problem(objective, network.activation, skip, bias, **kind)  # type: ignore[arg-type]


def _allowed(name: str, given: bool | None, found: bool) -> bool:
    if given is None:
        return found
    if found and not as_flag(name, given):
        raise ValueError(f"{name}: expected None or True, since the network has one, got {given}")
    return as_flag(name, given)


def _patterns_of(network: GatedNetwork, X: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Return the patterns of a gated network's neurons on data; None, for all patterns, without neurons."""
    if not network.n_neurons:
        return None
    return np.unique(X @ network.gates.T + network.gate_offsets >= 0, axis=1).T
