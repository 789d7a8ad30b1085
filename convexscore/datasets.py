"""Bundled real data."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np

from ._support.frozen import Frozen
from ._support.validation import FloatArray, shown

__all__ = ["Dataset", "load_galaxies", "load_old_faithful"]


@dataclass(frozen=True, eq=False)
class Dataset(Frozen):
    """A table of numbers with named columns.

    Parameters
    ----------
    name : str
        Short name.
    columns : tuple of str
        Column names.
    data : ndarray of shape (n_samples, n_columns)
        The numbers.
    provenance : str
        Where they come from.

    See Also
    --------
    load_old_faithful : Eruptions of a geyser.
    load_galaxies : Velocities of galaxies.
    """

    name: str
    columns: tuple[str, ...]
    data: FloatArray
    provenance: str

    def __getitem__(self, column: str) -> FloatArray:
        """Return one column, shape ``(n_samples,)``."""
        if not isinstance(column, str) or column not in self.columns:
            raise KeyError(f"column: expected one of {', '.join(self.columns)}, got {shown(column)}")
        return self.data[:, self.columns.index(column)]


def load_old_faithful() -> Dataset:
    """Return 272 eruptions of the Old Faithful geyser: duration and waiting time, in minutes.

    Returns
    -------
    Dataset
        Columns ``"eruptions"`` (126 distinct values) and ``"waiting"``.

    See Also
    --------
    load_galaxies : The other data set.

    Examples
    --------
    >>> from convexscore.datasets import load_old_faithful
    >>> load_old_faithful()["eruptions"][:3]
    array([3.6  , 1.8  , 3.333])
    """
    return _load(
        "old_faithful",
        "Eruption durations and waiting times of the Old Faithful geyser, Yellowstone National Park, "
        "Wyoming, minutes. W. Haerdle (1991), Smoothing Techniques with Implementation in S, Springer; "
        "see A. Azzalini and A. W. Bowman (1990), A look at some data on the Old Faithful geyser, Applied "
        "Statistics 39, 357-365. The data set `faithful` of R.",
    )


def load_galaxies() -> Dataset:
    """Return the velocities of 82 galaxies of the Corona Borealis region, in km/s.

    Returns
    -------
    Dataset
        Column ``"velocity_km_s"``.

    See Also
    --------
    load_old_faithful : The other data set.

    Examples
    --------
    >>> from convexscore.datasets import load_galaxies
    >>> load_galaxies().data.shape
    (82, 1)
    """
    return _load(
        "galaxies",
        "Velocities of 82 galaxies from six well-separated conic sections of the Corona Borealis region, "
        "km/s. K. Roeder (1990), Density estimation with confidence sets exemplified by superclusters and "
        "voids in galaxies, JASA 85, 617-624, from M. Postman, J. P. Huchra and M. J. Geller (1986), "
        "Probes of large-scale structures in the Corona Borealis region, Astronomical Journal 92, "
        "1238-1247. As distributed in R's MASS, where one velocity, 26690, is a typing error for 26960.",
    )


def _load(name: str, provenance: str) -> Dataset:
    source = resources.files("convexscore").joinpath("data", f"{name}.csv")
    with source.open(encoding="utf-8") as stream:
        columns = tuple(stream.readline().strip().split(","))
        data = np.loadtxt(stream, delimiter=",", ndmin=2)
    return Dataset(name, columns, data, provenance)
