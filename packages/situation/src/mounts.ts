/**
 * Where file systems are mounted, as far as placement depends on them: those that ask for it have their files of a PMD huge page
 * (2 MiB) and more placed congruent to one.
 */
import { assumed, type Fact } from './evidence.ts';
import { SituationError } from './error.ts';

/** How the files of a mount are placed: congruent to a PMD huge page where they contain one, or at any page. */
export type FilePlacement = 'huge' | 'page';

/** File systems by their type in /proc/mounts: those whose files have thp_get_unmapped_area, and those whose files do not. */
const TYPES: ReadonlyMap<string, FilePlacement> = new Map<string, FilePlacement>([
  ['ext4', 'huge'],
  ['xfs', 'huge'],
  ['btrfs', 'huge'],
  ['ext2', 'huge'],
  ['fuse', 'huge'],
  ['erofs', 'huge'],
  ['bcachefs', 'huge'],
  ['overlay', 'page'],
  ['tmpfs', 'page'],
  ['ramfs', 'page'],
]);

/** Mounts by their directory. */
export type Mounts = ReadonlyMap<string, Fact<FilePlacement>>;

/** What is taken where nothing tells: a root on ext4 or the like, and tmpfs where distributions mount it. */
export const ASSUMED_MOUNTS: Mounts = new Map<string, Fact<FilePlacement>>([
  ['/', assumed('huge', 'a root on ext4, xfs or btrfs')],
  ['/dev', assumed('page', 'tmpfs')],
  ['/run', assumed('page', 'tmpfs')],
]);

/** A mount that an option gives. */
export interface GivenMount {
  readonly directory: string;
  readonly placement: FilePlacement;
  /** As typed, for instance `/=ext4`. */
  readonly text: string;
}

/**
 * `/=ext4`, `/=overlay,/tmp=tmpfs`.
 *
 * @throws SituationError for a directory that is not absolute, or a file system that is not known
 */
export function parseMounts(text: string): GivenMount[] {
  return text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const [directory = '', type = ''] = part.split('=', 2).map((half) => half.trim());
      if (!directory.startsWith('/'))
        throw new SituationError(`--mount: «${part}» is not DIRECTORY=TYPE (for instance /=ext4)`);
      const placement = TYPES.get(type);
      if (placement === undefined)
        throw new SituationError(`--mount ${directory}: «${type}» is none of ${[...TYPES.keys()].join(', ')}`);
      return { directory: directory.replace(/(?<=.)\/+$/, ''), placement, text: part.trim() };
    });
}

/** The directory of the mount that a path lies on. */
export function mountOf(mounts: Mounts, path: string): string {
  let best = '/';
  for (const directory of mounts.keys()) {
    if (directory.length > best.length && (path === directory || path.startsWith(`${directory}/`))) best = directory;
  }
  return best;
}

/** How the file of a path is placed. */
export function placementOf(mounts: Mounts, path: string): FilePlacement {
  return mounts.get(mountOf(mounts, path))?.value ?? 'page';
}
