/* POSIX threads behind the engine's own names. */
#define _GNU_SOURCE
#include "thread.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "result.h"

#define STACK_SIZE_MIN ((size_t)256 * 1024) /* messages alone take tens of KiB */

/* With default attributes none of these calls can fail but by misuse. */
static void expect_zero(int code) {
  assert(code == 0);
  (void)code;
}

void mutex_init(mutex *self) {
  expect_zero(pthread_mutex_init(&self->native, NULL));
}

void mutex_finish(mutex *self) {
  expect_zero(pthread_mutex_destroy(&self->native));
}

void mutex_lock(mutex *self) {
  expect_zero(pthread_mutex_lock(&self->native));
}

bool mutex_try_lock(mutex *self) {
  const int code = pthread_mutex_trylock(&self->native);
  assert(code == 0 || code == EBUSY);
  return code == 0;
}

void mutex_unlock(mutex *self) {
  expect_zero(pthread_mutex_unlock(&self->native));
}

void condition_init(condition *self) {
  expect_zero(pthread_cond_init(&self->native, NULL));
}

void condition_finish(condition *self) {
  expect_zero(pthread_cond_destroy(&self->native));
}

void condition_wait(condition *self, mutex *held) {
  expect_zero(pthread_cond_wait(&self->native, &held->native));
}

void condition_signal(condition *self) {
  expect_zero(pthread_cond_signal(&self->native));
}

void condition_broadcast(condition *self) {
  expect_zero(pthread_cond_broadcast(&self->native));
}

static int attributes_set_stack(pthread_attr_t *attributes, size_t size) {
  if (size == 0) {
    return 0;
  }
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (size > SIZE_MAX - page) {
    return ENOMEM;
  }
  size = (size + page - 1) / page * page;
  return pthread_attr_setstacksize(attributes, size < STACK_SIZE_MIN ? STACK_SIZE_MIN : size);
}

/* The host's signals belong on the host's threads; faults must stay open, or its crash handler
 * would not run. */
static void blocked_signals(sigset_t *set) {
  static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGPROF};
  sigfillset(set);
  for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
    sigdelset(set, open[i]);
  }
}

/* Returns an errno, or 0. */
static int create_with_stack(pthread_t *native, size_t stack_size, void *(*run)(void *),
                             void *user) {
  pthread_attr_t attributes;
  sigset_t blocked, previous;
  int code = pthread_attr_init(&attributes);
  if (code != 0) {
    return code;
  }
  code = attributes_set_stack(&attributes, stack_size);
  if (code == 0) {
    blocked_signals(&blocked);
    pthread_sigmask(SIG_BLOCK, &blocked, &previous);
    code = pthread_create(native, &attributes, run, user);
    pthread_sigmask(SIG_SETMASK, &previous, NULL);
  }
  pthread_attr_destroy(&attributes);
  return code;
}

rg_result thread_start(thread *self, size_t stack_size, void *(*run)(void *), void *user) {
  int code = create_with_stack(&self->native, stack_size, run, user);
  self->is_started = code == 0;
  if (code != 0) {
    return result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "thread with a stack of %zu bytes: %s",
                      stack_size, strerror(code));
  }
  return RG_OK;
}

void thread_join(thread *self) {
  if (self->is_started) {
    expect_zero(pthread_join(self->native, NULL));
    self->is_started = false;
  }
}

/* ---- Indices ------------------------------------------------------------------------------- */

_Thread_local uint32_t thread_index_drawn;

static struct {
  _Atomic uint64_t taken; /* a bit for each index */
  pthread_once_t once;
  pthread_key_t key; /* its destructor hands a thread's index on */
  bool has_key;
} indices = {.once = PTHREAD_ONCE_INIT};

static void index_give_back(void *value) {
  uint64_t bit = UINT64_C(1) << ((uintptr_t)value - 1);
  thread_index_drawn = 0;
  atomic_fetch_and_explicit(&indices.taken, ~bit, memory_order_acq_rel);
}

static void indices_begin(void) {
  indices.has_key = pthread_key_create(&indices.key, index_give_back) == 0;
}

/* Threads may outlive a library that is unloaded: they must not call into it as they end. */
__attribute__((destructor)) static void indices_end(void) {
  if (indices.has_key) {
    pthread_key_delete(indices.key);
    indices.has_key = false;
  }
}

/* The lowest index that is free, so that a few threads share few; or THREAD_INDEX_COUNT. */
static uint32_t index_take(void) {
  uint64_t taken = atomic_load_explicit(&indices.taken, memory_order_relaxed);
  while (taken != UINT64_MAX) {
    uint32_t index = (uint32_t)__builtin_ctzll(~taken);
    if (atomic_compare_exchange_weak_explicit(&indices.taken, &taken, taken | UINT64_C(1) << index,
                                              memory_order_acq_rel, memory_order_relaxed)) {
      return index;
    }
  }
  return THREAD_INDEX_COUNT;
}

uint32_t thread_index_draw(void) {
  pthread_once(&indices.once, indices_begin);
  uint32_t index = indices.has_key ? index_take() : THREAD_INDEX_COUNT;
  if (index == THREAD_INDEX_COUNT) {
    return index; /* asked again next time: one may be free then */
  }
  if (pthread_setspecific(indices.key, (void *)(uintptr_t)(index + 1)) != 0) {
    index_give_back((void *)(uintptr_t)(index + 1));
    return THREAD_INDEX_COUNT;
  }
  thread_index_drawn = index + 1;
  return index;
}

uint64_t time_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
