/* The slow way into a spinlock that someone holds. */
#define _GNU_SOURCE
#include "spinlock.h"

#include <sched.h>

#define SPINS 64

/* Reads until it looks open: exchanges by many waiters would take the holder's cache line away. */
void spinlock_wait(spinlock *self) {
  do {
    for (int i = 0; atomic_load_explicit(&self->is_held, memory_order_relaxed); i++) {
      if (i >= SPINS) {
        sched_yield();
      }
    }
  } while (atomic_exchange_explicit(&self->is_held, true, memory_order_acquire));
}
