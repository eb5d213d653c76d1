/** What `--fs` understands, for help texts. */
export const DRIVER_SPECS = 'ramfs|tmpfs|hostfs:DIR|zenfs:memory|zenfs:zip:FILE|httpfs:URL';
