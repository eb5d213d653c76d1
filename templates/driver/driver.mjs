// A driver: files from a record of bytes, read-only. Replace `lookup` and `read` by your storage; both may return promises.
import { storeFs, storeManifest } from '@vmarea/vfs';

/** File type of st_mode: a regular file. */
const S_IFREG = 0o100000;

/**
 * @param {Readonly<Record<string, Uint8Array>>} files contents by name
 * @returns {import('@vmarea/vfs').Store<Uint8Array | null>}
 */
function recordStore(files) {
  return {
    name: 'recordfs',
    root: null,
    lookup(_dir, name) {
      if (!Object.hasOwn(files, name)) return null;
      return { node: files[name], mode: S_IFREG | 0o444, size: files[name].length };
    },
    read(node, target, pos) {
      const part = node.subarray(pos, pos + target.length);
      target.set(part);
      return part.length;
    },
  };
}

/** Mounts the files: `mounts: [{ path: '/data', filesystem: (system) => recordFs(system, files) }]`. */
export const recordFs = (system, files) => storeFs(system, recordStore(files));

/** What the driver can do, as the suite and the documentation see it. */
export const RECORD_FS_MANIFEST = storeManifest(recordStore({}));
