(function () {
  "use strict";
  const { held, axes } = model;
  const root = document.documentElement;
  const $ = (id) => document.getElementById(id);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const PREFERENCE = "uhisabi-language";
  const about = Object.fromEntries(held.assumptions.map((one) => [one.id, one]));
  const START = held.start;
  const SHOWN = ["net_exits_work", "exits_work", "exits_other", "registered", "case_managers", "social_workers", "cost", "net", "net_with_value"];
  const EUROS = (name) => /^(cost|return|net)($|_(?!exits))/.test(name);
  const WORKERS = new Set(model.WORKERS);
  const MOVED = { effect: about["effect.hazard_ratio_work"].value, displacement: about["displacement.share"].value };
  const ASSUMPTIONS = { effect: ["effect.hazard_ratio_work"], displacement: ["displacement.share"], value: ["value.month_in_work"], caseload: held.caseloads };
  let language = "et";
  let scenarios = { a: { ...START }, b: null };
  let show = SHOWN[0];
  let last = {};

  // Words and numbers.
  function t(key, values = {}) {
    const text = held.texts[language][key];
    if (text === undefined) throw new Error(`no text ${key}`);
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? `{${name}}`);
  }
  function number(value, digits = 0, signed = false) {
    const text = Math.abs(value).toFixed(digits);
    const zero = Number(text) === 0;
    let [whole, part] = text.split(".");
    if (whole.length > 3) whole = whole.replace(/\B(?=(\d{3})+$)/g, language === "et" ? "\u00a0" : ",");
    const sign = zero ? "" : value < 0 ? "\u2212" : signed ? "+" : "";
    return sign + whole + (part ? (language === "et" ? "," : ".") + part : "");
  }
  const percent = (share, digits = 0) => `${number(100 * share, digits)}%`;
  const coverageText = (share) => percent(share, Number.isInteger(Math.round(1000 * share) / 10) ? 0 : 1);
  // Euros in millions or thousands, one unit for a whole table.
  function euroUnit(values) {
    const most = Math.max(...values.map(Math.abs));
    return most >= 1e6 ? { by: 1e6, digits: 1, name: "millions" } : { by: 1e3, digits: most < 1e5 ? 1 : 0, name: "thousands" };
  }
  const euros = (value, unit, signed = true) => number(value / unit.by, unit.digits, signed);
  function money(value, signed = true) {
    const unit = euroUnit([value]);
    return t(`euros.${unit.name}`, { value: euros(value, unit, signed) });
  }
  function personsDigits(values) {
    return Math.max(...values.map(Math.abs)) < 10 ? 1 : 0;
  }

  // The address: only what differs from the start is written.
  function written() {
    const parts = new URLSearchParams();
    parts.set("lang", language);
    for (const name of ["a", "b"]) {
      if (!scenarios[name]) continue;
      if (name === "b") parts.set("b", "1");
      for (const [key, value] of Object.entries(scenarios[name])) {
        if (value !== START[key]) parts.set(`${name}.${key}`, value === null ? "drawn" : value);
      }
    }
    if (show !== SHOWN[0]) parts.set("show", show);
    return `#${parts}`;
  }
  const fits = {
    coverage: (text) => step(axes.coverages, text), odds: (text) => step(axes.odds, text), horizon: (text) => step(axes.horizons, text),
    caseload: (text) => text === "drawn" ? null : step(axes.caseloads, text), place: (text) => held.places.some((one) => one.id === text) ? text : undefined,
    effect: (text) => text === "drawn" ? null : within(text, axes.effects[0], axes.effects[axes.effects.length - 1]),
    displacement: (text) => text === "drawn" ? null : inRange(text, "displacement.share"), value: (text) => inRange(text, "value.month_in_work"),
  };
  const step = (steps, text) => steps.find((one) => Math.abs(one - Number(text)) < 1e-9);
  const inRange = (text, id) => within(text, about[id].low, about[id].high);
  function within(text, low, high) {
    const value = Number(text);
    return text !== "" && value >= low && value <= high ? value : undefined;
  }
  function read() {
    const parts = new URLSearchParams(location.hash.slice(1));
    let stored = null;
    try { stored = localStorage.getItem(PREFERENCE); } catch { /* the page works without a memory */ }
    language = [parts.get("lang"), stored].find((one) => one === "et" || one === "en") ?? "et";
    const found = { a: { ...START }, b: parts.get("b") ? { ...START } : null };
    for (const [key, text] of parts) {
      const [name, control] = key.split(".");
      if (!found[name] || !(control in fits)) continue;
      const value = fits[control](text);
      if (value !== undefined) found[name][control] = value;
    }
    scenarios = found;
    show = SHOWN.includes(parts.get("show")) ? parts.get("show") : SHOWN[0];
  }
  function change(name, control, value) {
    scenarios[name] = { ...scenarios[name], [control]: value };
    refresh();
  }
  function refresh() {
    history.replaceState(null, "", written());
    render();
  }

  // Controls.
  function fill(select, options) {
    const wanted = JSON.stringify([language, options]);
    if (select.dataset.filled === wanted) return;
    select.dataset.filled = wanted;
    select.replaceChildren(...options.map((one) => {
      if (!one.options) return new Option(one.text, one.value);
      const group = document.createElement("optgroup");
      group.label = one.text;
      group.append(...one.options.map((inner) => new Option(inner.text, inner.value)));
      return group;
    }));
  }
  const placeText = (one) => one.name + (one.estimate ? " *" : "");
  function placeOptions() {
    const counties = held.places.filter((one) => one.name === one.county);
    const of = (county) => held.places.filter((one) => one.county === county.name && one !== county);
    return [
      { text: t("place.country"), value: "" },
      { text: t("place.counties"), options: counties.map((one) => ({ text: placeText(one), value: one.id })) },
      ...counties.map((county) => ({ text: county.name, options: of(county).map((one) => ({ text: placeText(one), value: one.id })) })),
    ];
  }
  const options = {
    caseload: () => [{ text: t("caseload.drawn"), value: "drawn" }, ...axes.caseloads.map((one) => ({ text: t("caseload.norm", { clients: one }), value: String(one) }))],
    odds: () => axes.odds.map((one, k) => ({ text: t(`odds.${["hardest", "today", "best"][k]}`), value: String(one) })),
    horizon: () => axes.horizons.map((one) => ({ text: t("horizon.years", { years: number(one / 12), months: one }), value: String(one) })),
    place: placeOptions,
  };
  const told = {
    coverage: (value) => coverageText(value),
    effect: (value) => value === null ? t("told.drawn") : number(value, 2),
    displacement: (value) => value === null ? t("told.drawn") : percent(value),
    value: (value) => t("told.value", { value: number(value) }),
  };
  function controls(name) {
    const scenario = scenarios[name];
    for (const [control, list] of Object.entries(options)) {
      const select = $(`${name}-${control}`);
      fill(select, list());
      select.value = scenario[control] === null ? "drawn" : String(scenario[control]);
    }
    for (const [control, say] of Object.entries(told)) {
      const input = $(`${name}-${control}`);
      const value = scenario[control];
      input.value = control === "coverage" ? axes.coverages.indexOf(value) : value ?? MOVED[control];
      input.toggleAttribute("data-off", value === null);
      input.setAttribute("aria-valuetext", say(value));
      $(`${name}-${control}-says`).textContent = say(value);
      const tick = $(`${name}-${control}-drawn`);
      if (tick) tick.checked = value === null;
    }
    for (const [control, ids] of Object.entries(ASSUMPTIONS)) {
      for (const list of all(`#panel-${name} [data-why="${control}"]`)) {
        const first = list.previousElementSibling;
        list.parentElement.querySelectorAll(".terms ~ .terms").forEach((one) => one.remove());
        ids.forEach((id, k) => {
          const place = k === 0 ? list : first.parentElement.appendChild(document.createElement("dl"));
          place.className = "terms";
          place.replaceChildren(...reasons(about[id]));
        });
      }
    }
  }
  const digitsOf = (value) => Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? (Number.isInteger(value) ? 0 : 1) : Number.isInteger(value) ? 0 : value * 10 % 1 === 0 ? 1 : String(value).split(".")[1].length > 2 ? 3 : 2;
  const amount = (value) => number(value, digitsOf(value));
  const grade = (kind, value) => t(`grade.${kind}.${["low", "middle", "high"][value - 1]}`);
  function reasons(one) {
    const terms = [
      [t("reason.assumption"), one.label[language]],
      [t("reason.value"), t("reason.range", { value: amount(one.value), low: amount(one.low), high: amount(one.high), unit: t(`unit.${one.unit}`) })],
      [t("reason.source"), one.judgement ? t("reason.judgement") : one.source[language]],
      [t("reason.quality"), grade("quality", one.quality)],
      [t("reason.impact"), grade("impact", one.impact)],
      [t("reason.rationale"), one.rationale[language]],
    ];
    return terms.map(([name, text]) => {
      const block = document.createElement("div");
      const dt = block.appendChild(document.createElement("dt"));
      const dd = block.appendChild(document.createElement("dd"));
      dt.textContent = name;
      dd.textContent = text;
      return block;
    });
  }

  // Results.
  const placeName = (scenario) => scenario.place ? model.placeOf(scenario).name : t("place.country");
  function settingsText(scenario) {
    return t("settings", {
      place: placeName(scenario), coverage: coverageText(scenario.coverage), months: scenario.horizon,
      odds: t(`odds.${["hardest", "today", "best"][axes.odds.indexOf(scenario.odds)]}`).toLowerCase(),
      caseload: scenario.caseload === null ? t("settings.caseload_drawn") : t("settings.caseload", { clients: scenario.caseload }),
      effect: scenario.effect === null ? t("settings.effect_drawn") : t("settings.effect", { effect: number(scenario.effect, 2) }),
      displacement: scenario.displacement === null ? t("settings.displacement_drawn") : t("settings.displacement", { share: percent(scenario.displacement) }),
    });
  }
  function interval(limits, format) {
    return t("interval", { low: format(limits.low), high: format(limits.high) });
  }
  function headline(scenario, answer) {
    const work = answer.net_exits_work.extra;
    const digits = personsDigits(Object.values(work));
    const net = answer.net.extra;
    const unit = euroUnit(Object.values(net));
    return t("headline", {
      place: placeName(scenario), coverage: coverageText(scenario.coverage), months: scenario.horizon,
      work: number(work.median, digits, true), work_interval: interval(work, (value) => number(value, digits, true)),
      net: t(`euros.${unit.name}`, { value: euros(net.median, unit) }), net_interval: interval(net, (value) => euros(value, unit)),
    });
  }
  function beyond(scenario, answer) {
    const seen = held.seen, found = [];
    const above = (value, most) => value > most * seen.tolerance;
    const reached = answer.share_reached.median;
    if (above(reached, seen.coverage)) found.push(t("beyond.coverage", { value: percent(reached), seen: percent(seen.coverage) }));
    if (above(answer.country.in_cooperation, seen.in_cooperation)) found.push(t("beyond.in_cooperation", { value: number(answer.country.in_cooperation), seen: number(seen.in_cooperation) }));
    if (above(answer.country.case_managers, answer.country.case_managers_today)) found.push(t("beyond.case_managers", { value: number(answer.country.case_managers), seen: number(answer.country.case_managers_today) }));
    if (above(scenario.horizon, seen.months)) found.push(t("beyond.months", { value: scenario.horizon, seen: number(seen.months) }));
    if (scenario.coverage > seen.held_on) found.push(t("beyond.held_on", { found: percent(seen.found) }));
    const effect = about["effect.hazard_ratio_work"];
    if (scenario.effect !== null && (scenario.effect < effect.low || scenario.effect > effect.high)) {
      found.push(t("beyond.effect", { value: number(scenario.effect, 2), low: number(effect.low, 2), high: number(effect.high, 2) }));
    }
    return found;
  }
  function cell(tag, text, more = {}) {
    const made = document.createElement(tag);
    made.textContent = text;
    for (const [name, value] of Object.entries(more)) made.setAttribute(name, value);
    return made;
  }
  function rowOf(...cells) {
    const made = document.createElement("tr");
    made.append(...cells);
    return made;
  }
  function table(element, caption, heads, rows) {
    const head = document.createElement("thead");
    head.append(rowOf(...heads.map((text, k) => cell("th", text, { scope: "col", ...(k ? { class: "number" } : {}) }))));
    const body = document.createElement("tbody");
    for (const row of rows) Array.from(row.children).forEach((one, k) => { if (k) one.dataset.head = heads[k]; });
    body.append(...rows);
    const parts = [head, body];
    if (caption) parts.unshift(cell("caption", caption.text, { id: caption.id }));
    element.replaceChildren(...parts);
  }
  function outcomeRow(name, answer, unit, chance) {
    const one = answer[name];
    const isEuro = EUROS(name);
    const digits = isEuro ? 0 : personsDigits([one.extra.low, one.extra.high, one.extra.median]);
    const format = (value, signed) => isEuro ? euros(value, unit, signed) : number(value, digits, signed);
    const level = (side) => one[side] ? format(one[side].median, false) : "–";
    const cells = [
      cell("th", t(`outcome.${name}`), { scope: "row" }),
      cell("td", level("today"), { class: "number" }), cell("td", level("then"), { class: "number" }),
      cell("td", format(one.extra.median, true), { class: "number main" }), cell("td", interval(one.extra, (value) => format(value, true)), { class: "number" }),
    ];
    if (chance) cells.push(cell("td", one.chance ? interval(one.chance, (value) => format(value, true)) : "–", { class: "number" }));
    const made = rowOf(...cells);
    made.dataset.outcome = name;
    return made;
  }
  const GROUPS = {
    people: ["exits_work", "net_exits_work", "exits_other", "in_cooperation", "registered"],
    staff: model.WORKERS,
    money: ["cost", "return", "net", "net_with_value"],
  };
  function unitOf(answer) {
    return euroUnit(["cost", "return", "net", "net_with_value"].flatMap((name) => Object.values(answer[name].extra)));
  }
  function results(name) {
    const scenario = scenarios[name];
    const answer = model.answer(scenario);
    const unit = unitOf(answer);
    const chance = scenario.place !== "";
    $(`settings-${name}`).textContent = settingsText(scenario);
    $(`headline-${name}`).textContent = headline(scenario, answer);
    const found = beyond(scenario, answer);
    $(`beyond-${name}`).replaceChildren(...(found.length ? [beyondBox(found)] : []));
    const heads = ["column.outcome", "column.today", "column.then", "column.extra", "column.interval", ...(chance ? ["column.chance"] : [])].map((key) => t(key));
    const rows = Object.entries(GROUPS).flatMap(([group, names]) => [
      Object.assign(rowOf(cell("th", t(`group.${group}`, { unit: t(`unit.eur.${unit.name}`), months: scenario.horizon }), { scope: "rowgroup", colspan: String(heads.length) })), { className: "group" }),
      ...names.map((one) => outcomeRow(one, answer, unit, chance)),
    ]);
    table($(`table-${name}`), { id: `caption-${name}`, text: t("caption", { scenario: name.toUpperCase(), place: placeName(scenario), months: scenario.horizon }) }, heads, rows);
    $(`note-${name}`).textContent = [t("note", { draws: held.draws.displacement.length, months: scenario.horizon, value: number(scenario.value) }), chance ? placeNote(scenario) : ""].join(" ").trim();
    $(`table-${name}`).classList.toggle("chance", chance);
    payersTable(name, answer, unit);
    return answer;
  }
  function placeNote(scenario) {
    const place = model.placeOf(scenario);
    return [t("note.place", { share: percent(place.weight, place.weight < 0.01 ? 2 : 1) }), t(place.rate ? "note.rate" : "note.no_rate"), place.estimate ? t("note.estimate") : ""].filter(Boolean).join(" ");
  }
  function beyondBox(found) {
    const box = document.createElement("p");
    box.append(cell("strong", t("beyond.heading")), ` ${found.join(" ")}`);
    return box;
  }
  function payersTable(name, answer, unit) {
    const kinds = ["cost", "return", "net"];
    const heads = [t("column.payer"), ...kinds.map((kind) => t(`kind.${kind}`))];
    const rows = [...model.payers, "all"].map((payer) => rowOf(
      cell("th", t(`payer.${payer}`), { scope: "row" }),
      ...kinds.map((kind) => {
        const limits = answer[payer === "all" ? kind : `${kind}_${payer}`].extra;
        return cell("td", `${euros(limits.median, unit)} (${interval(limits, (value) => euros(value, unit))})`, { class: "number" });
      })));
    table($(`payers-${name}`), { id: `caption-payers-${name}`, text: t("caption.payers", { scenario: name.toUpperCase(), unit: t(`unit.eur.${unit.name}`), months: scenarios[name].horizon }) }, heads, rows);
  }

  // Charts.
  const present = () => ["a", "b"].filter((name) => scenarios[name]);
  function apart(series) {
    if (series.length < 2) return series;
    const [a, b] = series.map((one) => one.points[one.points.length - 1].median);
    const spread = Math.max(...series.flatMap((one) => one.points.flatMap((p) => [Math.abs(p.low), Math.abs(p.high)])));
    if (Math.abs(a - b) < spread * 0.06) { series[0].nudge = a >= b ? -9 : 9; series[1].nudge = -series[0].nudge; }
    return series;
  }
  function yFormat(name, values) {
    if (!EUROS(name)) return { unit: t(WORKERS.has(name) ? "unit.workers" : "unit.persons"), format: (value) => number(value, Math.max(...values.map(Math.abs)) < 5 ? 1 : 0) };
    const unit = euroUnit(values);
    const fine = Math.max(...values.map(Math.abs)) / unit.by < 5;
    return { unit: t(`unit.eur.${unit.name}`), format: (value) => number(value / unit.by, fine ? 1 : 0) };
  }
  function byCoverage() {
    const series = apart(present().map((name) => {
      const points = axes.coverages.map((coverage) => ({ x: coverage, ...model.answer({ ...scenarios[name], coverage })[show].extra }));
      return { name, points, at: points.find((point) => point.x === scenarios[name].coverage) };
    }));
    const values = series.flatMap((one) => one.points.flatMap((p) => [p.low, p.high]));
    const y = yFormat(show, values);
    const sayings = series.map((one) => t("chart.coverage.says", { scenario: one.name.toUpperCase(), coverage: coverageText(one.at.x), ...figures(one.at, y) }));
    return {
      lang: language, series, marks: [], range: null, x: [0, axes.coverages[axes.coverages.length - 1]], xTicks: axes.coverages, xFormat: (x) => coverageText(x), yFormat: y.format,
      title: t("chart.coverage.title", { outcome: t(`outcome.${show}`) }), subtitle: t("chart.coverage.subtitle", { unit: y.unit, months: months() }),
      xLabel: t("chart.coverage.x"), yLabel: t("chart.y", { unit: y.unit }), foot: t("chart.foot", { settings: settingsFoot() }), description: sayings.join(" "),
      heads: [t("control.coverage")], label: coverageText, y,
    };
  }
  const months = () => present().map((name) => scenarios[name].horizon).filter((one, k, list) => list.indexOf(one) === k).join(" / ");
  const settingsFoot = () => present().map((name) => `${name.toUpperCase()}: ${settingsText(scenarios[name])}`).join(" ");
  function figures(point, y) {
    const digits = Math.max(Math.abs(point.low), Math.abs(point.high));
    const fine = EUROS(show) ? y.format : (value) => number(value, digits < 10 ? 1 : 0, true);
    return { median: fine(point.median), low: fine(point.low), high: fine(point.high), unit: y.unit };
  }
  function byEffect() {
    const found = Object.fromEntries(present().map((name) => [name, model.byEffect(scenarios[name])]));
    const series = apart(present().map((name) => {
      const points = found[name];
      const at = scenarios[name].effect === null ? null : points.find((point) => Math.abs(point.x - scenarios[name].effect) < 1e-9);
      return { name, points, at };
    }));
    const marks = present().map((name) => ({ name, ...model.breakEven(found[name]) })).filter((one) => one.at !== undefined)
      .map((one) => ({ name: one.name, x: one.at, text: t(present().length > 1 ? "chart.effect.mark_of" : "chart.effect.mark", { scenario: one.name.toUpperCase(), effect: number(one.at, 2) }) }));
    const y = yFormat("net", series.flatMap((one) => one.points.flatMap((p) => [p.low, p.high])));
    const effect = about["effect.hazard_ratio_work"];
    return {
      lang: language, series, marks, range: [effect.low, effect.high], x: [axes.effects[0], axes.effects[axes.effects.length - 1]], xTicks: [...new Set([...axes.effects, 1.5, 2.5])].sort((one, other) => one - other), xFormat: (x) => number(x, digitsOf(x)), yFormat: y.format,
      title: present().map((name) => breakEvenShort(name, found[name])).join("; "),
      subtitle: t("chart.effect.subtitle", { unit: y.unit, months: months(), value: present().map((name) => number(scenarios[name].value)).filter((one, k, list) => list.indexOf(one) === k).join(" / ") }),
      xLabel: t("chart.effect.x"), yLabel: t("chart.y", { unit: y.unit }), foot: t("chart.foot", { settings: settingsFoot() }),
      description: present().map((name) => breakEvenText(name, found[name])).join(" "), heads: [t("control.effect")], label: (x) => number(x, 2), y, found,
    };
  }
  function breakEvenText(name, points) {
    const found = model.breakEven(points);
    return t(`breakeven.${found.status}`, { effect: found.at === undefined ? "" : number(found.at, 2), low: number(axes.effects[0], 1), high: number(axes.effects[axes.effects.length - 1], 1), value: number(scenarios[name].value) });
  }
  function breakEvenShort(name, points) {
    const found = model.breakEven(points);
    return t(`short.${found.status}`, { scenario: name.toUpperCase(), effect: found.at === undefined ? "" : number(found.at, 2) });
  }
  const scheme = () => matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  function figure(name, spec, key) {
    const place = $(`chart-${name}`);
    const width = Math.max(240, Math.round(place.clientWidth));
    const height = Math.round(Math.min(460, Math.max(300, width * 0.62)));
    $(`chart-${name}-title`).textContent = spec.title;
    $(`chart-${name}-subtitle`).textContent = spec.subtitle;
    $(`chart-${name}-key`).textContent = key;
    place.innerHTML = chart.draw(spec, width, height, scheme(), false, `drawn-${name}`);
    const heads = [...spec.heads, ...spec.series.flatMap((one) => [t("table.median", { scenario: one.name.toUpperCase() }), t("table.interval", { scenario: one.name.toUpperCase() })])];
    const rows = spec.series[0].points.map((point, k) => rowOf(
      cell("th", spec.label(point.x), { scope: "row" }),
      ...spec.series.flatMap((one) => [cell("td", spec.y.format(one.points[k].median), { class: "number" }), cell("td", interval(one.points[k], spec.y.format), { class: "number" })])));
    table($(`chart-${name}-table`), { id: `chart-${name}-caption`, text: spec.title }, heads, rows);
  }

  // What is taken along.
  function given(name) {
    const scenario = scenarios[name];
    const set = { "coverage.share": scenario.coverage };
    if (scenario.odds !== held.levers["reach.selection_odds"]) set["reach.selection_odds"] = scenario.odds;
    if (scenario.caseload !== null) for (const id of held.caseloads) set[id] = scenario.caseload;
    if (scenario.displacement !== null) set["displacement.share"] = scenario.displacement;
    if (scenario.value !== held.levers["value.month_in_work"]) set["value.month_in_work"] = scenario.value;
    const effect = about["effect.hazard_ratio_work"];
    const outside = scenario.effect !== null && (scenario.effect < effect.low || scenario.effect > effect.high);
    if (scenario.effect !== null && !outside) set[effect.id] = scenario.effect;
    return { set, beyond: outside ? `${effect.id}=${scenario.effect}` : "" };
  }
  function yaml(name) {
    const quoted = (lang) => JSON.stringify(held.texts[lang]["yaml.label"].replace("{scenario}", name.toUpperCase()));
    const lines = Object.entries(given(name).set).map(([id, value]) => `  ${id}: ${value}`);
    return ["extends: baseline", `label_et: ${quoted("et")}`, `label_en: ${quoted("en")}`, `why: ${JSON.stringify(held.texts.en["yaml.why"])}`, "set:", ...lines, ""].join("\n");
  }
  function command(name) {
    const more = given(name).beyond ? ` --beyond ${given(name).beyond}` : "";
    return `uhisabi scale explorer-${name}.yml --vs baseline --draws ${held.draws.displacement.length} --months ${scenarios[name].horizon} --seed ${held.seed}${more}`;
  }
  function commands() {
    $("commands").replaceChildren(...present().map((name) => {
      const block = document.createElement("div");
      block.className = "command";
      const pre = cell("pre", "", { tabindex: "0", role: "region", "aria-label": t("command.label", { scenario: name.toUpperCase() }) });
      pre.append(cell("code", command(name), { id: `command-${name}` }));
      const row = document.createElement("p");
      row.className = "row";
      const download = cell("button", t("download.yaml", { name: `explorer-${name}.yml` }), { type: "button", id: `yaml-${name}` });
      download.addEventListener("click", () => save(`explorer-${name}.yml`, "text/yaml", yaml(name)));
      const copied = cell("button", t("copy_command", { scenario: name.toUpperCase() }), { type: "button", id: `copy-command-${name}` });
      copied.addEventListener("click", () => copy(command(name)));
      row.append(copied, download);
      block.append(pre, row);
      if (scenarios[name].place) block.append(cell("p", t("command.place"), { class: "note" }));
      return block;
    }));
  }
  function csv() {
    const heads = ["scenario", "place", "coverage", "odds", "caseload", "effect", "displacement", "value_eur_per_month", "months", "outcome", "unit", "today_median", "scenario_median", "extra_low90", "extra_median", "extra_high90", "chance_low90", "chance_high90", "draws"];
    const quote = (value) => /[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
    const near = (value) => value === undefined ? "" : Number(value.toPrecision(6));
    const rows = present().flatMap((name) => {
      const one = scenarios[name];
      const fixed = [name.toUpperCase(), one.place ? placeName(one) : "Eesti", one.coverage, one.odds, one.caseload ?? "drawn", one.effect ?? "drawn", one.displacement ?? "drawn", one.value, one.horizon];
      return Object.entries(last[name]).filter(([, found]) => found.extra).map(([outcome, found]) => [...fixed, outcome, EUROS(outcome) ? "eur_present_value" : WORKERS.has(outcome) ? "full_time_workers" : "persons",
        near(found.today?.median), near(found.then?.median), near(found.extra.low), near(found.extra.median), near(found.extra.high), near(found.chance?.low), near(found.chance?.high), model.N]);
    });
    return [heads, ...rows].map((row) => row.map(quote).join(",")).join("\n") + "\n";
  }
  function save(name, type, content) {
    const link = document.createElement("a");
    const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: `${type};charset=utf-8` }));
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
    announce(t("saved", { name }));
  }
  const PICTURE = [1200, 720];
  function picture(name, form) {
    const svg = chart.draw(name === "coverage" ? byCoverage() : byEffect(), ...PICTURE, "light", true, "picture");
    if (form === "svg") { save(`explorer-${name}-${language}.svg`, "image/svg+xml", svg); return; }
    const image = new Image();
    image.addEventListener("load", () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = PICTURE.map((one) => 2 * one);
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(`explorer-${name}-${language}.png`, "image/png", blob), "image/png");
    });
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  }
  async function copy(text) {
    let done = false;
    try { await navigator.clipboard.writeText(text); done = true; } catch {
      const field = document.body.appendChild(document.createElement("textarea"));
      const focused = document.activeElement;
      field.value = text;
      field.style.cssText = "position:fixed;top:0;opacity:0";
      field.select();
      try { done = document.execCommand("copy"); } catch { /* told below */ }
      field.remove();
      focused.focus({ preventScroll: true });
    }
    announce(t(done ? "copied" : "copy_failed"));
  }
  let clearing = 0;
  function announce(text) {
    clearTimeout(clearing);
    $("announcement").textContent = "";
    requestAnimationFrame(() => { $("announcement").textContent = text; });
    clearing = setTimeout(() => { $("announcement").textContent = ""; }, 5000);
  }

  // The whole page.
  function words() {
    if (root.dataset.said === language) return;
    root.dataset.said = language;
    root.lang = language;
    document.title = t("title");
    for (const element of all("[data-t]")) element.textContent = t(element.dataset.t);
    for (const button of all("[data-switch]")) button.setAttribute("aria-pressed", String(button.dataset.switch === language));
    const facts = { found: percent(held.seen.found), draws: model.N, seed: held.seed, tolerance: t("tolerance", { share: percent(0.03) }), effects: axes.effects.map((one) => number(one, digitsOf(one))).join("; ") };
    $("how").replaceChildren(...["runs", "effect", "draws", "staff", "path", "chance", "link"].map((key) => cell("li", t(`how.${key}`, facts))));
    const heads = ["reason.assumption", "reason.value", "reason.low", "reason.high", "reason.unit", "reason.quality", "reason.impact", "reason.source", "reason.rationale"].map((key) => t(key));
    const rows = held.assumptions.map((one) => rowOf(
      cell("th", one.label[language], { scope: "row" }), ...[one.value, one.low, one.high].map((value) => cell("td", amount(value), { class: "number" })),
      cell("td", t(`unit.${one.unit}`)), cell("td", grade("quality", one.quality)), cell("td", grade("impact", one.impact)),
      cell("td", one.judgement ? t("reason.judgement") : one.source[language], { class: "long" }),
      cell("td", one.rationale[language], { class: "long" })));
    table($("all-table"), { id: "all-caption", text: t("all_caption") }, heads, rows);
    all("#all-table thead th").forEach((one, k) => one.classList.toggle("number", k > 0 && k < 4));
  }
  // Drawn after the numbers have been painted, so that those are there at once.
  function charts() {
    const key = t(present().length > 1 ? "chart.key_two" : "chart.key");
    const spec = byEffect();
    for (const name of present()) $(`breakeven-${name}`).textContent = breakEvenText(name, spec.found[name]);
    figure("coverage", byCoverage(), key);
    figure("effect", spec, `${key} ${t("chart.effect.key")}`);
  }
  let telling = 0, painting = 0, drawing = 0;
  function render() {
    words();
    document.body.classList.toggle("two", scenarios.b !== null);
    for (const id of ["panel-b", "result-b"]) $(id).hidden = scenarios.b === null;
    $("add-b").parentElement.hidden = scenarios.b !== null;
    fill($("show"), SHOWN.map((one) => ({ text: t(`outcome.${one}`), value: one })));
    $("show").value = show;
    last = {};
    for (const name of present()) { controls(name); last[name] = results(name); }
    cancelAnimationFrame(painting);
    clearTimeout(drawing);
    painting = requestAnimationFrame(() => { drawing = setTimeout(charts); });
    commands();
    clearTimeout(telling);
    telling = setTimeout(() => {
      $("summary").textContent = present().map((name) => t("scenario_says", { scenario: name.toUpperCase(), says: $(`headline-${name}`).textContent })).join(" ");
    }, 400);
  }

  const read_value = {
    coverage: (input) => axes.coverages[Number(input.value)], place: (input) => input.value,
    caseload: (input) => input.value === "drawn" ? null : Number(input.value),
  };
  for (const input of all("[data-scenario][data-control]")) {
    input.addEventListener("input", () => {
      const { scenario, control } = input.dataset;
      change(scenario, control, (read_value[control] ?? ((one) => Number(one.value)))(input));
    });
  }
  for (const tick of all("[data-drawn]")) {
    tick.addEventListener("change", () => change(tick.dataset.scenario, tick.dataset.drawn, tick.checked ? null : Number($(`${tick.dataset.scenario}-${tick.dataset.drawn}`).value)));
  }
  for (const form of all("form")) form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of all("[data-reset]")) button.addEventListener("click", () => { scenarios[button.dataset.reset] = { ...START }; refresh(); });
  $("add-b").addEventListener("click", () => { scenarios.b = { ...scenarios.a }; refresh(); $("b-coverage").focus(); });
  $("remove-b").addEventListener("click", () => { scenarios.b = null; refresh(); $("add-b").focus(); });
  $("show").addEventListener("input", () => { show = $("show").value; refresh(); });
  for (const button of all("[data-switch]")) {
    button.addEventListener("click", () => {
      language = button.dataset.switch;
      try { localStorage.setItem(PREFERENCE, language); } catch { /* the page works without a memory */ }
      refresh();
    });
  }
  for (const button of all("[data-picture]")) button.addEventListener("click", () => picture(button.dataset.picture, button.dataset.form));
  $("download-csv").addEventListener("click", () => save(`explorer-${language}.csv`, "text/csv", csv()));
  $("copy-link").addEventListener("click", () => copy(location.href));
  document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); $("top").focus(); $("top").scrollIntoView(); });
  window.addEventListener("hashchange", () => { read(); render(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
  let resizing = 0, wide = innerWidth;
  window.addEventListener("resize", () => {
    if (innerWidth === wide) return;
    wide = innerWidth;
    clearTimeout(resizing);
    resizing = setTimeout(render, 150);
  });
  read();
  requestAnimationFrame(() => setTimeout(() => performance.mark("first-result"))); // once the frame is painted
  render();
})();
