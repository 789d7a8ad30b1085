"""The figures of Zhang & Pilanci (arXiv 2402.01965) and three more, one seeded script each.

``python -m paper_figs.fig03 --out DIR`` draws one, ``python -m paper_figs --out DIR`` all of them, and
``python -m paper_figs --docs`` those of the page docs/figures.md, with its numbers.

Each module has a function ``draw(quick)`` that returns the figure and the numbers behind it, made by
``common.report``; one that can be drawn of a table's columns takes them as a second argument, a
``laws.Own``.  What can be drawn is a line in ``common.TABLE``: figures by their numbers, experiments by the
names of their modules.
"""
