"""What is solved: convex programs, their bounds, and the way back from a solution to a network."""
