"""The known-score models of spins with right arguments, for the fuzz test."""

import numpy as np

import convexscore as cs

PAIR = [[0.0, 0.5], [0.5, 0.0]]
POINTS = np.array([[0.0, 1.0], [2.0, 0.5], [-1.0, -1.0], [1.0, -2.0]])
ISING = cs.targets.Ising(PAIR, [0.1, 0.0])
LATENT = cs.targets.LatentIsing(PAIR, [[1.0], [-0.5]], [[0.0]])
MACHINE = cs.targets.RestrictedBoltzmannMachine([[0.5], [-0.2]])
CURIE_WEISS = cs.targets.CurieWeiss(2, 0.5)
MODELS = {"ising": ISING, "latent": LATENT, "machine": MACHINE, "curie_weiss": CURIE_WEISS}
VARIATIONAL = ("naive", "tap_k", "tap", "amp")
MODELS |= {f"ising_{name}": cs.targets.Ising(PAIR, denoiser=name) for name in VARIATIONAL}

GRAPHICAL_CALLS = {
    "Ising": (
        cs.targets.Ising,
        {"couplings": PAIR, "field": [0.1, 0.0], "denoiser": "tap_k", "overlap": 0.2},
    ),
    "LatentIsing": (
        cs.targets.LatentIsing,
        {"visible": PAIR, "cross": [[1.0], [-0.5]], "hidden": [[0.0]], "denoiser": "exact"},
    ),
    "RestrictedBoltzmannMachine": (
        cs.targets.RestrictedBoltzmannMachine,
        {"couplings": [[0.5], [-0.2]], "denoiser": "exact"},
    ),
    "CurieWeiss": (cs.targets.CurieWeiss, {"d": 2, "strength": 0.5, "field": [0.1, 0.0]}),
    "latent.conditional": (LATENT.conditional, {"theta": [1.0]}),
    "ising.glauber": (ISING.glauber, {"n_samples": 3, "n_sweeps": 2, "rng": 0}),
}
for label, model in MODELS.items():
    GRAPHICAL_CALLS |= {
        f"{label}.{name}": (getattr(model, name), {"y": POINTS, "sigma": 0.8})
        for name in ("score", "denoise", "logpdf")
    }
    GRAPHICAL_CALLS |= {
        f"{label}.{name}": (getattr(model, name), {"fields": POINTS})
        for name in ("posterior_mean", "log_normalizer")
    }
    GRAPHICAL_CALLS[f"{label}.sample"] = (model.sample, {"n": 3, "rng": 0})

CODES = {"dictionary": [[0.5, 0.2], [0.1, 0.4]], "support": [-1.0, 1.0], "probabilities": [0.5, 0.5]}
CODES |= {"noise_level": 0.3}
GRAPHICAL_CALLS["SparseCoding"] = (cs.targets.SparseCoding, {**CODES, "denoiser": "exact"})
for label in ("exact", "naive", "gamp"):
    code = cs.targets.SparseCoding(**CODES, denoiser=label)
    GRAPHICAL_CALLS |= {
        f"code_{label}.{name}": (getattr(code, name), {"y": POINTS, "sigma": 0.8})
        for name in ("score", "denoise", "logpdf")
    }
    GRAPHICAL_CALLS[f"code_{label}.mean"] = (code.posterior_mean_code, {"z": POINTS, "t": 0.5})
    GRAPHICAL_CALLS[f"code_{label}.sample"] = (code.sample, {"n": 3, "rng": 0})

GLASSES = {
    f"glass_{name}": cs.targets.SherringtonKirkpatrick(PAIR, 0.5, denoiser=name)
    for name in ("amp", "exact", "naive", "ngd")
}
GLASSES["synchronization"] = cs.targets.Z2Synchronization(PAIR, 1.5)
GRAPHICAL_CALLS |= {
    "SherringtonKirkpatrick": (
        cs.targets.SherringtonKirkpatrick,
        {"matrix": PAIR, "inverse_temperature": 0.5, "denoiser": "amp"},
    ),
    "Z2Synchronization": (cs.targets.Z2Synchronization, {"observation": PAIR, "strength": 1.5}),
    "overlap": (cs.targets.overlap, {"inverse_temperature": 0.5, "tau": 1.0}),
}
for label, glass in GLASSES.items():
    GRAPHICAL_CALLS |= {
        f"{label}.{name}": (getattr(glass, name), {"y": POINTS, "sigma": 0.8})
        for name in ("score", "denoise", "logpdf")
    }
    GRAPHICAL_CALLS |= {
        f"{label}.log_normalizer": (glass.log_normalizer, {"fields": POINTS}),
        f"{label}.amp": (glass.amp, {"y": POINTS, "n_steps": 2}),
        f"{label}.free_energy": (glass.free_energy, {"m": [0.1, 0.2], "y": [0.5, -0.5], "q": 0.1}),
        f"{label}.sample": (glass.sample, {"n": 2, "rng": 0, "n_steps": 2, "step_size": 0.5}),
    }
    if label != "glass_ngd":
        GRAPHICAL_CALLS[f"{label}.posterior_mean"] = (glass.posterior_mean, {"fields": POINTS})
