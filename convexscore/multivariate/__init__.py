"""Several features: programs over neurons and patterns, pricing, solvers, certificates, networks."""
