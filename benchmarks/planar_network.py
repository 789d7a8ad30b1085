"""A two-layer ReLU score network trained by Adam on denoising score matching: the rival `adam_network`.

Arrays of parameters have one row a network: all settings are trained at once, in single precision.
"""

import itertools

import numpy as np

RATES, DECAYS, NOISES = (0.02, 0.05), (0.0, 0.001), tuple(np.geomspace(0.04, 0.2, 4))
#: Numbers of steps at which training may stop.
STOPS = (125, 250, 375, 500, 750, 1000, 1500, 2000, 2500, 3000)


def forward(parameters, z):
    """Return ``relu(z W1 + b1) W2 + z V + c`` and the hidden values; z has shape (networks, points, d)."""
    W1, b1, W2, V, c = parameters
    hidden = z @ W1
    hidden += b1
    np.maximum(hidden, 0, out=hidden)
    return hidden @ W2 + z @ V + c, hidden


def gradients(parameters, z, noise, relative):
    """Return the gradients of the mean over points of ``||s(z) + e / noise||^2 / 2``, e = ``relative``."""
    values, hidden = forward(parameters, z)
    residuals = (values + relative / noise) / z.shape[1]
    inner = residuals @ parameters[2].transpose(0, 2, 1)
    inner *= hidden > 0
    inputs = z.transpose(0, 2, 1)
    total = inner.sum(axis=1, keepdims=True), residuals.sum(axis=1, keepdims=True)
    return inputs @ inner, total[0], hidden.transpose(0, 2, 1) @ residuals, inputs @ residuals, total[1]


def initialize(networks, width, d, rng):
    """Return equal rows of PyTorch's initial weights for linear layers; the skip starts at zero."""
    hidden = [rng.uniform(-1, 1, (1, rows, width)) / np.sqrt(d) for rows in (d, 1)]
    outer = rng.uniform(-1, 1, (1, width, d)) / np.sqrt(width)
    start = [*hidden, outer, np.zeros((1, d, d)), np.zeros((1, 1, d))]
    return [np.repeat(p, networks, axis=0).astype(np.float32) for p in start]


def batches(subsets, half, rng):
    """Yield indices of shape (subsets, half), forever: each subset is shuffled and used up in turn."""
    queues = [np.empty(0, dtype=int) for _ in subsets]
    while True:
        for k, subset in enumerate(subsets):
            while len(queues[k]) < half:
                queues[k] = np.append(queues[k], rng.permutation(subset))
        yield np.stack([queue[:half] for queue in queues])
        queues = [queue[half:] for queue in queues]


def adam(x, subsets, settings, rng, width, batch):
    """Yield the averaged parameters at `STOPS`, of one network a subset of the data and setting.

    Adam (Kingma and Ba 2015) at constant rate with decay / 2 (||W1||^2 + ||W2||^2) added to the loss, and
    an exponential average of the iterates (Polyak and Juditsky 1992) with memory of 500 steps.  A batch is
    half as many points, each with fresh noise of both signs, which cancels most of the noise's variance.
    """
    rate, decay, noise = np.tile(settings, (len(subsets), 1)).T.astype(np.float32)[:, :, None, None]
    parameters = initialize(len(rate), width, x.shape[1], rng)
    decays = decay, 0, decay, 0, 0
    means, squares = ([np.zeros_like(p) for p in parameters] for _ in range(2))
    averages = [p.copy() for p in parameters]
    for step, rows in zip(range(1, STOPS[-1] + 1), batches(subsets, batch // 2, rng), strict=False):
        points = np.repeat(x[rows], len(settings), axis=0)
        e = rng.standard_normal(points.shape[1:], dtype=np.float32)
        z = np.concatenate([points + noise * e, points - noise * e], axis=1)
        slopes = gradients(parameters, z, noise, np.concatenate([e, -e]))
        for k, slope in enumerate(slopes):
            slope += decays[k] * parameters[k]
            means[k] += 0.1 * (slope - means[k])
            squares[k] += 0.001 * (slope**2 - squares[k])
            spread = np.sqrt(squares[k] / (1 - 0.999**step)) + 1e-8
            parameters[k] -= rate * (means[k] / (1 - 0.9**step) / spread)
            averages[k] += max(0.002, 10 / (step + 10)) * (parameters[k] - averages[k])
        if step in STOPS:
            yield averages


def held_out_losses(parameters, x, subsets, noise, draws=4):
    """Return denoising score matching's loss at the points of each subset, shape (subsets, settings).

    ``mean_i E ||s(x_i + noise e)||^2 / 2 + e's(x_i + noise e) / noise``: it leaves out a constant only.  All
    networks see the same e, of both signs, here and at every stop.
    """
    rng = np.random.default_rng(0)
    losses = []
    for k, subset in enumerate(subsets):
        mine = [p.reshape(len(subsets), -1, *p.shape[1:])[k] for p in parameters]
        points = np.tile(x[subset], (draws, 1))
        e = rng.standard_normal(points.shape, dtype=np.float32)
        ahead, behind = (forward(mine, points + sign * noise * e)[0] for sign in (1, -1))
        squares, slopes = (ahead**2 + behind**2) / 4, e * (ahead - behind) / (2 * noise)
        losses.append((squares + slopes).sum(axis=2).mean(axis=1))
    return np.array(losses)


def adam_network(x, rng, *, width=128, batch=256, folds=4, least_noise=0.02):
    """Return ``s(x) = W2' relu(W1' x + b1) + V' x + c`` of standardized data, trained by Adam.

    Denoising score matching (Vincent 2011), ``min E ||s(x_i + noise e) + e / noise||^2 / 2``, as the exact
    loss does not move the kinks.  Rate, weight decay, noise and the number of steps (stopping early, at
    `STOPS`) are chosen on held-out quarters, in all four ways; the network is then trained on all data.
    Held-out losses are smoothed by ``least_noise`` for all, as losses under different noise do not compare.

    By the true divergence: averaging at a constant rate beats a cosine rate; 128 neurons beat 64 on the
    ring (.8 for 1.1 at n = 500) and equal them elsewhere, and 256 gain little for twice the time; noise of
    one sign (1.9 for .8) and smaller batches are worse; kinks spread wider, a start at the normal score,
    decoupled decay and scaling each feature are no better.
    """
    x = x.astype(np.float32)
    n = len(x)
    settings = np.array(list(itertools.product(RATES, DECAYS, NOISES)))
    fold = rng.permutation(n) % folds
    inside, outside = ([np.flatnonzero((fold == k) == held) for k in range(folds)] for held in (False, True))
    paths = adam(x, inside, settings, rng, width, batch)
    losses = [held_out_losses(parameters, x, outside, least_noise).mean(axis=0) for parameters in paths]
    stop, best = np.unravel_index(np.argmin(losses), np.shape(losses))
    path = adam(x, [np.arange(n)], settings[[best]], rng, width, batch)
    parameters = next(itertools.islice(path, int(stop), None))
    parameters = [p.astype(float) for p in parameters]

    def score(points):
        return forward(parameters, points[None])[0][0]

    return score
