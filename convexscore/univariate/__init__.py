"""The line: the eight programs, their solvers, certificates, networks, and the choice of the weight decay."""
