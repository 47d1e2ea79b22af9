// A uPlot with the page's type and colours, as wide as the element that it lies in.

/* global uPlot */
import { scheme, token } from "./colours.js";

const AXIS_WIDTH = 44;
const CURSORS = "takes";

/**
 * @param {HTMLElement} element
 * @param {{data: Array, series: Array, scales: Object, y: Object, x?: Object, hooks?: Object, bands?: Array,
 *   cursors?: string, padding?: number[]}} options plots of the same `cursors` show theirs at the same place
 * @param {(seconds: number) => void} onSeek a click into the plot
 * @param {AbortSignal} signal ends the plot
 */
export function makePlot(element, { data, series, scales, x, y, hooks = {}, bands, cursors = CURSORS, padding = [2, 1, 2, 0] }, onSeek, signal) {
  const axis = (options) => ({
    stroke: () => token("--muted"),
    font: `11px ${token("--font")}`,
    grid: { show: false },
    ticks: { show: false },
    ...options,
  });
  const plot = new uPlot(
    {
      width: element.clientWidth || 600,
      height: element.clientHeight,
      padding,
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { setScale: false, x: false, y: false }, sync: { key: cursors } },
      scales: { ...scales, x: { time: false, ...scales.x } },
      axes: [
        axis({ size: 20, gap: 2, space: 70, values: (_, ticks) => ticks.map((tick) => `${tick} s`), show: false, ...x }),
        axis({ size: AXIS_WIDTH, gap: 6, ...y }),
      ],
      series: [{}, ...series],
      bands,
      hooks,
    },
    data,
    element,
  );
  const playhead = document.createElement("div");
  playhead.className = "playhead";
  plot.over.append(playhead);
  plot.over.addEventListener("click", ({ offsetX }) => onSeek(Math.max(0, plot.posToVal(offsetX, "x"))));
  const resizing = new ResizeObserver(() => {
    if (element.clientWidth) plot.setSize({ width: element.clientWidth, height: element.clientHeight });
  });
  resizing.observe(element);
  scheme.addEventListener("change", () => plot.redraw(false), { signal });
  signal.addEventListener("abort", () => {
    resizing.disconnect();
    plot.destroy();
  });
  return plot;
}
