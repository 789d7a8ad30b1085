const slider = element("slider");
const [XS, YS] = data.window;
const CELLS = 110;
// From the smallest weight decay up, as the slider goes.
const fits = [...data.fits].reverse();
slider.max = fits.length - 1;
slider.disabled = fits.length < 2;
const shades = new Map();

function shadesOf(fit) {
  if (!shades.has(fit)) {
    const cells = new Float64Array(CELLS * CELLS);
    for (let j = 0; j < CELLS; j++) {
      for (let i = 0; i < CELLS; i++) {
        const x = XS[0] + ((i + 0.5) * (XS[1] - XS[0])) / CELLS;
        const y = YS[1] - ((j + 0.5) * (YS[1] - YS[0])) / CELLS;
        cells[j * CELLS + i] = potentialAt(fit, x, y);
      }
    }
    shades.set(fit, cells);
  }
  return shades.get(fit);
}

const densityAt = (fit, x, y) => (isNumber(fit.log_normalizer) ? Math.exp(potentialAt(fit, x, y) - fit.log_normalizer) : null);

// Shades from the page's colour to ink, by the square root so that thin tails are seen.
function paint(fit, box) {
  const canvas = element("shades");
  canvas.width = CELLS;
  canvas.height = CELLS;
  Object.assign(canvas.style, { left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px`, height: `${box.height}px` });
  const context = canvas.getContext("2d");
  const image = context.createImageData(CELLS, CELLS);
  if (isNumber(fit.log_normalizer)) {
    const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    const ink = dark ? [156, 196, 234] : [31, 59, 87];
    const cells = shadesOf(fit);
    const top = cells.reduce((most, each) => Math.max(most, each), -Infinity);
    cells.forEach((each, k) => image.data.set([...ink, Math.round(215 * Math.sqrt(Math.exp(each - top)))], 4 * k));
  }
  context.putImageData(image, 0, 0);
}

function labels() {
  return { x: XS, y: YS, xLabel: data.columns[0], yLabel: data.columns[1], square: true };
}

function drawDensity(fit) {
  const has = isNumber(fit.log_normalizer);
  const words = has ? "Shades: density of the score, by its square root." : `The score has no density at this weight decay: ${fit.without_density}`;
  element("density-note").textContent = `${words} Dots: data${data.points.length < data.samples ? `, ${data.points.length} of ${data.samples}` : ""}.`;
  const { box } = draw("density", { ...labels(), name: "Density over the data" }, `${data.columns.join(" and ")}; ${words}`, (x, y) => dots(data.points, "point", x, y, 1.8));
  paint(fit, box);
}

function drawScore(fit) {
  const count = 17;
  const arrows = [];
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      const x = XS[0] + ((i + 0.5) * (XS[1] - XS[0])) / count;
      const y = YS[0] + ((j + 0.5) * (YS[1] - YS[0])) / count;
      arrows.push([x, y, ...scoreAt(fit, x, y)]);
    }
  }
  const lines = fit.directions.map((_, k) => kinkLine(fit, k, data.window)).filter(Boolean);
  element("score-note").textContent = `Arrows: the score, long ones shortened. Lines: where its ${counted(fit.directions.length, "neuron")} bend it.`;
  draw("score", { ...labels(), name: "Score and kink lines" }, `Score field with ${counted(lines.length, "kink line")}.`, (x, y, box) => {
    const longest = Math.max(...arrows.map(([, , u, v]) => Math.hypot((u * box.width) / (XS[1] - XS[0]), (v * box.height) / (YS[1] - YS[0]))), 1e-300);
    const reach = (0.95 * box.width) / count;
    return (
      lines.map((line) => curve(line, "kink", x, y)).join("") +
      dots(data.points, "point", x, y, 1.2) +
      arrows.map(([a, b, u, v]) => {
        const across = (u * box.width) / (XS[1] - XS[0]);
        const up = (v * box.height) / (YS[1] - YS[0]);
        const size = Math.hypot(across, up);
        if (!(size > 0)) return "";
        const length = reach * Math.sqrt(size / longest);
        const [dx, dy] = [(length * across) / size, (-length * up) / size];
        const [ex, ey] = [x(a) + dx / 2, y(b) + dy / 2];
        const tip = [-0.35, 0.35].map((turn) => `M${round(ex)} ${round(ey)}l${round(-0.35 * (dx - turn * 2 * dy))} ${round(-0.35 * (dy + turn * 2 * dx))}`).join("");
        return `<path class="arrow" d="M${round(x(a) - dx / 2)} ${round(y(b) - dy / 2)}L${round(ex)} ${round(ey)}${tip}"/>`;
      }).join("")
    );
  });
}

const counted = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

function textOf(format, fit, heldOut) {
  if (format === "neurons") {
    return asCsv(["u0", "u1", "offset", "coefficient"], fit.directions.map((u, k) => [...u, fit.offsets[k], fit.coefficients[k]]));
  }
  const facts = { columns: data.columns, objective: data.objective, activation: data.activation, skip: data.skip, held_out: heldOut };
  return asJson({ ...facts, ...fit });
}

function show() {
  const fit = fits[Number(slider.value)];
  drawDensity(fit);
  drawScore(fit);
  const heldOut = drawHeldOut(fit.beta, "Held-out loss", "loss a sample");
  if (data.held_out.mean.some(isNumber)) {
    element("held-out-note").textContent =
      `Mean ${OBJECTIVE} loss of samples left out, ${data.held_out.folds}-fold; smaller is better. ${isNumber(heldOut) ? short(heldOut) : "None"} at this weight decay.`;
  }
  const proof = { global: "global: conservative networks of any width", local: "local: what a search found" }[fit.scope] ?? fit.scope;
  element("now").textContent =
    `beta = ${short(fit.beta)}: ${counted(fit.directions.length, "neuron")}, value ${short(fit.value, 9)}, gap ${short(fit.gap, 2)}, ${fit.status}, ` +
    `${isNumber(fit.log_normalizer) ? "density" : "no density"}${isNumber(heldOut) ? `, held-out loss ${short(heldOut, 5)}` : ""}`;
  slider.setAttribute("aria-valuetext", `beta ${short(fit.beta)}, ${counted(fit.directions.length, "neuron")}`);
  fillTable("table", [
    ["Weight decay beta", short(fit.beta, 12)],
    ["Status", fit.status],
    ["Value: training loss of the network", short(fit.value, 12)],
    ["Lower bound (dual)", short(fit.dual, 12)],
    ["Gap", short(fit.gap, 3)],
    ["Largest violation", `${short(fit.violation, 3)}, ${short(fit.violation / fit.beta, 3)} of beta`],
    ["Scope", proof],
    ["Neurons", String(fit.directions.length)],
    ["Logarithm of the density's normalizer", isNumber(fit.log_normalizer) ? short(fit.log_normalizer, 12) : "no density"],
    ["Held-out loss a sample", short(heldOut)],
  ]);
  element("text").value = textOf(element("format").value, fit, heldOut);
  element("copied").textContent = "";
}

slider.addEventListener("input", show);
element("format").addEventListener("change", show);
element("copy").addEventListener("click", () => copyText(element("text"), element("copied")));
element("about").textContent =
  `${data.samples} samples of ${data.columns.join(" and ")}. Conservative ${ACTIVATION} networks ${data.skip ? "with" : "without"} skip connection, ${OBJECTIVE}: ` +
  `the score is the gradient of a potential. ${counted(fits.length, "weight decay")}, each fit with its certificate.`;
paragraphs("reading", [
  "Large weight decays give few neurons and a smooth density, small ones follow the data. Each fit was trained to a certified optimum; value and lower bound say how far any conservative network of any width could be below it.",
  "The density is the exponential of the network's potential; its normalizer was computed by quadrature over the whole plane.",
  ...(isNumber(data.auto) ? [`The automatic choice of plain networks for these data is ${short(data.auto)}; the weight decays are around it.`] : []),
]);
let width = 0;
new ResizeObserver(() => {
  if (document.body.clientWidth !== width) {
    width = document.body.clientWidth;
    show();
  }
}).observe(document.body);
const nearest = (value) => fits.reduce((best, fit, i) => (Math.abs(Math.log(fit.beta / value)) < Math.abs(Math.log(fits[best].beta / value)) ? i : best), 0);
slider.value = isNumber(data.auto) ? nearest(data.auto) : Math.floor(fits.length / 2);
show();
