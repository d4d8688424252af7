// What the model computed, unpacked, and the bookkeeping of a draw: displacement, norms of staff, payers, places.
// Nothing here says how people move; that was computed beforehand, and only the effect is interpolated.
const model = (function () {
  "use strict";
  const held = JSON.parse(document.getElementById("held").textContent);
  const { axes, draws, payers } = held;
  const N = draws.displacement.length;
  const text = atob(held.numbers);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  const numbers = new Int16Array(bytes.buffer);
  const tables = { extra: {}, today: {} };
  for (const one of held.index) (tables[one.kind][one.name] ??= [])[one.horizon] = one;
  const names = Object.keys(tables.extra);
  const WORKERS = Object.keys(draws.norm);
  const LEVELS = { low: 0.05, median: 0.5, high: 0.95 };
  const SCORES = 16;

  function effectWeights(effect) {
    if (effect === null) return [1, ...axes.effects.map(() => 0)];
    const points = axes.effects.map(Math.log);
    const x = Math.log(effect);
    return [0, ...points.map((point, k) => points.reduce((w, other, j) => (j === k ? w : w * (x - other) / (point - other)), 1))];
  }
  function row(kind, name, horizon, first, weights) {
    const { at, rank, size, scale } = tables[kind][name][horizon];
    const own = new Float64Array(rank);
    weights.forEach((weight, k) => {
      if (weight === 0) return;
      for (let r = 0; r < rank; r += 1) own[r] += weight * size[first + k] * numbers[at + (first + k) * rank + r] * scale[r];
    });
    const start = at + size.length * rank;
    const found = new Float64Array(N);
    for (let r = 0; r < rank; r += 1) {
      for (let i = 0; i < N; i += 1) found[i] += own[r] * numbers[start + r * N + i];
    }
    return found;
  }
  function nearest(steps, value) {
    return steps.reduce((best, step, k) => (Math.abs(step - value) < Math.abs(steps[best] - value) ? k : best), 0);
  }
  function worlds(setting, wanted) {
    const weights = effectWeights(setting.effect);
    const horizon = nearest(axes.horizons, setting.horizon);
    const point = nearest(axes.coverages, setting.coverage) * axes.odds.length + nearest(axes.odds, setting.odds);
    const today = {}, then = {};
    for (const name of wanted) {
      today[name] = row("today", name, horizon, 0, weights);
      const extra = row("extra", name, horizon, point * weights.length, weights);
      then[name] = today[name].map((value, i) => value + extra[i]);
    }
    return [staffed(today, setting.caseload), staffed(then, setting.caseload)];
  }
  // Workers in the last month are the larger of what hours and clients ask for; their months under each norm were
  // computed beforehand.
  function staffed(world, caseload) {
    const found = { ...world };
    const place = caseload === null ? 0 : nearest(axes.caseloads, caseload) + 1;
    for (const kind of WORKERS) {
      const norm = (i) => (caseload === null ? draws.norm[kind][i] : caseload);
      if (kind in world) found[kind] = world[kind].map((value, i) => Math.max(value, world.months_in_cooperation[i] / norm(i)));
      const payer = held.payer_of[kind];
      const months = world[`present_${kind}.${place}`];
      found[`present_cost_${payer}`] = world[`present_rest_${payer}`].map((value, i) => value + months[i] * draws.price[kind][i]);
    }
    return found;
  }
  function stays(setting, place) {
    const points = place ? place.points : 0;
    return Float64Array.from(draws.displacement, (drawn, i) => {
      const share = setting.displacement === null ? drawn : setting.displacement;
      return 1 - Math.min(1, Math.max(0, share + points * draws.per_point[i]));
    });
  }
  const sum = (parts) => Float64Array.from({ length: N }, (_, i) => parts.reduce((total, part) => total + part[i], 0));

  // By outcome: today, then (levels by draw, where there are any) and extra (by draw), of the whole country.
  function byDraw(setting, place, onlyMoney = false) {
    const norm = String(setting.caseload === null ? 0 : nearest(axes.caseloads, setting.caseload) + 1);
    const needed = names.filter((name) => !name.includes(".") || name.endsWith(`.${norm}`));
    const [today, then] = worlds(setting, onlyMoney ? needed.filter((name) => name.startsWith("present_")) : needed);
    const kept = stays(setting, place);
    const extra = (name) => then[name].map((value, i) => value - today[name][i]);
    const found = {};
    for (const name of onlyMoney ? [] : ["exits_work", "exits_other", "in_cooperation", "registered", ...WORKERS]) {
      found[name] = { today: today[name], then: then[name], extra: extra(name) };
    }
    if (!onlyMoney) found.net_exits_work = { extra: found.exits_work.extra.map((value, i) => value * kept[i]) };
    const work = extra("present_months_in_work").map((value, i) => value * kept[i]);
    const registered = extra("present_months_registered");
    for (const payer of payers) {
      const cost = `present_cost_${payer}`;
      found[`cost_${payer}`] = { today: today[cost], then: then[cost], extra: extra(cost) };
      const gain = work.map((value, i) => value * draws.month_in_work[payer][i] - registered[i] * draws.month_less[payer][i]);
      found[`return_${payer}`] = { extra: gain };
      found[`net_${payer}`] = { extra: gain.map((value, i) => value - found[`cost_${payer}`].extra[i]) };
    }
    for (const kind of ["cost", "return", "net"]) {
      found[kind] = { extra: sum(payers.map((payer) => found[`${kind}_${payer}`].extra)) };
    }
    for (const side of ["today", "then"]) found.cost[side] = sum(payers.map((payer) => found[`cost_${payer}`][side]));
    found.net_with_value = { extra: found.net.extra.map((value, i) => value + setting.value * work[i]) };
    return found;
  }
  function quantile(sorted, level) {
    const at = (sorted.length - 1) * level;
    const below = Math.floor(at);
    return sorted[below] + (at - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
  }
  function limits(values, weight = 1) {
    const sorted = Float64Array.from(values).sort();
    return Object.fromEntries(Object.entries(LEVELS).map(([name, level]) => [name, weight * quantile(sorted, level)]));
  }
  // Normal scores: the middles of equal parts of the normal distribution, by bisection on its rational approximation
  // (Abramowitz & Stegun 26.2.17, to seven decimals).
  function normal(z) {
    const t = 1 / (1 + 0.2316419 * Math.abs(z));
    const tail = 0.39894228 * Math.exp(-z * z / 2) * t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
    return z > 0 ? 1 - tail : tail;
  }
  const scores = Array.from({ length: SCORES }, (_, k) => {
    let low = -6, high = 6;
    for (let step = 0; step < 50; step += 1) {
      const middle = (low + high) / 2;
      if (normal(middle) < (k + 0.5) / SCORES) low = middle; else high = middle;
    }
    return (low + high) / 2;
  });
  // Exits are counts: the chance of a small place has the variance of the counts of both worlds together.
  function withChance(outcome, both, weight) {
    const found = [];
    outcome.extra.forEach((value, i) => {
      const spread = Math.sqrt(weight * (both.today[i] + both.then[i]));
      for (const score of scores) found.push(weight * value + spread * score);
    });
    return limits(found);
  }
  const CHANCE_OF = { exits_work: "exits_work", net_exits_work: "exits_work", exits_other: "exits_other" };
  function placeOf(setting) {
    return setting.place ? held.places.find((one) => one.id === setting.place) : null;
  }
  // By outcome: quantiles of today, then and extra, of the place; `chance` where a place is chosen and counts are small.
  function answer(setting) {
    const place = placeOf(setting);
    const weight = place ? place.weight : 1;
    const found = byDraw(setting, place);
    const result = {};
    for (const [name, sides] of Object.entries(found)) {
      result[name] = Object.fromEntries(Object.entries(sides).map(([side, values]) => [side, limits(values, weight)]));
      if (place && name in CHANCE_OF) result[name].chance = withChance(sides, found[CHANCE_OF[name]], weight);
    }
    const shares = found.in_cooperation.then.map((value, i) => value / found.registered.then[i]);
    result.share_reached = limits(shares);
    result.country = { in_cooperation: limits(found.in_cooperation.then).median, case_managers_today: limits(found.case_managers.today).median, case_managers: limits(found.case_managers.then).median };
    result.positive = found.net_with_value.extra.filter((value) => value > 0).length / N;
    return result;
  }
  function effectsTried() {
    const found = [];
    for (let k = 16; k <= 60; k += 1) found.push(k / 20);
    return found;
  }
  // The net result at each effect, and where its median crosses zero; as analysis.scale.break_even: straight lines
  // between the effects tried, and no estimate unless there is a single crossing.
  function byEffect(setting) {
    const place = placeOf(setting);
    const weight = place ? place.weight : 1;
    return effectsTried().map((effect) => {
      const found = byDraw({ ...setting, effect }, place, true).net_with_value.extra;
      return { x: effect, ...limits(found, weight), share: found.filter((value) => value > 0).length / N };
    });
  }
  function breakEven(points) {
    const above = points.map((point) => point.median > 0);
    const changes = points.map((_, k) => k).filter((k) => k > 0 && above[k] !== above[k - 1]);
    if (changes.length === 0) return { status: above[0] ? "everywhere" : "nowhere" };
    if (changes.length > 1) return { status: "several" };
    const [one, two] = [points[changes[0] - 1], points[changes[0]]];
    const at = one.x + (two.x - one.x) * one.median / (one.median - two.median);
    return { status: above[above.length - 1] ? "above" : "below", at };
  }
  return { held, axes, N, answer, byEffect, breakEven, placeOf, payers, WORKERS };
})();
