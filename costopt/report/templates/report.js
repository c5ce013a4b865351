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
  const money = (value) => fixed(value, 2);
  const amount = (value) => fixed(value, 1);
  const percent = (share) => (Number.isFinite(share) ? fixed(100 * share, 1) + " %" : "–");

  function thresholdText(index) {
    if (index === 0) return "never act";
    if (index === last) return "always act";
    const value = data.thresholds[index], size = Math.abs(value);
    return fixed(100 * value, size >= 0.01 ? 2 : size >= 0.0001 ? 3 : 6) + " %";
  }

  function point(caught, alarms, cells) {
    const missed = data.caught[last] - caught, left = data.false_alarms[last] - alarms;
    const counts = [alarms, missed, caught, left];
    const n = caught + alarms + missed + left;
    let total = 0;
    CELLS.forEach((_, i) => {
      total += good.costs[i] * (Array.isArray(data.cells[i]) ? cells[i] : counts[i]);
    });
    return {
      mean: total / n, alerts: (caught + alarms) / n, missed: missed / n,
      precision: caught / (caught + alarms), recall: caught / (caught + missed),
    };
  }
  const at = (i) => point(data.caught[i], data.false_alarms[i],
    data.cells.map((cell) => (Array.isArray(cell) ? cell[i] : cell)));
  const shipped = () => point(data.shipped.caught, data.shipped.false_alarms, data.shipped.cells);

  let curve = [], best = data.best;
  function price() {
    curve = data.thresholds.map((_, i) => at(i).mean);
    const lowest = Math.min(...curve), scale = Math.max(...curve.map(Math.abs));
    best = -1;
    curve.forEach((mean, i) => {
      const nearer = best < 0 || Math.abs(i - data.best) < Math.abs(best - data.best);
      if (mean <= lowest + 1e-12 * scale && nearer) best = i;
    });
  }

  function costScale(means) {
    const lowest = Math.min(...means), blanket = Math.min(means[0], means[last]);
    let high = blanket > lowest ? Math.min(Math.max(...means), blanket + 0.6 * (blanket - lowest)) : 0;
    high = Math.max(high, blanket, 0);
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
  }

  function fill(column, index, found) {
    $(column + "-threshold").textContent = index < 0 ? "case by case" : thresholdText(index);
    $(column + "-cost").textContent = money(good.cases * found.mean);
    $(column + "-alerts").textContent = amount(good.cases * found.alerts);
    $(column + "-precision").textContent = percent(found.precision);
    $(column + "-recall").textContent = percent(found.recall);
    $(column + "-missed").textContent = amount(good.cases * found.missed);
  }

  function tell(index, chosen, recommended) {
    const more = good.cases * (chosen.mean - recommended.mean), text = money(Math.abs(more));
    const words = [];
    let mood = "";
    if (text === "0.00") words.push("Costs what the recommended rule costs.");
    else words.push(text + " " + data.unit + " a day " + (more > 0 ? "more" : "less") + " than the recommended rule.");
    const blanket = index === 0 || index === last;
    const beyond = !data.supported || index < data.supported[0] || index > data.supported[1];
    const changed = good.costs.some((cost, i) => cost !== data.declared[i]);
    if (blanket) words.push("This needs no model.");
    else if (beyond) {
      words.push("Fewer than " + data.min_rows + " past cases lie on one side of this threshold, so take these numbers for guesses.");
      mood = "bad";
    }
    if (changed) {
      words.push(index === best ? "The cheapest threshold at these costs." : "The cheapest at these costs: " + thresholdText(best) + ".");
      words.push("Which differences are significant was measured for the declared costs only.");
      mood = mood || "unsure";
    } else if (index < data.flat[0] || index > data.flat[1]) {
      words.push("Significantly more expensive than the cheapest threshold.");
      mood = mood || "unsure";
    } else if (!mood) words.push("Not significantly more expensive than the cheapest threshold.");
    if (data.shipped.by_case && !changed) words.push("One threshold for all cases is another rule than the recommended one, which decides case by case.");
    $("say").textContent = words.join(" ");
    $("say").className = "say scripted " + mood;
  }

  function show() {
    const index = last - Number(slider.value);
    const chosen = at(index), recommended = shipped();
    fill("chosen", index, chosen);
    fill("recommended", data.shipped.by_case ? -1 : data.start, recommended);
    $("threshold-text").textContent = thresholdText(index);
    slider.setAttribute("aria-valuetext", thresholdText(index));
    $("now").setAttribute("cx", data.picture.x[index]);
    $("now").setAttribute("cy", down(good.cases * chosen.mean).toFixed(1));
    if (data.shipped.by_case) {
      for (const y of ["y1", "y2"]) $("recommended").setAttribute(y, down(good.cases * recommended.mean).toFixed(1));
    }
    $("money-axis").textContent = data.unit + " a day";
    tell(index, chosen, recommended);
  }

  function read() {
    const number = (field, before) => {
      const valid = field.value !== "" && field.checkValidity();
      field.setAttribute("aria-invalid", String(!valid));
      return valid ? Number(field.value) : before;
    };
    good.cases = number(cases, good.cases);
    good.costs = fields.map((field, i) => number(field, good.costs[i]));
    price();
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
