// Charts as SVG text: lines with bands along one axis. Colours are written out, so that a downloaded picture keeps them.
const chart = (function () {
  "use strict";
  const PALETTES = {
    light: { paper: "#ffffff", text: "#1b2127", muted: "#4a5763", line: "#d3dae1", axis: "#6b7985", a: "#12436d", b: "#801650", stamp: "#7a4100" },
    dark: { paper: "#11171d", text: "#e7ecf1", muted: "#b4c0cb", line: "#34414d", axis: "#8594a1", a: "#9ccbf5", b: "#ffb0d2", stamp: "#ffcb94" },
  };
  const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', Arial, sans-serif";
  const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  const wide = (text, size) => text.length * size * 0.57;
  const wideFigures = (text, size) => text.length * size * 0.68;

  function wrap(text, size, width) {
    const lines = [""];
    for (const word of text.split(" ")) {
      const longer = lines[lines.length - 1] ? `${lines[lines.length - 1]} ${word}` : word;
      if (wide(longer, size) > width && lines[lines.length - 1]) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    return lines;
  }
  function ticks(low, high, most) {
    const raw = (high - low) / most;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw);
    const found = [];
    for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9; k += 1) found.push(k * step);
    return found;
  }
  // spec: title, subtitle, foot, xLabel, yLabel, xTicks, xFormat, yFormat, series [{ name, points, at }], marks, range.
  function draw(spec, width, height, scheme, whole, id) {
    const colours = PALETTES[scheme];
    const size = whole ? 16 : width < 420 ? 12.5 : 14;
    const parts = [];
    const say = (x, y, text, more = "") => parts.push(`<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" fill="${colours.text}" ${more}>${escape(text)}</text>`);
    let top = size * 1.2;
    if (whole) {
      const title = wrap(spec.title, size * 1.45, width - 50);
      title.forEach((text, k) => say(24, 40 + k * size * 1.8, text, `style="font-size:${size * 1.45}px;font-weight:650"`));
      const subtitle = wrap(spec.subtitle, size, width - 50);
      top = 40 + title.length * size * 1.8;
      subtitle.forEach((text, k) => say(24, top + k * size * 1.35, text, `fill-opacity="0.85"`));
      top += subtitle.length * size * 1.35 + size * 1.4;
    }
    const values = spec.series.flatMap((one) => one.points.flatMap((p) => [p.low, p.high]));
    let [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
    if (high - low < 1e-9) high = low + 1;
    const room = (high - low) * 0.06;
    low -= low < 0 ? room : 0;
    high += high > 0 ? room : 0;
    const yTicks = ticks(low, high, Math.max(4, Math.round(height / 90)));
    const yTexts = yTicks.map(spec.yFormat);
    const left = (whole ? 24 : 2) + Math.max(...yTexts.map((text) => wideFigures(text, size))) + 10;
    const foot = whole ? wrap(spec.foot, size * 0.9, width - 50) : [];
    const bottom = height - size * 3.1 - (whole ? foot.length * size * 1.25 + size * 1.2 : 0);
    const right = width - (spec.series.length > 1 ? 30 : whole ? 30 : 16);
    const markRoom = spec.marks.length ? size * 1.5 * spec.marks.length : 0;
    const yLines = wrap(spec.yLabel, size, width - 20);
    yLines.forEach((text, k) => say(whole ? 24 : 2, top + k * size * 1.3, text, `fill-opacity="0.85"`));
    const ceiling = top + (yLines.length - 1) * size * 1.3 + size * 0.9 + markRoom;
    const first = spec.x[0], last = spec.x[1];
    const X = (x) => left + (x - first) / (last - first) * (right - left);
    const Y = (y) => bottom - (y - low) / (high - low) * (bottom - ceiling);
    if (spec.range) {
      const [x0, x1] = spec.range.map(X);
      parts.push(`<rect x="${x0.toFixed(1)}" y="${ceiling.toFixed(1)}" width="${(x1 - x0).toFixed(1)}" height="${(bottom - ceiling).toFixed(1)}" fill="${colours.axis}" fill-opacity="0.13"/>`);
    }
    yTicks.forEach((y, k) => {
      parts.push(`<line x1="${left.toFixed(1)}" x2="${right.toFixed(1)}" y1="${Y(y).toFixed(1)}" y2="${Y(y).toFixed(1)}" stroke="${y === 0 ? colours.text : colours.line}" stroke-width="1"/>`);
      say(left - 8, Y(y) + size * 0.35, yTexts[k], `text-anchor="end"`);
    });
    let taken = -Infinity;
    for (const x of spec.xTicks) {
      const text = spec.xFormat(x);
      const half = wide(text, size) / 2;
      if (X(x) - half < taken + 6) continue;
      taken = X(x) + half;
      parts.push(`<line x1="${X(x).toFixed(1)}" x2="${X(x).toFixed(1)}" y1="${bottom.toFixed(1)}" y2="${(bottom + 5).toFixed(1)}" stroke="${colours.axis}"/>`);
      say(Math.min(X(x), width - half - 2), bottom + size * 1.35, text, `text-anchor="middle"`);
    }
    wrap(spec.xLabel, size, width - 20).slice(0, 1).forEach((text) => say((left + right) / 2, bottom + size * 2.7, text, `text-anchor="middle" fill-opacity="0.85"`));
    spec.series.forEach((one) => {
      const colour = colours[one.name];
      const dash = one.name === "b" ? `stroke-dasharray="7 5"` : "";
      const line = (side) => one.points.map((p) => `${X(p.x).toFixed(1)},${Y(p[side]).toFixed(1)}`);
      parts.push(`<polygon points="${[...line("low"), ...line("high").reverse()].join(" ")}" fill="${colour}" fill-opacity="0.16" stroke="${colour}" stroke-opacity="0.55" stroke-width="1" ${one.name === "b" ? `stroke-dasharray="2 4"` : ""}/>`);
      parts.push(`<polyline points="${line("median").join(" ")}" fill="none" stroke="${colour}" stroke-width="${whole ? 3 : 2.5}" ${dash}/>`);
      const end = one.points[one.points.length - 1];
      const beside = one.at && one.at.x === end.x ? 18 : 8;
      if (spec.series.length > 1) parts.push(`<text x="${(X(end.x) + beside).toFixed(1)}" y="${(Y(end.median) + size * 0.35 + (one.nudge ?? 0)).toFixed(1)}" font-size="${size}" font-weight="700" fill="${colour}">${one.name.toUpperCase()}</text>`);
      if (one.at) {
        const at = X(one.at.x) + (one.name === "b" && spec.series.length > 1 ? 5 : 0);
        parts.push(`<line x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="${Y(one.at.low).toFixed(1)}" y2="${Y(one.at.high).toFixed(1)}" stroke="${colour}" stroke-width="2.5"/>`);
        parts.push(one.name === "b"
          ? `<rect x="${(at - 6).toFixed(1)}" y="${(Y(one.at.median) - 6).toFixed(1)}" width="12" height="12" fill="${colours.paper}" stroke="${colour}" stroke-width="3"/>`
          : `<circle cx="${at.toFixed(1)}" cy="${Y(one.at.median).toFixed(1)}" r="6.5" fill="${colour}" stroke="${colours.paper}" stroke-width="1.5"/>`);
      }
    });
    spec.marks.forEach((mark, k) => {
      const colour = colours[mark.name];
      const x = X(mark.x), y = ceiling - markRoom + size * (1 + 1.5 * k);
      const half = wide(mark.text, size) * 0.58;
      const middle = Math.max(left + half - 4, Math.min(x, width - half - 4));
      parts.push(`<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${(y + 5).toFixed(1)}" y2="${bottom.toFixed(1)}" stroke="${colour}" stroke-width="2" stroke-dasharray="3 4"/>`);
      parts.push(`<path d="M${x.toFixed(1)} ${(Y(0) - 8).toFixed(1)}l8 8-8 8-8-8z" fill="${colours.paper}" stroke="${colour}" stroke-width="2.5"/>`);
      parts.push(`<text x="${middle.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" font-weight="650" text-anchor="middle" fill="${colour}">${escape(mark.text)}</text>`);
    });
    if (whole) {
      foot.forEach((text, k) => parts.push(`<text x="24" y="${(height - 18 - (foot.length - 1 - k) * size * 1.25).toFixed(1)}" font-size="${size * 0.9}" fill="${colours.stamp}">${escape(text)}</text>`));
    }
    const ground = whole ? `<rect width="${width}" height="${height}" fill="${colours.paper}"/>` : "";
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${escape(FONT)}" role="img" aria-labelledby="${id}-t ${id}-d" lang="${spec.lang}"><title id="${id}-t">${escape(spec.title)}</title><desc id="${id}-d">${escape(spec.description)}</desc>${ground}${parts.join("")}</svg>`;
  }
  return { draw };
})();
