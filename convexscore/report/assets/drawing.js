const MARGIN = { left: 58, right: 12, top: 10, bottom: 44 };

function niceTicks(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((unit) => unit * power).find((unit) => unit >= raw * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) ticks.push(k * step);
  return ticks;
}

function logTicks(low, high, count) {
  for (const units of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const unit of units) {
        const tick = Number(`${unit}e${power}`);
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    }
    if (ticks.length <= count || units.length === 1) {
      return ticks.length < 2 ? [low, high] : ticks;
    }
  }
  return [low, high];
}

function tickLabel(tick, step, origin) {
  const value = tick + origin;
  const size = Math.abs(value);
  if (size && (size >= 1e7 || size < 1e-4)) return short(value, 4);
  if (!step) return short(value, 3);
  return value.toFixed(Math.min(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), 9)).replace(/^-(0(\.0*)?)$/, "$1");
}

// Draw a picture with axes into an svg element.  `marks(x, y)` returns what is inside the frame, as markup;
// x and y turn numbers into pixels.  Returns these and the frame.
function draw(id, frame, description, marks) {
  const svg = element(id);
  const width = Math.max(svg.clientWidth, 240);
  const height = frame.square ? Math.min(width, 520) : Math.round(Math.min(Math.max(0.58 * width, 220), 330));
  const box = { left: MARGIN.left, top: MARGIN.top };
  box.width = width - MARGIN.left - MARGIN.right;
  box.height = height - MARGIN.top - MARGIN.bottom;
  const along = frame.log ? Math.log : (value) => value;
  const [x0, x1] = frame.x.map(along);
  const [y0, y1] = frame.y;
  const x = (value) => box.left + (box.width * (along(value) - x0)) / (x1 - x0);
  const y = (value) => box.top + box.height * (1 - (value - y0) / (y1 - y0));
  const origin = frame.origin ?? 0;
  const across = Math.max(3, Math.floor(box.width / 75));
  const xs = frame.log ? logTicks(...frame.x, across) : niceTicks(frame.x[0], frame.x[1], across);
  const ys = niceTicks(y0, y1, 5);
  const xStep = frame.log ? 0 : xs[1] - xs[0];
  const axes = [
    ...xs.map((tick) => `<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${box.top}" y2="${box.top + box.height}"/>` +
      `<text x="${x(tick)}" y="${box.top + box.height + 16}" text-anchor="middle">${tickLabel(tick, xStep, origin)}</text>`),
    ...ys.map((tick) => `<line class="grid" x1="${box.left}" x2="${box.left + box.width}" y1="${y(tick)}" y2="${y(tick)}"/>` +
      `<text x="${box.left - 6}" y="${y(tick) + 4}" text-anchor="end">${tickLabel(tick, ys[1] - ys[0], frame.originY ?? 0)}</text>`),
  ];
  const fitted = frame.xLabel.length * 6.2 > box.width ? `${frame.xLabel.slice(0, Math.floor(box.width / 6.2) - 1)}…` : frame.xLabel;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.setAttribute("aria-label", description);
  svg.innerHTML =
    `<title>${escaped(frame.name)}</title><desc>${escaped(description)}</desc>` +
    `<clipPath id="${id}-clip"><rect x="${box.left}" y="${box.top}" width="${box.width}" height="${box.height}"/></clipPath>` +
    axes.join("") +
    `<g clip-path="url(#${id}-clip)">${marks(x, y, box)}</g>` +
    `<rect class="frame" x="${box.left}" y="${box.top}" width="${box.width}" height="${box.height}"/>` +
    `<text x="${box.left + box.width / 2}" y="${height - 8}" text-anchor="middle">${escaped(fitted)}</text>` +
    (frame.yLabel ? `<text transform="translate(12 ${box.top + box.height / 2}) rotate(-90)" text-anchor="middle">${escaped(frame.yLabel)}</text>` : "");
  return { x, y, box };
}

const curve = (points, kind, x, y) =>
  points.length ? `<path class="${kind}" d="M${points.map(([a, b]) => `${round(x(a))} ${round(y(b))}`).join("L")}"/>` : "";
const dots = (points, kind, x, y, radius = 4.5) =>
  points.map(([a, b]) => `<circle class="${kind}" cx="${round(x(a))}" cy="${round(y(b))}" r="${radius}"/>`).join("");
// Pixels far outside the frame are all the same, and numbers that svg can have.
const round = (pixel) => Math.round(100 * Math.min(Math.max(pixel, -1e5), 1e5)) / 100;

function padded(low, high, share = 0.06) {
  const margin = share * (high - low) || Math.abs(low) * share || 1;
  return [low - margin, high + margin];
}

// Held-out losses over the weight decays, the present one and the automatic one marked.
function drawHeldOut(beta, name, label) {
  const { betas, mean } = data.held_out;
  const known = mean.filter(isNumber);
  const note = element("held-out-note");
  if (!known.length) {
    note.textContent = data.held_out.folds ? "There is none: no fit to the folds has a density, or the data are too few." : "No cross-validation was asked for.";
    element("held-out").replaceChildren();
    element("held-out").setAttribute("height", 0);
    return null;
  }
  const runs = [[]];
  betas.forEach((each, i) => (isNumber(mean[i]) ? runs[runs.length - 1].push([each, mean[i]]) : runs.push([])));
  const here = heldOutAt(beta);
  const edge = Math.max(betas[0] / betas[betas.length - 1], 10) ** 0.04;
  const range = [betas[betas.length - 1] / edge, Math.max(betas[0], beta) * edge];
  const auto = isNumber(data.auto) ? [data.auto] : [];
  draw(
    "held-out",
    { name, x: range, y: padded(Math.min(...known), Math.max(...known)), log: true, xLabel: "weight decay beta", yLabel: label },
    `${name} between weight decays ${short(betas[betas.length - 1])} and ${short(betas[0])}; ${isNumber(here) ? short(here) : "none"} at ${short(beta)}.`,
    (x, y, box) =>
      auto.map((at) => `<line class="edge" x1="${round(x(at))}" x2="${round(x(at))}" y1="${box.top}" y2="${box.top + box.height}"/>` +
        `<text x="${round(x(at)) + 4}" y="${box.top + box.height - 8}">auto</text>`).join("") +
      runs.map((run) => curve(run, "curve", x, y) + dots(run, "point", x, y, 2.5)).join("") +
      `<line class="here" x1="${round(x(beta))}" x2="${round(x(beta))}" y1="${box.top}" y2="${box.top + box.height}"/>` +
      (isNumber(here) ? dots([[beta, here]], "mark", x, y) : ""),
  );
  return here;
}
