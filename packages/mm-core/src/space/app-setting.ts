/**
 * CONFIG_MSM_APP_SETTINGS: mapping a listed library marks the address space (arch/arm64/kernel/app_setting.c).
 *
 * The hardware sets a CPU register bit by the mark at each task switch; the mapping itself does not change.
 */
import type { KernelConfig } from '@vmarea/uapi';
import type { Mm } from './mm.ts';
import type { VmFile } from '../ports/file.ts';

/** The largest number of names that the module accepts, and the largest number of characters of one. */
const MAX_LIBS = 10;
const MAX_NAME = 99;

/**
 * Checks the names of a configuration against the module's limits.
 *
 * @throws RangeError naming the value that the module would have refused (-EPERM, -ENOSPC)
 */
export function checkAppSettings(config: KernelConfig): void {
  const names = config.msmAppSettings?.libNames ?? [];
  if (names.length > MAX_LIBS)
    throw new RangeError(`msmAppSettings: ${names.length} names, the module takes ${MAX_LIBS}`);
  for (const name of names) {
    if (name.length > MAX_NAME) throw new RangeError(`msmAppSettings: a name of ${name.length} characters: ${name}`);
  }
}

/** apply_app_setting_bit: runs for every mmap of a file, also one that fails later. */
export function applyAppSettingBit(mm: Mm, file: VmFile): void {
  const settings = mm.system.config.msmAppSettings;
  if (settings === null || !settings.useAppSetting) return;
  const path = file.path();
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (settings.libNames.includes(name)) mm.appSetting = true;
}
