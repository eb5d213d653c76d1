/** Repeats a call that must wait for storage until it has its result. */
import { makeCurrent } from '../space/call.ts';
import type { Caller } from '../space/caller.ts';
import { RETRY } from '../base/errno.ts';
import { WouldWaitError } from './errors.ts';

/**
 * Makes a call, and repeats it as long as it returns RETRY or throws {@link WouldWaitError}.
 *
 * @param cur who makes the call: its `call.pending` is what must settle, its `call.resume` how the call goes on then
 * @param wait waits for what is pending; may reject, and then the call is not repeated
 * @returns the call's result
 * @throws what the call or `wait` throws; Error when it asks to be repeated and has left nothing to wait for
 */
export async function repeatCall<T>(
  cur: Caller,
  call: () => T | number,
  wait: (pending: Promise<unknown>) => Promise<unknown> = (pending) => pending,
): Promise<T | number> {
  const state = cur.call;
  state.resume = null;
  cur.mm.system.driverError = null;
  let next: () => T | number = call;
  for (;;) {
    makeCurrent(cur);
    try {
      const result = next();
      if (result !== RETRY) return result;
    } catch (error) {
      if (!(error instanceof WouldWaitError)) throw error;
    } finally {
      state.repeated = false;
    }
    const { pending } = state;
    if (pending === null) throw new Error('a call asked to be repeated but left nothing to wait for');
    state.pending = null;
    await wait(pending);
    state.repeated = true;
    next = state.resume ?? call;
    state.resume = null;
  }
}
