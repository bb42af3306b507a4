/* A lock for a dozen instructions: one atomic exchange to take, a plain store to let go, a quarter
 * of a mutex's cost. Hold it over nothing that allocates, waits or calls out. */
#ifndef RG_BASE_SPINLOCK_H
#define RG_BASE_SPINLOCK_H

#include <stdatomic.h>
#include <stdbool.h>

/* Zero is open. Needs no finish. */
typedef struct spinlock {
  _Atomic bool is_held;
} spinlock;

/* Spins a little, then yields the processor in turn: the holder may have lost its own. */
void spinlock_wait(spinlock *self);

static inline void spinlock_lock(spinlock *self) {
  if (atomic_exchange_explicit(&self->is_held, true, memory_order_acquire)) {
    spinlock_wait(self);
  }
}

static inline void spinlock_unlock(spinlock *self) {
  atomic_store_explicit(&self->is_held, false, memory_order_release);
}

#endif
