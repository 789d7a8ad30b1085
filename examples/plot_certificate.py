"""
Why a network is the best of every width
========================================

The certificate of a fit to the Old Faithful eruptions.

Run: ``python examples/plot_certificate.py [figure.png]``

Training is optimal where no neuron, wherever its kink may be, correlates with the residual by more than the
weight decay, and the network's own neurons do so exactly. The picture shows all of them at once.
"""

import sys

import matplotlib.pyplot as plt

import convexscore as cs

eruptions = cs.datasets.load_old_faithful()["eruptions"]


def main(path="certificate.png"):
    solution = cs.solve(eruptions, beta=20, skip=True)
    print(solution)
    figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
    cs.plotting.plot_certificate(solution, ax=ax)
    ax.set_xlabel("position of the kink (minutes)")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main(*sys.argv[1:])
