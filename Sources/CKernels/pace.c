// How many threads of a team take part, by what waiting for them has cost.
#include "ckernels.h"

#define WINDOW 10000000           // ns: losses are added up for at least so long
#define FIRST_PAUSE 20000000      // ns until lost threads are tried again, ...
#define LONGEST_PAUSE 1000000000  // ... twice as long after each try that failed

rk_pace rk_pace_start(ptrdiff_t count) { return (rk_pace){.count = count, .active = count, .pause = FIRST_PAUSE}; }

// What the window that ends now says.
static void judge(rk_pace *p, int64_t now) {
  if (p->lost * 4 > now - p->begin) {
    p->active = (p->active + 1) / 2;
    p->resume = now + p->pause;
    p->pause = p->pause * 2 < LONGEST_PAUSE ? p->pause * 2 : LONGEST_PAUSE;
  } else if (p->active == p->count && p->pause > FIRST_PAUSE) {
    p->pause /= 2;
  }
  p->begin = now;
  p->lost = 0;
}

ptrdiff_t rk_pace_active(rk_pace *p, int64_t now) {
  if (p->active < p->count && now >= p->resume) {
    p->active = p->count;
    p->begin = now;
    p->lost = 0;
  } else if (p->active > 1 && now - p->begin >= WINDOW) {
    judge(p, now);
  }
  return p->active;
}

void rk_pace_note(rk_pace *p, ptrdiff_t shares, int64_t own, int64_t waited) {
  // Shares are equal: who waits longer than the others' would take at its own speed has waited for a core, not for work.
  int64_t alone = own / shares * (p->count - shares);
  if (waited > alone) p->lost += waited - alone;
}
