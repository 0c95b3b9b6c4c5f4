// A fixed team of threads that share one piece of work at a time.
#include "ckernels.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__x86_64__)
#define RELAX() __builtin_ia32_pause()
#else
#define RELAX() __asm__ volatile("yield")
#endif

typedef struct {
  rk_team *team;
  ptrdiff_t index;
} member;

struct rk_team {
  ptrdiff_t count;
  pthread_t *threads;
  member *members;
  rk_work work;
  void *context;
  _Atomic unsigned round;   // grows by one for each piece of work
  _Atomic ptrdiff_t left;   // members that have not finished it
  _Atomic int sleepers, stop;
  pthread_mutex_t lock;
  pthread_cond_t wake;
};

enum { SPINS = 4000, YIELDS = 200 };

// Spins, then lets others run, until `round` is no longer `seen`; 0 where that takes too long.
static int spin(rk_team *t, unsigned seen) {
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load_explicit(&t->round, memory_order_acquire) != seen) return 1;
    RELAX();
  }
  for (int i = 0; i < YIELDS; i++) {
    if (atomic_load_explicit(&t->round, memory_order_acquire) != seen) return 1;
    sched_yield();
  }
  return 0;
}

static void *serve(void *argument) {
  member *m = argument;
  rk_team *t = m->team;
  for (unsigned seen = 0;; seen++) {
    if (!spin(t, seen)) {
      pthread_mutex_lock(&t->lock);
      // The one who starts a round looks at `sleepers` after raising `round`: one of the two sees the other.
      atomic_fetch_add(&t->sleepers, 1);
      while (atomic_load(&t->round) == seen) pthread_cond_wait(&t->wake, &t->lock);
      atomic_fetch_sub(&t->sleepers, 1);
      pthread_mutex_unlock(&t->lock);
    }
    if (atomic_load(&t->stop)) return 0;
    t->work(t->context, m->index);
    atomic_fetch_sub_explicit(&t->left, 1, memory_order_release);
  }
}

static void start(rk_team *t) {
  atomic_fetch_add(&t->round, 1);
  if (atomic_load(&t->sleepers)) {
    pthread_mutex_lock(&t->lock);
    pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
  }
}

rk_team *rk_team_create(ptrdiff_t count) {
  rk_team *t = calloc(1, sizeof *t);
  if (!t) return 0;
  t->threads = calloc((size_t)count, sizeof *t->threads);
  t->members = calloc((size_t)count, sizeof *t->members);
  pthread_mutex_init(&t->lock, 0);
  pthread_cond_init(&t->wake, 0);
  t->count = 1;
  for (ptrdiff_t i = 1; t->threads && t->members && i < count; i++) {
    t->members[i] = (member){t, i};
    if (pthread_create(&t->threads[i], 0, serve, &t->members[i])) break;
    t->count++;
  }
  if (t->count == count) return t;
  rk_team_destroy(t);
  return 0;
}

void rk_team_run(rk_team *t, rk_work work, void *context) {
  t->work = work;
  t->context = context;
  atomic_store_explicit(&t->left, t->count - 1, memory_order_relaxed);
  start(t);
  work(context, 0);
  for (int i = 0; atomic_load_explicit(&t->left, memory_order_acquire) > 0; i++) {
    if (i < SPINS) RELAX();
    else sched_yield();
  }
}

void rk_team_destroy(rk_team *t) {
  atomic_store(&t->stop, 1);
  start(t);
  for (ptrdiff_t i = 1; i < t->count; i++) pthread_join(t->threads[i], 0);
  pthread_cond_destroy(&t->wake);
  pthread_mutex_destroy(&t->lock);
  free(t->threads);
  free(t->members);
  free(t);
}
