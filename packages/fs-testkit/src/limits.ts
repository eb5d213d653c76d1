/**
 * Time limits of the suite, which do not depend on the runner's: a test that hangs ends with a sentence.
 *
 * Results do not depend on the clock: it decides only when a test that has not ended is given up.
 */

/** Milliseconds for a test, and for one that repeats its scenario at every operation of the driver. */
export interface TimeLimits {
  readonly each: number;
  readonly everyOperation: number;
}

/** The usual limits: twenty times what the slowest driver known takes on a busy machine. */
export const TIME_LIMITS: TimeLimits = { each: 60_000, everyOperation: 300_000 };

/** The host's timers, where it has any. */
interface Timers {
  readonly setTimeout?: (f: () => void, ms: number) => unknown;
  readonly clearTimeout?: (timer: unknown) => void;
}

/**
 * Waits for `body`, but not longer than `limit` milliseconds.
 *
 * @throws Error when it takes longer; what `body` throws
 */
export async function within(limit: number, body: () => Promise<void>): Promise<void> {
  const { setTimeout, clearTimeout } = globalThis as Timers;
  if (setTimeout === undefined) return body();
  let timer: unknown;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(new Error(`the test has not ended after ${limit / 1000} s: does an answer of the driver never come?`)),
      limit,
    );
  });
  try {
    await Promise.race([body(), late]);
  } finally {
    clearTimeout?.(timer);
  }
}
