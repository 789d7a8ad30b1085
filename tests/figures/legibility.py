"""What makes a figure legible: labels, letters of a size, nothing cut off, no need of color."""

from itertools import groupby, pairwise

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D
from matplotlib.text import Text


def panels(figure):
    """Return the axes in groups that share a place: an axis and its twin."""
    place = [(tuple(ax.get_position().bounds), ax) for ax in figure.axes]
    place.sort(key=lambda entry: entry[0])
    return [[ax for _, ax in group] for _, group in groupby(place, key=lambda entry: entry[0])]


def is_labelled(figure):
    """Assert that panels have titles, labels and something in them."""
    FigureCanvasAgg(figure).draw()
    for group in panels(figure):
        assert any(ax.get_title() for ax in group)
        assert any(ax.get_xlabel() for ax in group)
        assert all(ax.get_ylabel() for ax in group)
        assert all(ax.has_data() for ax in group)
        assert figure.legends or any(ax.get_legend() for ax in group)


def shown_texts(figure):
    """Return the texts that a drawn figure shows: no tick labels outside of the axes."""
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    inside = []
    for ax in figure.axes:
        for axis, (low, high) in (
            (ax.xaxis, ax.get_window_extent().intervalx),
            (ax.yaxis, ax.get_window_extent().intervaly),
        ):
            index = 0 if axis is ax.xaxis else 1
            for label in [*axis.get_ticklabels(), *axis.get_ticklabels(minor=True)]:
                box = label.get_window_extent().get_points()[:, index]
                if not low - 1 <= box.mean() <= high + 1:
                    inside.append(label)
    return [text for text in texts if text not in inside]


def has_letters_of_print(figure):
    """Assert that all letters are at least eight points on a page."""
    FigureCanvasAgg(figure).draw()
    assert figure.get_figwidth() <= 7.5
    small = {text.get_text(): text.get_fontsize() for text in shown_texts(figure) if text.get_fontsize() < 8}
    assert not small


def is_not_clipped(figure):
    """Assert that no text is cut off or on another."""
    FigureCanvasAgg(figure).draw()
    for text in shown_texts(figure):
        assert "$" not in text.get_text() or text.get_parse_math(), text
        box = text.get_window_extent()
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= figure.bbox.x1, text
        assert box.y1 <= figure.bbox.y1, text
    boxes = [ax.title.get_window_extent() for ax in figure.axes if ax.get_title()]
    boxes += [text.get_window_extent() for text in figure.texts if text.get_text()]
    labels = [axis.label for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]
    boxes += [label.get_window_extent() for label in labels if label.get_text()]
    boxes += [ax.get_legend().get_window_extent() for ax in figure.axes if ax.get_legend()]
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:number])
    for ax in figure.axes:
        shown = [label.get_window_extent() for label in ax.get_xticklabels() if label.get_text()]
        low, high = ax.get_window_extent().intervalx
        shown = sorted((b.x0, b.x1) for b in shown if low - 1 <= (b.x0 + b.x1) / 2 <= high + 1)
        assert all(left[1] <= right[0] for left, right in pairwise(shown))


def looks_without_color(handle):
    """Return what a legend's handle looks like in print: its kind, line and marker, and how dark it is."""
    if isinstance(handle, ErrorbarContainer):
        handle = handle.lines[0]
    if isinstance(handle, Line2D):
        filled = to_rgb(handle.get_markerfacecolor()) != (1.0, 1.0, 1.0)
        kind = (str(handle.get_linestyle()), str(handle.get_marker()), handle.get_markersize(), filled)
        color = handle.get_color()
    else:
        kind = (type(handle).__name__, getattr(handle, "get_fill", lambda: True)())
        color = handle.get_facecolor()
    return kind, float(np.dot(to_rgb(color), [0.3, 0.6, 0.1]))


def differs_without_color(figure):
    """Assert that what a legend names looks different in print."""
    for ax in figure.axes:
        # A legend shows the bars alone of points with errors.
        bars = {entry.get_label(): entry for entry in ax.containers if isinstance(entry, ErrorbarContainer)}
        legend = ax.get_legend()
        shown = zip(legend.legend_handles, legend.get_texts(), strict=True) if legend else ()
        looks = [looks_without_color(bars.get(text.get_text(), handle)) for handle, text in shown]
        for number, (kind, dark) in enumerate(looks):
            for other, how_dark in looks[:number]:
                assert kind != other or abs(dark - how_dark) > 0.15, ax.get_title()


CHECKS = (is_labelled, has_letters_of_print, is_not_clipped, differs_without_color)
