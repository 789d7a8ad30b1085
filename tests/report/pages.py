"""What the tests of pages share: the numbers in one, and the score that they stand for."""

import json
import re

import numpy as np

from convexscore.numerics.piecewise import PiecewiseLinear


def numbers_of(path):
    """Return the numbers in a page."""
    text = path.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="numbers">(.*?)</script>', text, re.DOTALL)

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(found, parse_constant=refuse)


def score_at(numbers, beta):
    """Return the score of a page at a weight decay, positions from the origin."""
    piece = next(piece for piece in numbers["pieces"] if beta >= piece["lower"])
    width = piece["upper"] - piece["lower"]
    share = min(max((piece["upper"] - beta) / width, 0.0), 1.0) if width else 0.0
    values, outer = (
        (1 - share) * np.array(piece[name][0]) + share * np.array(piece[name][1])
        for name in ("values", "outer")
    )
    position = np.array(numbers["data"]["position"])
    knots = position[[0, *piece["kinks"], position.size - 1]]
    inner = np.diff(values) / np.diff(knots)
    return PiecewiseLinear(knots, values, np.concatenate([outer[:1], inner, outer[1:]]))


def bound_at(numbers, score):
    """Return the value of an optimal score, ``1/2 sum m (l^2 - s^2)``, from the moments in a page."""
    data = numbers["data"]
    position, mass = np.array(data["position"]), np.array(data["mass"])
    first, second = (
        np.zeros_like(mass) if data[name] is None else data[name] for name in ("first", "second")
    )
    value = score(position)
    slope = score.derivative(position, score.slopes[1:])
    return data["zero_value"] - 0.5 * float(
        np.sum(value * (value * mass + 2 * slope * first) + slope * (slope * second))
    )
