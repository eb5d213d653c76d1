/**
 * Tests errors of the storage at every point: runs a scenario once for each operation that it makes, and fails that operation.
 * The caller must get exactly that error, nothing may break or leak, and the same scenario must then succeed on the same
 * machine.
 */
import { EIO, ENOSPC, MS_SYNC, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, PROT_READ, PROT_WRITE } from '@vmarea/uapi';
import { ok, sameBytes, show } from './assert.ts';
import { delayDriver } from './delay.ts';
import { failDriver, FailurePlan } from './fail.ts';
import { FIXTURE_FILES, pattern, patternByte } from './fixture.ts';
import { Rig, type RigInit } from './rig.ts';

/** A result that ends a scenario: an errno or a signal. */
type Outcome = number | 'SIGBUS' | 'done';

/** The steps of a scenario; the first that fails ends it. */
class Steps {
  readonly rig: Rig;

  constructor(rig: Rig) {
    this.rig = rig;
  }

  async do(call: () => number): Promise<number> {
    const result = await this.rig.run(call);
    if (result < 0) throw new Failed(result);
    return result;
  }

  async load(addr: number): Promise<number> {
    const value = await this.rig.load(addr);
    if (value === 'SIGBUS') throw new Failed('SIGBUS');
    if (typeof value === 'string') throw new Error(`load: ${value}`);
    return value;
  }

  async store(addr: number, value: number): Promise<void> {
    const result = await this.rig.store(addr, value);
    if (result === 'SIGBUS') throw new Failed('SIGBUS');
    if (result !== 'ok') throw new Error(`store: ${result}`);
  }
}

class Failed extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super(`ended with ${show(outcome)}`);
    this.outcome = outcome;
  }
}

async function readScenario(rig: Rig): Promise<void> {
  const steps = new Steps(rig);
  const { sys } = rig.task;
  const can = rig.sb.manifest.capabilities;
  const fd = await steps.do(() => sys.open('/m/pages', O_RDONLY));
  const target = new Uint8Array(rig.page + 10);
  const n = await steps.do(() => sys.pread(fd, target, rig.page - 5));
  sameBytes(target.subarray(0, n), pattern(rig.page - 5, n), 'what was read');
  if (can.mmapPrivate) {
    const at = await steps.do(() => sys.mmap(0, 4 * rig.page, PROT_READ | PROT_WRITE, 2, fd, 0));
    for (let page = 3; page >= 0; page--) {
      ok((await steps.load(at + page * rig.page)) === patternByte(page * rig.page), `page ${page}`);
    }
    await steps.store(at, 9);
  }
}

async function writeScenario(rig: Rig): Promise<void> {
  const steps = new Steps(rig);
  const { sys } = rig.task;
  const can = rig.sb.manifest.capabilities;
  const fd = await steps.do(() => sys.open('/m/w', O_CREAT | (can.truncate ? O_TRUNC : 0) | O_RDWR, 0o644));
  const bytes = pattern(0, 2 * rig.page + 50);
  for (let done = 0; done < bytes.length;) {
    done += await steps.do(() => sys.pwrite(fd, bytes, done, done));
  }
  await steps.do(() => sys.fsync(fd));
  if (can.mmapSharedWrite) {
    const at = await steps.do(() => sys.mmap(0, 3 * rig.page, PROT_READ | PROT_WRITE, 1, fd, 0));
    await steps.store(at + rig.page, 0x5a);
    await steps.do(() => sys.msync(at, 3 * rig.page, MS_SYNC));
  }
  if (can.truncate) await steps.do(() => sys.ftruncate(fd, rig.page + 1));
  if (can.rename) await steps.do(() => sys.rename('/m/w', '/m/v'));
  const name = can.rename ? '/m/v' : '/m/w';
  if (can.mkdir) {
    await steps.do(() => sys.mkdir('/m/d', 0o755));
    await steps.do(() => sys.rmdir('/m/d'));
  }
  await steps.do(() => sys.unlink(name));
}

/** Removes names that an aborted scenario may have left. */
async function cleanUp(rig: Rig): Promise<void> {
  const { sys } = rig.task;
  for (const fd of rig.task.cur.files.openFds()) sys.close(fd);
  await rig.run(() => sys.unlink('/m/w'));
  await rig.run(() => sys.unlink('/m/v'));
  await rig.run(() => sys.rmdir('/m/d'));
}

/** Runs a scenario. Returns its outcome. */
async function outcomeOf(scenario: (rig: Rig) => Promise<void>, rig: Rig): Promise<Outcome> {
  try {
    await scenario(rig);
    return 'done';
  } catch (error) {
    if (error instanceof Failed) return error.outcome;
    throw error;
  }
}

/** The largest number of operations in a scenario. */
const MAX_POINTS = 400;

/**
 * Runs a scenario with its n-th operation failing, for every n.
 *
 * @returns the number of operations tried
 */
export async function failEverywhere(init: RigInit, which: 'read' | 'write', delayed: boolean): Promise<number> {
  const scenario = which === 'read' ? readScenario : writeScenario;
  let tried = 0;
  for (const errno of which === 'read' ? [-EIO] : [-EIO, -ENOSPC]) {
    for (let n = 1; ; n++) {
      if (n > MAX_POINTS) throw new Error(`the scenario has more than ${MAX_POINTS} points`);
      const plan = new FailurePlan(0, errno);
      const rig = await Rig.create({
        ...init,
        wrap(sb) {
          failDriver(sb, plan);
          if (delayed) delayDriver(sb);
        },
      });
      if (which === 'read' && rig.sb.manifest.capabilities.write) await give(rig);
      plan.countdown = n;
      const outcome = await outcomeOf(scenario, rig);
      plan.countdown = 0;
      const { failed } = plan;
      const at =
        failed === null ? 'no failure' : `${failed.op} ${failed.name} at ${failed.at} (operation ${n}) failing`;
      rig.check();
      if (failed === null) ok(outcome === 'done', `without a failure the scenario ended with ${show(outcome)}`);
      else judgeOutcome(outcome, errno, failed.op, at);
      await cleanUp(rig);
      const again = await outcomeOf(scenario, rig);
      ok(again === 'done', `after ${at} the scenario was run again and ended with ${show(again)}`);
      // 4.4 keeps the charge of a private writable mapping that the driver has refused
      const leaks = rig.kernel.system.profile.mmap.failureLeaksCommit && which === 'read' && failed?.op === 'mmap';
      await rig.end(0, leaks ? 4 : 0);
      if (failed === null) break;
      tried++;
    }
  }
  return tried;
}

/** Checks that the caller got the driver's error: as errno, or as SIGBUS for a page. */
function judgeOutcome(outcome: Outcome, errno: number, op: string, at: string): void {
  const page =
    op === 'fault' || op === 'pageMkwrite' || op === 'readPage' || op === 'allocPage' || op === 'prepareWrite';
  if (outcome === errno || (page && outcome === 'SIGBUS')) return;
  // what was asked for in advance may fail unseen; what closes a file has nobody to tell; a write that stops in the middle
  // tells how far it came
  if (outcome === 'done' && (op === 'readPage' || op === 'writePage' || op === 'allocPage')) return;
  throw new Error(`${at}: the caller was told ${String(outcome)}, not ${errno}`);
}

/** Writes the fixture to storage and drops it from memory. */
async function give(rig: Rig): Promise<void> {
  const fd = await rig.make('pages', FIXTURE_FILES['pages']!);
  await rig.uncache(fd);
  rig.close(fd);
}
