/*
 * Runs one script of memory operations in a fresh process and writes down what the kernel answered.
 *
 * No libc, no heap, no thread-local storage: the process has two mappings of its own (code and data), so that what a script
 * does to its address space is all that happens there. The script is read from descriptor 201, the answers go to 200.
 *
 * Script: one operation a line, `N name argument...`. N numbers the line; an argument is a number or `$N`, the result of
 * line N, with `+0x..` or `-0x..` behind it. A line whose argument refers to a line that failed is skipped.
 * Answers: `N ret VALUE`, `N fault SIGNAL CODE ADDRESS DONE`, `N text LENGTH` and the text, `N skip`.
 */
typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned char u8;

enum { SCRIPT = 1 << 16, OUT = 1 << 17, LINES = 1 << 12, VEC = 1 << 12, PAGE = 4096 };

static char script[SCRIPT] = { 1 };
static char out[OUT] = { 1 };
static u8 vec[VEC] = { 1 };
static u64 result[LINES];
static u8 worked[LINES];
static u64 out_used;
/* A page that nobody touches. */
static u8 hole[2 * PAGE] __attribute__((aligned(4096)));
static u8 signal_stack[16384];

static void *landing[5];
static volatile u64 done;
static volatile int fault_signal, fault_code;
static volatile u64 fault_address;

#if defined(__x86_64__)
enum {
  NR_write = 1, NR_mmap = 9, NR_mprotect = 10, NR_munmap = 11, NR_brk = 12, NR_rt_sigaction = 13, NR_pread = 17,
  NR_mremap = 25, NR_msync = 26, NR_mincore = 27, NR_madvise = 28, NR_exit = 60, NR_wait4 = 61, NR_ftruncate = 77,
  NR_sigaltstack = 131, NR_mlock = 149, NR_munlock = 150, NR_mlockall = 151, NR_munlockall = 152, NR_prctl = 157,
  NR_setrlimit = 160, NR_remap_file_pages = 216, NR_fallocate = 285, NR_memfd_create = 319, NR_mlock2 = 325,
  NR_mseal = 462, NR_read = 0, NR_close = 3, NR_pwrite = 18, NR_openat = 257, NR_capset = 126, NR_clone = 56, NR_fstat = 5,
};
static u64 call6(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
  register u64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  u64 ret;
  __asm__ volatile("syscall" : "=a"(ret) : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return ret;
}
__asm__(".globl _start\n_start: xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call begin\n"
        "restorer: mov $15,%eax\n syscall\n");
extern void restorer(void);
enum { SA_RESTORER = 0x04000000 };
static const u8 RETURN[] = { 0xc3 };
#elif defined(__aarch64__)
enum {
  NR_write = 64, NR_mmap = 222, NR_mprotect = 226, NR_munmap = 215, NR_brk = 214, NR_rt_sigaction = 134, NR_pread = 67,
  NR_mremap = 216, NR_msync = 227, NR_mincore = 232, NR_madvise = 233, NR_exit = 93, NR_wait4 = 260, NR_ftruncate = 46,
  NR_sigaltstack = 132, NR_mlock = 228, NR_munlock = 229, NR_mlockall = 230, NR_munlockall = 231, NR_prctl = 167,
  NR_setrlimit = 164, NR_remap_file_pages = 234, NR_fallocate = 47, NR_memfd_create = 279, NR_mlock2 = 284,
  NR_mseal = 462, NR_read = 63, NR_close = 57, NR_pwrite = 68, NR_openat = 56, NR_capset = 91, NR_clone = 220, NR_fstat = 80,
};
static u64 call6(u64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
  register u64 x8 __asm__("x8") = nr, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
  register u64 x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
__asm__(".globl _start\n_start: mov x29,#0\n mov x0,sp\n bl begin\n");
static void restorer(void) {}
enum { SA_RESTORER = 0 };
static const u8 RETURN[] = { 0xc0, 0x03, 0x5f, 0xd6 };
#else
#error "this processor is not one that vmarea models"
#endif

void *memset(void *to, int byte, u64 n) { u8 *p = to; while (n--) *p++ = (u8)byte; return to; }
void *memcpy(void *to, const void *from, u64 n) { u8 *p = to; const u8 *q = from; while (n--) *p++ = *q++; return to; }

static int failed(u64 value) { return value > -4096UL; }

static void flush(void)
{
  for (u64 at = 0; at < out_used;) {
    u64 n = call6(NR_write, 200, (u64)(out + at), out_used - at, 0, 0, 0);
    if (failed(n)) call6(NR_exit, 99, 0, 0, 0, 0, 0);
    at += n;
  }
  out_used = 0;
}

static void put(char c)
{
  if (out_used == OUT) flush();
  out[out_used++] = c;
}

static void puts_(const char *text) { while (*text) put(*text++); }

static void put_hex(u64 value)
{
  int shift = 60;
  puts_("0x");
  while (shift > 0 && (value >> shift) == 0) shift -= 4;
  for (; shift >= 0; shift -= 4) put("0123456789abcdef"[(value >> shift) & 15]);
}

static void put_dec(u64 value)
{
  char digits[24];
  int n = 0;
  do digits[n++] = '0' + value % 10; while (value /= 10);
  while (n) put(digits[--n]);
}

static void head(u32 line, const char *kind)
{
  put_dec(line);
  put(' ');
  puts_(kind);
  put(' ');
}

static void put_ret(u32 line, u64 value)
{
  head(line, "ret");
  if (failed(value)) { put('-'); put_dec(-value); } else put_hex(value);
  put('\n');
}

/* struct kernel_sigaction and siginfo, as far as they are used. */
struct action { void (*handler)(int, int *, void *); u64 flags; void (*restorer)(void); u64 mask; };
struct alt_stack { void *sp; int flags; u64 size; };

static void on_fault(int signal, int *info, void *context)
{
  (void)context;
  fault_signal = signal;
  fault_code = info[2];
  fault_address = *(u64 *)(info + 4);
  __builtin_longjmp(landing, 1);
}

static void watch(void)
{
  static const int SIGNALS[] = { 4, 7, 11 };
  /* SA_SIGINFO | SA_ONSTACK | SA_NODEFER */
  struct action action = { on_fault, 4 | 0x08000000 | 0x40000000 | SA_RESTORER, restorer, 0 };
  struct alt_stack alt = { signal_stack, 0, sizeof signal_stack };
  call6(NR_sigaltstack, (u64)&alt, 0, 0, 0, 0, 0);
  for (int i = 0; i < 3; i++) call6(NR_rt_sigaction, SIGNALS[i], (u64)&action, 0, 8, 0, 0);
}

static int same(const char *a, const char *b)
{
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

static void put_file(u32 line, const char *path)
{
  static char text[SCRIPT] = { 1 };
  u64 fd = call6(NR_openat, -100UL, (u64)path, 0, 0, 0, 0), used = 0, n = 0;
  while (used < SCRIPT && !failed(n = call6(NR_read, fd, (u64)(text + used), SCRIPT - used, 0, 0, 0)) && n) used += n;
  call6(NR_close, fd, 0, 0, 0, 0, 0);
  head(line, "text");
  put_dec(used);
  put('\n');
  for (u64 i = 0; i < used; i++) put(text[i]);
}

static void put_bytes(u32 line, const u8 *bytes, u64 n)
{
  head(line, "bytes");
  for (u64 i = 0; i < n; i++) { put("0123456789abcdef"[bytes[i] >> 4]); put("0123456789abcdef"[bytes[i] & 15]); }
  put('\n');
}

/* Accesses to memory: what may fault. Each counts what it has done. */
static u64 access(const char *name, u64 a, u64 b, u64 c)
{
  volatile u8 *at = (volatile u8 *)a;
  if (same(name, "read")) for (; done < b; done++) vec[done] = at[done];
  else if (same(name, "fill")) for (; done < b; done++) at[done] = (u8)c;
  else if (same(name, "rtouch")) for (u64 i = 0; i < b; i += PAGE, done++) (void)at[i];
  else if (same(name, "wtouch")) for (u64 i = 0; i < b; i += PAGE, done++) at[i] = (u8)c;
  else if (same(name, "putret")) for (; done < sizeof RETURN; done++) at[done] = RETURN[done];
  else if (same(name, "call")) { __builtin___clear_cache((char *)a, (char *)a + 4); ((void (*)(void))a)(); }
  return done;
}

static int is_access(const char *name)
{
  return same(name, "read") || same(name, "fill") || same(name, "rtouch") || same(name, "wtouch") || same(name, "putret")
      || same(name, "call");
}

struct named { const char *name; u32 nr; };
static const struct named CALLS[] = {
  { "mmap", NR_mmap }, { "munmap", NR_munmap }, { "mprotect", NR_mprotect }, { "mremap", NR_mremap }, { "brk", NR_brk },
  { "madvise", NR_madvise }, { "mlock", NR_mlock }, { "mlock2", NR_mlock2 }, { "munlock", NR_munlock },
  { "mlockall", NR_mlockall }, { "munlockall", NR_munlockall }, { "msync", NR_msync },
  { "remap_file_pages", NR_remap_file_pages }, { "mseal", NR_mseal }, { "prctl", NR_prctl },
  { "ftruncate", NR_ftruncate }, { "fallocate", NR_fallocate }, { "close", NR_close },
};

static void memfd(u32 line)
{
  u32 stat[64];
  u64 fd = call6(NR_memfd_create, (u64)"m", 2, 0, 0, 0, 0);
  result[line] = fd;
  worked[line] = !failed(fd);
  put_ret(line, fd);
  if (failed(fd)) return;
  call6(NR_fstat, fd, (u64)stat, 0, 0, 0, 0);
  head(line, "file");
  put_hex(*(u64 *)stat);
  put(' ');
  put_dec(*(u64 *)(stat + 2));
  put('\n');
}

static void file_bytes(u32 line, const char *name, const u64 *a)
{
  u64 n = 0;
  if (same(name, "pfill")) {
    u64 sum = 0;
    for (u64 i = 0; i < VEC; i++) vec[i] = (u8)a[1];
    while (sum < a[2] && !failed(n = call6(NR_pwrite, a[0], (u64)vec, a[2] - sum < VEC ? a[2] - sum : VEC, a[3] + sum, 0, 0)) && n)
      sum += n;
    put_ret(line, failed(n) && sum == 0 ? n : sum);
    return;
  }
  n = call6(NR_pread, a[0], (u64)vec, a[1] < VEC ? a[1] : VEC, a[2], 0, 0);
  if (failed(n)) put_ret(line, n); else put_bytes(line, vec, n);
}

static void mincore(u32 line, const u64 *a)
{
  u64 ret = call6(NR_mincore, a[0], a[1], (u64)vec, 0, 0, 0);
  put_ret(line, ret);
  if (failed(ret)) return;
  head(line, "vec");
  for (u64 i = 0; i < (a[1] + PAGE - 1) / PAGE && i < VEC; i++) put('0' + (vec[i] & 1));
  put('\n');
}

static void drop_capabilities(u32 line)
{
  u32 header[2] = { 0x20080522, 0 }, nothing[6] = { 0, 0, 0, 0, 0, 0 };
  put_ret(line, call6(NR_capset, (u64)header, (u64)nothing, 0, 0, 0, 0));
}

static void info(u32 line)
{
  head(line, "info");
  put_hex((u64)hole);
  put(' ');
  put_hex(call6(NR_brk, 0, 0, 0, 0, 0, 0));
  put('\n');
  put_file(line, "/proc/self/smaps");
}

static void run(u32 line, const char *name, u64 *a)
{
  for (u32 i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
    if (!same(name, CALLS[i].name)) continue;
    u64 ret = call6(CALLS[i].nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    result[line] = ret;
    worked[line] = !failed(ret);
    put_ret(line, ret);
    return;
  }
  if (is_access(name)) {
    done = 0;
    if (__builtin_setjmp(landing) == 0) {
      access(name, a[0], a[1], a[2]);
      if (same(name, "read")) put_bytes(line, vec, done);
      else put_ret(line, same(name, "putret") || same(name, "call") ? 0 : done);
      return;
    }
    head(line, "fault");
    put_dec((u64)fault_signal);
    put(' ');
    put_dec((u64)fault_code);
    put(' ');
    put_hex(fault_address);
    put(' ');
    put_dec(done);
    put('\n');
  }
  else if (same(name, "memfd_create")) memfd(line);
  else if (same(name, "pfill") || same(name, "pread")) file_bytes(line, name, a);
  else if (same(name, "mincore")) mincore(line, a);
  else if (same(name, "maps")) put_file(line, "/proc/self/maps");
  else if (same(name, "setrlimit")) {
    u64 limit[2] = { a[1], a[2] };
    put_ret(line, call6(NR_setrlimit, a[0], (u64)limit, 0, 0, 0, 0));
  }
  else if (same(name, "capdrop")) drop_capabilities(line);
  else if (same(name, "info")) info(line);
  else { head(line, "unknown"); put('\n'); }
}

static u64 number(char **at)
{
  u64 value = 0;
  char *p = *at;
  if (*p == '-') { *at = p + 1; return -number(at); }
  if (p[0] == '0' && p[1] == 'x')
    for (p += 2; (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'); p++) value = value * 16 + (*p <= '9' ? *p - '0' : *p - 'a' + 10);
  else for (; *p >= '0' && *p <= '9'; p++) value = value * 10 + (*p - '0');
  *at = p;
  return value;
}

/* Runs the lines from `at` on, up to `end` or the end of the script; returns where it stopped. */
static char *lines(char *at, int child)
{
  while (*at) {
    u64 a[6] = { 0, 0, 0, 0, 0, 0 };
    int count = 0, skip = 0;
    u32 line = number(&at) % LINES;
    char *name = ++at;
    while (*at != ' ' && *at != '\n') at++;
    int more = *at == ' ';
    *at++ = 0;
    while (more && count < 6) {
      if (*at == '$') {
        at++;
        u32 of = number(&at) % LINES;
        if (!worked[of]) skip = 1;
        a[count] = result[of];
        if (*at == '+') { at++; a[count] += number(&at); } else if (*at == '-') { at++; a[count] -= number(&at); }
      } else a[count] = number(&at);
      count++;
      more = *at++ == ' ';
    }
    if (same(name, "end")) {
      if (child) { flush(); call6(NR_exit, 0, 0, 0, 0, 0, 0); }
      continue;
    }
    if (same(name, "fork")) {
      flush();
      u64 pid = call6(NR_clone, 17, 0, 0, 0, 0, 0);
      if (pid == 0) { child = 1; continue; }
      int status = 0;
      if (!failed(pid)) {
        call6(NR_wait4, pid, (u64)&status, 0, 0, 0, 0);
        put_ret(line, 0);
      } else put_ret(line, pid);
      /* Everything up to the line `end` was the child's. */
      for (;;) {
        while (*at && *at != ' ') at++;
        if (!*at) return at;
        char *word = ++at;
        while (*at && *at != '\n' && *at != ' ') at++;
        int is_end = at - word == 3 && word[0] == 'e' && word[1] == 'n' && word[2] == 'd';
        while (*at && *at != '\n') at++;
        if (*at) at++;
        if (is_end) break;
      }
      continue;
    }
    if (skip) { head(line, "skip"); put('\n'); continue; }
    run(line, name, a);
  }
  return at;
}

void begin(u64 *stack)
{
  (void)stack;
  u64 used = 0, n;
  /* Every page of the data but the hole, so that it never faults later. */
  for (u64 i = 0; i < sizeof result / 8; i += 512) result[i] = 0;
  while (used < SCRIPT - 1 && !failed(n = call6(NR_read, 201, (u64)(script + used), SCRIPT - 1 - used, 0, 0, 0)) && n)
    used += n;
  script[used] = 0;
  call6(NR_close, 201, 0, 0, 0, 0, 0);
  watch();
  lines(script, 0);
  flush();
  call6(NR_exit, 0, 0, 0, 0, 0, 0);
}
