"""Writes a drawing as a page: the picture, to be looked at closely; it asks nothing of the network."""

from __future__ import annotations

from html import escape
from string import Template
from typing import Final

from trc.compiler.diagnostics.render.cells import visible
from trc.compiler.picture.drawing import Drawing
from trc.compiler.picture.svg import svg

_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
      content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>$title</title>
<style>
:root { color-scheme: light dark }
body { margin: 0; background: #fff; color: #667085; font: 13px system-ui, "Segoe UI", Arial, sans-serif }
main { overflow: auto; height: calc(100vh - 41px) }
main svg { display: block; margin: 0 auto }
footer { display: flex; gap: 20px; height: 40px; align-items: center; padding: 0 28px; border-top: 1px solid #e4e7ec }
footer b { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px }
footer button { font: inherit; color: inherit; background: none; border: 1px solid #d0d5dd; border-radius: 6px;
                padding: 3px 10px; cursor: pointer; margin-left: auto }
.far { opacity: 0.18 }
.node { cursor: pointer }
@media (prefers-color-scheme: dark) {
  body { background: #12151c; color: #97a1b3 }
  footer, footer button { border-color: #2a3040 }
}
</style>
</head>
<body>
<main>$picture</main>
<footer>
<span><b style="background:#2a9d8f"></b>source</span>
<span><b style="background:#5570f1"></b>task</span>
<span><b style="background:#d9931e"></b>written file</span>
<span>Click a box to see what it depends on, and what depends on it.</span>
<button type="button">Fit</button>
</footer>
<script>
"use strict";
const picture = document.querySelector("main svg");
const nodes = [...picture.querySelectorAll(".node")];
const edges = [...picture.querySelectorAll(".edge")];
function reach(start, from, to) {
  const seen = new Set([start]);
  for (const id of seen) for (const edge of edges) if (edge.dataset[from] === id) seen.add(edge.dataset[to]);
  return seen;
}
function show(id) {
  const up = id === null ? null : reach(id, "to", "from"), down = id === null ? null : reach(id, "from", "to");
  for (const node of nodes)
    node.classList.toggle("far", id !== null && !up.has(node.dataset.id) && !down.has(node.dataset.id));
  for (const edge of edges) {
    const near = id === null || up.has(edge.dataset.to) || down.has(edge.dataset.from);
    edge.classList.toggle("far", !near);
  }
}
picture.addEventListener("click", (event) => {
  const node = event.target.closest(".node");
  show(node ? node.dataset.id : null);
});
const full = picture.getAttribute("width");
document.querySelector("button").addEventListener("click", () => {
  const fits = picture.getAttribute("width") !== full;
  picture.setAttribute("width", fits ? full : "100%");
  picture.toggleAttribute("height", false);
});
</script>
</body>
</html>
""")


def html(drawing: Drawing) -> str:
    """The page as text."""
    return _PAGE.substitute(title=escape(visible(drawing.title)), picture=svg(drawing))
