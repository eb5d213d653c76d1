export const root: string;
interface WorkspacePackage {
  dir: string;
  manifest: { name: string; version: string; [key: string]: unknown };
}
export function workspacePackages(): WorkspacePackage[];
export function publicPackages(): WorkspacePackage[];
