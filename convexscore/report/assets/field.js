// A conservative network: its potential, the logarithm of its density up to a constant, and its score.
const POWER = data.activation === "abs" ? Math.abs : (t) => Math.max(t, 0);
const SLOPE = data.activation === "abs" ? Math.sign : (t) => (t > 0 ? 1 : 0);

function potentialAt(fit, x, y) {
  const u = x - fit.origin[0];
  const v = y - fit.origin[1];
  const { S, b2 } = fit;
  let sum = u * (0.5 * (S[0][0] * u + S[1][0] * v) + b2[0]) + v * (0.5 * (S[0][1] * u + S[1][1] * v) + b2[1]);
  fit.directions.forEach(([a, b], k) => {
    const height = a * u + b * v + fit.offsets[k];
    sum += 0.5 * height * POWER(height) * fit.coefficients[k];
  });
  return sum;
}

function scoreAt(fit, x, y) {
  const u = x - fit.origin[0];
  const v = y - fit.origin[1];
  const { S, b2 } = fit;
  const score = [S[0][0] * u + S[1][0] * v + b2[0], S[0][1] * u + S[1][1] * v + b2[1]];
  fit.directions.forEach(([a, b], k) => {
    const size = POWER(a * u + b * v + fit.offsets[k]) * fit.coefficients[k];
    score[0] += size * a;
    score[1] += size * b;
  });
  return score;
}

// The part of a neuron's kink line inside a window, as two points, or null.
function kinkLine(fit, k, [[left, right], [low, high]]) {
  const [a, b] = fit.directions[k];
  const c = fit.offsets[k] - a * fit.origin[0] - b * fit.origin[1];
  const ends = [];
  if (b) for (const x of [left, right]) ends.push([x, (-c - a * x) / b]);
  if (a) for (const y of [low, high]) ends.push([(-c - b * y) / a, y]);
  const slack = [1e-9 * (right - left), 1e-9 * (high - low)];
  const inside = ends.filter(([x, y]) => x >= left - slack[0] && x <= right + slack[0] && y >= low - slack[1] && y <= high + slack[1]);
  inside.sort(([x, y], [u, v]) => -b * (x - u) + a * (y - v));
  return inside.length > 1 ? [inside[0], inside[inside.length - 1]] : null;
}
