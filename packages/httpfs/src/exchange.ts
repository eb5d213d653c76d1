/**
 * One request and its answer, within time limits: until the answer begins, between pieces of its body, and for all of it.
 * After a limit has passed, or the filesystem was unmounted, everything that waits for the exchange fails at once, also when
 * the host's fetch ignores the signal.
 */
import { newController, type Controller, type FetchResponse, type Timer } from './fetch.ts';

/** Milliseconds; Infinity for none. */
export interface TimeLimits {
  /** From the request to the head of its answer; default 30,000. */
  readonly head?: number | undefined;
  /** Between two pieces of a body; default 30,000. */
  readonly idle?: number | undefined;
  /** For a request with its whole answer, including redirects; default 300,000. */
  readonly total?: number | undefined;
}

/** Returns the limits with their defaults. */
export function timeLimits(limits: TimeLimits = {}): Required<{ [K in keyof TimeLimits]: number }> {
  const whole = { head: limits.head ?? 30_000, idle: limits.idle ?? 30_000, total: limits.total ?? 300_000 };
  for (const [name, ms] of Object.entries(whole)) {
    if (!(ms > 0)) throw new RangeError(`httpfs: timeLimits.${name} is ${ms}, not a positive number of milliseconds`);
  }
  return whole;
}

/** Thrown after a time limit, or after the unmount: `code` is the errno's name. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The data that all exchanges of a filesystem share. */
export interface ExchangeInit {
  readonly limits: ReturnType<typeof timeLimits>;
  readonly timer: Timer;
  /** The exchanges in progress. */
  readonly open: Set<Exchange>;
}

/** A request in progress. */
export class Exchange {
  private readonly init: ExchangeInit;
  private readonly controller: Controller | null = newController();
  private readonly failed: Promise<never>;
  private fail: (error: Error) => void = () => undefined;
  private readonly stopTotal: () => void;

  constructor(init: ExchangeInit) {
    this.init = init;
    this.failed = new Promise<never>((_resolve, reject) => {
      this.fail = reject;
    });
    // A waiting call gets the error; without one, the rejection must not count as unhandled.
    this.failed.catch(() => undefined);
    this.stopTotal = this.after(init.limits.total, 'total');
    init.open.add(this);
  }

  /** For fetch. */
  get signal(): object | undefined {
    return this.controller?.signal;
  }

  /** Waits for the head of an answer. @throws GivenUp, or the exception of fetch */
  head(answer: Promise<FetchResponse>): Promise<FetchResponse> {
    return this.within(answer, 'head');
  }

  /**
   * Reads a body into a buffer.
   *
   * @returns bytes read: all of the buffer, or fewer when the body ended, failed or took too long before; discards the rest
   */
  async body(response: FetchResponse, target: Uint8Array): Promise<number> {
    if (response.body === null) return 0;
    const reader = response.body.getReader();
    let done = 0;
    try {
      while (done < target.length) {
        const part = await this.within(reader.read(), 'idle');
        if (part.done || part.value === undefined) return done;
        const piece = part.value.subarray(0, target.length - done);
        target.set(piece, done);
        done += piece.length;
      }
    } catch {
      // The bytes before the failure are valid.
    }
    void reader.cancel().catch(() => undefined);
    return done;
  }

  /** Called when the answer has been read, or is not needed. */
  end(): void {
    this.stopTotal();
    this.init.open.delete(this);
  }

  /** Makes everything that waits for it fail. */
  giveUp(error: GivenUp): void {
    this.end();
    this.fail(error);
    this.controller?.abort(error);
  }

  private after(ms: number, limit: keyof TimeLimits): () => void {
    if (ms === Infinity) return () => undefined;
    return this.init.timer(() => this.giveUp(new GivenUp('ETIMEDOUT', `timeLimits.${limit}: ${ms} ms`)), ms);
  }

  private async within<T>(answer: Promise<T>, limit: 'head' | 'idle'): Promise<T> {
    const stop = this.after(this.init.limits[limit], limit);
    try {
      return await Promise.race([answer, this.failed]);
    } finally {
      stop();
    }
  }
}

/** Cancels the rest of an answer, without waiting for it. */
export function discard(response: FetchResponse): void {
  void response.body?.cancel().catch(() => undefined);
}
