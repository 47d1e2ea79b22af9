// Who is heard: one at a time.

let stopHeard = () => {};

/** Whoever was heard is stopped. @param {() => void} stop ends what is heard from now on */
export function hear(stop) {
  if (stop !== stopHeard) stopHeard();
  stopHeard = stop;
}

/** Nothing is heard from now on, until it is asked for. */
export function silence() {
  hear(() => {});
}
