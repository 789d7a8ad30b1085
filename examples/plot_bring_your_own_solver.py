"""
Bring your own solver
=====================

The univariate program, solved by three solvers that know nothing of networks.

`univariate_program` gives the matrices of a quadratic program in the units of the data; `solution` makes a
certified network of whatever a solver returns, and believes nothing of it.
"""

import clarabel
import cvxpy as cp
import matplotlib.pyplot as plt
import numpy as np
import osqp
import scipy.sparse as sp

import convexscore as cs

eruptions = cs.datasets.load_old_faithful()["eruptions"]
beta = 20.0
program = cs.univariate_program(eruptions, beta, skip=True)
best = cs.solve(eruptions, beta, skip=True)
equal = program.l == program.u


def by_clarabel():
    """Solve with an interior-point method: ``A x + s = b`` with ``s`` in a cone."""
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    matrix = sp.vstack([program.A[equal], -program.A[~equal]], format="csc")
    right = np.concatenate([program.l[equal], -program.l[~equal]])
    cones = [clarabel.ZeroConeT(int(equal.sum())), clarabel.NonnegativeConeT(int((~equal).sum()))]
    return clarabel.DefaultSolver(program.P, program.q, matrix, right, cones, settings).solve().x


def by_osqp():
    """Solve with a first-order method, whose form the program has."""
    solver = osqp.OSQP()
    solver.setup(program.P, program.q, program.A, program.l, program.u, eps_abs=1e-9, eps_rel=1e-9,
                 max_iter=50_000, verbose=False)  # fmt: skip
    return solver.solve(raise_error=False).x


def by_cvxpy():
    """State the program in CVXPY, which has many solvers."""
    x = cp.Variable(program.q.size)
    cost = 0.5 * cp.quad_form(x, cp.psd_wrap(program.P)) + program.q @ x
    bounds = [program.A[equal] @ x == program.l[equal], program.A[~equal] @ x >= program.l[~equal]]
    cp.Problem(cp.Minimize(cost), bounds).solve(solver="CLARABEL")
    return x.value


fig, ax = plt.subplots()
x = np.linspace(1, 6, 500)
ax.plot(x, best.network(x), lw=4, alpha=0.3, label="solve")
print(f"solve     {best.value:.9f}  {best.status}")
for name, solver in {"Clarabel": by_clarabel, "OSQP": by_osqp, "CVXPY": by_cvxpy}.items():
    solution = program.solution(np.asarray(solver()))
    ax.plot(x, solution.network(x), ls="--", label=name)
    print(f"{name:9} {solution.value:.9f}  {solution.status}, gap {solution.certificate.gap:.1e}")
    assert abs(solution.value - best.value) < 1e-6 * abs(best.value)
ax.set(xlabel="eruption duration (minutes)", ylabel="score")
ax.legend()
fig.savefig("bring_your_own_solver.png")
