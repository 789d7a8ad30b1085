"""The command line: ``convexscore fit | sample | plot | path | report | data | demo | figures | completion``.

Exit codes: 0 done; 1 the computation failed (a solver, a score without density, a diverging chain);
2 bad input; 3 done, but the certificate misses its tolerance; 130 interrupted; 143 terminated.
"""

from .command import main

__all__ = ["main"]
