"""Figure 7: score matching, ReLU without skip, uniform data."""

from .adam_comparison import Setting
from .adam_comparison import draw as draw_comparison
from .common import main
from .laws import Uniform


def draw(quick=False, own=None):
    """Return the figure and its numbers, of `own` data in place of the source's."""
    return draw_comparison(Setting(Uniform(), "uniform data"), quick, own)


if __name__ == "__main__":
    main(__doc__, 7)
