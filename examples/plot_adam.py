"""
The certified optimum against Adam
==================================

Old Faithful eruptions: the convex optimum, and Adam tuned over seven learning rates.

Adam trains 128 neurons from three starts at every rate, with a cosine schedule, and keeps each trial's best
network.

Run: ``python examples/plot_adam.py`` (writes adam.png)
"""

import matplotlib.pyplot as plt
import numpy as np

import convexscore as cs
from convexscore.baselines import tune_adam

eruptions = cs.datasets.load_old_faithful()["eruptions"]
objective = cs.ScoreMatching(eruptions)
beta = 20.0
solution = cs.solve(objective, beta, "relu", skip=True)
adam = tune_adam(objective, beta, "relu", skip=True, n_neurons=128, n_epochs=2000, rng=0)
optimum = solution.value
print(f"convex optimum {optimum:10.3f}  gap to the dual bound {solution.certificate.gap:.0e}")
rates = np.unique(adam.learning_rates)
for rate in rates:
    least = adam.losses[adam.learning_rates == rate, -1]
    print(f"Adam, rate {rate:5.3f}  best {least.min():10.3f}  worst {least.max():10.3f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for number, rate in enumerate(rates):
    losses = adam.losses[adam.learning_rates == rate, :-1]
    color = plt.cm.viridis(number / (rates.size - 1))
    left.plot(losses.T, color=color, linewidth=0.8, label=[f"rate {rate:g}", *[None] * (len(losses) - 1)])
left.axhline(optimum, color="#c8553d", linestyle="--", label="convex optimum")
left.set(xlabel="epoch", ylabel="training loss", ylim=(1.15 * optimum, -1.0 * optimum))
left.set_title(f"Best loss of Adam ever: {adam.best_loss:.1f}, optimum {optimum:.1f}", fontsize=10)
left.legend(frameon=False, fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 0.12))

grid = np.linspace(eruptions.min() - 0.4, eruptions.max() + 0.4, 500)
right.plot(grid, solution.network(grid), color="#c8553d", label="convex optimum")
right.plot(grid, adam.best(grid), ":", color="#1f3b57", linewidth=1.8, label="Adam, best of all trials")
right.plot(eruptions, np.full(eruptions.size, 0.02), "|", color="gray", transform=right.get_xaxis_transform())
right.set(xlabel="eruption duration (minutes)", ylabel="score")
right.set_title(f"Scores at weight decay {beta:g}", fontsize=10)
right.legend(frameon=False, fontsize=8)
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig("adam.png", dpi=130)
