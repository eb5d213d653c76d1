/**
 * CONFIG_MSM_APP_SETTINGS: a listed library marks the address space (arch/arm64/kernel/app_setting.c).
 *
 * On the hardware a CPU register bit follows the mark at each task switch; nothing of the mapping changes.
 */
import type { Mm } from './mm.ts';
import type { VmFile } from './ports/file.ts';

/** The most names that the module takes, and the length of one. */
export const MAX_APP_SETTING_LIBS = 10;
export const MAX_APP_SETTING_NAME = 99;

/** apply_app_setting_bit: runs for every mmap of a file, also one that fails later. */
export function applyAppSettingBit(mm: Mm, file: VmFile): void {
  const settings = mm.system.config.msmAppSettings;
  if (settings === null || !settings.useAppSetting) return;
  const path = file.path();
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (settings.libNames.includes(name)) mm.appSetting = true;
}
