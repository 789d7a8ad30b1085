"""How fast planar networks are trained to a certified optimum: against a pricing pass, CVXPY and Adam.

``solve`` is the median of the runs (their spread beside it), ``pass`` one exact pricing pass over every kink
line or pattern of the data; their ratio hardly depends on the machine.  ``adam`` is the best of 20 runs of
the same loss (4 learning rates, 5 starts each): ``excess`` is its value above ours, relative, and ``x`` its
time over ours.  The last line solves the literal nuclear-norm program with CVXPY, on fewer points.
Run: OPENBLAS_NUM_THREADS=1 python benchmarks/many_dimensions.py [--runs 3] [--quick]
"""

import argparse
import statistics
import time

import convexscore as cs
from convexscore.multivariate.patterns import given_patterns
from convexscore.multivariate.pricing.choice import pricer_of
from convexscore.multivariate.pricing.gates import GatePricer
from convexscore.multivariate.program import NeuronProgram
from convexscore.multivariate.statement import state_gated

RING = cs.targets.ring(8, radius=3.0, scale=0.5)


def objective_of(kind, n):
    X = RING.sample(n, rng=0)
    return cs.ScoreMatching(X) if kind == "sm" else cs.DenoisingScoreMatching.from_clean(X, 0.5, rng=1)


def timed(work, runs):
    """Return the last result and the sorted times of `work`."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return result, sorted(times)


def one_pass(objective, beta, skip, bias, gated, runs):
    """Return the median time of one exact pricing pass at the network without neurons."""
    program = NeuronProgram.from_objective(objective, "relu", skip, bias, gated=gated)
    pricer = pricer_of(program)
    if gated:
        pricer = GatePricer(program, given_patterns(program, objective.X, None).slope(0.0))
    pricer.price(program.zero_residual, beta)
    return statistics.median(timed(lambda: pricer.price(program.zero_residual, beta), runs)[1])


def row(name, kind, n, beta, *, skip=False, bias=True, gated=False, runs=3, adam=False):
    objective = objective_of(kind, n)
    solution, times = timed(lambda: cs.solve(objective, beta, skip=skip, bias=bias, gated=gated), runs)
    single = one_pass(objective, beta, skip, bias, gated, runs)
    certificate, gap = solution.certificate, solution.certificate.gap / abs(solution.value)
    median = statistics.median(times)
    line = (
        f"| {name} | {n} | {beta:g} | {median:.2f} ({times[0]:.2f}-{times[-1]:.2f}) | "
        f"{median / single:.0f} | {gap:.0e} | {certificate.scope} | "
        f"{solution.network.n_neurons} | "
    )
    if not adam:
        return line + "- | - |"
    start = time.perf_counter()
    result = cs.baselines.train_adam(
        objective,
        beta,
        "relu",
        skip,
        bias=bias,
        n_neurons=200,
        learning_rate=[0.001, 0.003, 0.01, 0.03],
        n_epochs=2000,
        n_trials=5,
        schedule="cosine",
        keep_best=True,
        keep_losses=False,
        rng=0,
    )
    spent = time.perf_counter() - start
    excess = (result.best_loss - solution.value) / abs(solution.value)
    return line + f"{excess:.1e} | {spent / median:.0f} |"


def against_cvxpy(n, beta, runs):
    """Return a line that compares the gated solver with the literal statement."""
    objective = objective_of("dsm", n)
    patterns = cs.enumerate_patterns(objective.X, bias=True)
    ours, times = timed(lambda: cs.solve(objective, beta, gated=True, patterns=patterns), runs)
    problem = state_gated(objective, beta, patterns.signs, bias=True).problem
    value, spent = timed(lambda: problem.solve(solver="CLARABEL"), 1)
    return (
        f"gated, n = {n}, {len(patterns)} patterns: CVXPY with Clarabel takes {spent[0]:.1f} s, "
        f"{spent[0] / statistics.median(times):.0f} times ours; "
        f"values differ by {abs(value - ours.value):.0e}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the points")
    options = parser.parse_args()
    less, runs = (10 if options.quick else 1), options.runs
    print("| problem | n | beta | solve (s) | solve / pass | relative gap | scope | neurons | excess | x |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    print(row("dsm, no bias", "dsm", 10_000 // less, 100.0, bias=False, runs=runs), flush=True)
    for kind in ("sm", "dsm"):
        print(row(f"{kind}, bias", kind, 1000 // less, 16.0, runs=runs, adam=True), flush=True)
        print(row(f"{kind}, bias, skip", kind, 1000 // less, 16.0, skip=True, runs=runs), flush=True)
    for beta in (2.0, 10.0):
        print(row("gated dsm, bias", "dsm", 100, beta, gated=True, runs=runs), flush=True)
        print(row("gated dsm, no bias", "dsm", 200, beta, gated=True, bias=False, runs=runs), flush=True)
    print(against_cvxpy(12, 2.0, runs))


if __name__ == "__main__":
    main()
