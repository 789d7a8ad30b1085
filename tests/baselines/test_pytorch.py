"""Every step of Adam against PyTorch's."""

import numpy as np
import pytest

from convexscore.baselines import train_adam
from tests.baselines.helpers import problem, random_network


def torch_losses(objective, beta, network, skip, bias, n_epochs, rate, schedule="constant"):
    """Train in PyTorch; the trace is that of the Jacobian that PyTorch itself differentiates."""
    torch = pytest.importorskip("torch")
    X, targets, mass = (torch.tensor(array) for array in (objective.X, objective.targets, objective.weights))
    weights = {name: torch.tensor(getattr(network, name).copy()) for name in ("W1", "b1", "W2", "b2", "V")}
    trained = ["W1", "W2", *(["b1", "b2"] if bias else []), *(["V"] if skip else [])]
    for name in trained:
        weights[name].requires_grad_(True)
    W1, b1, W2, b2, V = weights.values()
    sigma = torch.relu if network.activation == "relu" else torch.abs

    def loss():
        x = X.clone().requires_grad_(True)
        s = sigma(x @ W1.T + b1) @ W2.T + x @ V.T + b2
        terms = 0.5 * ((s - targets) ** 2).sum(1)
        for a in range(X.shape[1] if objective.has_trace else 0):
            terms = terms + torch.autograd.grad(s[:, a].sum(), x, create_graph=True)[0][:, a]
        return mass @ terms + 0.5 * beta * ((W1**2).sum() + (W2**2).sum())

    optimizer = torch.optim.Adam([weights[name] for name in trained], lr=rate)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_epochs)
    losses = []
    for _ in range(n_epochs):
        optimizer.zero_grad()
        value = loss()
        losses.append(value.item())
        value.backward()
        optimizer.step()
        if schedule == "cosine":
            decay.step()
    return np.array([*losses, loss().item()]), [weights[name].detach().numpy() for name in weights]


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step.*:UserWarning")
@pytest.mark.parametrize(
    ("kind", "activation", "skip", "bias", "d"),
    [
        ("sm", "relu", False, True, 1),
        ("sm", "abs", True, True, 1),
        ("dsm", "relu", True, False, 1),
        ("dsm", "abs", False, True, 1),
        ("sm", "relu", True, True, 2),
        ("sm", "abs", False, False, 2),
        ("dsm", "relu", False, True, 2),
        ("sm", "relu", True, True, 3),
    ],
)
def test_every_step_is_that_of_pytorch(kind, activation, skip, bias, d):
    objective, beta = problem(kind, d), 4.0
    network = random_network(12, d, activation, skip, bias)
    schedule = "cosine" if d == 1 else "constant"
    expected, weights = torch_losses(objective, beta, network, skip, bias, 200, 0.01, schedule)
    result = train_adam(
        objective,
        beta,
        activation,
        skip,
        bias=bias,
        learning_rate=0.01,
        schedule=schedule,
        n_epochs=200,
        n_trials=1,
        initial=network,
    )
    np.testing.assert_allclose(result.losses[0], expected, rtol=1e-10)
    for name, array in zip(("W1", "b1", "W2", "b2", "V"), weights, strict=True):
        np.testing.assert_allclose(getattr(result.best, name), array, rtol=1e-8, atol=1e-10)
