"""The page of one feature in a browser: what it shows against what is solved, and who can use it."""

from dataclasses import replace

import numpy as np
import pytest

import convexscore as cs
from convexscore.objectives import boundary_of
from convexscore.univariate.correlations import correlations_along
from convexscore.univariate.program import UnivariateProgram

GENERATOR = np.random.default_rng(4)
ERUPTIONS = cs.datasets.load_old_faithful()["eruptions"]
CASES = {
    "ReLU with skip": (cs.ScoreMatching(ERUPTIONS), "relu", True),
    "ReLU": (cs.ScoreMatching(ERUPTIONS), "relu", False),
    "abs with skip": (cs.ScoreMatching(GENERATOR.gamma(2.0, size=60)), "abs", True),
    "abs": (cs.ScoreMatching(ERUPTIONS, GENERATOR.integers(1, 4, ERUPTIONS.size)), "abs", False),
    "denoising": (cs.DenoisingScoreMatching.from_clean(ERUPTIONS, 0.3, rng=1), "relu", False),
    "far from zero": (cs.ScoreMatching(1e6 + ERUPTIONS), "relu", True),
    "tiny": (cs.ScoreMatching(1e-100 * ERUPTIONS[:60]), "relu", True),
    "thinned": (cs.ScoreMatching(GENERATOR.normal(size=2500)), "relu", True),
    "heavy tie": (cs.ScoreMatching(np.r_[np.zeros(20), GENERATOR.normal(size=15)]), "relu", False),
    "two values": (cs.ScoreMatching([0.0, 1.0]), "relu", True),
}
GENERATOR = np.random.default_rng(6)
DURATIONS = np.ceil(20 * GENERATOR.gamma(1.5, size=120)) / 20
SHARES = GENERATOR.beta(0.9, 2.0, size=90)
MANY = GENERATOR.beta(2.0, 3.0, size=2500)
WEIGHTS = np.arange(120) % 3.0
#: The same of data with limits.
LIMITED = {
    "half-line": (cs.ScoreMatching(DURATIONS, WEIGHTS, support=(0, None)), "relu", True),
    "half-line, no skip": (cs.ScoreMatching(DURATIONS, support=(0, None)), "relu", False),
    "mirrored half-line": (cs.ScoreMatching(-DURATIONS, support=(None, 0)), "abs", True),
    "distant limit": (cs.ScoreMatching(1e3 + DURATIONS, support=(0, None)), "relu", True),
    "interval": (cs.ScoreMatching(SHARES, support=(0, 1)), "relu", True),
    "interval, height": (cs.ScoreMatching(SHARES, None, (0, 1), 0.05), "relu", False),
    "interval, abs": (cs.ScoreMatching(SHARES, support=(-0.1, 1)), "abs", False),
    "interval far from zero": (cs.ScoreMatching(1e6 + 4 * MANY[:90], support=(1e6, 1e6 + 4)), "relu", True),
    "tiny interval": (cs.ScoreMatching(1e-100 * SHARES, support=(0, 1e-100)), "relu", True),
    "thinned interval": (cs.ScoreMatching(MANY, support=(0, 1)), "relu", True),
    "steep ends": (cs.ScoreMatching(GENERATOR.beta(0.4, 0.4, size=80), support=(0, 1)), "relu", False),
    "two values inside": (cs.ScoreMatching([0.25, 0.5], support=(0, 1)), "relu", True),
}
CASES |= LIMITED
pytestmark = pytest.mark.filterwarnings("ignore:beta. one value holds")


def written(tmp_path, case, **options):
    objective, activation, skip = CASES[case]
    options = {"n_folds": 0, **options}
    return cs.report(objective, tmp_path / "page.html", activation=activation, skip=skip, **options)


@pytest.mark.parametrize("case", CASES)
def test_every_weight_decay_shows_the_optimum(page, tmp_path, case):
    objective, activation, skip = CASES[case]
    page.open(written(tmp_path, case))
    low, high = page.data()["range"]
    for share in (0.03, 0.31, 0.62, 0.97):
        page.go(low * (high / low) ** share)
        shown = page.numbers()
        solution = cs.solve(objective, shown["beta"], activation, skip)
        check_shown(shown, solution)
    assert page.complaints() == []


def check_shown(shown, solution):
    network, certificate = solution.network, solution.certificate
    objective = solution.objective
    mass = objective.weights * boundary_of(objective)[0]
    energy = mass.sum() / np.var(objective.X)
    size = max(certificate.value_scale, energy if objective.has_trace else objective.loss(np.zeros_like))
    assert abs(shown["value"] - solution.value) <= 1e-9 * size
    assert abs(shown["dual"] - certificate.dual) <= 1e-9 * size
    assert abs(shown["gap"]) <= 1e-9 * size
    assert shown["max_violation"] <= 1e-9 * shown["beta"]
    check_correlations(shown, solution)
    x = np.array(shown["x"])
    scale = np.abs(network(x)).max() + 1 / np.ptp(x)
    knots = np.array(shown["knots"])
    np.testing.assert_allclose(shown["values"], network(knots), rtol=0, atol=1e-9 * scale)
    if not is_line_of_two_neurons(network):
        place = np.abs(x).max() * 1e-12
        np.testing.assert_allclose(shown["kinks"], np.unique(network.kinks), rtol=0, atol=place)
    if network.piecewise.failing_ends(solution.problem.limits):
        assert shown["density"] is None
        assert shown["log_normalizer"] is None
        return
    density = solution.density()
    assert shown["log_normalizer"] == pytest.approx(density.log_normalizer, abs=1e-9)
    # Positions far from zero are rounded, and steep densities with them.
    steepness = np.abs(network(x)).max() * np.spacing(np.abs(x).max())
    np.testing.assert_allclose(shown["density"], density.pdf(x), rtol=1e-8 + 10 * steepness)
    assert shown["mean"] == pytest.approx(density.mean(), rel=1e-9, abs=1e-9 * density.std())
    assert shown["deviation"] == pytest.approx(density.std(), rel=1e-8)


def check_correlations(shown, solution):
    """Check the least and the largest correlation, which kinks of either sign reach."""
    x, support = solution.objective.X, getattr(solution.objective, "support", None)
    ends = {} if support is None else {"support": (support[0] - x.min(), support[1] - x.min())}
    program = UnivariateProgram.from_problem(
        replace(solution.problem, objective=replace(solution.objective, X=x - x.min(), **ends))
    )
    network = solution.network.recentred(x.min(axis=0))
    found = correlations_along(program, replace(network, origin=[0.0]), solution.beta)
    every = np.concatenate(list(found.atoms.values()))
    if len(np.unique(x)) > 1500:
        # Only some of them are in the page, all kinks among these.
        every = np.clip(every, *shown["correlations"])
    assert shown["correlations"] == pytest.approx([every.min(), every.max()], abs=1e-9 * solution.beta)


def is_line_of_two_neurons(network):
    """Whether neurons at one place make a line, which has no kink."""
    return network.kinks.size > np.unique(network.kinks).size


@pytest.mark.parametrize("case", LIMITED)
def test_pictures_and_numbers_end_at_the_limits(page, tmp_path, case):
    objective = LIMITED[case][0]
    page.open(written(tmp_path, case))
    shown, (low, high) = page.numbers(), objective.support
    assert shown["support"] == [None if np.isinf(end) else end for end in objective.support]
    x = np.array(shown["x"])
    assert low <= x.min()
    assert x.max() <= high
    reach = 0.12 * np.ptp(objective.X)
    near = [low > objective.X.min() - reach, high < objective.X.max() + reach]
    if near[0]:
        assert x[0] == low
    if near[1]:
        assert x[-1] == high
    for picture in ("density", "score"):
        lines = page.run(f"return document.querySelectorAll('#{picture} line.limit').length")
        assert lines == sum(near)
        # From the limit on, where the line of the limit is.
        edges = page.run(
            f"return [...document.querySelectorAll('#{picture} line.limit')].map(each => Number(each"
            ".getAttribute('x1')))"
        )
        path = page.run(f"return document.querySelector('#{picture} path.curve').getAttribute('d')")
        places = [float(pair.split()[0]) for pair in path[1:].split("L")]
        ends = [places[k] for k, is_near in zip((0, -1), near, strict=True) if is_near]
        assert ends == edges
    page.choose("format", "density")
    rows = page.run("return document.getElementById('text').value").splitlines()[1:]
    np.testing.assert_array_equal([float(row.split(",")[0]) for row in rows], x)


def test_the_page_says_what_the_limits_are(page, tmp_path):
    words = {"half-line": "above 0", "mirrored half-line": "below 0", "interval": "between 0 and 1"}
    for case, expected in words.items():
        page.open(written(tmp_path, case))
        assert f"score matching of data {expected}." in page.says("about")
        assert "normalized between the limits" in page.says("reading")
        assert page.odd_words() == []
    page.open(written(tmp_path, "ReLU with skip"))
    assert "of data" not in page.says("about")
    assert "normalized over the whole line" in page.says("reading")
    assert page.numbers()["support"] == [None, None]


def test_the_density_integrates_to_one(page, tmp_path):
    page.open(written(tmp_path, "ReLU with skip"))
    for beta in (6.0, 14.0, 60.0):
        page.go(beta)
        shown = page.numbers()
        x, p = np.array(shown["x"]), np.array(shown["density"])
        density = cs.solve(ERUPTIONS, beta, skip=True).density()
        inside = density.cdf(x[-1]) - density.cdf(x[0])
        assert p.sum() * (x[1] - x[0]) == pytest.approx(inside, abs=2e-3)


def test_keys_move_the_slider_and_step_between_breakpoints(page, tmp_path):
    from selenium.webdriver import ActionChains, Keys

    path = cs.regularization_path(ERUPTIONS, skip=True)
    page.open(written(tmp_path, "ReLU with skip"))
    start = page.numbers()["beta"]
    assert start == cs.select_beta(ERUPTIONS, rng=0, skip=True)
    page.press("slider", Keys.ARROW_RIGHT)
    assert page.numbers()["beta"] > start
    page.press("slider", Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    below = page.numbers()["beta"]
    assert below < start
    slider = page.browser.find_element("id", "slider")
    assert "beta" in slider.get_attribute("aria-valuetext")
    keys = ActionChains(page.browser).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT).key_up(Keys.SHIFT)
    keys.perform()
    breakpoint_below = path.betas[path.betas < below].max()
    assert page.numbers()["beta"] == breakpoint_below
    page.click("larger")
    assert page.numbers()["beta"] == path.betas[path.betas > breakpoint_below].min()
    page.click("smaller")
    assert page.numbers()["beta"] == breakpoint_below
    page.click("auto")
    assert page.numbers()["beta"] == start
    page.press("slider", Keys.HOME)
    assert page.numbers()["beta"] == pytest.approx(path.betas[-1])
    assert not page.browser.find_element("id", "smaller").is_enabled()
    assert page.complaints() == []


def test_the_slider_moves_by_script(page, tmp_path):
    page.open(written(tmp_path, "ReLU with skip"))
    page.slide(700)
    shown = page.numbers()
    check_shown(shown, cs.solve(ERUPTIONS, shown["beta"], skip=True))
    assert page.run("return document.getElementById('now').textContent").startswith("beta = ")
    assert float(page.table()["Weight decay beta"]) == pytest.approx(shown["beta"], rel=1e-11)


def test_held_out_likelihoods_are_shown_at_their_weight_decays(page, tmp_path):
    page.open(written(tmp_path, "ReLU with skip", n_folds=5))
    held_out = page.data()["held_out"]
    for beta, mean in list(zip(held_out["betas"], held_out["mean"], strict=True))[::8]:
        page.go(beta)
        if page.numbers()["beta"] == beta:
            assert page.numbers()["held_out"] == mean
    shown = page.run("return document.querySelectorAll('#held-out circle.mark').length")
    assert shown == 1


def test_what_is_copied_is_what_is_shown(page, tmp_path):
    page.open(written(tmp_path, "ReLU with skip"))
    for _ in range(2):
        page.click("copy")
        page.browser.implicitly_wait(1)
        assert page.says("copied") == "Copied."
        # As in a browser that keeps its clipboard from pages that are files.
        page.run("Object.defineProperty(navigator, 'clipboard', {value: undefined, configurable: true})")
    page.choose("format", "kinks")
    lines = page.run("return document.getElementById('text').value").splitlines()
    solution = cs.solve(ERUPTIONS, "auto", skip=True)
    assert lines[0] == "position,score,slope_left,slope_right"
    kinks = [float(line.split(",")[0]) for line in lines[1:]]
    np.testing.assert_allclose(kinks, solution.network.kinks)


@pytest.mark.parametrize("case", ["ReLU with skip", "abs", "far from zero"])
@pytest.mark.parametrize("width", [320, 375, 1200])
def test_nothing_is_wider_than_the_window(page, tmp_path, width, case):
    name = "a_name_of_a_column_that_is_very_long_and_has_no_blanks_" * 3
    with page.of_width(width):
        page.open(written(tmp_path, case, columns=name, n_folds=5))
        assert page.run("return window.innerWidth") == width
        assert page.too_wide() == []


def test_nothing_is_not_a_number(page, tmp_path):
    for case in CASES:
        page.open(written(tmp_path, case))
        for place in (0, 500, 1000):
            page.run(
                "const slider = document.getElementById('slider'); slider.value = arguments[0];"
                "slider.dispatchEvent(new Event('input'));",
                place,
            )
            assert not page.run(r"return /NaN|Infinity|undefined|\bnull\b/.test(document.body.innerText)"), (
                case
            )
            assert not page.run(
                "return /NaN|Infinity|undefined/.test(document.querySelector('main').innerHTML)"
            ), case
        assert page.complaints() == []


def test_a_name_that_looks_like_markup_is_text(page, tmp_path):
    name = "</script><img src=x onerror=alert(1)><b>x"
    page.open(written(tmp_path, "ReLU with skip", columns=name, title=name))
    assert page.run("return document.getElementById('title').textContent") == name
    assert page.run("return document.querySelectorAll('img, main b').length") == 0
    assert name in page.run("return document.getElementById('about').textContent")
    assert page.complaints() == []


def test_pictures_and_controls_have_names(page, tmp_path):
    page.open(written(tmp_path, "ReLU with skip", n_folds=5))
    assert page.unnamed_pictures() == []
    assert page.run("return document.querySelector('label[for=slider]').textContent") == "Weight decay beta"
    assert page.run("return document.getElementById('now').getAttribute('aria-live')") == "polite"
    identifiers = page.run("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(identifiers) == len(set(identifiers))
