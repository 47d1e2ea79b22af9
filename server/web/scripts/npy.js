// A float32 matrix as numpy.save writes it.

/** @returns {{values: Float32Array, rows: number, columns: number}} row after row */
export function decodeNpy(buffer) {
  const view = new DataView(buffer);
  const long = view.getUint8(6) > 1; // the header's length has 2 bytes in version 1, and 4 since
  const start = long ? 12 : 10;
  const end = start + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder("latin1").decode(buffer.slice(start, end));
  const [, rows, columns] = /'descr': '<f4', 'fortran_order': False, 'shape': \((\d+), (\d+)\)/.exec(header);
  return { values: new Float32Array(buffer.slice(end)), rows: Number(rows), columns: Number(columns) };
}
