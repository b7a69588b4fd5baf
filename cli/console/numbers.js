// Numbers for people.

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** A count: `1,250`. */
export const count = (number) => whole.format(Math.round(number));

/** A count with its noun: `1 event`, `20 events`. */
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** A measurement, with three digits: `0.25`, `12.5`, `1,250`. */
export function measure(number) {
  if (number === null || number === undefined || Number.isNaN(number)) return "–";
  return Math.abs(number) >= 1000 ? count(number) : short.format(number);
}

/** Bytes: `34.8 kB`. */
export function bytes(number) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (number >= 1000 && unit < units.length - 1) {
    number /= 1000;
    unit += 1;
  }
  return `${measure(number)} ${units[unit]}`;
}

/** Dollars, to a millionth where there are less than a cent's worth. */
export function dollars(number) {
  if (number >= 0.01 || number === 0) return `$${number.toFixed(2)}`;
  return `$${number.toFixed(6)}`;
}
