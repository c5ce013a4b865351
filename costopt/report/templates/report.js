"use strict";
// Recomputes money and counts from the stored curve, with the operations of OperatingPoint in Python
// in the same order, so that both give the same number to the last digit.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const CELLS = ["fp", "fn", "tp", "tn"];
  const last = data.thresholds.length - 1;
  const slider = $("threshold"), cases = $("cases");
  const fields = CELLS.map((cell) => $("cost-" + cell));
  const good = { cases: data.cases_a_day, costs: data.declared.slice() };

  // As Python's format: half to even, where a number lies exactly between.
  function fixed(value, digits) {
    if (!Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    let text = size.toFixed(digits);
    const exact = size.toFixed(Math.min(digits + 40, 100));
    const point = exact.indexOf(".") + 1 + digits;
    if (size < 1e15 && /^50*$/.test(exact.slice(point))) {
      const down = exact.slice(0, point).replace(/\.$/, "");
      if ("02468".includes(down[down.length - 1])) text = down;
    }
    const [whole, rest] = text.split(".");
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest === undefined ? "" : "." + rest);
    return (value < 0 && Number(text) !== 0 ? "-" : "") + grouped;
  }
  const money = (value) => fixed(value, Math.abs(value) >= 1e5 ? 0 : Math.abs(value) >= 100 ? 1 : 2);
  const amount = (value) => fixed(value, 1);
  const percent = (share) => (Number.isFinite(share) ? fixed(100 * share, 1) + " %" : "–");

  // Three digits of a share, two of what is left to 100 %, as percent() in Python.
  function places(size, digits) {
    let found = 0;
    for (let unit = 10 ** (digits - 1); size > 0 && size < unit && found < 12; unit /= 10) found += 1;
    return found;
  }
  function shortPercent(share) {
    const value = 100 * share;
    const text = fixed(value, Math.max(places(Math.abs(value), 3), places(Math.abs(100 - value), 2)));
    return (text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text) + " %";
  }

  function thresholdText(index) {
    if (index === 0) return "never act";
    if (index === last) return "always act";
    return shortPercent(data.thresholds[index]);
  }

  function point(caught, alarms, cells) {
    const missed = data.caught[last] - caught, left = data.false_alarms[last] - alarms;
    const counts = [alarms, missed, caught, left];
    const n = caught + alarms + missed + left;
    const paid = CELLS.map((_, i) => good.costs[i] * (Array.isArray(data.cells[i]) ? cells[i] : counts[i]));
    const total = paid.reduce((sum, each) => sum + each, 0);
    return {
      fn: paid[1], tp: paid[2], mean: total / n, alerts: (caught + alarms) / n, missed: missed / n,
      precision: caught / (caught + alarms), recall: caught / (caught + missed),
    };
  }
  const at = (i) => point(data.caught[i], data.false_alarms[i],
    data.cells.map((cell) => (Array.isArray(cell) ? cell[i] : cell)));
  const selected = () => point(data.selected.caught, data.selected.false_alarms, data.selected.cells);

  // Share of the money at stake in positives: what missing one costs more than catching it.
  function saved(found) {
    const never = at(0).fn, stake = never - at(last).tp;
    return stake > 0 ? (never - found.fn - found.tp) / stake : NaN;
  }

  // What the rule would decide at other costs: the Bayes threshold, or the cheapest one.
  function recommendation() {
    const [fp, fn, tp, tn] = good.costs, alarm = fp - tn, miss = fn - tp;
    if (!changed()) return { index: data.start, text: thresholdText(data.start), found: selected() };
    let index = best, text = "";
    if (data.rule === "bayes" && (alarm > 0 || miss > 0 || (alarm === 0 && miss === 0))) {
      if (miss <= 0) index = 0;
      else if (alarm <= 0) index = last;
      else {
        const threshold = alarm / (alarm + miss);
        text = shortPercent(threshold);
        index = 0;
        while (index + 1 < last && data.thresholds[index + 1] >= threshold) index += 1;
      }
    }
    return { index, text: text || thresholdText(index), found: at(index) };
  }
  const changed = () => good.costs.some((cost, i) => cost !== data.declared[i]);

  let curve = [], best = data.best;
  function recompute() {
    curve = data.thresholds.map((_, i) => at(i).mean);
    const lowest = Math.min(...curve), scale = Math.max(...curve.map(Math.abs));
    best = -1;
    curve.forEach((mean, i) => {
      const nearer = best < 0 || Math.abs(i - data.best) < Math.abs(best - data.best);
      if (mean <= lowest + 1e-12 * scale && nearer) best = i;
    });
  }

  function costScale(means) {
    const lowest = Math.min(...means), base = Math.min(means[0], means[last]);
    let half = 0;
    while (half + 1 < last && data.thresholds[half + 1] >= 0.5) half += 1;
    let high = base > lowest ? Math.min(Math.max(...means), base + 0.6 * (base - lowest)) : 0;
    high = Math.max(high, base, means[half], 0);
    const low = Math.min(lowest, 0), span = high - low || 1;
    const rough = 10 ** Math.floor(Math.log10(span / 4));
    const step = [1, 2, 5, 10].map((nice) => rough * nice).find((nice) => span / nice <= 5) || span;
    return [step * Math.floor(low / step), step * Math.ceil((high || step) / step), step];
  }

  let down = () => 0;
  function draw() {
    const { top, bottom, left, right, x } = data.picture;
    const means = curve.map((mean) => good.cases * mean);
    const [low, high, step] = costScale(means);
    down = (value) => top + (bottom - top) * (high - value) / (high - low);
    let path = "M" + x[0] + " " + down(means[0]).toFixed(1);
    for (let i = 1; i <= last; i += 1) path += "H" + x[i] + "V" + down(means[i]).toFixed(1);
    $("line").setAttribute("d", path);
    const ticks = $("y-ticks"), name = "http://www.w3.org/2000/svg";
    ticks.replaceChildren();
    for (let value = low; value <= high + step / 2; value += step) {
      const line = document.createElementNS(name, "line"), text = document.createElementNS(name, "text");
      const y = down(value);
      for (const [key, to] of Object.entries({ class: "axis", x1: left, x2: right, y1: y, y2: y })) line.setAttribute(key, to);
      for (const [key, to] of Object.entries({ x: left - 6, y: y + 4, "text-anchor": "end" })) text.setAttribute(key, to);
      text.textContent = Number(value.toPrecision(10)).toLocaleString("en-US", { maximumSignificantDigits: 10 });
      ticks.append(line, text);
    }
    for (const [id, words, cost] of [["always", "always act: ", means[last]], ["never", "never act: ", means[0]]]) {
      $(id + "-text").textContent = words + money(cost) + (cost > high ? " ↑" : "");
      $(id + "-text").setAttribute("y", Math.max(down(cost), top + 12) - 6);
    }
  }

  function fill(column, threshold, found) {
    $(column + "-threshold").textContent = threshold;
    $(column + "-cost").textContent = money(good.cases * found.mean);
    $(column + "-alerts").textContent = amount(good.cases * found.alerts);
    $(column + "-precision").textContent = percent(found.precision);
    $(column + "-recall").textContent = percent(found.recall);
    if (data.money_varies) $(column + "-saved").textContent = percent(saved(found));
    $(column + "-missed").textContent = amount(good.cases * found.missed);
  }

  function tell(index, chosen, advised) {
    const more = good.cases * (chosen.mean - advised.found.mean), text = money(Math.abs(more));
    const words = [];
    let mood = "";
    if (text === "0.00") words.push("Costs what the recommended rule costs.");
    else words.push(text + " " + data.unit + " a day " + (more > 0 ? "more" : "less") + " than the recommended rule.");
    const withoutModel = index === 0 || index === last;
    const beyond = !data.supported || index < data.supported[0] || index > data.supported[1];
    if (withoutModel) words.push("This needs no model.");
    else if (beyond) {
      words.push("Fewer than " + data.min_rows + " past cases lie on one side of this threshold, so these numbers are uncertain.");
      mood = "bad";
    }
    if (changed()) {
      words.push(index === best ? "This is the cheapest threshold at these costs." : "The cheapest threshold at these costs is " + thresholdText(best) + ".");
      if (!data.selected.by_case && advised.index !== data.start) {
        const kept = good.cases * (selected().mean - advised.found.mean);
        words.push("Keeping the rule of the declared costs would cost " + money(Math.abs(kept)) + " " + data.unit + " a day " + (kept < 0 ? "less" : "more") + " than the rule that is now recommended.");
      }
      words.push("Which differences are significant was measured for the declared costs only.");
      mood = mood || "unsure";
    } else if (index < data.flat[0] || index > data.flat[1]) {
      words.push("Significantly more expensive than the cheapest threshold.");
      mood = mood || "unsure";
    } else if (!mood) words.push("Not significantly more expensive than the cheapest threshold.");
    if (data.selected.by_case && !changed()) words.push("One threshold for all cases is another rule than the recommended one, which decides case by case.");
    $("say").textContent = words.join(" ");
    $("say").className = "say scripted " + mood;
  }

  function show() {
    const index = last - Number(slider.value);
    const byCase = data.selected.by_case, chosen = at(index);
    const advised = byCase ? { index: -1, text: "case by case", found: selected() } : recommendation();
    fill("chosen", thresholdText(index), chosen);
    fill("recommended", advised.text, advised.found);
    $("threshold-text").textContent = thresholdText(index);
    slider.setAttribute("aria-valuetext", thresholdText(index));
    $("now").setAttribute("cx", data.picture.x[index]);
    $("now").setAttribute("cy", down(good.cases * chosen.mean).toFixed(1));
    const place = byCase ? down(good.cases * advised.found.mean).toFixed(1) : data.picture.x[advised.index];
    for (const end of byCase ? ["y1", "y2"] : ["x1", "x2"]) $("recommended").setAttribute(end, place);
    $("money-axis").textContent = data.unit + " a day";
    tell(index, chosen, advised);
  }

  function read() {
    const number = (field, before) => {
      const valid = field.value !== "" && field.checkValidity();
      field.setAttribute("aria-invalid", String(!valid));
      return valid ? Number(field.value) : before;
    };
    good.cases = number(cases, good.cases);
    good.costs = fields.map((field, i) => number(field, good.costs[i]));
    recompute();
    draw();
    show();
  }

  slider.addEventListener("input", show);
  for (const field of [cases, ...fields]) field.addEventListener("input", read);
  $("cheapest").addEventListener("click", () => { slider.value = last - best; show(); });
  $("reset").addEventListener("click", () => {
    cases.value = data.cases_a_day;
    fields.forEach((field, i) => { field.value = data.declared[i]; });
    slider.value = last - data.start;
    read();
  });
  document.documentElement.classList.add("js");
  slider.value = last - data.start;
  cases.value = data.cases_a_day;
  fields.forEach((field, i) => { field.value = data.declared[i]; });
  read();
})();
