"""Gradient descent on squared errors of two-layer ReLU networks, many trials at once.

    s(x) = sum_k v_k (w_k x + b_k)_+ + c,      loss = 1/2 sum_i (s(x_i) - l_i)^2,

no weight decay, all points in each step.  With gates ``g_ik = 1[w_k x_i + b_k > 0]`` and residuals ``r``

    dL/dv_k = w_k p_k + b_k q_k,   dL/dw_k = v_k p_k,   dL/db_k = v_k q_k,   dL/dc = sum r,
    p_k = sum_i r_i x_i g_ik,      q_k = sum_i r_i g_ik.

The Hessian within a cell of gates is that of the linearized network, whose largest eigenvalue is the tangent
kernel's, and one block a neuron of eigenvalues 0 and ``+-|(p_k, q_k)|``.  The step of each trial is one over
the sum of the largest of both, half of what a quadratic of that curvature would bear.
"""

from dataclasses import dataclass

import numpy as np


@dataclass
class Descent:
    """Weights of many trials, shapes ``(n_trials, width)`` and ``(n_trials,)``, each with its own data."""

    x: np.ndarray
    labels: np.ndarray
    w: np.ndarray
    b: np.ndarray
    v: np.ndarray
    c: np.ndarray

    def gates(self):
        """Return which neuron sees which point, as floats of shape ``(n_trials, n, width)``."""
        return (self.x[:, :, None] * self.w[:, None] + self.b[:, None] > 0).astype(float)

    def _outputs(self, gates):
        lines = gates @ np.stack([self.v * self.w, self.v * self.b], axis=2)
        return self.x * lines[..., 0] + lines[..., 1] + self.c[:, None]

    def losses(self):
        """Return the loss of each trial."""
        return 0.5 * np.sum((self._outputs(self.gates()) - self.labels) ** 2, axis=1)

    def _forces(self, gates):
        """Return ``p``, ``q`` and the residuals."""
        residual = self._outputs(gates) - self.labels
        p, q = np.moveaxis(np.stack([residual * self.x, residual], axis=1) @ gates, 1, 0)
        return p, q, residual

    def gradients(self):
        """Return the gradients in ``w, b, v, c``."""
        p, q, residual = self._forces(self.gates())
        return self.v * p, self.v * q, self.w * p + self.b * q, residual.sum(axis=1)

    def curvatures(self):
        """Return a bound on the largest eigenvalue of each Hessian."""
        gates = self.gates()
        hidden = gates * (self.x[:, :, None] * self.w[:, None] + self.b[:, None])
        moved = gates * self.v[:, None]
        products = 1 + self.x[:, :, None] * self.x[:, None]
        kernel = 1 + hidden @ np.swapaxes(hidden, 1, 2) + products * (moved @ np.swapaxes(moved, 1, 2))
        p, q, _ = self._forces(gates)
        return np.linalg.eigvalsh(kernel)[:, -1] + np.hypot(p, q).max(axis=1)

    def run(self, n_steps, update=10):
        """Take `n_steps` steps, their lengths chosen anew every `update` steps."""
        for number in range(n_steps):
            if number % update == 0:
                step = 1 / self.curvatures()
                wide = step[:, None]
            dw, db, dv, dc = self.gradients()
            self.w -= wide * dw
            self.b -= wide * db
            self.v -= wide * dv
            self.c -= step * dc

    def costs(self, biases_count=False):
        """Return the cost of the balanced weights, which is that of the function where kinks differ."""
        first = np.hypot(self.w, self.b) if biases_count else np.abs(self.w)
        return np.sum(np.abs(self.v) * first, axis=1)

    def weights(self):
        """Return half the sums of squared weights, without biases."""
        return 0.5 * np.sum(self.w**2 + self.v**2, axis=1)


def started(x, labels, scales, width, rngs):
    """Return networks with normal weights and biases of some scales, one trial for each row of `x`."""
    normal = np.stack([rng.standard_normal((3, width)) for rng in rngs], axis=1)
    w, b, v = normal * np.asarray(scales)[:, None]
    return Descent(x, labels, w, b, v, np.zeros(len(x)))
