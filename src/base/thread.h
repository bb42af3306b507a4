/* Threads, locks and time over POSIX: the C library's own threads have no stack sizes, and thread
 * sanitizers do not see its mutexes. Nothing here fails but thread_start. */
#ifndef RG_BASE_THREAD_H
#define RG_BASE_THREAD_H

#include <pthread.h>
#include <regolith/regolith.h>

typedef struct mutex {
  pthread_mutex_t native;
} mutex;

void mutex_init(mutex *self);
void mutex_finish(mutex *self);
void mutex_lock(mutex *self);
bool mutex_try_lock(mutex *self); /* false where it is held, by whomever */
void mutex_unlock(mutex *self);

typedef struct condition {
  pthread_cond_t native;
} condition;

void condition_init(condition *self);
void condition_finish(condition *self);
void condition_wait(condition *self, mutex *held);
void condition_signal(condition *self);
void condition_broadcast(condition *self);

typedef struct thread {
  pthread_t native;
  bool is_started;
} thread;

/* stack_size: bytes, raised to 256 KiB where it is less; 0 means the system's default. The thread
 * takes none of the process's signals but faults. The caller joins it.
 * RG_ERROR_OUT_OF_HOST_MEMORY where none can be had. */
RG_NODISCARD rg_result thread_start(thread *self, size_t stack_size, void *(*run)(void *),
                                    void *user);
void thread_join(thread *self); /* of a thread that never started: nothing */

#define THREAD_INDEX_COUNT 64u

/* A small number that no other thread has that runs now, so that an array's element by it is this
 * thread's alone; one that has ended hands its number on, and what it wrote before is seen by the
 * next. THREAD_INDEX_COUNT where that many threads have one already: share something then. */
static inline uint32_t thread_index(void);

/* Monotonic nanoseconds since some past moment. */
uint64_t time_now_ns(void);

/* ---- Inline -------------------------------------------------------------------------------- */

/* One more than the index; 0 until it is drawn. */
extern _Thread_local uint32_t thread_index_drawn;
uint32_t thread_index_draw(void);

static inline uint32_t thread_index(void) {
  uint32_t drawn = thread_index_drawn;
  return drawn != 0 ? drawn - 1 : thread_index_draw();
}

#endif
