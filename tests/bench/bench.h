/* What the measures share: the engine, a raw Vulkan device beside it, and the table that each file
 * adds to. */
#ifndef RG_BENCH_H
#define RG_BENCH_H

#include <regolith/regolith.h>
#include <vulkan/vulkan.h>

typedef struct bench bench;

/* Ours and the baseline are run in turn; each returns seconds, of `count` operations. */
typedef struct bench_measure {
  const char *name;
  const char *unit;   /* "ns" or "ms" of one operation; "heap": a share, as it is */
  double goal;        /* ours / baseline, at most */
  uint64_t parameter; /* of the measure's family: a number of resources, say */
  bool (*setup)(bench *bench);
  double (*ours)(bench *bench);
  double (*baseline)(bench *bench);
  void (*teardown)(bench *bench);
  bool
      is_first; /* each run is the first in a process and an engine of its own, ours and the
                   baseline's alike: as a program starts, before malloc and the driver have grown */
} bench_measure;

struct bench {
  const bench_measure *measure;
  rg_engine *engine; /* fresh for each measure */
  rg_engine_vk vk;   /* its device, for raw Vulkan */
  uint64_t count;    /* operations of one run */
  void *state;       /* the measure's own */
};

/* Ends the program with a message: a benchmark that fails has no figure. */
void bench_check(rg_result result, const char *what);
void bench_check_vk(VkResult result, const char *what);
void *bench_alloc(size_t size);
double bench_now(void); /* seconds since some past moment */
uint64_t bench_random(uint64_t *state);

/* ---- Raw Vulkan, as a careful hand would write it
 * ------------------------------------------------------ */

/* The first memory type of those allowed with all the properties; ends the program where there is
 * none. */
uint32_t bench_memory_type(bench *bench, uint32_t allowed, VkMemoryPropertyFlags properties);

typedef struct bench_buffer {
  VkBuffer buffer;
  VkDeviceMemory memory;
  void *mapped; /* NULL where it is not host-visible */
} bench_buffer;

bench_buffer bench_buffer_create(bench *bench, uint64_t size, VkBufferUsageFlags usage,
                                 VkMemoryPropertyFlags properties);
void bench_buffer_destroy(bench *bench, bench_buffer *buffer);

typedef struct bench_commands {
  VkCommandPool pool;
  VkCommandBuffer buffer;
  VkFence fence;
} bench_commands;

bench_commands bench_commands_create(bench *bench);
void bench_commands_destroy(bench *bench, bench_commands *commands);
void bench_commands_begin(bench_commands *commands);
/* Ends, submits and waits. */
void bench_commands_run(bench *bench, bench_commands *commands);

extern const bench_measure bench_handle_measures[];
extern const bench_measure bench_buffer_measures[];
extern const bench_measure bench_range_measures[];
extern const bench_measure bench_memory_measures[];
extern const bench_measure bench_upload_measures[];
extern const bench_measure bench_texture_measures[];
extern const bench_measure bench_startup_measures[];

#endif
