"""Pooled scores, on the line and in the plane, with right arguments."""

import numpy as np

import convexscore as cs

X = [0.0, 1.0, 3.0, 3.5]
PLANE = np.array([[0.0, 1.0], [2.0, 0.5], [-1.0, -1.0], [1.0, -2.0]])
EIGHT = np.vstack([PLANE, 1.5 * PLANE[:, ::-1] + 0.3])
POOLED = cs.PooledScore.fit(np.arange(12.0) ** 2, members=("network",), rng=0)
PLANAR_POOLED = cs.PooledScore.fit(EIGHT, members=("network",), rng=0)
LIMITED = cs.PooledScore.fit(np.arange(1.0, 12.0) ** 2, rng=0, support=(0.0, None))

#: Calls with arguments that are right.
CALLS = {
    "PooledScore": (cs.PooledScore, {"members": POOLED.members}),
    "pooled.fit": (
        cs.PooledScore.fit,
        {"X": np.arange(8.0), "members": ["line"], "rng": 0, "sample_weight": np.ones(8), "n_jobs": 1},
    ),
    "pooled.fit between limits": (
        cs.PooledScore.fit,
        {"X": np.arange(1.0, 9.0), "members": ["line"], "rng": 0, "support": (0.0, 9.5)},
    ),
    "pooled": (POOLED, {"x": X}),
    "limited pool": (LIMITED, {"x": X}),
    **{f"limited pool.{name}": (getattr(LIMITED, name), {"x": X}) for name in ("logpdf", "logcdf", "logsf")},
    "limited pool.icdf": (LIMITED.icdf, {"q": [0.1, 0.9]}),
    **{
        f"pooled.{name}": (getattr(POOLED, name), {"x": X})
        for name in ("logpdf", "pdf", "logcdf", "logsf", "cdf", "sf")
    },
    "pooled.fit in the plane": (
        cs.PooledScore.fit,
        {"X": EIGHT, "members": ["mixture"], "rng": 0, "sample_weight": np.ones(len(EIGHT)), "n_jobs": None},
    ),
    "planar pooled": (PLANAR_POOLED, {"x": PLANE}),
    "planar pooled.logpdf": (PLANAR_POOLED.logpdf, {"x": PLANE}),
    "planar pooled.pdf": (PLANAR_POOLED.pdf, {"x": PLANE}),
    "planar pooled.sample": (PLANAR_POOLED.sample, {"n": 3, "rng": 0}),
    "pooled.icdf": (POOLED.icdf, {"q": [0.1, 0.9]}),
    "pooled.interval": (POOLED.interval, {"confidence": [0.1, 0.9]}),
    "pooled.sample": (POOLED.sample, {"n": 3, "rng": 0}),
}
