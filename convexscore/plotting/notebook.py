"""What objects show of themselves in a notebook: a line of words, a table of numbers, a small picture."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

from .._support.shorthands import limits_shown
from ..arrangements.patterns import Patterns
from ..networks.conservative import ConservativeNetwork
from ..networks.two_layer import TwoLayerNetwork
from ..pooling.distribution import Distribution
from ..pooling.pooled_score import PooledScore
from ..results import Certificate, Solution
from ..scores.density import ScoreDensity
from ..scores.noise_conditional import NoiseConditionalScore
from ..scores.planar_density import ConservativeDensity
from ..univariate.path import Path
from .arguments import as_subject, spread, within
from .field import kink_span
from .showing import chosen_levels
from .sketches import bars, cells, curves, spans

__all__ = ["as_html"]

# Points of a curve, cells a side of the plane, members of a pool, and cells of patterns that are shown.
_POINTS, _CELLS, _MEMBERS, _ROWS, _COLUMNS = 120, (26, 16), 6, 24, 40
# Kink lines that are sketched.
_LINES = 80


def as_html(thing: Any) -> str:
    """Return an object as a piece of HTML that is XML too, without links or scripts."""
    with np.errstate(all="ignore"):
        words, rows, picture = repr(thing), _rows(thing), _sketch(thing)
    kind, _, text = words.strip("<>").partition(": ")
    head, cell = '<th style="text-align:left">', '<td style="text-align:left">'
    table = "".join(f"<tr>{head}{_text(name)}</th>{cell}{_text(value)}</td></tr>" for name, value in rows)
    return (
        f'<div class="convexscore"><p><b>{_text(kind)}</b>: {_text(text)}</p>'
        f"{f'<table>{table}</table>' if table else ''}{picture}</div>"
    )


def _text(words: str) -> str:
    """Return words as text of a page; characters that no page may have become question marks."""
    return escape("".join(letter if letter.isprintable() or letter == " " else "?" for letter in words))


def _rows(thing: Any) -> list[tuple[str, str]]:
    if isinstance(thing, Solution):
        stats = [("solver", thing.stats.solver), ("seconds", f"{thing.stats.seconds:.3g}")]
        theorem = [("theorem", thing.theorem)] if thing.theorem else []
        own = [
            *([("support", limits_shown(thing._support))] if thing._support else []),
            ("status", thing.status),
            ("value", f"{thing.value:.10g}"),
            ("weight decay", f"{thing.beta:g}"),
            ("neurons", str(thing.network.n_neurons)),
        ]
        return [*own, *_rows(thing.certificate)[1:], *stats, *theorem]
    if isinstance(thing, Certificate):
        return [
            ("value", f"{thing.primal:.10g}"),
            ("lower bound", f"{thing.lower_bound:.10g}"),
            ("gap", f"{thing.gap:.3g}"),
            ("largest violation", f"{thing.max_violation:.3g}"),
            ("scope", thing.scope),
        ]
    if isinstance(thing, PooledScore):
        listed = [
            (f"{member.weight:.3f}", str(member).partition("  ")[2]) for member in thing.members[:_MEMBERS]
        ]
        left = len(thing.members) - _MEMBERS
        return [*listed, ("and", f"{left} more")] if left > 0 else listed
    if isinstance(thing, ScoreDensity) or (isinstance(thing, Distribution) and thing.n_features == 1):
        low, middle, high = thing.icdf([0.05, 0.5, 0.95])
        return [
            ("mean", f"{thing.mean():.6g}"),
            ("standard deviation", f"{thing.std():.6g}"),
            ("5 %, 50 %, 95 %", f"{low:.6g}, {middle:.6g}, {high:.6g}"),
        ]
    if isinstance(thing, ConservativeDensity | Distribution):
        mean, covariance = np.asarray(thing.mean()), thing.covariance()
        deviation = np.sqrt(np.diag(covariance))
        return [
            ("mean", f"{mean[0]:.6g}, {mean[1]:.6g}"),
            ("standard deviations", f"{deviation[0]:.6g}, {deviation[1]:.6g}"),
            ("correlation", f"{covariance[0, 1] / (deviation[0] * deviation[1]):.4g}"),
        ]
    return []


def _sketch(thing: Any) -> str:
    if isinstance(thing, Solution):
        return _sketch(thing.network) if thing.problem is None else _of_score(thing)
    if isinstance(thing, Path):
        position, upper, lower, sign = thing.kink_spans()
        ends = np.log(np.maximum(np.stack([upper, lower]), 1e-300))
        return spans(np.column_stack([ends[0], position, ends[1], position]), sign > 0)
    if isinstance(thing, ScoreDensity) or (isinstance(thing, Distribution) and thing.n_features == 1):
        low, high = thing.icdf([0.001, 0.999])
        x = np.linspace(low, high, _POINTS)
        return curves(x, [thing.pdf(x)])
    if isinstance(thing, ConservativeDensity | Distribution):
        return _of_plane(thing.logpdf, spread(thing))
    if isinstance(thing, NoiseConditionalScore):
        return _of_levels(thing)
    if isinstance(thing, Patterns):
        rows = np.linspace(0, len(thing) - 1, min(len(thing), _ROWS)).astype(int)
        return cells(4 * thing.signs[rows, :_COLUMNS].astype(np.intp)) if thing.signs.size else ""
    if isinstance(thing, Certificate):
        ends = np.array([thing.lower_bound, thing.primal])
        return curves(ends, [np.zeros(2)], (ends[1:], np.zeros(1)))
    return _of_score(thing)


def _of_score(thing: Any) -> str:
    """Return the curve of a score on the line, density or kinks of one in the plane, else its neurons."""
    network = thing.network if isinstance(thing, Solution) else thing
    bent = isinstance(network, TwoLayerNetwork | ConservativeNetwork)
    if network.n_features > 2 or (network.n_features == 2 and not bent):
        return _of_neurons(network)
    subject = as_subject("network", thing, None)
    if subject.n_features == 1:
        first, last = np.clip(subject.limits(), *subject.ends())
        x = np.linspace(first, last, _POINTS)
        kinks = np.zeros(0) if subject.network is None else subject.network.kinks
        kinks = kinks[(kinks >= x[0]) & (kinks <= x[-1])]
        return curves(x, [np.asarray(network(x))], (kinks, np.asarray(network(kinks))))
    window = within(subject.window(), subject.box)
    if isinstance(network, ConservativeNetwork):
        return _of_plane(network.potential, window)
    lines = [kink_span(network, k, window) for k in range(min(network.n_neurons, _LINES))]
    found = [line.ravel() for line in lines if line is not None]
    if not found:
        return _of_neurons(network)
    return spans(np.array(found), np.zeros(len(found), dtype=bool), window)


def _of_plane(height: Any, window: Any) -> str:
    """Return shades of a density, from its logarithm."""
    columns, rows = _CELLS
    x = np.linspace(window[0][0], window[0][1], columns)
    y = np.linspace(window[1][1], window[1][0], rows)
    across, down = np.meshgrid(x, y)
    log = np.asarray(height(np.column_stack([across.ravel(), down.ravel()]))).reshape(across.shape)
    share = np.exp(np.nan_to_num(log - log.max(), nan=-np.inf))
    return cells(np.searchsorted([0.01, 0.14, 0.4, 0.75], share).astype(np.intp))


def _of_levels(score: NoiseConditionalScore) -> str:
    chosen = [score.networks[k] for k in chosen_levels(score)]
    if not all(getattr(network, "n_features", None) == 1 for network in chosen):
        counts = [getattr(network, "n_neurons", 0) for network in score.networks]
        return bars(np.array(counts, dtype=float))
    low, high = as_subject("network", chosen[-1], None).ends()
    x = np.linspace(low, high, _POINTS)
    return curves(x, [np.asarray(network(x)) for network in chosen])


def _of_neurons(network: Any) -> str:
    """Return the sizes of neurons, the largest first."""
    plain = network.network if isinstance(network, ConservativeNetwork) else network
    sizes = np.linalg.norm(plain.W1, axis=1) * np.linalg.norm(plain.W2, axis=0)
    return bars(np.sort(sizes)[::-1])
