/**
 * The messages of one userfaultfd: faults that wait, and events. Mirrors the wait queues of struct userfaultfd_ctx.
 */
import {
  UFFD_EVENT_FORK,
  UFFD_EVENT_PAGEFAULT,
  type UFFD_EVENT_REMAP,
  type UFFD_EVENT_REMOVE,
  type UFFD_EVENT_UNMAP,
} from '@vmarea/uapi';
import type { Addr, Bytes } from '../../base/units.ts';
import type { Call } from '../../space/call.ts';
import type { Caller } from '../../space/caller.ts';
import { isAlive } from './range.ts';
import type { Userfaultfd } from './userfaultfd.ts';

/** struct uffd_msg: what a reader of a userfaultfd gets. */
export type UffdMessage =
  | {
      readonly event: typeof UFFD_EVENT_PAGEFAULT;
      /** UFFD_PAGEFAULT_FLAG_ bits. */
      readonly flags: number;
      /** First byte of the page, or with UFFD_FEATURE_EXACT_ADDRESS the byte accessed. */
      readonly address: Addr;
    }
  | { readonly event: typeof UFFD_EVENT_FORK; /** Handles the child's memory. */ readonly child: Userfaultfd }
  | { readonly event: typeof UFFD_EVENT_REMAP; readonly from: Addr; readonly to: Addr; readonly len: Bytes }
  | {
      readonly event: typeof UFFD_EVENT_REMOVE | typeof UFFD_EVENT_UNMAP;
      readonly start: Addr;
      /** First byte behind. */
      readonly end: Addr;
    };

/** A promise and the function that settles it. */
interface Signal {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function signal(): Signal {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** A fault that waits. */
export interface Waiter extends Signal {
  readonly cur: Caller;
  /** First byte of its page. */
  readonly page: Addr;
  /** The byte accessed, when it is known. */
  address: Addr;
  readonly flags: number;
  /** Whether the reader has got its message. */
  told: boolean;
}

/** An event that a call waits for until it is read. */
interface Event extends Signal {
  readonly message: UffdMessage;
}

/** The messages of a userfaultfd. */
export class MessageQueue {
  /** A caller has at most one fault that waits. */
  private readonly waiters = new Map<Call, Waiter>();
  private readonly events: Event[] = [];
  private arrival: Signal | null = null;

  /** Returns the fault of the caller that waits for this page already, or adds one. */
  waitFor(cur: Caller, page: Addr, flags: number): Waiter {
    const before = this.waiters.get(cur.call);
    if (before !== undefined && before.page === page && before.flags === flags) return before;
    const waiter: Waiter = { ...signal(), cur, page, address: page, flags, told: false };
    // Re-inserted at the end: the reader gets faults in the order in which they happened.
    this.waiters.delete(cur.call);
    this.waiters.set(cur.call, waiter);
    this.arrived();
    return waiter;
  }

  /** Adds an event. @returns a promise that settles when it is read */
  add(message: UffdMessage): Promise<void> {
    const event = { ...signal(), message };
    this.events.push(event);
    this.arrived();
    return event.promise;
  }

  private arrived(): void {
    this.arrival?.resolve();
    this.arrival = null;
  }

  /** userfaultfd_ctx_read: takes the next message, a fault before an event; null when there is none. @param exact the whole address of a fault */
  take(exact: boolean): UffdMessage | null {
    for (const waiter of this.waiters.values()) {
      if (waiter.told) continue;
      waiter.told = true;
      const address = exact ? waiter.address : waiter.page;
      return { event: UFFD_EVENT_PAGEFAULT, flags: waiter.flags, address };
    }
    for (let event = this.events.shift(); event !== undefined; event = this.events.shift()) {
      event.resolve();
      const { message } = event;
      // A fork that failed has left an address space without tasks.
      if (message.event !== UFFD_EVENT_FORK || isAlive(message.child.mm)) return message;
    }
    return null;
  }

  /** Whether a call waits until its event is read: mmap_changing. */
  get hasEvents(): boolean {
    return this.events.length > 0;
  }

  /** The last event that was not read. */
  get lastEvent(): UffdMessage | undefined {
    return this.events.at(-1)?.message;
  }

  /** Returns whether a reader would get a message at once. */
  get readable(): boolean {
    if (this.events.length > 0) return true;
    for (const waiter of this.waiters.values()) if (!waiter.told) return true;
    return false;
  }

  /** Returns a promise that settles when the next message arrives. */
  next(): Promise<void> {
    this.arrival ??= signal();
    return this.arrival.promise;
  }

  /** __wake_userfault: wakes the faults on pages of [start, end). @returns those woken */
  wake(start: Addr, end: Addr): Waiter[] {
    const woken: Waiter[] = [];
    for (const [call, waiter] of this.waiters) {
      if (waiter.page < start || waiter.page >= end) continue;
      this.waiters.delete(call);
      waiter.resolve();
      woken.push(waiter);
    }
    return woken;
  }

  /** The userfaultfd is closed: wakes everything, and drops what was not read. */
  close(): void {
    this.wake(-Infinity, Infinity);
    for (const event of this.events) event.resolve();
    this.events.length = 0;
    this.arrived();
  }
}
