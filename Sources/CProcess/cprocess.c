#define _GNU_SOURCE
#include "cprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#include <sys/prctl.h>
#endif

void cprocess_on_parents_end(int signal) {
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, signal);
#else
  (void)signal;
#endif
}

// In the new process: calls that are safe after fork alone.
static void become(const char *path, char *const words[], char *const environment[], int input, int output, int errors) {
  setpgid(0, 0);
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  if (input < 0) input = open("/dev/null", O_RDONLY);
  if (errors < 0) errors = open("/dev/null", O_WRONLY);
  if (input < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0) return;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(path, words, environment);
}

pid_t cprocess_start(const char *path, char *const words[], char *const environment[], int input, int output, int errors,
                     int signal) {
  // Closed by a successful exec; else it brings the reason.
  int report[2];
  if (pipe(report) != 0) return -1;
  for (int i = 0; i < 2; i++) fcntl(report[i], F_SETFD, FD_CLOEXEC);
  pid_t parent = getpid();
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t child = fork();
  if (child == 0) {
    cprocess_on_parents_end(signal);
    // Gone before it could be said.
    if (getppid() != parent) _exit(127);
    become(path, words, environment, input, output, errors);
    int reason = errno;
    ssize_t written = write(report[1], &reason, sizeof reason);
    _exit(written == sizeof reason ? 127 : 126);
  }
  int reason = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  close(report[1]);
  if (child > 0) {
    ssize_t count;
    do count = read(report[0], &reason, sizeof reason);
    while (count < 0 && errno == EINTR);
    if (count == 0) reason = 0;
  }
  close(report[0]);
  if (child > 0 && reason == 0) return child;
  errno = reason;
  return -1;
}

void cprocess_keep_processors(const int *processors, int count) {
#ifdef __linux__
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < count; i++) {
    if (processors[i] >= 0 && processors[i] < CPU_SETSIZE) CPU_SET(processors[i], &set);
  }
  if (CPU_COUNT(&set)) sched_setaffinity(0, sizeof set, &set);
#else
  (void)processors;
  (void)count;
#endif
}
