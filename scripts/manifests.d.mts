interface Manifest {
  name: string;
  version: string;
  [key: string]: unknown;
}
export function repositoryOf(rootManifest: object): string;
export function withCommon(manifest: Manifest, dir: string, repository: string): Manifest;
export function absoluteLinks(text: string, dir: string, repository: string): string;
