"""The door for saved objects: `load` opens any of them, `provenance` tells what is in a file."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ._support.archives import Archive
from ._support.files import as_path
from ._support.records import RECORD, made
from ._support.validation import shown
from .activations import Activation
from .arrangements.patterns import Known, Patterns
from .networks.conservative import ConservativeNetwork
from .networks.files import read_header
from .networks.gated import GatedNetwork
from .networks.two_layer import TwoLayerNetwork
from .numerics.piecewise import PiecewiseLinear
from .numerics.whitening import AffineFrame
from .objectives import DenoisingScoreMatching, ExpectedDenoising, ScoreMatching
from .pooling import PooledMember, PooledScore
from .pooling.laws import MixtureLaw, NetworkLaw
from .pooling.logarithms import LogDistance
from .pooling.networks import Fit
from .pooling.planar.laws import PlanarMixtureLaw, PlanarNetworkLaw
from .pooling.planar.networks import PlanarFit
from .pooling.planar.points import PlanarPoints
from .pooling.planar.pool import PlanarPool
from .pooling.planar.student import StudentLaw
from .pooling.points import Frame
from .pooling.pool import Pool
from .pooling.transformation import Transformation, TransformedLaw
from .pooling.truncation import TruncatedLaw
from .problem import Problem
from .results import Certificate, Solution, SolveStats
from .scores.density import ScoreDensity
from .scores.noise_conditional import NoiseConditionalScore
from .scores.planar_density import ConservativeDensity
from .univariate.path import Path, regularization_path
from .univariate.program import UnivariateProgram
from .univariate.spline import Spline

__all__ = ["load", "provenance"]

# Networks alone have files of their own format, which has not changed since the first version.
_NETWORKS = {kind.__name__: kind for kind in (TwoLayerNetwork, GatedNetwork, ConservativeNetwork)}
# What files may hold, and what makes it anew from its arguments.
_PARTS: tuple[type, ...] = (
    Activation,
    Certificate,
    SolveStats,
    Known,
    PiecewiseLinear,
    UnivariateProgram,
    Spline,
    Fit,
    Frame,
)
_PARTS += (NetworkLaw, MixtureLaw, TruncatedLaw, TransformedLaw, Transformation, LogDistance)
_PARTS += (Pool, PlanarPool, AffineFrame)
_PARTS += (PlanarPoints, PlanarFit, PlanarNetworkLaw, PlanarMixtureLaw, StudentLaw, PooledMember)
_PARTS += (ScoreMatching, DenoisingScoreMatching, ExpectedDenoising, Problem)
_OBJECTS = (Solution, NoiseConditionalScore, PooledScore, ScoreDensity, ConservativeDensity, Patterns)
_MAKERS: Mapping[str, Callable[..., Any]] = {
    **_NETWORKS,
    **{kind.__name__: kind for kind in (*_PARTS, *_OBJECTS)},
    Path.__name__: regularization_path,
}
_VERSION = 1


def load(path: str | os.PathLike[str]) -> Any:
    """Open anything that a method ``save`` of this package has written.

    Parameters
    ----------
    path : path
        The file, of this or any earlier version.

    Returns
    -------
    TwoLayerNetwork, GatedNetwork, ConservativeNetwork, Solution, ScoreDensity, ConservativeDensity, \
NoiseConditionalScore, PooledScore, Path or Patterns
        What was saved.  A solution has its network, status and certificate; ``certify(solution.network,
        objective, solution.beta)`` recomputes that.  A path is followed anew.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, is something else, or was written in a newer format.

    See Also
    --------
    provenance : Tells what is in a file.
    Solution.save : Writes a solution.

    Examples
    --------
    >>> import os, tempfile, convexscore as cs
    >>> solution = cs.solve([0.0, 1.0, 3.0, 3.5], beta=2.0)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     solution.save(os.path.join(directory, "solution.npz"))
    ...     loaded = cs.load(os.path.join(directory, "solution.npz"))
    >>> loaded.certificate == solution.certificate, loaded.status
    (True, 'closed_form')
    >>> float(loaded.network(2.0)) == float(solution.network(2.0))
    True
    """
    with _opened(path) as (stored, header):
        kind = _kind_of(header)
        if RECORD not in stored.names and kind in _NETWORKS:
            name = kind
        else:
            if header["version"] != _VERSION:
                raise _NewerError(header["version"])
            # What is inconsistent in it raises when it is used.
            with np.errstate(all="ignore"):
                found = made(stored, _MAKERS)
                _try(found)
            expected = _MAKERS[kind]
            if not isinstance(found, Path if expected is regularization_path else expected):  # type: ignore[arg-type]
                raise ValueError(f"kind {kind!r}, but a {type(found).__name__} in it")
            return found
    return _NETWORKS[name].load(path)


def provenance(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Tell where a saved object comes from, without making it.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    dict
        ``kind`` is the class, ``format`` the version of the file's format, and ``package`` that of the
        package that wrote it, None for 0.1.0.  The others depend on the kind: a solution has ``beta``,
        ``value``, ``status``, ``certificate`` (a dict), ``solver``, ``theorem``, ``activation``,
        ``n_neurons`` and more.

    Raises
    ------
    FileNotFoundError, ValueError
        As `load` does.

    See Also
    --------
    load : Opens the file.

    Examples
    --------
    >>> import os, tempfile, convexscore as cs
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     cs.solve([0.0, 1.0, 3.0], beta=2.0).save(os.path.join(directory, "solution.npz"))
    ...     known = cs.provenance(os.path.join(directory, "solution.npz"))
    >>> known["kind"], known["beta"], known["status"], known["certificate"]["scope"]
    ('Solution', 2.0, 'closed_form', 'global')
    """
    with _opened(path) as (_, header):
        known = {"kind": _kind_of(header), "format": header["version"], "package": header.get("package")}
        facts = header.get("facts", {})
        if not isinstance(facts, dict):
            raise ValueError("its facts have no names")
        if "activation" in header:
            facts = {"activation": header["activation"], **facts}
        return {**known, **{name: _plain(fact) for name, fact in facts.items()}}


class _NewerError(Exception):
    """A file whose format this version does not know."""


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[tuple[Archive, dict[str, Any]]]:
    """Yield the arrays and the header of a file; whatever is wrong with it becomes a ValueError."""
    given = as_path("path", path)
    with given.open("rb") as stream:
        try:
            stored = Archive(stream)
            yield stored, read_header(stored)
        except MemoryError:
            raise
        except _NewerError as error:
            raise ValueError(
                f"path: expected format {_VERSION}, got format {shown(error.args[0])} in {str(given)!r}; a "
                "newer convexscore wrote it, upgrade to read it"
            ) from None
        # What is not as it should be raises whatever the one does that expects it otherwise.
        except Exception as error:
            raise ValueError(
                f"path: expected a file written by save(), got {str(given)!r}, which is damaged or something "
                f"else ({str(error)[:300]})"
            ) from error


def _kind_of(header: dict[str, Any]) -> str:
    package, _, kind = str(header["kind"]).partition(".")
    if package != "convexscore" or kind not in _MAKERS:
        raise ValueError(f"kind {shown(header['kind'])}")
    if type(header["version"]) is not int or header["version"] < 1:
        raise ValueError(f"version {shown(header['version'])}, expected a whole number from 1")
    return kind


def _plain(fact: Any) -> Any:
    """Return what a fact of a header says."""
    if isinstance(fact, list):
        return tuple(map(_plain, fact))
    if isinstance(fact, dict) and set(fact) == {"float"}:
        return float(fact["float"])
    if isinstance(fact, dict) and set(fact) == {"kind", "fields"}:
        return {name: _plain(entry) for name, entry in fact["fields"].items()}
    return fact


def _try(found: Any) -> None:
    """Use what a file has made once, so that nonsense in it is found out; raises what that raises."""
    if isinstance(found, Solution):
        if not isinstance(found.network, tuple(_NETWORKS.values())):
            raise ValueError("a network that is none")
        str(found), found.certificate.meets(1.0)
        if not math.isfinite(found.value):
            raise ValueError(f"value {found.value}")
    elif isinstance(found, PooledScore):
        d = found.n_features
        points = np.zeros(2) if d == 1 else np.zeros((2, d))
        str(found), found(points), found.logpdf(points)
        for member in found.members:
            _ = member.n_kinks
    elif isinstance(found, NoiseConditionalScore):
        d = getattr(found.networks[0], "n_features", 1)
        for sigma in found.sigmas:
            found(np.zeros((2, d)), float(sigma))
        for solution in found.solutions:
            _try(solution)
    elif isinstance(found, Patterns):
        shape = found.signs.shape
        if len(shape) != 2 or found.signs.dtype != bool or found.rows.ndim != 2:
            raise ValueError("patterns of the wrong shape or type")
        if len(found.rows) != shape[1] or found.witnesses.shape != (shape[0], found.rows.shape[1]):
            raise ValueError("patterns that do not fit the data")
