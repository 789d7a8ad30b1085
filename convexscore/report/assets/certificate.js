// The certificate of a score, computed from the data alone: value, lower bound, and the correlation of
// every neuron with the residual.  Between two cuts the score is linear, so moments of the data are enough.
function certify(score, beta) {
  const n = position.length;
  const { zero_value: zeroValue, trace_total: traceTotal, variance } = data.data;
  const values = new Float64Array(n);
  const residual = new Float64Array(n);
  const lever = new Float64Array(n);
  let square = 0, product = 0, total = 0, imbalance = 0, piece = 0;
  for (let j = 0; j < n; j++) {
    while (piece + 1 < score.inner.length && score.cuts[piece + 1] <= j) piece++;
    const slope = score.inner[piece];
    const value = j === LAST ? score.values[score.values.length - 1] : score.values[piece] + slope * (position[j] - score.knots[piece]);
    values[j] = value;
    // Slopes of tiny data are huge: products with lengths first.
    square += value * (value * mass[j] + 2 * slope * first[j]) + slope * (slope * second[j]);
    product += value * label[j] + slope * labelFirst[j];
    residual[j] = value * mass[j] + slope * first[j] - label[j];
    lever[j] = value * first[j] + slope * second[j] - labelFirst[j];
    total += mass[j];
    imbalance += residual[j];
  }
  const mean = imbalance / total;
  // From right to left: G(t) = sum of m (x - t) z over the data right of t, and how many these are.
  const inclusive = new Float64Array(n);
  const exclusive = new Float64Array(n);
  let tail = 0, height = 0, count = 0;
  for (let j = n - 1; j >= 0; j--) {
    const gap = j < n - 1 ? position[j + 1] - position[j] : 0;
    height += gap * tail + lever[j] - mean * first[j];
    tail += residual[j] - mean * mass[j];
    count += mass[j];
    const right = traceTotal > 0 ? count : 0;
    inclusive[j] = height + right;
    exclusive[j] = height + (traceTotal > 0 ? count - tie[j] : 0);
  }
  const kappa = height + traceTotal;
  const atoms = atomsOf(inclusive, exclusive, kappa);
  let low = Infinity, high = -Infinity;
  for (const { at, after } of atoms) {
    for (let j = 0; j < n; j++) {
      low = Math.min(low, at[j], after[j]);
      high = Math.max(high, at[j], after[j]);
    }
  }
  const violation = Math.max(high - beta, -low - beta, Math.abs(imbalance) * Math.sqrt(variance), data.skip ? Math.abs(kappa) : 0, 0);
  const dual = zeroValue - square / 2;
  const primal = square / 2 - product + zeroValue + penaltyOf(score, beta, traceTotal, total);
  return { primal, dual, gap: primal - dual, violation, low, high, atoms };
}

// Correlations by kind of neuron: at each cut, with the points there counted right of the kink, and without.
function atomsOf(inclusive, exclusive, kappa) {
  const shifted = (scale, shift) => ({ at: inclusive.map((h) => scale * h - shift), after: exclusive.map((h) => scale * h - shift) });
  if (data.activation === "abs") return [{ name: "abs neurons", ...shifted(2, kappa) }];
  if (data.skip) return [{ name: "every neuron", ...shifted(1, 0) }, { name: "", hidden: true, ...shifted(1, kappa) }];
  return [{ name: "neurons looking right", ...shifted(1, 0) }, { name: "neurons looking left", ...shifted(1, kappa) }];
}

// What the score costs besides its fit: slopes at the data, and the weight decay of the cheapest network.
function penaltyOf(score, beta, traceTotal, total) {
  const even = data.activation === "abs";
  const { cuts, inner, multiplier: [low, high] } = score;
  const shared = cuts.map((cut) => (traceTotal > 0 ? massFrom(cut) - tie[cut] / 2 : 0));
  shared[0] = traceTotal > 0 ? total : 0;
  shared[shared.length - 1] = 0;
  let cost = 0, variation = 0;
  inner.forEach((slope, i) => (cost += slope * (shared[i] - shared[i + 1])));
  for (let i = 1; i < inner.length; i++) {
    const jump = Math.abs(inner[i] - inner[i - 1]);
    variation += jump;
    cost += ((even ? 0.5 : 1) * beta - tie[cuts[i]] / 2) * jump;
  }
  const balance = inner[0] + inner[inner.length - 1];
  const turns = even ? 0 : variation;
  let price = Math.max(-low * balance - Math.abs(low) * turns, -high * balance - high * turns);
  if (low <= 0) price = Math.max(price, 0);
  return cost + price / 2;
}

const massRight = (() => {
  const sums = new Float64Array(position.length + 1);
  for (let j = position.length - 1; j >= 0; j--) sums[j] = sums[j + 1] + mass[j];
  return sums;
})();
const massFrom = (cut) => massRight[cut];
