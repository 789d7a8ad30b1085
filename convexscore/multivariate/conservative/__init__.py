"""Conservative networks, gradients of a potential: a lasso over neurons, outputs tied to directions."""
