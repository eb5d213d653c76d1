/*
 * The host's kernel as a peer of the benchmarks: a child process that measures what it is asked for on stdin.
 *
 * One line in: `OP VMAS MILLISECONDS`. One line out: nanoseconds per operation, or for `churn_latency` five numbers
 * (p50 p99 p99.9 max mean), or `error TEXT`. Nothing here is timed by the parent, so pipes cost nothing.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define FAILED -1e30

static size_t page;
static int vmas;
static char **area;
static int *pages;
static uint32_t seed = 2463534242u;
static volatile uint64_t sink;

/* Processor time: what others do on the machine does not count. */
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static double wall(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static uint32_t rnd(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

static int prot_of(int k) { return k & 1 ? PROT_READ : PROT_READ | PROT_WRITE; }

static char *map(int n, int prot, int flags) {
  return mmap(NULL, n * page, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static void drop(void) {
  for (int k = 0; k < vmas; k++)
    if (area[k] != NULL) munmap(area[k], pages[k] * page);
  vmas = 0;
}

/* Small holes between libraries would be found before those that the workload makes. */
static void stop_holes(void) {
  char *last = NULL;
  for (int tries = 0, run = 0; tries < 4096 && run < 64; tries++) {
    char *at = map(8, PROT_NONE, MAP_NORESERVE);
    if (at == MAP_FAILED) return;
    run = last != NULL && at == last - 8 * page ? run + 1 : 0;
    last = at;
  }
}

static int fill(int n) {
  if (n == vmas) return 0;
  drop();
  area = realloc(area, sizeof *area * (n + 1));
  pages = realloc(pages, sizeof *pages * (n + 1));
  for (int k = 0; k < n; k++) {
    char *at = map(3, prot_of(k), 0);
    if (at == MAP_FAILED) return -1;
    area[k] = at;
    pages[k] = 3;
    vmas = k + 1;
  }
  return 0;
}

typedef long (*body)(long count);

static long pair(long count) {
  for (long i = 0; i < count; i++) {
    char *at = map(1, PROT_READ | PROT_WRITE, 0);
    munmap(at, page);
  }
  return count;
}

static long split_merge(long count) {
  for (long i = 0; i < count; i++) {
    int k = rnd() % vmas;
    mprotect(area[k] + page, page, PROT_NONE);
    mprotect(area[k] + page, page, prot_of(k));
  }
  return count;
}

static long punch_refill(long count) {
  for (long i = 0; i < count; i++) {
    int k = rnd() % vmas;
    munmap(area[k], 3 * page);
    area[k] = map(3, prot_of(k), 0);
  }
  return count;
}

/* Protection and MAP_NORESERVE vary, so that few neighbours are alike. */
static int colour;
static void churn_one(void) {
  int k = rnd() % vmas;
  munmap(area[k], pages[k] * page);
  colour++;
  pages[k] = 1 + (rnd() & 7);
  area[k] = map(pages[k], 1 + colour % 7, (colour & 8) != 0 ? MAP_NORESERVE : 0);
}

static long churn(long count) {
  for (long i = 0; i < count; i++) churn_one();
  return count;
}

static int by_value(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return x < y ? -1 : x > y;
}

static void churn_latency(long count) {
  float *took = malloc(sizeof *took * count);
  double sum = 0;
  for (long i = 0; i < count; i++) {
    double from = wall();
    churn_one();
    took[i] = wall() - from;
    sum += took[i];
  }
  qsort(took, count, sizeof *took, by_value);
  printf("%.1f %.1f %.1f %.1f %.1f\n", took[count / 2], took[count * 99 / 100], took[count * 999L / 1000],
         took[count - 1], sum / count);
  free(took);
}

/* --- memory: these give their own time, since setting up must not count */

#define BLOCK 1024

static char *block(int touch) {
  char *at = mmap(NULL, BLOCK * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (touch)
    for (int i = 0; i < BLOCK; i++) at[i * page] = 1;
  return at;
}

static double first_touch(double ms) {
  double spent = 0, begun = now();
  long n = 0;
  while (now() - begun < ms * 1e6) {
    char *at = block(0);
    double from = now();
    for (int i = 0; i < BLOCK; i++) at[i * page] = 1;
    spent += now() - from;
    n += BLOCK;
    munmap(at, BLOCK * page);
  }
  return spent / n;
}

static double populate(double ms) {
  double spent = 0, begun = now();
  long n = 0;
  while (now() - begun < ms * 1e6) {
    double from = now();
    char *at = mmap(NULL, BLOCK * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    spent += now() - from;
    n += BLOCK;
    munmap(at, BLOCK * page);
  }
  return spent / n;
}

static double cow_fault(double ms) {
  double spent = 0, begun = now();
  long n = 0;
  while (now() - begun < ms * 1e6) {
    char *at = block(1);
    int hold[2];
    if (pipe(hold) != 0) return FAILED;
    pid_t child = fork();
    if (child == 0) {
      char c;
      close(hold[1]);
      if (read(hold[0], &c, 1) < 0) _exit(1);
      _exit(0);
    }
    close(hold[0]);
    double from = now();
    for (int i = 0; i < BLOCK; i++) at[i * page] = 2;
    spent += now() - from;
    n += BLOCK;
    close(hold[1]);
    waitpid(child, NULL, 0);
    munmap(at, BLOCK * page);
  }
  return spent / n;
}

/* Per call of fork(), as the parent sees it. */
static double fork_call(double ms) {
  double spent = 0, begun = now();
  long n = 0;
  while (n < 3 || now() - begun < ms * 1e6) {
    double from = now();
    pid_t child = fork();
    if (child == 0) _exit(0);
    spent += now() - from;
    if (child < 0) return FAILED;
    waitpid(child, NULL, 0);
    n++;
  }
  return spent / n;
}

/* Per page: what `vmas` touched pages add to a fork. */
static double fork_touched(int touched, double ms) {
  drop();
  double bare = fork_call(ms / 2);
  char *at = mmap(NULL, touched * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < touched; i++) at[i * page] = 1;
  double full = fork_call(ms / 2);
  munmap(at, touched * page);
  return (full - bare) / touched;
}

static double maps_line(double ms) {
  static char text[1 << 16];
  double begun = now(), from = begun;
  long lines = 0;
  while (now() - begun < ms * 1e6) {
    int fd = open("/proc/self/maps", O_RDONLY);
    ssize_t n;
    while ((n = read(fd, text, sizeof text)) > 0)
      for (ssize_t i = 0; i < n; i++) lines += text[i] == '\n';
    close(fd);
  }
  return (now() - from) / lines;
}

static char *from_pages, *to_pages;
static int copy_file = -1;

static long copy_memcpy(long count) {
  for (long i = 0; i < count; i++) {
    memcpy(to_pages + (rnd() & 255) * page, from_pages + (rnd() & 255) * page, page);
    sink += to_pages[0];
  }
  return count;
}

/* copy_to_user: 16 pages of a file in memory at a time. */
static long copy_read(long count) {
  for (long i = 0; i < count; i += 16)
    if (pread(copy_file, to_pages, 16 * page, (rnd() & 15) * 16 * page) < 0) return -1;
  return count;
}

static long zero_page(long count) {
  for (long i = 0; i < count; i++) {
    memset(to_pages + (rnd() & 255) * page, 0, page);
    sink += to_pages[0];
  }
  return count;
}

static void prepare_copies(void) {
  if (to_pages != NULL) return;
  from_pages = mmap(NULL, 256 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  to_pages = mmap(NULL, 256 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(from_pages, 1, 256 * page);
  memset(to_pages, 1, 256 * page);
  copy_file = memfd_create("bench", 0);
  if (write(copy_file, from_pages, 256 * page) < 0) copy_file = -1;
}

static double timed(body run, double ms) {
  long count = 16;
  double spent = 0;
  long done = 0;
  run(count);
  while (spent < ms * 1e6) {
    double from = now();
    done += run(count);
    double took = now() - from;
    spent += took;
    if (took < ms * 2e5) count *= 2;
  }
  return spent / done;
}

int main(void) {
  char op[32];
  int n;
  double ms;
  page = sysconf(_SC_PAGESIZE);
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  setvbuf(stdout, NULL, _IOLBF, 0);
  prepare_copies();
  stop_holes();
  while (scanf("%31s %d %lf", op, &n, &ms) == 3) {
    double r = FAILED;
    if (strcmp(op, "fork_touched") == 0) r = fork_touched(n, ms);
    else if (fill(n) != 0) {
      printf("error the host allows only %d mappings\n", vmas);
      continue;
    } else if (strcmp(op, "pair") == 0) r = timed(pair, ms);
    else if (strcmp(op, "split_merge") == 0) r = timed(split_merge, ms);
    else if (strcmp(op, "punch_refill") == 0) r = timed(punch_refill, ms);
    else if (strcmp(op, "churn") == 0 || strcmp(op, "churn_latency") == 0) {
      if (op[5] != 0) {
        churn_latency((long)ms * 100);
        drop();
        continue;
      }
      r = timed(churn, ms);
      drop();
    } else if (strcmp(op, "first_touch") == 0) r = first_touch(ms);
    else if (strcmp(op, "populate") == 0) r = populate(ms);
    else if (strcmp(op, "cow") == 0) r = cow_fault(ms);
    else if (strcmp(op, "fork") == 0) r = fork_call(ms);
    else if (strcmp(op, "maps") == 0) r = maps_line(ms);
    else if (strcmp(op, "memcpy") == 0) r = timed(copy_memcpy, ms);
    else if (strcmp(op, "copy_read") == 0) r = timed(copy_read, ms);
    else if (strcmp(op, "zero") == 0) r = timed(zero_page, ms);
    if (r == FAILED) printf("error %s\n", op);
    else printf("%.3f\n", r);
  }
  return 0;
}
