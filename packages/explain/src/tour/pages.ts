/** The tour of pages: two tasks share a file mapping, and each has a private one. */
import type { Task } from '@vmarea/kernel';
import { MAP_PRIVATE, MAP_SHARED, O_CREAT, O_RDWR, PROT_READ, PROT_WRITE } from '@vmarea/uapi';
import { hex, TourError, type Tour, type TourPlace } from './tour.ts';

const RW = PROT_READ | PROT_WRITE;

/** Two tasks that share a file mapping and have a private one: what becomes of the pages. */
export async function tourOfPages(tour: Tour, { driver, path }: TourPlace): Promise<void> {
  const { task, page, kernel } = tour;
  const { sys } = task;
  const fd = await tour.step(`A file on ${driver.name}`, `open("${path}", O_RDWR|O_CREAT, 0644)`, () =>
    sys.open(path, O_RDWR | O_CREAT, 0o644),
  );
  await tour.step('It gets two pages', `ftruncate(${fd}, ${2 * page})`, () => sys.ftruncate(fd, 2 * page));
  const shared = await tour.step(
    'The first task maps it shared',
    `mmap(NULL, ${2 * page}, PROT_READ|PROT_WRITE, MAP_SHARED, ${fd}, 0)`,
    () => sys.mmap(0, 2 * page, RW, MAP_SHARED, fd, 0),
  );
  const own = await tour.step(
    'And once more, privately',
    `mmap(NULL, ${2 * page}, PROT_READ|PROT_WRITE, MAP_PRIVATE, ${fd}, 0)`,
    () => sys.mmap(0, 2 * page, RW, MAP_PRIVATE, fd, 0),
  );
  const watch = (name: string, who: Task): void => {
    tour.watched.push(
      { name, task: who, start: shared, pages: 2, what: 'shared' },
      { name, task: who, start: own, pages: 2, what: 'private' },
    );
  };
  watch('first', task);
  await tour.touch('A store through the shared mapping', task, shared, 1);
  await tour.touch('The private mapping reads the same frame', task, own, null);
  await tour.touch('A store through it makes a copy', task, own, 2);
  let child: Task | null = null;
  await tour.step(
    'A second task: shared frames are mapped again when touched, private ones are write-protected',
    'fork()',
    () => {
      const made = sys.fork();
      if (typeof made === 'number') return made;
      child = made;
      watch('second', made);
      return made.pid;
    },
  );
  const second = child as Task | null;
  if (second === null) throw new TourError('tour: fork gave no task');
  await tour.touch('The second task sees the store of the first', second, shared, null);
  await tour.touch('It stores there, too', second, shared + 1, 3);
  await tour.touch('And the first sees that', task, shared + 1, null);
  await tour.touch('The second stores into its private page: another copy', second, own, 4);
  await tour.touch('The first still has its own', task, own, null);
  await tour.touch('Its next store finds that nobody else has the page', task, own, 5);
  await tour.step('The file loses its second page', `ftruncate(${fd}, ${page})`, () => sys.ftruncate(fd, page));
  await tour.touch('An access beyond the end is a bus error', task, shared + page, null);
  await tour.step('The file loses everything, private copies included', `ftruncate(${fd}, 0)`, () =>
    sys.ftruncate(fd, 0),
  );
  await tour.touch('Even where a copy was', second, own, null);
  second.sys.exit();
  tour.watched.splice(2);
  await tour.step('Both end; every frame is free again', `munmap(${hex(Math.min(shared, own))}, ${4 * page})`, () =>
    sys.munmap(Math.min(shared, own), 4 * page),
  );
  kernel.shutdown();
}
