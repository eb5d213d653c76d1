// @vmarea/strace: strace logs in, typed events out, and back; /proc/PID/maps text both ways. It does not interpret the calls:
// it knows nothing of the kernel package.
