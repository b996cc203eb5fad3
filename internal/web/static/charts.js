// Charts are drawn from the data that stands in the page; the same numbers are in the table beside them.
const kinds = {
  bars: (color) => ({ fill: color, stroke: color, width: 0, paths: uPlot.paths.bars({ size: [0.62, 48] }), points: { show: false } }),
  line: (color) => ({ stroke: color, width: 3, points: { show: true, size: 8, fill: color } }),
  dashed: (color) => ({ stroke: color, width: 2, dash: [7, 5], points: { show: false } }),
  limit: (color) => ({ stroke: color, width: 2, dash: [2, 3], points: { show: false } }),
};

function draw(box) {
  const data = JSON.parse(box.dataset.chart);
  const x = data.labels.map((_, i) => i);
  const options = {
    width: Math.max(box.clientWidth, 240),
    height: 230,
    cursor: { drag: { x: false, y: false } },
    legend: { live: false },
    scales: { x: { time: false, range: [-0.6, Math.max(x.length - 0.4, 0.6)] }, y: { range: (_, low, high) => [0, Math.max(4, Math.ceil((high ?? 0) * 1.1))] } },
    axes: [
      { values: (_, ticks) => ticks.map((i) => (Number.isInteger(i) ? data.labels[i] ?? '' : '')), space: 56, incrs: [1, 2, 4, 8], grid: { show: false }, font: '13px system-ui, sans-serif', stroke: '#18211f' },
      { values: (_, ticks) => ticks.map((n) => (Number.isInteger(n) ? String(n) : '')), label: data.unit || undefined, labelSize: 22, size: 44, font: '13px system-ui, sans-serif', labelFont: '13px system-ui, sans-serif', stroke: '#18211f' },
    ],
    series: [{}, ...data.series.map((s) => ({ label: s.name, ...kinds[s.kind](s.color) }))],
  };
  box.replaceChildren();
  new uPlot(options, [x, ...data.series.map((s) => s.data)], box);
}

function drawAll() {
  for (const box of document.querySelectorAll('[data-chart]')) draw(box);
}

// The table that somebody opened stays open when the page reads itself again.
const open = new Set();
document.addEventListener('toggle', (e) => { if (e.target.id) open[e.target.open ? 'add' : 'delete'](e.target.id); }, true);
document.addEventListener('htmx:afterSettle', () => {
  for (const id of open) document.getElementById(id)?.setAttribute('open', '');
  drawAll();
});

let later = 0;
addEventListener('resize', () => { clearTimeout(later); later = setTimeout(drawAll, 150); });
drawAll();
