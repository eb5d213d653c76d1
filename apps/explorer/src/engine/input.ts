/** Files that were given to the page: what each is, and what is to be done with all of them. */
import { splitSeries, type MapOfSeries } from '@vmarea/history';
import { parseElfJson, programsFromDirectory, NO_PROGRAMS, type ProgramSource } from '@vmarea/replay';
import { parseMeminfo, parseRlimits, parseSysctls, parseCapabilityNames, type GivenFacts } from '@vmarea/situation';
import { parseMaps, recognize, RECOGNIZED_BYTES, type MapsLine } from '@vmarea/strace';
import { shortText } from '@vmarea/uapi';
import type { InputFile } from './protocol.ts';

/** An input that the page cannot show; the message says why and what to do. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** Bytes of an input at most, unpacked: a browser's texts end a little above. */
const MOST_BYTES = 256 * 2 ** 20;

/** A log and what belongs to it, or a series of maps. */
export type Input =
  | {
      readonly kind: 'log';
      readonly title: string;
      readonly text: string;
      readonly maps: readonly MapsLine[] | undefined;
      readonly programs: ProgramSource;
      readonly facts: GivenFacts;
    }
  | { readonly kind: 'series'; readonly title: string; readonly maps: readonly MapOfSeries[] };

/** Unpacks gzip, with an end to it. */
async function unpack(file: InputFile): Promise<InputFile> {
  const { name, bytes } = file;
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return file;
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
    const reader = stream.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      length += next.value.length;
      if (length > MOST_BYTES) {
        await reader.cancel();
        break;
      }
      parts.push(next.value);
    }
  } catch {
    throw new InputError(`${shown(name)} is packed with gzip and damaged`);
  }
  check(name, length);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return { name: name.replace(/\.gz$/, ''), bytes: whole };
}

function check(name: string, length: number): void {
  if (length > MOST_BYTES)
    throw new InputError(
      `${shown(name)} is larger than ${MOST_BYTES / 2 ** 20} MiB: a browser holds no such text. «vmarea replay» reads logs of any length.`,
    );
}

/** A file's name as it may be shown. */
function shown(name: string): string {
  return shortText(name, 120);
}

/** What `bundle.json` says of the machine and the process. */
function bundleFacts(text: string): GivenFacts {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new InputError('bundle.json is not JSON');
  }
  if (typeof data !== 'object' || data === null) throw new InputError('bundle.json is no object');
  const { version, machine, uid, rlimits, sysctls } = data as Readonly<Record<string, unknown>>;
  const list = (value: unknown): string[] =>
    Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
  if (version !== 1) throw new InputError(`bundle.json: its version is ${shown(String(version))}, not 1`);
  return {
    architecture: machine === 'aarch64' ? 'arm64' : machine === 'x86_64' ? 'x86-64' : undefined,
    capabilities: parseCapabilityNames(uid === 0 ? 'all' : 'none'),
    limits: list(rlimits)
      .filter((limit) => !/=(?:unlimited|Infinity):/.test(limit))
      .flatMap(parseRlimits),
    sysctls: list(sysctls).flatMap(parseSysctls),
  };
}

function base(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** Collects what the files are. */
class Sorter {
  log: { readonly name: string; readonly text: string } | null = null;
  readonly maps: { readonly name: string; readonly text: string }[] = [];
  programs: ProgramSource = NO_PROGRAMS;
  facts: GivenFacts = {};

  add({ name, bytes }: InputFile): void {
    check(name, bytes.length);
    const plain = base(name);
    const text = (): string => new TextDecoder().decode(bytes);
    if (plain === 'meminfo') {
      this.facts = { ...this.facts, meminfo: parseMeminfo(text(), plain) };
      return;
    }
    if (plain === 'bundle.json') {
      this.facts = { ...this.facts, ...bundleFacts(text()) };
      return;
    }
    if (plain.endsWith('.json')) {
      this.programs = programsFromDirectory(parseElfJson(text(), shown(plain)));
      return;
    }
    const { kind, what, advice } = recognize(bytes.subarray(0, RECOGNIZED_BYTES), bytes.length <= RECOGNIZED_BYTES);
    switch (kind) {
      case 'strace':
        if (this.log !== null)
          throw new InputError(
            `${shown(this.log.name)} and ${shown(name)} are both logs: open them one at a time. (Logs of strace -ff are joined by «vmarea replay NAME».)`,
          );
        this.log = { name: plain, text: text() };
        return;
      case 'maps':
      case 'smaps':
        this.maps.push({ name: plain, text: text() });
        return;
      case 'calls':
        throw new InputError(
          `${shown(name)} has calls without results: «vmarea explain ${shown(plain)}» answers them. This page wants a log of strace, or maps.`,
        );
      default:
        throw new InputError(`${shown(name)} is ${what}. ${advice}`.trim());
    }
  }

  done(): Input {
    const { log, maps, programs, facts } = this;
    if (log !== null) {
      if (maps.length > 1)
        throw new InputError(
          `a log goes with one map, the one that the process had at the end; here are ${maps.length}: ${maps.map(({ name }) => shown(name)).join(', ')}`,
        );
      const lines = maps[0] === undefined ? undefined : parseMaps(maps[0].text).lines;
      return { kind: 'log', title: log.name, text: log.text, maps: lines, programs, facts };
    }
    if (maps.length === 0)
      throw new InputError('there is no log and no map among the files: headers and figures alone show nothing');
    const series = [...maps]
      .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
      .flatMap(({ name, text }) => {
        const parts = splitSeries(text).map((part) => ({
          title: part.title === '' ? name : part.title,
          lines: parseMaps(part.text).lines,
        }));
        return parts.filter(({ lines }) => lines.length > 0);
      });
    const title = maps.length === 1 ? maps[0]!.name : `${maps.length} maps`;
    return { kind: 'series', title, maps: series };
  }
}

/**
 * Sorts files.
 *
 * @throws InputError, SituationError or ElfError with what is wrong
 */
export async function readInput(files: readonly InputFile[]): Promise<Input> {
  if (files.length === 0) throw new InputError('no file was given');
  const sorter = new Sorter();
  for (const file of files) {
    check(file.name, file.bytes.length);
    sorter.add(await unpack(file));
  }
  return sorter.done();
}
