/**
 * Requests to a store with asynchronous results. A call repeats a request until its result is there.
 *
 * Not here: reads and writes of pages, which the page cache awaits itself.
 */
import { EIO, errnoByName, shownValue } from '@vmarea/uapi';
import { RETRY, type MmSystem } from '@vmarea/mm-core';
import type { Answer } from './driver.ts';

/** A request in progress, or one with a result that was not yet taken. */
interface Question {
  settled: boolean;
  value: unknown;
  promise: Promise<unknown>;
}

/** Returns the errno of an exception: by its `code`, as system errors have it; else -EIO. */
export function errnoOf(error: unknown): number {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return -((typeof code === 'string' ? errnoByName(code) : undefined) ?? EIO);
}

/** The driver's name and its operation. */
export interface Asked {
  readonly driver: string;
  readonly operation: string;
}

/**
 * Returns the errno of an exception. One without the `code` of a system error is a bug of the driver: it is reported with its
 * stack through the system's `onWarning`, once per driver and operation, and stored in `system.driverError`.
 */
function thrown(system: MmSystem, { driver, operation }: Asked, error: unknown): number {
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  const errno = typeof code === 'string' ? errnoByName(code) : undefined;
  if (errno !== undefined) return -errno;
  const fault = error instanceof Error ? error : new Error(`threw ${shownValue(error)}`);
  system.driverError = fault;
  const text = fault.stack ?? `${fault.name}: ${fault.message}`;
  system.warnOnce(`driver.${driver}.${operation}`, `driver ${driver}: ${operation} threw, taken as EIO: ${text}`);
  return -EIO;
}

/** Converts an exception, or a missing result, to an errno. */
export function answerOf<T>(
  system: MmSystem,
  asked: Asked,
  question: () => Answer<T>,
): T | number | Promise<T | number> {
  const given = (answer: T | number): T | number =>
    (answer as unknown) === undefined
      ? thrown(system, asked, new TypeError(`${asked.operation} answered undefined; is a return missing?`))
      : answer;
  try {
    const answer = question();
    return answer instanceof Promise
      ? answer.then(given).catch((error: unknown) => thrown(system, asked, error))
      : given(answer);
  } catch (error) {
    return thrown(system, asked, error);
  }
}

/** The requests of a filesystem, by key. */
export class Answers {
  private readonly system: MmSystem;
  private readonly driver: string;
  private readonly questions = new Map<string, Question>();
  /** Names that a request in progress is creating: they do not exist until its result is taken. */
  private readonly names = new Set<string>();

  /** @param driver its name, for warnings about exceptions */
  constructor(system: MmSystem, driver: string) {
    this.system = system;
    this.driver = driver;
  }

  /**
   * Starts a request, or takes the result of the same request started before.
   *
   * @param key the operation, a space, and the distinguishing arguments; two callers with the same key share one request
   * @param name a name that the request creates, '' for none
   * @returns the answer, a negative errno, or RETRY
   */
  ask<T>(key: string, name: string, question: () => Answer<T>): T | number {
    const asked = this.questions.get(key);
    if (asked !== undefined) {
      if (!asked.settled) return this.wait(asked.promise);
      this.questions.delete(key);
      this.names.delete(name);
      return asked.value as T | number;
    }
    const operation = key.slice(0, key.indexOf(' '));
    const answer = answerOf(this.system, { driver: this.driver, operation }, question);
    if (!(answer instanceof Promise)) return answer;
    const one: Question = { settled: false, value: 0, promise: answer };
    one.promise = answer.then((value) => {
      one.settled = true;
      one.value = value;
    });
    this.questions.set(key, one);
    if (name !== '') this.names.add(name);
    return this.wait(one.promise);
  }

  /** Returns whether a name is being created: for other callers it does not exist yet. */
  making(name: string): boolean {
    return this.names.has(name);
  }

  private wait(promise: Promise<unknown>): number {
    this.system.current.pending = promise;
    return RETRY;
  }
}
