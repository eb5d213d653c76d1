/**
 * Reads, writes and reads ahead the pages of files in a {@link Store}.
 */
import { EIO } from '@vmarea/uapi';
import { RETRY } from '@vmarea/mm-core';
import { AddressSpaceOperations, type AddressSpace } from '@vmarea/mm-core/memory';
import { answerOf } from './answers.ts';
import type { Store } from './driver.ts';
import type { Inode } from '../names/inode.ts';

/** The pages of the first read-ahead, when the second page in order is requested. */
const FIRST_WINDOW = 4;

/** The store's data of an inode. */
export class StoreInode<Node> {
  readonly node: Node;
  key: string | null = null;
  /** The number of open files. */
  opens = 0;
  /** The store's last modification time; null when it gives none. */
  mtime: number | null = null;
  /** Whether this machine has written or truncated the file since. */
  changedHere = false;
  /** The next page when the file is read in order, and the number of pages to read ahead then. */
  nextPage = -1;
  window = 0;

  constructor(node: Node) {
    this.node = node;
  }
}

/** Returns the store's data of an inode. */
export function storeInode<Node>(inode: object): StoreInode<Node> {
  return (inode as { iPrivate: unknown }).iPrivate as StoreInode<Node>;
}

/** Runs an action after the reads and writes of the file in progress have ended: at once when there are none. */
export function whenIdle(inode: Inode, action: () => void): void {
  const pages = inode.iPages;
  const underWay: Promise<unknown>[] = [];
  if (pages !== null) {
    if (pages.reads !== null) for (const read of pages.reads.values()) underWay.push(read.done);
    if (pages.writes !== null) underWay.push(...pages.writes.values());
  }
  if (underWay.length === 0) action();
  else void Promise.all(underWay).then(action);
}

/** Creates the page-cache operations of a store. */
export function storeAops<Node>(store: Store<Node>, readAhead: number): AddressSpaceOperations {
  let readingAhead = false;

  /** Starts reading the next pages when two pages are read in order. */
  function startReadAhead(mapping: AddressSpace, own: StoreInode<Node>, index: number): void {
    const inOrder = index === own.nextPage;
    own.window = inOrder ? Math.min(readAhead, own.window === 0 ? FIRST_WINDOW : own.window * 2) : 0;
    own.nextPage = index + 1 + own.window;
    if (own.window === 0) return;
    readingAhead = true;
    mapping.readahead(index + 1, index + 1 + own.window);
    readingAhead = false;
  }

  function readPage(mapping: AddressSpace, index: number, pfn: number): number {
    const own = storeInode<Node>(mapping.host);
    const { system, physical } = mapping.core;
    const { pageSize } = system;
    const pos = index * pageSize;
    const length = Math.min(pageSize, mapping.host.iSize - pos);
    const fill = (count: number, target: Uint8Array): number => {
      if (count < 0) return count;
      if (!Number.isInteger(count) || count > length) return -EIO;
      physical.writeBytes(pfn, 0, target, 0, count);
      physical.fillBytes(pfn, count, pageSize - count, 0);
      return 0;
    };
    if (length <= 0) return fill(0, EMPTY);
    const target = new Uint8Array(length);
    const answer = answerOf<number>(system, { driver: store.name, operation: 'read' }, () =>
      store.read(own.node, target, pos),
    );
    if (!readingAhead && readAhead > 0) startReadAhead(mapping, own, index);
    if (!(answer instanceof Promise)) return fill(answer, target);
    system.current.pending = answer.then((count) => fill(count, target));
    return RETRY;
  }

  function writePage(mapping: AddressSpace, index: number, pfn: number): number {
    const own = storeInode<Node>(mapping.host);
    const { system, physical } = mapping.core;
    const pos = index * system.pageSize;
    const length = Math.min(system.pageSize, mapping.host.iSize - pos);
    if (length <= 0) return 0;
    // Copies: the page may be stored to while the store still writes.
    const source = new Uint8Array(length);
    physical.readBytes(pfn, 0, source, 0, length);
    own.changedHere = true;
    const answer = answerOf<number>(system, { driver: store.name, operation: 'write' }, () =>
      store.write!(own.node, source, pos),
    );
    if (!(answer instanceof Promise)) return answer < 0 ? answer : 0;
    system.current.pending = answer;
    return RETRY;
  }

  return new AddressSpaceOperations({ readPage, writePage: store.write === undefined ? undefined : writePage });
}

const EMPTY = new Uint8Array(0);
