/**
 * Measures contenders against each other: in every round each of them runs once, in rotating order, so that a disturbance affects
 * all alike. Not here: what is measured, and the meaning of the figures.
 */

/** A workload that can be measured. */
export interface Contender {
  /** `vmarea`, or a peer. */
  readonly name: string;
  /** Returns nanoseconds per operation over about `ms` milliseconds; NaN when it cannot run here. */
  measure(ms: number): number | Promise<number>;
}

/** How long to measure. */
export interface Effort {
  readonly rounds: number;
  /** Milliseconds per contender and round. */
  readonly ms: number;
  /** Rounds before the first that counts. */
  readonly warmup: number;
}

/** The median of some samples, and between what they lay. */
export interface Figure {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What came of one comparison. */
export interface Measured {
  /** Nanoseconds per operation, by contender. */
  readonly ns: Readonly<Record<string, Figure>>;
  /** The first contender's time divided by each other's, of the same round. */
  readonly ratio: Readonly<Record<string, Figure>>;
}

/**
 * Milliseconds of processor time that this process has used. Unlike a clock on the wall it does not go on while others
 * have the processor, so that a shared machine measures, too. Resolution: a microsecond; one reading costs about two.
 */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Median, least and greatest; all NaN for none. */
export function figure(samples: readonly number[]): Figure {
  const sorted = samples.filter((x) => !Number.isNaN(x)).sort((a, b) => a - b);
  const n = sorted.length;
  if (n === 0) return { median: NaN, min: NaN, max: NaN };
  const middle = n >> 1;
  const median = n % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, min: sorted[0]!, max: sorted[n - 1]! };
}

/**
 * A contender that runs in this process.
 *
 * @param body does `count` operations
 */
export function inProcess(name: string, body: (count: number) => void): Contender {
  let count = 64;
  return {
    name,
    measure(ms) {
      let spent = 0;
      let done = 0;
      do {
        const from = cpuTime();
        body(count);
        const took = cpuTime() - from;
        spent += took;
        done += count;
        if (took < ms / 4) count *= 2;
        else if (took > ms && count > 64) count = Math.ceil(count / 2);
      } while (spent < ms);
      return (spent * 1e6) / done;
    },
  };
}

/** Measures contenders in turns. */
export async function compare(contenders: readonly Contender[], effort: Effort): Promise<Measured> {
  const samples = contenders.map((): number[] => []);
  const ratios = contenders.map((): number[] => []);
  for (let round = -effort.warmup; round < effort.rounds; round++) {
    const took = contenders.map(() => NaN);
    for (let i = 0; i < contenders.length; i++) {
      const at = (i + round + effort.warmup) % contenders.length;
      took[at] = await contenders[at]!.measure(effort.ms);
    }
    if (round < 0) continue;
    took.forEach((ns, i) => {
      samples[i]!.push(ns);
      ratios[i]!.push(took[0]! / ns);
    });
  }
  const ns: Record<string, Figure> = {};
  const ratio: Record<string, Figure> = {};
  contenders.forEach((contender, i) => {
    ns[contender.name] = figure(samples[i]!);
    if (i > 0) ratio[contender.name] = figure(ratios[i]!);
  });
  return { ns, ratio };
}
