// The density whose logarithm has the score for its derivative: exp of a quadratic on every piece, upward or
// downward.  Masses are integrals over panels on which the exponent changes by 2 at most, by Gauss-Legendre
// quadrature of 8 nodes: exact to rounding.  Parts that are 60 below the maximum have no mass.
const NODES = [0.1834346424956498, 0.525532409916329, 0.7966664774136267, 0.9602898564975363];
const WEIGHTS = [0.362683783378362, 0.3137066458778873, 0.2223810344533745, 0.1012285362903763];
const NEGLIGIBLE = 60;
const RANGE = position[LAST] - position[0];

function failingTails(score) {
  const { slopes, values } = score;
  const none = 1e-12 * UNIT * DEVIATION;
  const isWrong = (slope, inward) => slope > 0 || (slope === 0 && inward <= none);
  return [
    ...(LOW === -Infinity && isWrong(slopes[0], values[0]) ? ["left"] : []),
    ...(HIGH === Infinity && isWrong(slopes[slopes.length - 1], -values[values.length - 1]) ? ["right"] : []),
  ];
}

const exponent = (segment, d) => segment.start + segment.slope * d + 0.5 * segment.bend * d * d;

// The exponent as quadratics of the distance from a knot: the pieces, and both tails outwards, to a limit
// where there is one.
function segmentsOf(score) {
  const { knots, values, slopes } = score;
  const heights = [0];
  for (let i = 0; i + 1 < knots.length; i++) {
    heights.push(heights[i] + 0.5 * (values[i] + values[i + 1]) * (knots[i + 1] - knots[i]));
  }
  const last = knots.length - 1;
  const segments = [
    { base: knots[0], side: -1, start: 0, slope: -values[0], bend: slopes[0], length: knots[0] - LOW },
    { base: knots[last], side: 1, start: heights[last], slope: values[last], bend: slopes[last + 1], length: HIGH - knots[last] },
  ];
  for (let i = 0; i < last; i++) {
    segments.push({ base: knots[i], side: 1, start: heights[i], slope: values[i], bend: slopes[i + 1], length: knots[i + 1] - knots[i] });
  }
  return { segments, heights };
}

// The largest exponent between two distances.
function highest(segment, from, to) {
  let best = Math.max(exponent(segment, from), exponent(segment, to));
  const turn = segment.bend < 0 ? -segment.slope / segment.bend : -1;
  if (turn > from && turn < to) best = Math.max(best, exponent(segment, turn));
  return best;
}

// Where a tail has fallen below a level.
function reach(segment, level) {
  const { slope, bend } = segment;
  const room = segment.start - level;
  const root = Math.sqrt(Math.max(slope * slope - 2 * bend * room, 0));
  if (slope > 0) return (slope + root) / -bend;
  return room > 0 ? (2 * room) / (root - slope) : 0;
}

function peakOf(segment) {
  if (segment.length < Infinity) return highest(segment, 0, segment.length);
  return segment.slope > 0 ? exponent(segment, -segment.slope / segment.bend) : segment.start;
}

function densityOf(score) {
  const fails = failingTails(score);
  if (fails.length) return { fails };
  const { segments, heights } = segmentsOf(score);
  const top = Math.max(...segments.map(peakOf));
  const middle = score.knots[heights.indexOf(Math.max(...heights))];
  const sums = [0, 0, 0];
  for (const segment of segments) {
    const end = segment.length < Infinity ? segment.length : reach(segment, top - NEGLIGIBLE);
    if (end > 0) integrate(segment, 0, end, top, middle, sums);
  }
  const logNormalizer = top + Math.log(sums[0]);
  const shift = sums[1] / sums[0];
  return {
    fails,
    // From the maximum of the exponent, as ScoreDensity.log_normalizer is.
    logNormalizer: Math.log(sums[0]),
    mean: middle + shift * RANGE,
    deviation: RANGE * Math.sqrt(Math.max(sums[2] / sums[0] - shift * shift, 0)),
    at: (x) => (x < LOW || x > HIGH ? 0 : Math.exp(exponentAt(segments, score, x) - logNormalizer)),
  };
}

function exponentAt(segments, score, x) {
  const { knots } = score;
  if (x < knots[0]) return exponent(segments[0], knots[0] - x);
  const last = knots.length - 1;
  if (x >= knots[last]) return exponent(segments[1], x - knots[last]);
  let i = 0;
  while (knots[i + 1] <= x) i++;
  return exponent(segments[2 + i], x - knots[i]);
}

function integrate(segment, from, to, top, middle, sums) {
  if (highest(segment, from, to) < top - NEGLIGIBLE) return;
  const steepest = Math.max(Math.abs(segment.slope + segment.bend * from), Math.abs(segment.slope + segment.bend * to));
  const half = (to - from) / 2;
  const centre = from + half;
  if (steepest * (to - from) > 2 && centre > from && centre < to) {
    integrate(segment, from, centre, top, middle, sums);
    integrate(segment, centre, to, top, middle, sums);
    return;
  }
  for (let k = 0; k < NODES.length; k++) {
    for (const d of [centre - half * NODES[k], centre + half * NODES[k]]) {
      const part = WEIGHTS[k] * half * Math.exp(exponent(segment, d) - top);
      // In units of the data's range, whose cubes are numbers.
      const x = (segment.base - middle + segment.side * d) / RANGE;
      sums[0] += part;
      sums[1] += part * x;
      sums[2] += part * x * x;
    }
  }
}
