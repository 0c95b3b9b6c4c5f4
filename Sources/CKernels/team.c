// A fixed team of threads that share one piece of work at a time.
//
// A piece of work is cut into as many shares as there are threads. Each share has a thread that takes it by preference; the caller,
// once it has done its own, takes those that nobody has begun. So a thread that sleeps or has lost its core costs nothing until it
// has begun; `rk_pace` counts what is lost after that.
#include "ckernels.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#define RELAX() __builtin_ia32_pause()
#else
#define RELAX() __asm__ volatile("yield")
#endif

// Kernels that were not optimized keep each of their many tiles' numbers apart, in a frame of a megabyte.
#ifdef __OPTIMIZE__
enum { STACK = 1 << 20 };
#else
enum { STACK = 8 << 20 };
#endif
enum { SPINS = 4000, YIELDS = 200, LINE = 64 };

// One thread and one share; each has cache lines of its own.
typedef struct {
  _Alignas(LINE) _Atomic unsigned go;  // the piece of work it is to take part in
  _Atomic unsigned taken;              // the last piece of work whose share of this number was begun
  _Atomic ptrdiff_t stride;            // from one of its shares to the next
  _Atomic int sleeps;
  rk_team *team;
  ptrdiff_t index;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
} member;

struct rk_team {
  ptrdiff_t count;
  member *members;  // the first is the caller
  unsigned round;   // pieces of work that several took part in
  rk_work work;
  void *context;
  rk_pace pace;
  _Alignas(LINE) _Atomic ptrdiff_t left;  // shares that are not finished
  _Atomic int waits, stop;                // whether the caller sleeps until they are
};

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// Does share `index` of a piece of work unless somebody has begun it. Of one that is over all shares have been.
static int take(rk_team *t, ptrdiff_t index, unsigned round) {
  unsigned before = round - 1;
  _Atomic unsigned *taken = &t->members[index].taken;
  if (atomic_load_explicit(taken, memory_order_relaxed) != before) return 0;
  if (!atomic_compare_exchange_strong(taken, &before, round)) return 0;
  t->work(t->context, index);
  return 1;
}

// The next piece of work for a member: it spins, then lets others run, then sleeps.
static unsigned await(member *m, unsigned seen) {
  unsigned go;
  for (int i = 0; i < SPINS; i++) {
    if ((go = atomic_load_explicit(&m->go, memory_order_acquire)) != seen) return go;
    RELAX();
  }
  for (int i = 0; i < YIELDS; i++) {
    if ((go = atomic_load_explicit(&m->go, memory_order_acquire)) != seen) return go;
    sched_yield();
  }
  pthread_mutex_lock(&m->lock);
  // Who calls looks at `sleeps` after raising `go`: one of the two sees the other. So it is with `waits` and `left`.
  atomic_store(&m->sleeps, 1);
  while ((go = atomic_load(&m->go)) == seen) pthread_cond_wait(&m->wake, &m->lock);
  atomic_store(&m->sleeps, 0);
  pthread_mutex_unlock(&m->lock);
  return go;
}

static void wake(member *m) {
  pthread_mutex_lock(&m->lock);
  pthread_cond_signal(&m->wake);
  pthread_mutex_unlock(&m->lock);
}

static void call(member *m, unsigned round) {
  atomic_store(&m->go, round);
  if (atomic_load(&m->sleeps)) wake(m);
}

static void *serve(void *argument) {
  member *m = argument;
  rk_team *t = m->team;
  for (unsigned round = 0;;) {
    round = await(m, round);
    if (atomic_load(&t->stop)) return 0;
    for (ptrdiff_t i = m->index; i < t->count; i += atomic_load_explicit(&m->stride, memory_order_relaxed)) {
      if (take(t, i, round) && atomic_fetch_sub(&t->left, 1) == 1 && atomic_load(&t->waits)) wake(t->members);
    }
  }
}

rk_team *rk_team_create(ptrdiff_t count) {
  rk_team *t;
  if (posix_memalign((void **)&t, LINE, sizeof *t)) return 0;
  memset(t, 0, sizeof *t);
  size_t bytes = (size_t)count * sizeof *t->members;
  if (posix_memalign((void **)&t->members, LINE, bytes)) {
    free(t);
    return 0;
  }
  memset(t->members, 0, bytes);
  t->pace = rk_pace_start(count);
  // Not what `ulimit -s` says, which may be too little to run on or too much to be had.
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK);
  for (; t->count < count; t->count++) {
    member *m = &t->members[t->count];
    m->team = t;
    m->index = t->count;
    pthread_mutex_init(&m->lock, 0);
    pthread_cond_init(&m->wake, 0);
  }
  ptrdiff_t started = 1;
  while (started < count && !pthread_create(&t->members[started].thread, &attributes, serve, &t->members[started])) started++;
  pthread_attr_destroy(&attributes);
  if (started == count) return t;
  t->count = started;
  rk_team_destroy(t);
  return 0;
}

// Waits until all shares are done; `shares` of them were the caller's, who began at `start`. All of the wait counts, the spinning too:
// taken for the caller's own work, it would hide that the others are slow.
static void finish(rk_team *t, ptrdiff_t shares, int64_t start) {
  if (atomic_fetch_sub(&t->left, shares) == shares) return;
  int64_t done = now();
  for (int i = 0; i < SPINS && atomic_load_explicit(&t->left, memory_order_acquire); i++) RELAX();
  for (int i = 0; i < YIELDS && atomic_load_explicit(&t->left, memory_order_acquire); i++) sched_yield();
  if (atomic_load_explicit(&t->left, memory_order_acquire)) {
    pthread_mutex_lock(&t->members->lock);
    atomic_store(&t->waits, 1);
    while (atomic_load(&t->left)) pthread_cond_wait(&t->members->wake, &t->members->lock);
    atomic_store(&t->waits, 0);
    pthread_mutex_unlock(&t->members->lock);
  }
  rk_pace_note(&t->pace, shares, done - start, now() - done);
}

void rk_team_run(rk_team *t, rk_work work, void *context) {
  int64_t start = now();
  ptrdiff_t active = rk_pace_active(&t->pace, start);
  if (active == 1) {
    for (ptrdiff_t i = 0; i < t->count; i++) work(context, i);
    return;
  }
  t->work = work;
  t->context = context;
  atomic_store_explicit(&t->left, t->count, memory_order_relaxed);
  t->round++;
  for (ptrdiff_t i = 1; i < active; i++) {
    atomic_store_explicit(&t->members[i].stride, active, memory_order_relaxed);
    call(&t->members[i], t->round);
  }
  ptrdiff_t shares = 0;
  for (ptrdiff_t i = 0; i < t->count; i += active) shares += take(t, i, t->round);
  for (ptrdiff_t i = t->count - 1; i > 0; i--) shares += take(t, i, t->round);
  finish(t, shares, start);
}

void rk_team_destroy(rk_team *t) {
  atomic_store(&t->stop, 1);
  for (ptrdiff_t i = 1; i < t->count; i++) call(&t->members[i], t->round + 1);
  for (ptrdiff_t i = 1; i < t->count; i++) pthread_join(t->members[i].thread, 0);
  for (ptrdiff_t i = 0; i < t->count; i++) {
    pthread_cond_destroy(&t->members[i].wake);
    pthread_mutex_destroy(&t->members[i].lock);
  }
  free(t->members);
  free(t);
}
