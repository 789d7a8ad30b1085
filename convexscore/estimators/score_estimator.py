"""`ConvexScoreEstimator`: scores and densities under scikit-learn's names."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._support.parallel import run_all
from .._support.sizes import as_size, as_workers
from .._support.validation import (
    FloatArray,
    as_choice,
    as_count,
    as_flag,
    as_real,
    as_scale,
    as_weights,
    shown,
)
from ..activations import get_activation
from ..objectives.support import Support, as_support
from ..pooling import PooledScore
from ..problem import SHAPES, TAILS
from .certified import CertifiedScore, NetworkSettings, fit_certified

try:
    from sklearn.base import BaseEstimator, DensityMixin
    from sklearn.utils.metaestimators import available_if
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        f"ConvexScoreEstimator needs scikit-learn 1.6; install it with: pip install scikit-learn ({error})"
    ) from error

__all__ = ["ConvexScoreEstimator"]

_METHODS, _OBJECTIVES = ("pooled", "certified"), ("sm", "dsm")
# What is left to the pool, at its default: other values have no effect there.
_OF_NETWORKS = {
    "objective": "sm",
    "activation": "relu",
    "skip": True,
    "beta": "auto",
    "shape": None,
    "tails": "integrable",
    "conservative": False,
    "whiten": True,
    "noise_level": None,
}
# Rows that a worker evaluates at a time.
_BLOCK = 2**14


def _has_density(estimator: ConvexScoreEstimator) -> bool:
    """Whether there are log-densities, which is known once an estimator is fitted."""
    return bool(getattr(getattr(estimator, "_model", None), "has_density", True))


class ConvexScoreEstimator(DensityMixin, BaseEstimator):
    """A score, and where there is one its density, fitted by convex optimization; for scikit-learn.

    Parameters
    ----------
    method : {"pooled", "certified"}
        ``"pooled"``: a `PooledScore` of one or two features, with a density; from three features on, where
        there are no pools, the certified network.  ``"certified"``: one network by `solve`, a global optimum
        as far as its certificate says.
    objective : {"sm", "dsm"}
        Score matching, or denoising score matching: the score is then that of the data plus noise.  With one
        feature the noise is integrated out, with more there are ``4 n_features`` draws a sample.
    activation : {"relu", "abs"}
        Activation of the network.
    skip : bool
        Whether the network has a skip connection.
    beta : float or "auto"
        Weight decay of the summed loss (with draws, summed over all of them), of the whitened data where
        these are; ``"auto"`` chooses it, as `solve` does.  That of a conservative network is the one that
        networks without this constraint would have.
    shape : {None, "log-concave"}
        Constraint on scores of one feature; ``"sm"`` only.
    tails : {"integrable", None}
        Whether scores of one feature are confined to those that have a density, for a weight decay that is
        given; ``"auto"`` always leads to one.  Without effect on ``"dsm"`` and several features.
    conservative : bool
        Whether a network of several features is the gradient of a potential; with two it then mostly has a
        density.  With one feature every network is.
    whiten : bool
        Whether networks are trained on whitened data, and their scores mapped back by the chain rule: fits of
        affine images of data are then the images of fits.  Pools always are.
    n_jobs : int, optional
        Workers of joblib, threads unless another backend is chosen there; None is one, or what an enclosing
        `joblib.parallel_config` says.  They fit the folds of pools, choose weight decays, price neurons and
        evaluate many rows.  No result depends on it.
    random_state : int, Generator, RandomState or None
        Source of the folds and starts of pools, of the noise that is drawn, and of `sample` where it is given
        none.  None takes fresh entropy.  Networks without drawn noise do not depend on it.
    noise_level : float, optional
        Of ``"dsm"``: standard deviation of the noise, in units of the whitened data (their deviation) where
        these are, else in those of the data.  By default ``n^(-1/(n_features + 4)) / 2`` deviations.
    verbose : int
        Whether `fit` shows progress bars (needs tqdm): 0 does not.
    support : tuple of two floats or None
        Limits of data with one feature, ``(low, high)``, None where there is none, in the units of the data:
        the score is judged, and its density normalized, between them, as `ScoreMatching` has it.  Samples on
        an end are left out, with a warning.  ``"sm"`` only.

    Attributes
    ----------
    method_ : {"pooled", "certified"}
        What was fitted: ``"certified"`` from three features on.
    pooled_ : PooledScore or None
        The pool.
    solution_ : Solution or None
        Network and certificate, in the whitened coordinates where there are any.
    network_ : TwoLayerNetwork, ConservativeNetwork or None
        The same network in the units of the data.
    beta_ : float or None
        Its weight decay.
    noise_level_ : float or None
        The noise level, in the units of `noise_level`.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the data were a frame with names.

    See Also
    --------
    PooledScore : The default method.
    solve : The method ``"certified"``.

    Notes
    -----
    `score_samples` and `sample` are there where there is a density: with pools, with one feature, and with
    conservative networks of two (but for ``"dsm"``, and conservative networks whose potential does not fall
    in every direction).  `hasattr` tells, once the estimator is fitted.  Without a density, `score` is minus
    the score matching loss.

    Where data are in a hyperplane, a whitened network is trained along it, and its score points along it; a
    warning says so.  Integer weights and repetitions give the same fits.  In three and more features
    ``beta="auto"`` takes seconds to minutes (on 150 samples of four features, a minute and a half); a number
    is much quicker.  The proof of optimality there ends after 20,000 boxes: see the certificate's scope.

    Examples
    --------
    >>> import numpy as np, convexscore as cs
    >>> eruptions = cs.datasets.load_old_faithful()["eruptions"][:, None]
    >>> estimator = cs.ConvexScoreEstimator(random_state=0).fit(eruptions)
    >>> estimator.score_function(eruptions).shape, estimator.score_samples(eruptions).shape
    ((272, 1), (272,))
    >>> estimator.sample(3).shape
    (3, 1)

    A certified network, its weight decay by cross-validation:

    >>> from sklearn.model_selection import GridSearchCV
    >>> search = GridSearchCV(cs.ConvexScoreEstimator("certified"), {"beta": [10.0, 20.0, 40.0]})
    >>> search.fit(eruptions).best_estimator_.solution_.certificate.scope
    'global'

    Durations, which have a limit:

    >>> durations = np.random.default_rng(0).exponential(size=(200, 1))
    >>> estimator = cs.ConvexScoreEstimator("certified", support=(0, None)).fit(durations)
    >>> estimator.score_samples([[-0.1], [0.1]]).round(1).tolist()
    [-inf, -0.3]
    """

    def __init__(
        self,
        method: str = "pooled",
        objective: str = "sm",
        activation: str = "relu",
        skip: bool = True,
        beta: float | str = "auto",
        shape: str | None = None,
        tails: str | None = "integrable",
        conservative: bool = False,
        whiten: bool = True,
        n_jobs: int | None = None,
        random_state: Any = None,
        noise_level: float | None = None,
        verbose: int = 0,
        support: tuple[float | None, float | None] | None = None,
    ) -> None:
        self.method = method
        self.objective = objective
        self.activation = activation
        self.skip = skip
        self.beta = beta
        self.shape = shape
        self.tails = tails
        self.conservative = conservative
        self.whiten = whiten
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.noise_level = noise_level
        self.verbose = verbose
        self.support = support

    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the score.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data; for pools at least five samples.
        y : Ignored
            There by scikit-learn's convention.
        sample_weight : array-like of shape (n_samples,), optional
            How often each sample came, ones by default; those of weight zero are left out.

        Returns
        -------
        ConvexScoreEstimator
            Itself.

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind or has no effect together with the others; if the data are
            too few, in a hyperplane, or outside their support.
        """
        settings = self._settings()
        data = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        n_samples, n_features = data.shape
        self._check_features(n_features)
        settings = replace(settings, support=self._limits())
        weights = None
        if sample_weight is not None:
            weights = as_weights("sample_weight", sample_weight, n_samples, zeros=True)
        source = _source(self.random_state)
        work: dict[str, Any] = {"n_jobs": self.n_jobs, "progress": bool(self.verbose)}
        self.method_ = "certified" if self.method == "certified" or n_features > 2 else "pooled"
        self.pooled_ = self.solution_ = self.network_ = self.beta_ = self.noise_level_ = None
        if self.method_ == "pooled":
            if settings.support is not None:
                work["support"] = settings.support
            pooled = PooledScore.fit(data, rng=source, sample_weight=weights, **work)
            self._model: PooledScore | CertifiedScore = pooled
            self.pooled_ = pooled
            return self
        found = fit_certified(data, weights, settings, source, **work)
        self._model, self.solution_, self.network_ = found, found.solution, found.network
        self.beta_, self.noise_level_ = found.solution.beta, found.noise_level
        return self

    def score_function(self, X: ArrayLike) -> FloatArray:
        """Return the score ``grad log p`` at points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        return self._evaluated("__call__", self._points(X))

    @available_if(_has_density)  # type: ignore[untyped-decorator]
    def score_samples(self, X: ArrayLike) -> FloatArray:
        """Return the log-density at points; there only where there is a density.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``-inf`` outside the support.
        """
        points = self._points(X)
        return self._evaluated("logpdf", points).reshape(len(points))

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return how well points are explained, higher is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.
        y : Ignored
            There by scikit-learn's convention.

        Returns
        -------
        float
            The mean log-density, as in `sklearn.mixture.GaussianMixture`; where there is no density, minus
            the mean of the score matching loss ``tr J(x) + 1/2 |s(x)|^2``, or of that of the support.
            ``-inf`` if a point is outside the support.
        """
        points = self._points(X)
        if _has_density(self):
            return float(np.mean(self._evaluated("logpdf", points)))
        return -float(np.mean(self._evaluated("losses", points)))

    @available_if(_has_density)  # type: ignore[untyped-decorator]
    def sample(self, n_samples: int = 1, random_state: Any = None) -> FloatArray:
        """Return independent samples of the density; there only where there is one.

        Parameters
        ----------
        n_samples : int
            Their number.
        random_state : int, Generator, RandomState or None
            Source of randomness; None is the estimator's own, which gives the same samples each time if it is
            an integer.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        count = as_size("n_samples", n_samples, each=self.n_features_in_)
        source = _source(self.random_state if random_state is None else random_state)
        return self._model.sample(count, rng=source).reshape(count, self.n_features_in_)

    def _points(self, X: ArrayLike) -> FloatArray:
        check_is_fitted(self)
        return validate_data(self, X, dtype=np.float64, reset=False)

    def _evaluated(self, name: str, points: FloatArray) -> FloatArray:
        """Return what a method of the model gives at points, evaluated in blocks whatever the workers."""
        blocks = (points[start : start + _BLOCK] for start in range(0, len(points), _BLOCK))
        return np.concatenate(list(run_all(getattr(self._model, name), blocks, self.n_jobs)))

    def _settings(self) -> NetworkSettings:
        """Return the arguments, or raise for those that are wrong or have no effect together."""
        as_choice("method", self.method, _METHODS)
        as_choice("objective", self.objective, _OBJECTIVES)
        get_activation(self.activation)
        for name in ("skip", "conservative", "whiten"):
            as_flag(name, getattr(self, name))
        if isinstance(self.beta, str):
            as_choice("beta", self.beta, ("auto",))
        else:
            as_real("beta", self.beta, minimum=0.0)
        for name, choices in (("shape", SHAPES), ("tails", TAILS)):
            if getattr(self, name) is not None:
                as_choice(name, getattr(self, name), choices[1:])
        if self.noise_level is not None:
            as_scale("noise_level", self.noise_level)
        as_workers("n_jobs", self.n_jobs)
        as_count("verbose", int(self.verbose) if isinstance(self.verbose, bool) else self.verbose)
        if self.method == "pooled":
            self._check_pooled()
        if self.objective == "dsm" and self.shape is not None:
            raise ValueError(f"shape: expected None with objective='dsm', got {self.shape!r}")
        if self.objective == "sm" and self.noise_level is not None:
            raise ValueError(f"noise_level: expected None with objective='sm', got {self.noise_level!r}")
        kept = {name: getattr(self, name) for name in _OF_NETWORKS}
        return NetworkSettings(**kept)

    def _limits(self) -> Support | None:
        """Return the support, or raise where it would have no effect."""
        support = as_support("support", self.support)
        if support is None:
            return None
        if self.objective != "sm":
            raise ValueError(f"support: expected None with objective='dsm', got {shown(self.support)}")
        if self.conservative:
            raise ValueError(
                "support: expected None with conservative=True, which is for several features, got "
                f"{shown(self.support)}"
            )
        return support

    def _check_pooled(self) -> None:
        for name, default in _OF_NETWORKS.items():
            value = getattr(self, name)
            if value != default:
                raise ValueError(
                    f"{name}: expected {default!r} with method='pooled', which leaves no such choice, got "
                    f"{shown(value)}; method='certified' takes it"
                )

    def _check_features(self, n_features: int) -> None:
        for name, given in (("shape", self.shape), ("support", self.support)):
            if given is not None and n_features > 1:
                raise ValueError(f"{name}: expected None for {n_features} features, got {given!r}")


def _source(random_state: Any) -> Any:
    """Return what the package's functions take for a random state."""
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if random_state is None or isinstance(
        random_state, (np.random.Generator, np.random.SeedSequence, np.random.BitGenerator)
    ):
        return random_state
    if isinstance(random_state, Integral):
        return as_count("random_state", random_state)
    raise TypeError(
        "random_state: expected an integer of at least 0, a Generator, a RandomState or None, got "
        f"{shown(random_state)}"
    )
