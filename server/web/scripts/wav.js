// Samples as the bytes of a 16-bit mono WAV file.

const HEADER_BYTES = 44;

/** How many seconds, at `rate` Hz, fit into so many bytes. */
export function wavSeconds(bytes, rate) {
  return (bytes - HEADER_BYTES) / (2 * rate);
}

/** @param {Float32Array} samples in [-1, 1], clipped beyond @param {number} rate Hz */
export function encodeWav(samples, rate) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + 2 * samples.length));
  const text = (offset, letters) => [...letters].forEach((c, i) => view.setUint8(offset + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, view.byteLength - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of the format chunk
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true); // bytes per second
  view.setUint16(32, 2, true); // bytes per frame
  view.setUint16(34, 16, true); // bits
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((sample, i) => view.setInt16(HEADER_BYTES + 2 * i, toPcm16(sample), true));
  return new Blob([view], { type: "audio/wav" });
}

function toPcm16(sample) {
  return Math.round(Math.max(-32768, Math.min(32767, sample * 32768)));
}
