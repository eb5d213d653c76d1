/** The tour of the three kinds of mapping: of a file, anonymous, of huge pages. */
import {
  MAP_ANONYMOUS,
  MAP_HUGETLB,
  MAP_PRIVATE,
  MAP_SHARED,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
} from '@vmarea/uapi';
import { hex, type Tour, type TourPlace } from './tour.ts';

const RW = PROT_READ | PROT_WRITE;

/** The three kinds of mapping. */
export async function tourOfMappings(tour: Tour, { driver, path }: TourPlace): Promise<void> {
  const { task, page } = tour;
  const { sys } = task;
  const { name, writable } = driver;
  const fd = await tour.step(
    `A file on ${name}`,
    writable ? `open("${path}", O_RDWR|O_CREAT, 0644)` : `open("${path}", O_RDONLY)`,
    () => sys.open(path, writable ? O_RDWR | O_CREAT : O_RDONLY, 0o644),
  );
  if (writable) {
    await tour.step('It gets four pages', `ftruncate(${fd}, ${4 * page})`, () => sys.ftruncate(fd, 4 * page));
  }
  const file = await tour.step(
    'First kind: a file mapping',
    `mmap(NULL, ${4 * page}, ${writable ? 'PROT_READ|PROT_WRITE' : 'PROT_READ'}, MAP_SHARED, ${fd}, 0)`,
    () => sys.mmap(0, 4 * page, writable ? RW : PROT_READ, MAP_SHARED, fd, 0),
  );
  await tour.step('The descriptor is not needed any more', `close(${fd})`, () => sys.close(fd));
  const anon = await tour.step(
    'Second kind: anonymous memory, private',
    `mmap(NULL, ${2 * page}, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)`,
    () => sys.mmap(0, 2 * page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
  );
  await tour.step(
    'More of it joins what is there',
    `mmap(NULL, ${page}, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)`,
    () => sys.mmap(0, page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
  );
  await tour.step(
    'Anonymous memory, shared: a file of shmem behind it',
    `mmap(NULL, ${2 * page}, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0)`,
    () => sys.mmap(0, 2 * page, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
  );
  await tour.step(
    'Third kind: huge pages, anonymous',
    `mmap(NULL, ${page}, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB, -1, 0)`,
    () => sys.mmap(0, page, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0),
  );
  const huge = await tour.step('A file on hugetlbfs', 'open("/huge/data", O_RDWR|O_CREAT, 0644)', () =>
    sys.open('/huge/data', O_RDWR | O_CREAT, 0o644),
  );
  await tour.step(
    'Huge pages of that file: the length is rounded up to a huge page',
    `mmap(NULL, ${page}, PROT_READ|PROT_WRITE, MAP_SHARED, ${huge}, 0)`,
    () => sys.mmap(0, page, RW, MAP_SHARED, huge, 0),
  );
  await tour.touch(`A ${writable ? 'store' : 'load'} brings a page of the file in`, task, file, writable ? 1 : null);
  await tour.touch('A store brings a page of anonymous memory in', task, anon, 1);
  await tour.step(
    'A page in the middle of the file mapping goes, and two mappings are left',
    `munmap(${hex(file + page)}, ${page})`,
    () => sys.munmap(file + page, page),
  );
}
