/**
 * What `--fs` names: a filesystem driver, wired with what it needs of this host. Drivers that no machine has by
 * itself are loaded when they are named.
 */
import { readFileSync } from 'node:fs';
import type { HttpfsOptions } from '@vmarea/httpfs';
import type { FileSystemFactory } from '@vmarea/kernel';
import { tmpfs } from '@vmarea/shmem';
import { S_ISDIR, S_ISREG } from '@vmarea/uapi';
import { ramfs } from '@vmarea/vfs';
import type { FileSystem } from '@zenfs/core';
import { DRIVER_SPECS } from '../options/drivers.ts';
import { UsageError } from '../text/io.ts';

/** A driver that is ready to be mounted. */
export interface OpenedDriver {
  /** As the driver calls itself. */
  readonly name: string;
  readonly filesystem: FileSystemFactory;
  /** There is nothing in it yet: a file has to be put there before it can be shown. */
  readonly empty: boolean;
  /** It may be written to. */
  readonly writable: boolean;
  /** A file that is there, where one is known. */
  readonly file?: string | undefined;
}

/**
 * The driver that a text names.
 *
 * @throws UsageError for a text that names none, or a file or directory that cannot be read
 */
export async function openDriver(spec: string): Promise<OpenedDriver> {
  const colon = spec.indexOf(':');
  const name = colon < 0 ? spec : spec.slice(0, colon);
  const rest = colon < 0 ? '' : spec.slice(colon + 1);
  if (spec === 'ramfs') return { name, filesystem: (system) => ramfs(system), empty: true, writable: true };
  if (spec === 'tmpfs') return { name, filesystem: (system) => tmpfs(system), empty: true, writable: true };
  if (name === 'hostfs' && rest !== '') return openHostfs(rest);
  if (spec === 'zenfs:memory') {
    const { zenfs, InMemory, resolveMountConfig } = await optional(spec, '@zenfs/core', async () => ({
      ...(await import('@vmarea/zenfs')),
      ...(await import('@zenfs/core')),
    }));
    const fs = await resolveMountConfig({ backend: InMemory });
    return { name, filesystem: (system) => zenfs(system, { fs }), empty: true, writable: true };
  }
  if (name === 'zenfs' && rest.startsWith('zip:')) return openZip(rest.slice('zip:'.length));
  if (name === 'httpfs' && rest !== '') {
    const options = remote(rest);
    const { httpfs } = await import('@vmarea/httpfs');
    const file = Object.keys(options.files ?? {})[0];
    return { name, filesystem: (system) => httpfs(system, options), empty: false, writable: false, file };
  }
  throw new UsageError(`--fs: «${spec}»; there are ${DRIVER_SPECS.replaceAll('|', ', ')}`);
}

/**
 * Loads what is installed only where somebody wants it: ZenFS is an optional peer, since some of its parts ask for a newer Node.
 *
 * @param spec what `--fs` names
 * @param packages what to install, as npm takes it
 * @throws UsageError when a package is not installed
 */
export async function optional<T>(spec: string, packages: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UsageError(`--fs ${spec} needs ZenFS, which is not installed: npm install ${packages}`);
  }
}

/** A URL that ends in a slash is a directory; of any other the last part is the name of one file. */
function remote(text: string): HttpfsOptions {
  if (!URL.canParse(text)) throw new UsageError(`--fs httpfs: «${text}» is no URL`);
  const { pathname } = new URL(text);
  if (pathname.endsWith('/')) return { base: text };
  return { files: { [decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1))]: text } };
}

async function openHostfs(root: string): Promise<OpenedDriver> {
  const { hostfs } = await import('@vmarea/hostfs');
  return {
    name: 'hostfs',
    filesystem(system) {
      try {
        return hostfs(system, { root });
      } catch (error) {
        throw new UsageError(`--fs hostfs: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
    empty: false,
    writable: true,
  };
}

/** The first file in or below a directory, in the order of names. */
async function firstFile(fs: FileSystem, dir: string): Promise<string | undefined> {
  for (const name of (await fs.readdir(dir)).sort()) {
    const path = dir === '/' ? `/${name}` : `${dir}/${name}`;
    const { mode } = await fs.stat(path);
    if (S_ISREG(mode)) return path;
    const below = S_ISDIR(mode) ? await firstFile(fs, path) : undefined;
    if (below !== undefined) return below;
  }
  return undefined;
}

async function openZip(file: string): Promise<OpenedDriver> {
  const { zenfs, Zip, resolveMountConfig } = await optional('zenfs:zip', '@zenfs/core @zenfs/archives', async () => ({
    ...(await import('@vmarea/zenfs')),
    ...(await import('@zenfs/archives')),
    ...(await import('@zenfs/core')),
  }));
  try {
    const data = new Uint8Array(readFileSync(file)).buffer;
    const resolved: unknown = await resolveMountConfig({ backend: Zip, data });
    const fs = resolved as FileSystem;
    const first = await firstFile(fs, '/');
    return { name: 'zenfs', filesystem: (system) => zenfs(system, { fs }), empty: false, writable: false, file: first };
  } catch (error) {
    throw new UsageError(`--fs zenfs:zip: ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
