// The colours of the pictures, as the style sheet defines them for the scheme in use.

const LEVELS = 256;

export const scheme = matchMedia("(prefers-color-scheme: dark)");

/** The value of a custom property. */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** 256 colours along the stops in custom property `name`, as RGBA bytes. */
export function gradient(name) {
  const canvas = new OffscreenCanvas(LEVELS, 1);
  const pen = canvas.getContext("2d");
  const stops = token(name).split(",");
  const ramp = pen.createLinearGradient(0, 0, LEVELS - 1, 0);
  stops.forEach((stop, i) => ramp.addColorStop(i / (stops.length - 1), stop.trim()));
  pen.fillStyle = ramp;
  pen.fillRect(0, 0, LEVELS, 1);
  return new Uint32Array(pen.getImageData(0, 0, LEVELS, 1).data.buffer);
}
