// @vmarea/uapi: ABI numbers and their names, errnos, the edge where 64-bit registers enter, and the kernel profiles
// and configurations as data. It knows nothing of mm, files or processes. Mirrors include/uapi/ of the kernel.
