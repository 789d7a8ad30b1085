"""How programs are solved: one file a solver."""
