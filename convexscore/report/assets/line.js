const [LOWEST, HIGHEST] = data.range;
const slider = element("slider");
const NAME = data.columns[0];
const WINDOW = padded(position[0], position[LAST], 0.12);
// What is drawn ends at the limits.
const SHOWN = [Math.max(WINDOW[0], LOW), Math.min(WINDOW[1], HIGH)];
const shownAt = (count) => Array.from({ length: count + 1 }, (_, i) => (i < count ? SHOWN[0] + ((SHOWN[1] - SHOWN[0]) * i) / count : SHOWN[1]));
// Rounding takes no number beyond a limit.
const placed = (x) => Math.min(Math.max(x + ORIGIN, data.support[0] ?? -Infinity), data.support[1] ?? Infinity);
let beta = LOWEST;

const betaOf = (place) => LOWEST * (HIGHEST / LOWEST) ** (place / 1000);
const placeOf = (value) => Math.round((1000 * Math.log(value / LOWEST)) / Math.log(HIGHEST / LOWEST));

// The life of every kink: between which weight decays it is there, and whether the slope rises at it.
const spans = (() => {
  const found = [];
  const open = new Map();
  for (const piece of data.pieces) {
    const still = new Map();
    const knots = [0, ...piece.kinks, LAST].map((cut) => position[cut]);
    const middle = piece.values[0].map((value, i) => (value + piece.values[1][i]) / 2);
    const slopes = middle.slice(1).map((value, i) => (value - middle[i]) / (knots[i + 1] - knots[i]));
    piece.kinks.forEach((cut, i) => {
      const key = `${cut} ${slopes[i + 1] > slopes[i]}`;
      const span = open.get(key) ?? { at: position[cut], rises: slopes[i + 1] > slopes[i], upper: piece.upper };
      span.lower = piece.lower;
      if (!open.has(key)) found.push(span);
      still.set(key, span);
    });
    open.clear();
    still.forEach((span, key) => open.set(key, span));
  }
  return found;
})();

function drawDensity(score, density) {
  const { edges, height } = data.histogram;
  const tallest = Math.max(...height);
  const x = [...shownAt(500), ...score.knots].sort((a, b) => a - b);
  const points = density.at ? x.map((each) => [each, density.at(each)]) : [];
  const highestPoint = points.reduce((most, [, p]) => Math.max(most, p), 0);
  const top = 1.06 * Math.min(Math.max(tallest, highestPoint), 3 * tallest);
  const kinks = density.at ? kinksOf(score).map(({ knot }) => [knot, density.at(knot)]) : [];
  const words = density.at
    ? `Mean ${short(density.mean + ORIGIN)}, deviation ${short(density.deviation)}; normalized exactly.${highestPoint > top ? " Its peaks are cut off." : ""}`
    : `The score has no density at this weight decay: its ${density.fails.join(" and its ")} tail has infinite mass. ` +
      'solve(..., tails="integrable") finds the best score that has one.';
  element("density-note").textContent = density.at ? `Bars: data. Curve: density of the score. Dots: kinks. ${words}` : `Bars: data. ${words}`;
  draw(
    "density",
    { name: "Density of the score over the data", x: WINDOW, y: [0, top], xLabel: NAME, yLabel: "density", origin: ORIGIN },
    `Histogram of ${NAME}${density.at ? ` and the density of the score; ${words}` : `. ${words}`}`,
    (px, py) =>
      height.map((h, i) => `<rect class="bar" x="${round(px(edges[i]))}" y="${round(py(h))}" width="${round(px(edges[i + 1]) - px(edges[i]))}" height="${round(py(0) - py(h))}"/>`).join("") +
      limitLines(px, py(0), py(top)) + curve(points, "curve", px, py) + dots(kinks, "mark", px, py),
  );
}

// The limits of the data, where the picture has them.
const limitLines = (x, from, to) =>
  SHOWN.filter((end, i) => end !== WINDOW[i])
    .map((end) => `<line class="limit thin dashed" x1="${round(x(end))}" x2="${round(x(end))}" y1="${round(from)}" y2="${round(to)}"/>`)
    .join("");

function drawScore(score) {
  const ends = SHOWN.map((x) => [x, valueOf(score, x)]);
  const points = [ends[0], ...score.knots.map((knot, i) => [knot, score.values[i]]), ends[1]];
  const kinks = kinksOf(score);
  // The tails go on as straight lines: what is between the data decides on the scale.
  const heights = score.values;
  element("score-note").textContent = `The derivative of the log-density: piecewise linear, with ${counted(kinks.length, "kink")}.`;
  draw(
    "score",
    { name: "Score and its kinks", x: WINDOW, y: padded(Math.min(0, ...heights), Math.max(0, ...heights), 0.12), xLabel: NAME, yLabel: "score", origin: ORIGIN },
    `Score from ${short(heights[0])} at the first value of the data to ${short(heights[heights.length - 1])} at the last; kinks at ${kinks.map(({ knot }) => short(knot + ORIGIN)).join(", ") || "no place"}.`,
    (x, y, box) => curve([[WINDOW[0], 0], [WINDOW[1], 0]], "thin dashed", x, y) +
      limitLines(x, box.top, box.top + box.height) + curve(points, "curve", x, y) +
      dots(kinks.map(({ knot, value }) => [knot, value]), "mark", x, y),
  );
}

function drawCertificate(score, found) {
  const shown = found.atoms.filter((atom) => !atom.hidden);
  const window = padded(position[0], position[LAST]);
  const inside = score.cuts.slice(1, -1);
  // A kink's own neuron is the one whose correlation is largest there.
  const own = inside.map((cut) => {
    const all = shown.flatMap(({ at, after }) => [at[cut], after[cut]]);
    return [position[cut], all.reduce((most, each) => (Math.abs(each) > Math.abs(most) ? each : most), 0)];
  });
  const lines = shown.map(({ at, after }) => {
    const points = [[window[0], at[0]]];
    position.forEach((x, j) => points.push([x, at[j]], [x, after[j]]));
    return [...points, [window[1], after[LAST]]];
  });
  const names = shown.map(({ name }, i) => `${i ? "dashed" : "solid"}: ${name}`).join("; ");
  const proof = data.distinct > position.length ? `looked at from ${position.length} of ${data.distinct} values` : "no network of any width has a smaller loss";
  const holds = found.violation <= 1e-8 * beta;
  element("certificate-note").textContent =
    `Correlation of all neurons with the residual, by the place of their kink (${names}). ` +
    (holds ? `None leaves the band of the weight decay, the network's own touch its edge: ${proof}.` : "The band is left.");
  draw(
    "certificate",
    { name: "Certificate: correlations inside their band", x: window, y: [-1.2 * beta, 1.2 * beta], xLabel: `place of the kink: ${NAME}`, yLabel: "correlation", origin: ORIGIN },
    `Correlations between ${short(found.low)} and ${short(found.high)} in a band of ${short(beta)}; ${counted(own.length, "kink")} at its edge.`,
    (x, y, box) =>
      [[1.3, 1], [-1, -1.3]].map(([upper, lower]) => `<rect class="beyond" x="${box.left}" width="${box.width}" y="${round(y(upper * beta))}" height="${round(y(lower * beta) - y(upper * beta))}"/>`).join("") +
      [beta, -beta].map((edge) => curve([[window[0], edge], [window[1], edge]], "edge", x, y)).join("") +
      lines.map((line, i) => curve(line, i ? "thin dashed" : "thin", x, y)).join("") + dots(own, "mark", x, y),
  );
}

function drawPath(score) {
  const range = [LOWEST, HIGHEST];
  element("path-note").textContent =
    `Places of the kinks at every weight decay: solid where the slope falls, dashed where it rises; ${counted(breakpoints.length, "breakpoint")}.`;
  draw(
    "path",
    { name: "Kinks along the path", x: range, y: padded(position[0], position[LAST]), log: true, xLabel: "weight decay beta", yLabel: "place of the kinks", originY: ORIGIN },
    `${counted(spans.length, "kink")} come and go between weight decays ${short(LOWEST)} and ${short(HIGHEST)}; ${score.cuts.length - 2} at ${short(beta)}.`,
    (x, y, box) =>
      spans.map((span) => curve([[span.lower, span.at], [span.upper, span.at]], span.rises ? "rises" : "falls", x, y)).join("") +
      (data.auto >= LOWEST && data.auto <= HIGHEST ? `<line class="edge" x1="${round(x(data.auto))}" x2="${round(x(data.auto))}" y1="${box.top}" y2="${box.top + box.height}"/><text x="${round(x(data.auto)) + 4}" y="${box.top + 14}">auto</text>` : "") +
      `<line class="here" x1="${round(x(beta))}" x2="${round(x(beta))}" y1="${box.top}" y2="${box.top + box.height}"/>` +
      dots(score.cuts.slice(1, -1).map((cut) => [beta, position[cut]]), "mark", x, y, 3.5),
  );
}

function limitsInWords() {
  const [low, high] = data.support;
  if (low === null) return `below ${short(high)}`;
  return high === null ? `above ${short(low)}` : `between ${short(low)} and ${short(high)}`;
}

const counted = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

function textOf(format, score, density, found, heldOut) {
  const kinks = kinksOf(score);
  if (format === "kinks") {
    return asCsv(["position", "score", "slope_left", "slope_right"], kinks.map((k) => [k.knot + ORIGIN, k.value, k.left, k.right]));
  }
  const x = shownAt(200);
  const p = x.map((each) => (density.at ? density.at(each) : null));
  if (format === "density") return asCsv(["x", "score", "density"], x.map((each, i) => [placed(each), valueOf(score, each), p[i]]));
  const numbers = {
    column: NAME, objective: data.objective, support: data.support, activation: data.activation, skip: data.skip, beta,
    value: found.primal, dual: found.dual, gap: found.gap, max_violation: found.violation, correlations: [found.low, found.high], scope: "global",
    held_out: heldOut,
    kinks: kinks.map((k) => k.knot + ORIGIN),
    knots: score.knots.map((knot) => knot + ORIGIN), values: score.values, slopes: score.slopes,
    log_normalizer: density.logNormalizer ?? null, mean: density.at ? density.mean + ORIGIN : null,
    deviation: density.deviation ?? null, x: x.map(placed), density: density.at ? p : null,
  };
  return asJson(numbers);
}

function show() {
  const score = scoreAt(beta);
  const density = densityOf(score);
  const found = certify(score, beta);
  drawDensity(score, density);
  drawScore(score);
  drawCertificate(score, found);
  drawPath(score);
  const heldOut = drawHeldOut(beta, "Held-out log-likelihood", "log-likelihood a sample");
  const kinks = kinksOf(score);
  if (data.held_out.mean.some(isNumber)) {
    element("held-out-note").textContent =
      `Mean log-likelihood of samples left out, ${data.held_out.folds}-fold, of the best scores that have a density; ${isNumber(heldOut) ? short(heldOut) : "none"} at this weight decay.`;
  }
  element("now").textContent =
    `beta = ${short(beta)}: ${counted(kinks.length, "kink")}, value ${short(found.primal, 9)}, gap ${short(found.gap, 2)}, ` +
    `${density.at ? "density" : "no density"}${isNumber(heldOut) ? `, held-out log-likelihood ${short(heldOut, 5)}` : ""}`;
  slider.setAttribute("aria-valuetext", `beta ${short(beta)}, ${counted(kinks.length, "kink")}`);
  fillTable("table", [
    ["Weight decay beta", short(beta, 12)],
    ["Value: training loss of the network", short(found.primal, 12)],
    ["Lower bound for every network (dual)", short(found.dual, 12)],
    ["Gap", short(found.gap, 3)],
    ["Largest violation", `${short(found.violation, 3)}, ${short(found.violation / beta, 3)} of beta`],
    ["Scope", "global: networks of any width"],
    ["Kinks", kinks.length <= 40 ? `${kinks.length}${kinks.length ? `: ${kinks.map(({ knot }) => short(knot + ORIGIN)).join(", ")}` : ""}` : `${kinks.length}; their places can be copied below`],
    ["Slopes beyond the data", `${short(score.slopes[0])} and ${short(score.slopes[score.slopes.length - 1])}`],
    ["Mean and deviation of the density", density.at ? `${short(density.mean + ORIGIN)} and ${short(density.deviation)}` : "no density"],
    ["Logarithm of its normalizer", short(density.logNormalizer, 12)],
    ["Held-out log-likelihood a sample", short(heldOut)],
  ]);
  element("text").value = textOf(element("format").value, score, density, found, heldOut);
  element("copied").textContent = "";
  element("smaller").disabled = !breakpoints.some((each) => each < beta);
  element("larger").disabled = !breakpoints.some((each) => each > beta);
}

// Go to a weight decay; the slider follows unless it is what was moved.
function go(value, moved = false) {
  beta = Math.min(Math.max(value, LOWEST), HIGHEST);
  if (!moved) slider.value = placeOf(beta);
  element("exact").value = short(beta, 12);
  show();
}

function step(up) {
  const next = up ? breakpoints.find((each) => each > beta) : [...breakpoints].reverse().find((each) => each < beta);
  if (next !== undefined) go(next);
}

slider.addEventListener("input", () => go(betaOf(Number(slider.value)), true));
slider.addEventListener("keydown", (event) => {
  const up = event.key === "ArrowRight" || event.key === "ArrowUp";
  if (event.shiftKey && (up || event.key === "ArrowLeft" || event.key === "ArrowDown")) {
    event.preventDefault();
    step(up);
  }
});
element("smaller").addEventListener("click", () => step(false));
element("larger").addEventListener("click", () => step(true));
element("auto").disabled = !(data.auto >= LOWEST && data.auto <= HIGHEST);
element("auto").addEventListener("click", () => go(data.auto));
element("exact").addEventListener("change", () => {
  const wanted = Number(element("exact").value.replace(",", "."));
  go(wanted > 0 ? wanted : beta);
});
element("format").addEventListener("change", show);
element("copy").addEventListener("click", () => copyText(element("text"), element("copied")));

element("about").textContent =
  `${data.samples} samples of ${NAME}, ${data.distinct} distinct. ${ACTIVATION} networks ${data.skip ? "with" : "without"} skip connection, ` +
  `${OBJECTIVE}${HAS_LIMITS ? ` of data ${limitsInWords()}` : ""}. At every weight decay between ${short(LOWEST)} and ${short(HIGHEST)} this is the global optimum among networks of any width.`;
paragraphs("reading", [
  `Large weight decays give a straight line, the score of a ${HAS_LIMITS ? "Gaussian cut off at the limits, or of an exponential law" : "Gaussian"}; small ones follow the data. Between two breakpoints the optimal score is linear in the weight decay, so what is shown is exact at every one, not only where something was solved.`,
  `Training is bounded from beta = ${short(data.bounds[0])} on; from ${short(data.bounds[1])} on the score is a line on the data, and from ${short(data.bounds[2])} on it does not change any more. The automatic choice is ${short(data.auto)}.`,
  "Value, lower bound, gap and violation are computed by this page from the data; the gap shows how far any network of any width could be below the value.",
  `The density is the exponential of the integral of the score, normalized ${HAS_LIMITS ? "between the limits of the data, beyond which it is zero" : "over the whole line, not only over what is drawn"}.`,
  ...(HAS_LIMITS ? ["The loss of each sample is multiplied by a weight that is zero at the limits; masses of the certificate are these weights."] : []),
  ...(data.complete ? [] : [`The path has very many pieces; it was followed down to ${short(LOWEST)} only.`]),
  ...(data.distinct > position.length ? [`Correlations are exact, and shown at ${position.length} of the ${data.distinct} distinct values, all kinks among them.`] : []),
  ...(data.auto < LOWEST ? ["The automatic choice is below what this page covers."] : []),
]);
let width = 0;
new ResizeObserver(() => {
  if (document.body.clientWidth !== width) {
    width = document.body.clientWidth;
    show();
  }
}).observe(document.body);
go(data.auto);
