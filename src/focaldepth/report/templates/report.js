"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const views = document.querySelector(".views");

  // ---- numbers -------------------------------------------------------------------------------------------------
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const words = (text) => {
    const raw = bytes(text), view = new DataView(raw.buffer);
    return Uint16Array.from({ length: raw.length / 2 }, (_, i) => view.getUint16(2 * i, true));
  };
  const unpack = (part) => (part.bits === 16 ? words(part.data) : bytes(part.data));
  const reader = (part) => {
    const codes = unpack(part), steps = 2 ** part.bits - 2;
    const span = part.log ? Math.log(part.high / part.low) : part.high - part.low;
    return (i) => {
      if (codes[i] === 0) return null;
      const t = ((codes[i] - 1) / steps) * span;
      return part.log ? part.low * Math.exp(t) : part.low + t;
    };
  };
  const grid = data.grid;
  const depthAt = reader(grid.depth);
  const sigmaAt = grid.sigma ? reader(grid.sigma) : () => null;
  const frames = unpack(grid.index);
  const curves = data.curves && { ...data.curves, levels: bytes(data.curves.data), contrasts: words(data.curves.contrast) };

  const digits = (step) => Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const fixed = (value, n) => value.toFixed(Math.min(n, 12)).replace("-", "−");
  const measured = (value, sigma) => {
    const v = value * data.display.factor;
    if (!sigma) return [fixed(v, digits(10 ** (Math.floor(Math.log10(Math.abs(v) || 1)) - 3))), ""];
    const s = sigma * data.display.factor, n = digits(10 ** (Math.floor(Math.log10(s)) - 1));
    return [fixed(v, n), ` ± ${fixed(s, n)}`];
  };

  // ---- what lies at a pixel ------------------------------------------------------------------------------------
  const nearest = (list, value) => list.reduce((best, v, i) => (Math.abs(v - value) < Math.abs(list[best] - value) ? i : best), 0);
  const sample = (x, y) => {
    const col = Math.min(grid.width - 1, Math.floor(((x + 0.5) * grid.width) / grid.fullWidth));
    const row = Math.min(grid.height - 1, Math.floor(((y + 0.5) * grid.height) / grid.fullHeight));
    const i = row * grid.width + col, exact = data.exact.find((p) => p[0] === x && p[1] === y);
    if (exact) return { x, y, depth: exact[2], sigma: exact[3], frame: exact[4] };
    // The page holds every few pixels of a large map: say which one was read, as `pick` took it.
    const held = (at, some, all) => Math.floor(((at + 0.5) * all) / some);
    return {
      x: held(col, grid.width, grid.fullWidth), y: held(row, grid.height, grid.fullHeight),
      depth: depthAt(i), sigma: sigmaAt(i), frame: frames[i] / grid.indexScale,
    };
  };

  const drawCurve = (s) => {
    const box = $("probe-curve");
    if (!curves) { box.hidden = true; return; }
    const a = nearest(curves.rows, s.y), b = nearest(curves.cols, s.x);
    const cell = a * curves.cols.length + b, from = cell * curves.frames, at = data.frames.at;
    const order = at.map((_, i) => i).sort((p, q) => at[p] - at[q]);
    const points = order.map((i) => `${at[i]} ${(100 - (96 * curves.levels[from + i]) / 255).toFixed(1)}`);
    const svg = box.querySelector("svg");
    svg.querySelector(".line").setAttribute("d", `M${points.join("L")}`);
    svg.querySelector(".dots").setAttribute("d", points.length <= 60 ? points.map((p) => `M${p}h0`).join("") : "");
    const low = Math.floor(s.frame), high = Math.min(at.length - 1, low + 1), part = s.frame - low;
    const peak = at[low] * (1 - part) + at[high] * part;
    svg.querySelector(".peak").setAttribute("d", s.depth === null ? "" : `M${peak} 0V100`);
    const contrast = curves.contrasts[cell] / 10;
    $("probe-note").textContent = `Nearest stored curve: pixel ${curves.cols[b]}, ${curves.rows[a]}; peak ${contrast < 10 ? contrast.toFixed(1) : Math.round(contrast)}×.`;
  };

  let point = null, held = false;
  const show = (x, y, quiet = false) => {
    x = Math.max(0, Math.min(grid.fullWidth - 1, Math.round(x)));
    y = Math.max(0, Math.min(grid.fullHeight - 1, Math.round(y)));
    point = sample(x, y);
    const claim = $("probe-claim"), depth = $("probe-depth");
    if (point.depth === null) depth.textContent = "no depth";
    else {
      const [value, error] = measured(point.depth, point.sigma), small = document.createElement("small");
      small.textContent = `${error} ${data.display.symbol}`;
      depth.replaceChildren(value, small);
    }
    claim.textContent = point.depth === null ? "no" : "yes";
    claim.className = point.depth === null ? "claim-no" : "claim-yes";
    $("probe-pixel").textContent = `${point.x}, ${point.y}`;
    const i = Math.min(data.frames.focus.length - 1, Math.round(point.frame)), focus = data.frames.focus[i];
    $("probe-frame").textContent = `frame ${fixed(point.frame, grid.indexScale > 4 ? 1 : 0)}`;
    const said = [String(i), focus.startsWith("frame") ? data.frames.names[i] : focus].filter(Boolean);
    $("probe-near").textContent = said.join(" · ");
    $("probe-near").title = data.frames.names[i] || "";
    drawCurve(point);
    document.querySelectorAll(".cross").forEach((c) => {
      c.style.left = `${(100 * (point.x + 0.5)) / grid.fullWidth}%`;
      c.style.top = `${(100 * (point.y + 0.5)) / grid.fullHeight}%`;
      c.hidden = quiet;
    });
  };
  const hold = (on) => {
    held = on;
    if (on) try { history.replaceState(null, "", `#at=${point.x},${point.y}`); } catch { /* some viewers forbid it */ }
  };

  const listen = (pic) => {
    const cross = document.createElement("span");
    cross.className = "cross";
    cross.hidden = true;
    pic.append(cross);
    pic.tabIndex = 0;
    const at = (event) => {
      const box = pic.getBoundingClientRect();
      show(((event.clientX - box.left) / box.width) * grid.fullWidth - 0.5, ((event.clientY - box.top) / box.height) * grid.fullHeight - 0.5);
    };
    pic.addEventListener("pointermove", (e) => { if (!held || e.buttons) at(e); });
    pic.addEventListener("click", (e) => {
      if (e.target.classList.contains("handle")) return;
      at(e);
      hold(e.pointerType === "mouse" ? !held : true);
    });
    pic.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
      if (e.key === "Escape") held = false;
      if (!step || e.target !== pic) return;
      e.preventDefault();
      const size = Math.max(1, Math.max(grid.fullWidth, grid.fullHeight) / (e.shiftKey ? 20 : 200));
      show(point.x + step[0] * size, point.y + step[1] * size);
      hold(true);
    });
  };

  // ---- the slider between picture and depth ----------------------------------------------------------------------
  const compare = (photo, depth) => {
    const figure = depth.cloneNode(true);
    figure.dataset.view = "compare";
    figure.classList.add("compare");
    figure.querySelector("h3").textContent = "Compare";
    const pic = figure.querySelector(".pic");
    pic.querySelectorAll(".marker").forEach((m) => m.remove());
    const over = photo.querySelector("img").cloneNode();
    over.className = "over";
    pic.append(over);
    photo.querySelectorAll(".marker").forEach((m) => pic.append(m.cloneNode(true)));
    const handle = document.createElement("button");
    handle.className = "handle";
    handle.type = "button";
    handle.setAttribute("role", "slider");
    handle.setAttribute("aria-label", "Border between all-in-focus and depth");
    const tag = (side, text) => {
      const t = document.createElement("span");
      t.className = `tag ${side}`;
      t.textContent = text;
      pic.append(t);
    };
    tag("left", "All-in-focus");
    tag("right", "Depth");
    pic.append(handle);
    let place = 50;
    const move = (percent) => {
      place = Math.max(0, Math.min(100, percent));
      over.style.clipPath = `inset(0 ${100 - place}% 0 0)`;
      handle.style.left = `${place}%`;
      handle.setAttribute("aria-valuenow", Math.round(place));
    };
    handle.addEventListener("pointerdown", (e) => { handle.setPointerCapture(e.pointerId); e.preventDefault(); });
    handle.addEventListener("pointermove", (e) => {
      e.stopPropagation();
      if (!handle.hasPointerCapture(e.pointerId)) return;
      const box = pic.getBoundingClientRect();
      move((100 * (e.clientX - box.left)) / box.width);
    });
    handle.addEventListener("keydown", (e) => {
      const by = { ArrowLeft: -2, ArrowRight: 2, Home: -100, End: 100 }[e.key];
      if (by) { e.preventDefault(); e.stopPropagation(); move(place + by); }
    });
    move(50);
    views.prepend(figure);
  };

  // ---- tabs ------------------------------------------------------------------------------------------------------
  const byKey = (key) => views.querySelector(`[data-view="${key}"]`);
  if (byKey("photo") && byKey("depth")) compare(byKey("photo"), byKey("depth"));
  const figures = [...views.querySelectorAll(".view")], tabs = document.querySelector(".tabs");
  const select = (index, focus = false) => {
    figures.forEach((f, i) => f.classList.toggle("on", i === index));
    [...tabs.children].forEach((b, i) => {
      b.setAttribute("aria-selected", i === index);
      b.tabIndex = i === index ? 0 : -1;
      if (i === index && focus) b.focus();
    });
  };
  figures.forEach((figure, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("role", "tab");
    button.textContent = figure.querySelector("h3").textContent;
    button.addEventListener("click", () => select(i));
    tabs.append(button);
  });
  tabs.addEventListener("keydown", (e) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (step) select((figures.findIndex((f) => f.classList.contains("on")) + step + figures.length) % figures.length, true);
  });
  views.querySelectorAll(".pic").forEach(listen);

  // ---- curve cards, copy, print ------------------------------------------------------------------------------------
  document.querySelectorAll("[data-card]").forEach((card) => {
    const light = (on) => document.querySelectorAll(`[data-marker="${card.dataset.card}"]`).forEach((m) => m.classList.toggle("lit", on));
    const go = () => { show(+card.dataset.col, +card.dataset.row); hold(true); $("viewer").scrollIntoView(); };
    card.addEventListener("pointerenter", () => light(true));
    card.addEventListener("pointerleave", () => light(false));
    card.addEventListener("click", go);
    card.addEventListener("keydown", (e) => { if (e.key === "Enter") go(); });
  });
  const copy = $("copy");
  if (navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText($("command").textContent);
      copy.textContent = "Copied";
      setTimeout(() => { copy.textContent = "Copy"; }, 1600);
    });
  }
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));

  const wanted = new URLSearchParams(location.hash.slice(1));
  const tab = figures.findIndex((f) => f.dataset.view === wanted.get("view"));
  select(Math.max(tab, 0));
  const first = document.querySelector("[data-card]");
  const start = (wanted.get("at") || "").split(",").map(Number);
  if (start.length === 2 && start.every(Number.isFinite)) { show(start[0], start[1]); held = true; }
  else if (first) show(+first.dataset.col, +first.dataset.row, true);
  else show(grid.fullWidth / 2, grid.fullHeight / 2, true);
})();
