/**
 * @vmarea/hostfs: a directory of the host as a filesystem, through node:fs. Needs Node.
 */
export { hostfs, hostfsManifest, type HostfsOptions } from './hostfs.ts';
