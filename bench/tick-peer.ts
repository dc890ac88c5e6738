/** The peer of `bench tick`: the same wake-up in C, compiled when a compiler is there. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * argv: seconds, priority (0: SCHED_OTHER). Sleeps to absolute times 1 ms apart, skips whole missed periods, and
 * prints p50 and p99 of the lateness of each second in µs.
 */
const SOURCE = `
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}
static int order(const void *a, const void *b) {
  double d = *(const double *)a - *(const double *)b;
  return (d > 0) - (d < 0);
}
int main(int argc, char **argv) {
  int seconds = atoi(argv[1]);
  struct sched_param p = {.sched_priority = atoi(argv[2])};
  if (p.sched_priority > 0 && sched_setscheduler(0, SCHED_FIFO, &p) != 0) {
    perror("sched_setscheduler");
    return 2;
  }
  static double late[1000];
  double start = now() + 0.01;
  long k = 0;
  for (int s = 0; s < seconds; s++) {
    int n = 0;
    for (; k < 1000L * (s + 1); k++) {
      double due = start + k * 1e-3;
      struct timespec t = {.tv_sec = (time_t)due, .tv_nsec = (long)((due - (time_t)due) * 1e9)};
      while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {}
      double lag = now() - due;
      long missed = (long)(lag / 1e-3);
      k += missed;
      late[n++] = lag - missed * 1e-3;
    }
    qsort(late, n, sizeof late[0], order);
    if (n > 0) printf("%.3f %.3f\\n", late[n / 2] * 1e6, late[n * 99 / 100] * 1e6);
  }
  return 0;
}
`;

/** Path of the compiled program, or why there is none. */
export function compilePeer(folder: string): { readonly program: string } | { readonly absent: string } {
  const source = join(folder, 'tick-peer.c');
  const program = join(folder, 'tick-peer');
  writeFileSync(source, SOURCE);
  for (const compiler of ['gcc', 'cc', 'clang']) {
    try {
      execFileSync(compiler, ['-O2', '-o', program, source], { stdio: 'pipe' });
      return { program };
    } catch {
      // Not installed, or not able to: the next one.
    }
  }
  return { absent: 'no C compiler' };
}
