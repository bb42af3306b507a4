/* A device that is not there: it stands between an engine and a real driver, and reports other
 * heaps, memory types, limits and features than the driver has. What the engine makes of them is
 * then real memory of the driver, under validation, and can be looked at from here.
 *
 * Memory of a type that the fake calls invisible cannot be mapped. Memory that it calls incoherent
 * is mapped as a copy that only flushes and invalidations bring in step, so that a missing one
 * shows as wrong bytes. A heap holds its size and no more. One fake at a time; any number of
 * threads. */
#ifndef RG_TESTS_FAKE_DEVICE_H
#define RG_TESTS_FAKE_DEVICE_H

#include "gpu_test.h"

/* Memory types in the order listed; in brackets the heap. D: device-local, V: host-visible, C:
 * coherent, K: cached on the host, L: lazily allocated, P: protected. */
typedef enum fake_layout {
  FAKE_DRIVERS_OWN = 0,   /* as the driver has them; limits and features may still be others */
  FAKE_DISCRETE = 1,      /* D[0], VC[1], VCK[1], L and P (D[0]) where asked for */
  FAKE_SMALL_BAR = 2,     /* D[0], VC[1], DVC[2] of 256 MiB, VCK[1], L, P */
  FAKE_RESIZABLE_BAR = 3, /* D[0], VC[1], DVC[0], VCK[1], L, P */
  FAKE_INTEGRATED = 4,    /* D[0], DVC[0], DVCK[0], L, P; an integrated GPU */
  FAKE_INCOHERENT = 5,    /* D[0], VC[1], DVK[0], VCK[1], L, P: bar memory that must be flushed */
} fake_layout;

/* Zero means as said, or as the driver has it. */
typedef struct fake_device_desc {
  fake_layout layout;
  bool is_mock;           /* on chromium's mock driver, which executes nothing: see fake_has_mock */
  bool has_lazy;          /* a lazily allocated type */
  bool has_protected;     /* a protected type, the feature, and a queue that has it */
  bool has_budget;        /* VK_EXT_memory_budget, whatever the driver has */
  bool has_no_budget;     /* hides it */
  bool has_priority;      /* VK_EXT_memory_priority and its feature */
  bool has_no_address;    /* hides bufferDeviceAddress */
  bool has_no_external;   /* hides VK_KHR_external_memory_fd */
  uint64_t heap_sizes[3]; /* bytes; 0 means 1 GiB for device and host, 256 MiB for the small bar */
  uint64_t atom;          /* nonCoherentAtomSize */
  uint64_t granularity;   /* bufferImageGranularity */
  uint32_t max_allocation_count;
  uint64_t max_allocation_size; /* bytes of one VkDeviceMemory */
} fake_device_desc;

/* Whether the mock driver is installed (Debian's package chromium has it). */
bool fake_has_mock(void);
/* Skips the test, saying so, where it is not. */
void fake_needs_mock(void);

/* Begins a fake, and returns gpu_test_desc(log) for an engine on it, without validation on the mock
 * driver. Skips the test, saying so, where the driver's own memory types get in a layout's way. */
rg_engine_desc fake_device_begin(const fake_device_desc *desc, gpu_log *log);
/* After the engine's end: fails the test where memory was never freed, or where the engine did what
 * such a device forbids; prints what. */
void fake_device_end(void);
/* For Vulkan calls beside an engine's. */
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL fake_get_instance_proc_addr(VkInstance instance,
                                                                     const char *name);

/* ---- What the engine asked for ---- */

/* One vkAllocateMemory that succeeded, in their order. */
typedef struct fake_allocation {
  uint64_t size;
  uint32_t type;  /* of the fake */
  float priority; /* -1 where none was given */
  bool is_dedicated, is_exported, has_address;
  bool is_freed;
} fake_allocation;

/* How many there were since begin. */
uint32_t fake_allocation_count(void);
/* index: below that count, and below 4096. */
fake_allocation fake_allocation_get(uint32_t index);
/* The last one. */
fake_allocation fake_allocation_last(void);
/* Of them, how many live. */
uint32_t fake_allocation_live(void);
/* Bytes of a heap that are allocated. */
uint64_t fake_heap_used(uint32_t heap);
/* The most that ever were. */
uint64_t fake_heap_peak(uint32_t heap);

/* One range of a flush or an invalidation. */
typedef struct fake_flush {
  uint64_t offset, size; /* bytes; size VK_WHOLE_SIZE as given */
  uint64_t memory_size;  /* bytes of the VkDeviceMemory */
  bool is_invalidation;
} fake_flush;
uint32_t fake_flush_count(void);
fake_flush fake_flush_get(uint32_t index);

/* How often the driver was asked for its budget. */
uint32_t fake_budget_count(void);
/* What it answers from now on; budget 0: the heap's size. usage: bytes beside those allocated. */
void fake_budget_set(uint32_t heap, uint64_t budget, uint64_t usage);
/* Makes vkAllocateMemory fail with VK_ERROR_OUT_OF_DEVICE_MEMORY so many times from now on. */
void fake_fail_allocations(uint32_t count);

#endif
