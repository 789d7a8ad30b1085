"""Draw all figures, or those asked for: ``python -m paper_figs --only 3,5 --out DIR``."""

from .common import NUMBERS, arguments, draw_figures

if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--only", metavar="LIST", help="numbers of figures, such as 3,5; default: all")
    options = parser.parse_args()
    only = [int(number) for number in options.only.split(",")] if options.only else NUMBERS
    for line in draw_figures(options.out, only, options.quick, options.pdf):
        print(line)
