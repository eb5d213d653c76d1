/*
 * Starts the executor once for each script of a batch, each in a fresh process: no randomisation, no environment, the same
 * limits and descriptors each time.
 *
 *   launcher EXECUTOR < BATCH
 *
 * A batch is a row of scripts, each behind a line `= NAME`. What a script answers follows a line `= NAME`; a script that does
 * not end within 10 seconds, or ends otherwise than by itself, gets a line `! STATUS` (as wait gives it).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void limit(int which, rlim_t soft, rlim_t hard)
{
  struct rlimit value = { soft, hard };
  if (setrlimit(which, &value) != 0) _exit(97);
}

static void become(const char *executor, const char *script, size_t length)
{
  int text = memfd_create("script", 0);
  if (text < 0 || write(text, script, length) != (ssize_t)length || lseek(text, 0, SEEK_SET) != 0) _exit(96);
  if (dup2(1, 200) < 0 || dup2(text, 201) < 0) _exit(95);
  close(text);
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; fd++) if (dup2(null, fd) < 0) _exit(94);
  for (int fd = 3; fd < 200; fd++) close(fd);
  limit(RLIMIT_STACK, 8 << 20, RLIM_INFINITY);
  limit(RLIMIT_MEMLOCK, 8 << 20, 8 << 20);
  limit(RLIMIT_CORE, 0, 0);
  if (personality(ADDR_NO_RANDOMIZE) < 0) _exit(93);
  char *arguments[] = { "mmexec", NULL }, *environment[] = { NULL };
  execve(executor, arguments, environment);
  _exit(92);
}

int main(int argc, char **argv)
{
  if (argc != 2) return 2;
  size_t size = 0, room = 1 << 20;
  char *batch = malloc(room + 1);
  for (size_t n; (n = fread(batch + size, 1, room - size, stdin)) > 0;) {
    size += n;
    if (size == room) batch = realloc(batch, (room *= 2) + 1);
  }
  batch[size] = 0;
  for (char *at = batch; *at == '=';) {
    char *script = strchr(at, '\n') + 1;
    char *next = strstr(script - 1, "\n=");
    size_t length = next == NULL ? strlen(script) : (size_t)(next + 1 - script);
    fwrite(at, 1, (size_t)(script - at), stdout);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
      alarm(10);
      become(argv[1], script, length);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (status != 0) printf("! %d\n", status);
    fflush(stdout);
    at = script + length;
  }
  return 0;
}
