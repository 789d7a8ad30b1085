// The optimal score at a weight decay.  Positions are measured from the origin; its knots are the first
// position, the kinks and the last position, and between two of the path's breakpoints everything is linear.
const { position, mass, tie } = data.data;
const ORIGIN = data.data.origin;
// The ends of the data's support, also from the origin.
const LOW = data.data.limits[0] ?? -Infinity;
const HIGH = data.data.limits[1] ?? Infinity;
const HAS_LIMITS = LOW > -Infinity || HIGH < Infinity;
const ZEROS = new Float64Array(position.length);
const first = data.data.first ?? ZEROS;
const second = data.data.second ?? ZEROS;
const label = data.data.label ?? ZEROS;
const labelFirst = data.data.label_first ?? ZEROS;
const LAST = position.length - 1;

// The size that slopes of scores of such data have: smaller ones by many digits are rounding.
const DEVIATION = Math.sqrt(data.data.variance);
const TOTAL = mass.reduce((sum, each) => sum + each, 0);
const UNIT = data.data.trace_total > 0 ? 1 / data.data.variance : Math.sqrt((2 * data.data.zero_value) / TOTAL) / DEVIATION;

// Breakpoints, from the smallest up.
const breakpoints = [...new Set(data.pieces.flatMap((piece) => [piece.upper, piece.lower]))].sort((a, b) => a - b);

function scoreAt(beta) {
  const piece = data.pieces.find((each) => beta >= each.lower) ?? data.pieces[data.pieces.length - 1];
  const width = piece.upper - piece.lower;
  // Above the largest breakpoint nothing changes any more.
  const share = width > 0 ? Math.min(Math.max((piece.upper - beta) / width, 0), 1) : 0;
  const between = ([upper, lower]) => upper.map((value, i) => value * (1 - share) + lower[i] * share);
  const cuts = [0, ...piece.kinks, LAST];
  const knots = cuts.map((cut) => position[cut]);
  const values = between(piece.values);
  const inner = values.slice(1).map((value, i) => (value - values[i]) / (knots[i + 1] - knots[i]));
  const scale = Math.max(UNIT, ...inner.map(Math.abs));
  const outer = between(piece.outer).map((slope) => (Math.abs(slope) <= 1e-12 * scale ? 0 : slope));
  return { cuts, knots, values, inner, slopes: [outer[0], ...inner, outer[1]], multiplier: between(piece.multiplier) };
}

// Kinks of the function: an end of the data is one where the slope beyond it is another.
function kinksOf(score) {
  const scale = Math.max(UNIT, ...score.slopes.map(Math.abs));
  return score.knots
    .map((knot, i) => ({ knot, cut: score.cuts[i], value: score.values[i], left: score.slopes[i], right: score.slopes[i + 1] }))
    .filter(({ left, right }) => Math.abs(right - left) > 1e-11 * scale);
}

function valueOf(score, x) {
  const { knots, values, slopes } = score;
  if (x <= knots[0]) return values[0] + slopes[0] * (x - knots[0]);
  let i = 0;
  while (i + 1 < knots.length && knots[i + 1] <= x) i++;
  return values[i] + slopes[i + 1] * (x - knots[i]);
}
