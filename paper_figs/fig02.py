"""Figure 2: score and log-density in the large-weight-decay regime, abs network without skip."""

from .common import output_directory, save
from .linear_regime import draw

if __name__ == "__main__":
    directory = output_directory(__doc__)
    save(*draw("abs"), directory, "fig02")
