/** Recordings of real programs that come with the page: each a log, the map that the kernel showed, and the programs' headers. */

const logs = import.meta.glob<string>('../../../../../conformance/straces/*.strace', {
  query: '?url',
  import: 'default',
  eager: true,
});
const maps = import.meta.glob<string>('../../../../../conformance/straces/*.maps', {
  query: '?url',
  import: 'default',
  eager: true,
});
const headers = import.meta.glob<string>('../../../../../conformance/straces/elf.json', {
  query: '?url',
  import: 'default',
  eager: true,
});

/** A file beside the page. */
export interface Beside {
  readonly name: string;
  readonly url: string;
}

/** One recording. */
export interface Recording {
  readonly title: string;
  readonly files: readonly Beside[];
}

function besides(found: Readonly<Record<string, string>>): Beside[] {
  return Object.entries(found).map(([path, url]) => ({ name: path.slice(path.lastIndexOf('/') + 1), url }));
}

const mapOf = new Map(besides(maps).map((file) => [file.name.replace(/\.maps$/, ''), file]));

/** All of them, by title. */
export const RECORDINGS: readonly Recording[] = besides(logs).map((log) => {
  const name = log.name.replace(/\.strace$/, '');
  const map = mapOf.get(name);
  const title = name.replace('.aslr-off', '').replace('.aslr-on', ', random addresses').replaceAll('_', ' ');
  return { title, files: [log, ...(map === undefined ? [] : [map]), ...besides(headers)] };
});
