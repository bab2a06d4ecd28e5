let second = NaN;
/** Date and time down to that second, with the point behind it. */
let beginning = '';

/**
 * A wall time as `Date.toISOString` writes it. Times that are asked for one after another mostly lie in one second, which
 * is worked out once.
 * @param ms since 1970
 */
export const isoTime = (ms: number): string => {
  const whole = Math.floor(ms / 1_000);
  if (whole !== second) {
    beginning = new Date(whole * 1_000).toISOString().slice(0, -4);
    second = whole;
  }
  const rest = Math.floor(ms) - whole * 1_000;
  return `${beginning}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
};
