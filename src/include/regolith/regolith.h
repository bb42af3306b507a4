/* The whole C interface of Regolith: Vulkan resources behind 64-bit handles.
 *
 * An engine owns everything. Create one, ask it for buffers, textures, shaders, materials and sets,
 * hand their Vulkan objects to your renderer, destroy it. In every descriptor zero means default.
 *
 * Results: functions return rg_result; outputs are set to the null handle or zero on failure, and a
 * failed call changes nothing. rg_error() holds this thread's detail: object, value and limit.
 * Threads: every function may be called from any thread unless its comment says otherwise.
 * Ownership: pointers in descriptors are read before the call returns and never kept. */
#ifndef REGOLITH_H
#define REGOLITH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

#define RG_VERSION_MAJOR 0
#define RG_VERSION_MINOR 1
#define RG_VERSION_PATCH 0

#if defined(__GNUC__)
#define RG_API __attribute__((visibility("default")))
#define RG_NODISCARD __attribute__((warn_unused_result))
#define RG_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define RG_API
#define RG_NODISCARD
#define RG_PRINTF(text, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Results ------------------------------------------------------------------------------- */

typedef enum rg_result {
  RG_OK = 0,
  RG_NOT_READY = 1, /* a ticket that has not passed within the time given; not an error */
  RG_ERROR_INVALID_ARGUMENT = -1,
  RG_ERROR_STALE_HANDLE = -2, /* destroyed, forged, or of another engine */
  RG_ERROR_WRONG_TYPE = -3,
  RG_ERROR_NOT_FOUND = -4,
  RG_ERROR_OUT_OF_HOST_MEMORY = -5,
  RG_ERROR_OUT_OF_DEVICE_MEMORY = -6,
  RG_ERROR_DEVICE_LOST = -7,
  RG_ERROR_COMPILE = -8,      /* a shader's source or SPIR-V is wrong */
  RG_ERROR_IO = -9,           /* a file could not be read or written */
  RG_ERROR_FORMAT = -10,      /* a file's contents are wrong */
  RG_ERROR_UNSUPPORTED = -11, /* right, but not on this device */
  RG_ERROR_LIMIT = -12,       /* over a limit of the device or the engine */
} rg_result;

/* "RG_ERROR_LIMIT" and so on; "RG_ERROR_UNKNOWN" for other values. Static string. */
RG_API const char *rg_result_name(rg_result result);

/* What went wrong in this thread's last failed call, one or several lines, without a final newline;
 * "" before the first. Valid until this thread's next failing call. */
RG_API const char *rg_error(void);

/* Names the place (a script's file and line, say) that this thread's next calls come from, for leak
 * reports and stale-handle errors. Copied, cut at 127 bytes; NULL or "" for none. */
RG_API void rg_origin_set(const char *origin);

#define RG_STRINGIFY_(x) #x
#define RG_STRINGIFY(x) RG_STRINGIFY_(x)
#define RG_HERE __FILE__ ":" RG_STRINGIFY(__LINE__) /* for rg_origin_set */

/* ---- Handles ------------------------------------------------------------------------------- */

typedef enum rg_type {
  RG_TYPE_NONE = 0,
  RG_TYPE_BUFFER = 1,
  RG_TYPE_TEXTURE = 2,
  RG_TYPE_SHADER = 3,
  RG_TYPE_MATERIAL = 4,
  RG_TYPE_SET = 5,
  RG_TYPE_POOL = 6,
} rg_type;
#define RG_TYPE_COUNT 7

/* From the top: type 8 bits, generation 32, index 24. An id is never used twice; 0 is the null
 * handle. */
typedef struct rg_handle {
  uint64_t id;
} rg_handle;
typedef struct rg_buffer {
  uint64_t id;
} rg_buffer;
typedef struct rg_texture {
  uint64_t id;
} rg_texture;
typedef struct rg_shader {
  uint64_t id;
} rg_shader;
typedef struct rg_material {
  uint64_t id;
} rg_material;
typedef struct rg_set {
  uint64_t id;
} rg_set;
typedef struct rg_pool {
  uint64_t id;
} rg_pool;

/* A point on the engine's timeline: passed when the GPU has finished all that was submitted up to
 * it. 0 has always passed. Tickets of another engine are refused. */
typedef struct rg_ticket {
  uint64_t id;
} rg_ticket;

typedef struct rg_engine rg_engine;

/* The type that an id's bits claim, whether it lives or not; RG_TYPE_NONE for ids of no type. */
RG_API rg_type rg_type_of(uint64_t id);

/* "buffer", "texture", "shader", "material", "set", "pool"; "none" otherwise. Static string. */
RG_API const char *rg_type_name(rg_type type);

/* Whether the id is a live resource of this engine. Lock-free. */
RG_API bool rg_is_live(rg_engine *engine, uint64_t id);

/* A batch of look-ups: whatever the engine hands out between begin and end (VkBuffers, views, sets)
 * stays valid until the end, even if other threads destroy or move it meanwhile; what is destroyed
 * waits for the batches that were open then. Costs five atomic writes. Batches may be open on any
 * number of threads and may nest; close them soon, for nothing is freed while one stays open.
 * Begin fails with RG_ERROR_OUT_OF_HOST_MEMORY only. The end must come once, on any thread. */
typedef struct rg_batch {
  uint64_t id;
} rg_batch;
RG_API RG_NODISCARD rg_result rg_batch_begin(rg_engine *engine, rg_batch *out);
RG_API void rg_batch_end(rg_engine *engine, rg_batch batch);

/* Pins a live resource: what escapes a batch. Its handle may die, but its Vulkan objects stay until
 * rg_unpin, and it is not moved. Pins are counted, 2^30 at most. rg_unpin takes the same id, dead
 * or not; RG_ERROR_INVALID_ARGUMENT: it is not pinned. Pins left over at the engine's end are
 * reported and let go. */
RG_API RG_NODISCARD rg_result rg_pin(rg_engine *engine, uint64_t id);
RG_API RG_NODISCARD rg_result rg_unpin(rg_engine *engine, uint64_t id);

/* ---- Engine -------------------------------------------------------------------------------- */

typedef enum rg_log_level {
  RG_LOG_DEFAULT = 0, /* as a threshold: RG_LOG_WARNING */
  RG_LOG_ERROR = 1,
  RG_LOG_WARNING = 2,
  RG_LOG_INFO = 3,
  RG_LOG_DEBUG = 4,
} rg_log_level;

/* Called from any thread, from inside engine and Vulkan calls: it must not call the engine.
 * message: one line or several, no final newline. */
typedef void rg_log_fn(void *user, rg_log_level level, const char *message);

/* One function for every host allocation of the engine, in the manner of Lua's: old NULL allocates,
 * new_size 0 frees (and returns NULL), otherwise resizes keeping the contents. Blocks are aligned
 * as by malloc. Return NULL when out of memory (never for a shrink). Called from any thread. The
 * libraries inside (glslang, SPIRV-Cross, SPIRV-Tools, cJSON, the driver) keep their own
 * allocators. */
typedef struct rg_allocator {
  void *(*resize)(void *user, void *old, size_t old_size, size_t new_size);
  void *user;
} rg_allocator;

/* A device of the caller's own. All handles stay the caller's and must outlive the engine. The
 * device must have timelineSemaphore enabled; `enabled` tells what else the engine may use. */
typedef struct rg_host_device {
  VkInstance instance;
  VkPhysicalDevice physical_device;
  VkDevice device;
  VkQueue queue; /* graphics, compute and transfer; the engine submits to it */
  uint32_t queue_family;
  uint32_t
      api_version; /* what the instance and device were created for; at least VK_API_VERSION_1_2 */
  bool has_dynamic_rendering;  /* the feature is enabled (core 1.3 or VK_KHR_dynamic_rendering) */
  bool has_sampler_anisotropy; /* the feature is enabled */
  bool has_debug_utils;        /* VK_EXT_debug_utils is enabled on the instance */
  bool has_memory_budget;      /* VK_EXT_memory_budget is enabled */
  bool has_memory_priority;    /* VK_EXT_memory_priority and its feature are enabled */
  bool has_device_address;     /* the bufferDeviceAddress feature is enabled */
  bool has_external_memory;    /* VK_KHR_external_memory_fd is enabled */
  bool has_protected_memory;   /* the protectedMemory feature is enabled */
  bool has_bindless;           /* the features descriptorBindingPartiallyBound,
                                  descriptorBindingSampledImageUpdateAfterBind,
                                  descriptorBindingUpdateUnusedWhilePending,
                                  runtimeDescriptorArray and
                                  shaderSampledImageArrayNonUniformIndexing are enabled */
  /* Called around every use of the queue, so that the caller's threads may use it too; may be NULL
   * where the caller never submits while it is inside an engine call. */
  void (*queue_lock)(void *user);
  void (*queue_unlock)(void *user);
  void *queue_user;
} rg_host_device;

typedef enum rg_memory_event_type {
  RG_MEMORY_NEAR_BUDGET = 1, /* a heap's use has risen over budget_warning of its budget; again
                                only after it has fallen below */
  RG_MEMORY_EXHAUSTED = 2,   /* an allocation is about to fail: true from the callback says that
                                something was freed, and it is tried once more */
} rg_memory_event_type;

typedef struct rg_memory_event {
  rg_memory_event_type type;
  uint32_t heap;
  uint64_t used;   /* bytes of the heap in use, by VK_EXT_memory_budget or the engine's own count */
  uint64_t budget; /* bytes that may be used */
  uint64_t wanted; /* bytes of the allocation that led here */
} rg_memory_event;

/* Called on the thread that allocates, inside the creating call but under no lock of device memory.
 * It may destroy buffers, textures and pools, and ask for statistics; it must not create or load.
 */
typedef bool rg_memory_fn(void *user, const rg_memory_event *event);

typedef struct rg_engine_desc {
  const char *label;      /* for logs, reports and debuggers; copied; NULL means "regolith" */
  rg_allocator allocator; /* zero means malloc's family */
  rg_log_fn *log;         /* NULL means standard error */
  void *log_user;
  rg_log_level log_level; /* messages above it are not made; 0 means RG_LOG_WARNING */
  PFN_vkGetInstanceProcAddr
      get_instance_proc_addr; /* NULL means the Vulkan loader, libvulkan.so.1 */
  const char
      *device;     /* part of a device's name, any case, or its index in rg_devices as a decimal
                             number; NULL means the best: discrete, integrated, virtual, then CPU */
  bool validation; /* run under VK_LAYER_KHRONOS_validation with synchronisation validation;
                             its messages go to the log and are counted. RG_ERROR_UNSUPPORTED
                             where the layer is not installed. Ignored with host_device */
  const rg_host_device *host_device; /* NULL means that the engine makes its own device */
  uint64_t memory_limit; /* bytes of device memory over all heaps; 0 means what the heaps hold */
  uint64_t block_size; /* bytes of the largest memory block, 1 MiB to 4 GiB; 0 means 256 MiB; always
                                capped by an eighth of its heap and of memory_limit */
  float budget_warning; /* share of a heap's budget, over 0 to 1, from which memory_event is called;
                           0 means 0.9 */
  rg_memory_fn *memory_event; /* may be NULL */
  void *memory_event_user;
  uint32_t memory_margin; /* bytes of guard behind every piece of host-visible memory, a multiple of
                             16 to 4096; checked when it is freed and by rg_memory_check; 0 means
                             none. For debugging: overruns are reported, not prevented */
  uint64_t upload_size;   /* bytes of the staging ring, 64 KiB to 1 GiB; 0 means 64 MiB */
  const char *const
      *roots;          /* folders that relative file names are searched in, first to last; files
                                outside all of them are refused; NULL means the working directory */
  uint32_t root_count; /* at most 64 */
} rg_engine_desc;

/* Creates an engine. The caller destroys it with rg_engine_destroy. *out is NULL on failure.
 * RG_ERROR_UNSUPPORTED: no Vulkan loader, no device of Vulkan 1.2 with timeline semaphores, or no
 * validation layer. RG_ERROR_NOT_FOUND: no device of that name; the message lists those there are.
 */
RG_API RG_NODISCARD rg_result rg_engine_create(const rg_engine_desc *desc, rg_engine **out);

/* Waits for the engine's own work, reports what was not destroyed to the log (a line each, at
 * RG_LOG_WARNING: type, label, size and origin; what sets own is no leak), destroys it all. NULL is
 * allowed. No other call on the engine may be running. */
RG_API void rg_engine_destroy(rg_engine *engine);

/* What a physical device is and what the engine can use of it. */
typedef struct rg_device_info {
  char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE];
  char driver[VK_MAX_DRIVER_NAME_SIZE + VK_MAX_DRIVER_INFO_SIZE]; /* driver name and version text */
  VkPhysicalDeviceType type;
  uint32_t api_version;
  bool is_usable; /* Vulkan 1.2, timeline semaphores, a queue with graphics and compute */
  bool dynamic_rendering;
  bool synchronization2;
  bool descriptor_indexing;
  bool memory_budget;
  bool sampler_anisotropy;
  bool texture_compression_bc;
  bool texture_compression_etc2;
  bool texture_compression_astc;
  bool has_transfer_queue;             /* a family with transfer and neither graphics nor compute */
  uint64_t device_memory;              /* bytes of all device-local heaps */
  uint64_t host_visible_device_memory; /* bytes of heaps that are device-local and host-visible */
} rg_device_info;

/* Writes up to *count devices to out (NULL: none) and sets *count to how many there are. desc: as
 * for rg_engine_create (loader and log are used); NULL means defaults. */
RG_API RG_NODISCARD rg_result rg_devices(const rg_engine_desc *desc, rg_device_info *out,
                                         uint32_t *count);

/* What the engine promises on its device. */
typedef struct rg_limits {
  uint64_t max_buffer_size;     /* bytes */
  uint32_t max_texture_size_2d; /* texels a side */
  uint32_t max_texture_size_3d;
  uint32_t max_texture_size_cube;
  uint32_t max_texture_layers;
  uint32_t max_color_attachments;
  float max_anisotropy;       /* 1 where anisotropic filtering is missing */
  uint64_t uniform_alignment; /* bytes, of buffer offsets */
  uint64_t storage_alignment;
  uint64_t max_uniform_range; /* bytes of one uniform binding */
  uint64_t max_storage_range;
  uint64_t max_file_size;     /* bytes of any file read, 1 GiB */
  uint64_t max_image_pixels;  /* of an image file, before it is decoded: 268,435,456 */
  uint64_t max_shader_source; /* bytes of one stage after includes: 4 MiB */
} rg_limits;

/* Vulkan objects and facts of the engine. They belong to the engine (or its host). */
typedef struct rg_engine_vk {
  VkInstance instance;
  VkPhysicalDevice physical_device;
  VkDevice device;
  VkQueue queue;
  uint32_t queue_family;
  uint32_t api_version; /* the lower of what instance and device allow */
  PFN_vkGetInstanceProcAddr get_instance_proc_addr;
  PFN_vkGetDeviceProcAddr get_device_proc_addr;
} rg_engine_vk;

/* The Vulkan objects, the device and the limits of the engine. None of these fails. */
RG_API void rg_engine_get_vk(rg_engine *engine, rg_engine_vk *out);
RG_API void rg_engine_get_device(rg_engine *engine, rg_device_info *out);
RG_API void rg_engine_get_limits(rg_engine *engine, rg_limits *out);

/* How many validation messages (warnings and errors) have come so far. */
RG_API uint64_t rg_engine_validation_count(rg_engine *engine);

/* ---- Memory pools -------------------------------------------------------------------------- */

/* How often the CPU writes (or reads) a buffer; chooses its memory type. */
typedef enum rg_update {
  RG_UPDATE_DEFAULT = 0, /* RG_UPDATE_STATIC; RG_UPDATE_STREAM for staging buffers */
  RG_UPDATE_STATIC = 1,  /* rarely: device-local memory, written through the staging ring */
  RG_UPDATE_DYNAMIC =
      2,                /* now and then: device-local and host-visible where there is such memory */
  RG_UPDATE_STREAM = 3, /* every frame: host-visible memory, mapped */
  RG_UPDATE_READBACK = 4, /* written by the GPU, read by the CPU: host-cached memory, mapped */
} rg_update;

typedef enum rg_pool_strategy {
  RG_POOL_DEFAULT = 0,  /* RG_POOL_BEST_FIT */
  RG_POOL_BEST_FIT = 1, /* any order; packs tightly */
  RG_POOL_STACK = 2,    /* always behind the last range; room returns when all behind it is free */
  RG_POOL_RING = 3,  /* as a stack, but begins again at the block's start when its end is reached */
  RG_POOL_SLOTS = 4, /* slots of one size, in any order */
} rg_pool_strategy;

/* A pool of the caller's own: blocks of one memory type that only resources created with it use.
 * The engine's own pools, one per memory type, need no descriptor. */
typedef struct rg_pool_desc {
  rg_update update; /* chooses the memory type, as for buffers; 0 means RG_UPDATE_STATIC. A resource
                       made in the pool must allow that type */
  VkMemoryPropertyFlags required; /* properties that the type must have beside; 0 means none */
  bool is_for_textures; /* textures of optimal tiling, and no buffers, live in it; false: buffers */
  rg_pool_strategy strategy;
  uint64_t slot_size;  /* bytes, 1 to 4 GiB - 1; required for RG_POOL_SLOTS, else 0 */
  uint64_t block_size; /* bytes of each block, 64 KiB to the device's largest allocation; 0 means
                          growing blocks, as the engine's own pools have */
  uint32_t min_blocks; /* made at once and kept; needs block_size */
  uint32_t max_blocks; /* 0 means no limit */
  uint64_t max_size;   /* bytes of all its blocks; 0 means no limit */
  float priority;      /* 0 to 1, for VK_EXT_memory_priority; 0 means 0.5 */
  bool is_exportable;  /* all that is made in it is exportable, and never moved */
  const char *label;   /* copied; may be NULL */
} rg_pool_desc;

/* Creates a pool. RG_ERROR_INVALID_ARGUMENT: values that no pool can have; the message names them.
 * RG_ERROR_UNSUPPORTED: no memory type fits, or exporting is not possible.
 * RG_ERROR_OUT_OF_DEVICE_MEMORY: for min_blocks. */
RG_API RG_NODISCARD rg_result rg_pool_create(rg_engine *engine, const rg_pool_desc *desc,
                                             rg_pool *out);
/* The pool's memory is freed when the last resource in it is gone. */
RG_API RG_NODISCARD rg_result rg_pool_destroy(rg_engine *engine, rg_pool pool);

/* ---- Buffers ------------------------------------------------------------------------------- */

/* How the GPU mainly reads a buffer. Every buffer can also be copied from and to. */
typedef enum rg_buffer_type {
  RG_BUFFER_DEFAULT = 0, /* RG_BUFFER_STORAGE */
  RG_BUFFER_VERTEX = 1,
  RG_BUFFER_INDEX = 2,
  RG_BUFFER_UNIFORM = 3,
  RG_BUFFER_STORAGE = 4,
  RG_BUFFER_INDIRECT = 5,
  RG_BUFFER_STAGING = 6, /* host-visible and mapped; the source or target of copies */
} rg_buffer_type;

typedef struct rg_buffer_desc {
  uint64_t size;            /* bytes; required, 1 to rg_limits.max_buffer_size */
  rg_buffer_type type;      /* 0 means RG_BUFFER_STORAGE */
  VkBufferUsageFlags usage; /* further uses beside the type's; 0 means none */
  rg_update update;         /* 0 means RG_UPDATE_STATIC */
  uint32_t stride; /* bytes of an element, size at most: the offset in a shared VkBuffer is then a
                      multiple of it, so that a first vertex, index or array element can be
                      offset / stride; 0 means none */
  bool own_vk_buffer; /* true refuses to share a VkBuffer with other small buffers */
  rg_pool pool;       /* one for buffers, which then has a VkBuffer of its own; null means the
                         engine's pools */
  float priority;  /* 0 to 1, for VK_EXT_memory_priority: how late it is paged out; 0 means 0.5, or
                      the pool's. Other values give memory of its own from 1 MiB on, and are ignored
                      below */
  bool is_movable; /* rg_defragment may move it: its VkBuffer and offset then change */
  bool is_exportable; /* memory of its own, for rg_resource_export */
  bool is_protected;  /* protected memory: no CPU writes or reads, so no data */
  const void
      *data; /* initial contents, size bytes, copied before return; NULL leaves them undefined */
  const char *label; /* copied; may be NULL */
} rg_buffer_desc;

/* Creates a buffer. The caller destroys it, or the engine does at its own end.
 * RG_ERROR_INVALID_ARGUMENT: size is 0 or a value is not of its enum. RG_ERROR_LIMIT: size is over
 * rg_limits.max_buffer_size. RG_ERROR_OUT_OF_DEVICE_MEMORY: after trimming empty blocks. */
RG_API RG_NODISCARD rg_result rg_buffer_create(rg_engine *engine, const rg_buffer_desc *desc,
                                               rg_buffer *out);

/* A mapped staging buffer in one call; *mapped is its memory, size bytes, valid while it lives. */
RG_API RG_NODISCARD rg_result rg_buffer_create_staging(rg_engine *engine, uint64_t size,
                                                       const char *label, rg_buffer *out,
                                                       void **mapped);

/* The creator lets go. Unless a material or a set keeps the resource, its handle dies at once, and
 * its memory is freed after the GPU has passed all work submitted so far; else both happen when the
 * last of these lets go. RG_ERROR_STALE_HANDLE (the second time, too) or RG_ERROR_WRONG_TYPE
 * otherwise. So for all _destroy functions. */
RG_API RG_NODISCARD rg_result rg_buffer_destroy(rg_engine *engine, rg_buffer buffer);

typedef struct rg_buffer_vk {
  VkBuffer buffer;
  uint64_t offset; /* bytes into buffer where the resource begins; aligned for its type */
  uint64_t size;   /* bytes */
} rg_buffer_vk;

/* What to bind. Lock-free. The VkBuffer is the engine's and may be shared; it lives as the handle
 * does. */
RG_API RG_NODISCARD rg_result rg_buffer_get_vk(rg_engine *engine, rg_buffer buffer,
                                               rg_buffer_vk *out);

/* The GPU address of its first byte. RG_ERROR_UNSUPPORTED: the device has no bufferDeviceAddress,
 * or the buffer's usage lacks shader_device_address. */
RG_API RG_NODISCARD rg_result rg_buffer_get_address(rg_engine *engine, rg_buffer buffer,
                                                    VkDeviceAddress *out);

/* One write of rg_buffers_update. */
typedef struct rg_buffer_write {
  rg_buffer buffer;
  uint64_t offset; /* bytes into the buffer */
  const void *data;
  uint64_t size; /* bytes; offset + size is at most the buffer's size */
} rg_buffer_write;

/* Queues writes of any size. They take effect in order, before the next rg_submit's commands, and
 * are submitted by rg_flush, rg_submit or when the ring is full. The whole batch is checked first:
 * on an invalid write none is made. The data is copied before return. */
RG_API RG_NODISCARD rg_result rg_buffers_update(rg_engine *engine, const rg_buffer_write *writes,
                                                uint32_t count);

/* One write; otherwise as rg_buffers_update. */
RG_API RG_NODISCARD rg_result rg_buffer_update(rg_engine *engine, rg_buffer buffer, uint64_t offset,
                                               const void *data, uint64_t size);

/* Queues a copy on the GPU, in order with the writes. The ranges must not overlap where source and
 * target are the same buffer. */
RG_API RG_NODISCARD rg_result rg_buffer_copy(rg_engine *engine, rg_buffer source,
                                             uint64_t source_offset, rg_buffer target,
                                             uint64_t target_offset, uint64_t size);

/* Reads size bytes back after all that was queued and submitted so far; waits for it. */
RG_API RG_NODISCARD rg_result rg_buffer_read(rg_engine *engine, rg_buffer buffer, uint64_t offset,
                                             void *data, uint64_t size);

/* The persistent mapping of a staging, stream or readback buffer, valid while it lives; the memory
 * is host-coherent. RG_ERROR_UNSUPPORTED: static and dynamic buffers are not mapped for the caller.
 */
RG_API RG_NODISCARD rg_result rg_buffer_map(rg_engine *engine, rg_buffer buffer, void **out);

/* ---- Textures ------------------------------------------------------------------------------ */

typedef enum rg_texture_type {
  RG_TEXTURE_DEFAULT = 0, /* RG_TEXTURE_2D */
  RG_TEXTURE_2D = 1,
  RG_TEXTURE_3D = 2,
  RG_TEXTURE_CUBE = 3, /* 6 layers: +x, -x, +y, -y, +z, -z */
  RG_TEXTURE_2D_ARRAY = 4,
  RG_TEXTURE_CUBE_ARRAY = 5, /* 6 layers a cube */
} rg_texture_type;

typedef enum rg_filter {
  RG_FILTER_DEFAULT = 0, /* RG_FILTER_LINEAR */
  RG_FILTER_LINEAR = 1,
  RG_FILTER_NEAREST = 2,
} rg_filter;

typedef enum rg_wrap {
  RG_WRAP_DEFAULT = 0, /* RG_WRAP_REPEAT */
  RG_WRAP_REPEAT = 1,
  RG_WRAP_MIRRORED_REPEAT = 2,
  RG_WRAP_CLAMP_TO_EDGE = 3,
  RG_WRAP_CLAMP_TO_BORDER = 4, /* transparent black */
} rg_wrap;

typedef enum rg_compare {
  RG_COMPARE_DEFAULT = 0, /* samplers: none; depth tests: RG_COMPARE_LESS_OR_EQUAL */
  RG_COMPARE_NEVER = 1,
  RG_COMPARE_LESS = 2,
  RG_COMPARE_EQUAL = 3,
  RG_COMPARE_LESS_OR_EQUAL = 4,
  RG_COMPARE_GREATER = 5,
  RG_COMPARE_NOT_EQUAL = 6,
  RG_COMPARE_GREATER_OR_EQUAL = 7,
  RG_COMPARE_ALWAYS = 8,
} rg_compare;

/* Equal descriptors share one VkSampler. */
typedef struct rg_sampler_desc {
  rg_filter mag_filter;
  rg_filter min_filter;
  rg_filter mip_filter;
  rg_wrap wrap_u;
  rg_wrap wrap_v;
  rg_wrap wrap_w;
  rg_compare compare;   /* for shadow samplers */
  float max_anisotropy; /* 1 to rg_limits.max_anisotropy (more is cut to it); 0 means 1 */
  float lod_bias;       /* levels, -16 to 16 */
  float min_lod;        /* levels, 0 and up */
  float max_lod;        /* levels; 0 means no limit */
} rg_sampler_desc;

typedef struct rg_texture_desc {
  const char
      *file;      /* PNG, JPEG, HDR, TGA or BMP under the engine's roots; then width, height and
                         data must be 0 and format may be (r8g8b8a8_srgb, or _unorm with is_linear;
                         16-bit PNG: r16g16b16a16_unorm; HDR: r32g32b32a32_sfloat); NULL means none */
  bool is_linear; /* with file: the colours are data (normals, roughness), not sRGB */
  rg_texture_type type; /* 0 means RG_TEXTURE_2D */
  uint32_t width;       /* texels; required without file */
  uint32_t height;      /* texels; required without file */
  uint32_t depth;       /* texels of a 3D texture; 0 means 1 */
  uint32_t layers;      /* array layers, cubes times 6; 0 means 1, or 6 for a cube */
  uint32_t mip_levels;  /* 0 means 1, or the full chain with generate_mips */
  bool generate_mips;   /* fill levels from the data's last one down, by linear filtering */
  VkFormat format;      /* rg_format_name lists them; 0 means VK_FORMAT_R8G8B8A8_UNORM */
  VkImageUsageFlags
      usage;       /* 0 means sampled | transfer_src | transfer_dst; these two are always added, but
                      beside transient_attachment, whose memory is lazily allocated where the device can;
                      such a texture has no data and cannot be read or updated */
  rg_pool pool;    /* one for textures; null means the engine's pools */
  float priority;  /* as for buffers */
  bool is_movable; /* rg_defragment may move it: its VkImage and view then change */
  bool is_exportable;      /* memory of its own, for rg_resource_export */
  bool is_protected;       /* as for buffers; the engine submits nothing that touches it: the host
                              brings it from undefined to its resting layout, in a protected
                              submission */
  rg_sampler_desc sampler; /* returned with the view */
  const void *data; /* texels, level by level, each level's layers (or slices) in order, rows packed
                           without gaps; copied; NULL leaves the contents undefined */
  uint64_t data_size;   /* bytes; must be what data_levels levels hold */
  uint32_t data_levels; /* how many levels data holds; 0 means 1 */
  const char *label;    /* copied; NULL means the file's name, if any */
} rg_texture_desc;

/* Creates a texture. After creation and after every engine call all levels rest in rg_texture_vk's
 * layout. RG_ERROR_UNSUPPORTED: the device lacks the format for the usage. RG_ERROR_LIMIT: a side,
 * the layers or the levels. RG_ERROR_NOT_FOUND: no such file under the roots; RG_ERROR_IO,
 * RG_ERROR_FORMAT: it cannot be read, or is wrong. */
RG_API RG_NODISCARD rg_result rg_texture_create(rg_engine *engine, const rg_texture_desc *desc,
                                                rg_texture *out);
RG_API RG_NODISCARD rg_result rg_texture_destroy(rg_engine *engine, rg_texture texture);

typedef struct rg_texture_vk {
  VkImageView view; /* all levels and layers */
  VkSampler sampler;
  VkImage image;
  VkImageLayout
      layout; /* where it rests between submissions; leave it so after your own commands */
  VkFormat format;
  VkExtent3D extent;
  uint32_t mip_levels;
  uint32_t layers;
} rg_texture_vk;

/* What to bind. Lock-free. The objects are the engine's and live as the handle does. */
RG_API RG_NODISCARD rg_result rg_texture_get_vk(rg_engine *engine, rg_texture texture,
                                                rg_texture_vk *out);

/* A box of one level. Zero extents mean to the end of the level; offsets and extents of compressed
 * formats are multiples of their blocks, or reach the edge. */
typedef struct rg_texture_region {
  uint32_t mip_level;
  uint32_t layer;
  uint32_t layer_count; /* 0 means 1 */
  uint32_t x, y, z;
  uint32_t width, height, depth;
} rg_texture_region;

/* Queues a write of packed texels, as rg_buffers_update does. region NULL means all of level 0. */
RG_API RG_NODISCARD rg_result rg_texture_update(rg_engine *engine, rg_texture texture,
                                                const rg_texture_region *region, const void *data,
                                                uint64_t size);

/* Reads packed texels back, waiting for all that was queued so far. size must match the region. */
RG_API RG_NODISCARD rg_result rg_texture_read(rg_engine *engine, rg_texture texture,
                                              const rg_texture_region *region, void *data,
                                              uint64_t size);

/* The engine's shared sampler for a descriptor, valid until the engine's end. */
RG_API RG_NODISCARD rg_result rg_sampler_get_vk(rg_engine *engine, const rg_sampler_desc *desc,
                                                VkSampler *out);

/* "r8g8b8a8_unorm" for VK_FORMAT_R8G8B8A8_UNORM; NULL for formats the engine does not know. */
RG_API const char *rg_format_name(VkFormat format);
/* The format of that name, or VK_FORMAT_UNDEFINED. */
RG_API VkFormat rg_format_find(const char *name);
/* Bytes that a region of that many texels packs to; 0 for unknown formats. Rounds up to blocks. */
RG_API uint64_t rg_format_size(VkFormat format, uint32_t width, uint32_t height, uint32_t depth);

/* ---- Transient resources ------------------------------------------------------------------- */

/* Textures and buffers of a frame that share memory where their lifetimes do not overlap. */
typedef struct rg_transient_desc {
  /* Exactly one of the two, without data, file, pool, generate_mips, is_movable and is_exportable.
   */
  const rg_texture_desc *texture;
  const rg_buffer_desc *buffer; /* static; it never shares a VkBuffer */
  uint32_t first_use; /* steps of the frame (passes, say), counted by the caller; both included */
  uint32_t last_use;
} rg_transient_desc;

typedef struct rg_transient_info {
  uint64_t size;          /* bytes of memory that they take together */
  uint64_t unshared_size; /* bytes that they would take one by one */
  uint64_t peak_size;     /* bytes of the step at which most live at once: no plan can take less */
} rg_transient_info;

/* Creates count transient resources, all or none; their handles, in the same order, go to out. Each
 * is destroyed by its own rg_buffer_destroy or rg_texture_destroy; the memory goes with the last.
 * info may be NULL. RG_ERROR_INVALID_ARGUMENT: last_use before first_use, data, neither or both
 * descriptors; the message names the index. RG_ERROR_LIMIT: more than 65,536, or together over the
 * device's largest allocation.
 *
 * Contents are undefined until rg_cmd_begin_transients was recorded; before that the engine's own
 * updates, copies and reads refuse them with RG_ERROR_INVALID_ARGUMENT. Afterwards these are
 * ordered with submissions as ever, and to stay between first and last use is the caller's to do.
 */
RG_API RG_NODISCARD rg_result rg_transients_create(rg_engine *engine,
                                                   const rg_transient_desc *descs, uint32_t count,
                                                   rg_handle *out, rg_transient_info *info);

/* Records, outside a render pass, what makes transient resources usable at their first step: one
 * barrier call that waits for the users of the same memory before, and brings textures from
 * undefined to their resting layout. ids: count of them, each once. RG_ERROR_INVALID_ARGUMENT: one
 * is named twice, or is not transient. */
RG_API RG_NODISCARD rg_result rg_cmd_begin_transients(rg_engine *engine, VkCommandBuffer commands,
                                                      const rg_handle *ids, uint32_t count);

/* ---- Bindless textures --------------------------------------------------------------------- */

/* All textures that were asked for by index, in one descriptor array. */
typedef struct rg_bindless_vk {
  VkDescriptorSet set; /* binding 0: an array of combined image samplers, for all stages. Ask again
                          after rg_defragment, which may make another; the old one stays valid for
                          what was recorded before. Free places show a white texture */
  VkDescriptorSetLayout set_layout; /* for a pipeline layout of the caller's own: rg_shader refuses
                                       arrays without a length */
  uint32_t capacity;                /* of the array; indices in use stay low */
} rg_bindless_vk;

/* RG_ERROR_UNSUPPORTED: the device lacks descriptor indexing, or a host device does not enable it.
 */
RG_API RG_NODISCARD rg_result rg_bindless_get_vk(rg_engine *engine, rg_bindless_vk *out);
/* The texture's place in the array, the same while it lives, moves included. RG_ERROR_LIMIT: the
 * array is full. RG_ERROR_INVALID_ARGUMENT: it cannot be sampled as a 2D texture. */
RG_API RG_NODISCARD rg_result rg_texture_get_index(rg_engine *engine, rg_texture texture,
                                                   uint32_t *out);

/* ---- Shaders ------------------------------------------------------------------------------- */

#define RG_MAX_STAGES 8

typedef struct rg_stage_desc {
  VkShaderStageFlagBits stage; /* required with source or spirv; with file 0 means by its ending:
                                  .vert .tesc .tese .geom .frag .comp .task .mesh .rgen .rint .rahit
                                  .rchit .rmiss .rcall; .spv needs it */
  const char *file;    /* GLSL or SPIR-V under the engine's roots, or "regolith/NAME" built in */
  const char *source;  /* GLSL text */
  const void *spirv;   /* SPIR-V words; validated first */
  uint64_t spirv_size; /* bytes, a multiple of 4 */
  const char *entry_point; /* NULL means "main" */
} rg_stage_desc;           /* exactly one of file, source and spirv */

typedef struct rg_define {
  const char *name;
  const char *value; /* NULL means "1" */
} rg_define;

/* A specialisation constant ("keyword") by its name in GLSL. Booleans are 0 or 1. */
typedef struct rg_constant_value {
  const char *name;
  double value;
} rg_constant_value;

typedef struct rg_shader_desc {
  rg_stage_desc stages[RG_MAX_STAGES];
  uint32_t stage_count;     /* 1 to RG_MAX_STAGES, each stage once */
  const rg_define *defines; /* for every GLSL stage */
  uint32_t define_count;
  const rg_constant_value
      *keywords; /* values of specialisation constants; the others keep their defaults */
  uint32_t keyword_count;
  const char *label; /* copied; NULL means the first stage's file, if any */
} rg_shader_desc;

/* Compiles, links, reflects and makes the modules. Resources and varyings without binding or
 * location get them by name. RG_ERROR_COMPILE: rg_error() lists every message with file and line.
 * RG_ERROR_LIMIT: descriptors, push constants, the workgroup's size or its shared memory, keywords
 * applied. RG_ERROR_UNSUPPORTED: a SPIR-V capability whose feature the device has not. */
RG_API RG_NODISCARD rg_result rg_shader_create(rg_engine *engine, const rg_shader_desc *desc,
                                               rg_shader *out);
RG_API RG_NODISCARD rg_result rg_shader_destroy(rg_engine *engine, rg_shader shader);

/* For VkGraphicsPipelineCreateInfo and the like; its pointers live as the handle does.
 * RG_ERROR_NOT_FOUND: the shader has no such stage. */
RG_API RG_NODISCARD rg_result rg_shader_get_stage_info(rg_engine *engine, rg_shader shader,
                                                       VkShaderStageFlagBits stage,
                                                       VkPipelineShaderStageCreateInfo *out);

typedef enum rg_scalar {
  RG_SCALAR_NONE = 0, /* a struct */
  RG_SCALAR_FLOAT,
  RG_SCALAR_INT,
  RG_SCALAR_UINT,
  RG_SCALAR_BOOL,
  RG_SCALAR_DOUBLE,
  RG_SCALAR_HALF,
  RG_SCALAR_INT8,
  RG_SCALAR_UINT8,
  RG_SCALAR_INT16,
  RG_SCALAR_UINT16,
  RG_SCALAR_INT64,
  RG_SCALAR_UINT64,
} rg_scalar;

typedef struct rg_member {
  const char *name;
  const char *type_name; /* as in GLSL: "vec3", "mat4", "float"; a struct's own name */
  rg_scalar scalar;
  uint32_t rows; /* components of a vector or of a matrix's column; 1 for scalars, 0 for structs */
  uint32_t columns; /* 1 unless a matrix */
  uint32_t offset;  /* bytes from the start of the enclosing struct */
  uint32_t size;    /* bytes, array and padding of its elements included; 0 for runtime arrays */
  uint32_t array_count;  /* elements; 1 where it is no array, 0 for a runtime array */
  uint32_t array_stride; /* bytes; 0 where it is no array */
  uint32_t
      matrix_stride; /* bytes between columns (rows where row_major); 0 where it is no matrix */
  bool is_row_major;
  bool is_array;
  bool is_active;                  /* some stage's code reads or writes it */
  const struct rg_member *members; /* of a struct, in order */
  uint32_t member_count;
} rg_member;

typedef struct rg_block {
  const char *name;          /* the block's name ("Material"), not its instance's */
  const char *instance_name; /* "" where there is none */
  uint32_t size;             /* bytes, without a runtime array's elements */
  const rg_member *members;
  uint32_t member_count;
} rg_block;

typedef struct rg_binding {
  const char *name; /* the variable's, or the block's */
  VkDescriptorType type;
  uint32_t set;
  uint32_t binding;
  uint32_t count; /* array elements; 1 where it is no array, 0 for a runtime array */
  VkShaderStageFlags stages;
  VkImageViewType view_type; /* images; VK_IMAGE_VIEW_TYPE_MAX_ENUM otherwise */
  rg_scalar scalar;          /* what a sampled or storage image yields */
  bool is_shadow;
  bool is_multisampled;
  bool is_readonly;      /* storage buffers and images */
  const rg_block *block; /* uniform and storage buffers; NULL otherwise */
} rg_binding;

typedef struct rg_vertex_input {
  const char *name;
  uint32_t location;
  VkFormat format; /* 32-bit, of the input's components */
} rg_vertex_input;

typedef struct rg_fragment_output {
  const char *name;
  uint32_t location; /* which colour target */
  uint32_t index;    /* 1 for the second source of dual-source blending */
  VkFormat format;   /* 32-bit, of the output's components */
} rg_fragment_output;

typedef struct rg_constant {
  const char *name;
  uint32_t id; /* constant_id */
  rg_scalar scalar;
  double value; /* default */
} rg_constant;

typedef struct rg_reflection {
  VkShaderStageFlags stages;
  const rg_binding *bindings; /* by set, then binding */
  uint32_t binding_count;
  const rg_block *push_constants; /* NULL where there are none */
  VkShaderStageFlags push_constant_stages;
  const rg_vertex_input *vertex_inputs; /* by location */
  uint32_t vertex_input_count;
  const rg_constant *constants; /* by id */
  uint32_t constant_count;
  uint32_t workgroup_size[3];                 /* 0 without a compute, mesh or task stage */
  const rg_fragment_output *fragment_outputs; /* by location, then index */
  uint32_t fragment_output_count;
} rg_reflection;

/* *out and all it points to live as the handle does. */
RG_API RG_NODISCARD rg_result rg_shader_get_reflection(rg_engine *engine, rg_shader shader,
                                                       const rg_reflection **out);

#define RG_MAX_SETS 8

typedef struct rg_shader_layout {
  VkPipelineLayout pipeline_layout;
  VkDescriptorSetLayout set_layouts[RG_MAX_SETS]; /* empty ones for sets not used below set_count */
  uint32_t set_count;
} rg_shader_layout;

/* The layouts of the shader's reflection. They are the engine's; equal ones are shared. */
RG_API RG_NODISCARD rg_result rg_shader_get_layout(rg_engine *engine, rg_shader shader,
                                                   rg_shader_layout *out);

/* The SPIR-V that a stage runs, for tools; it lives as the handle does. size: bytes. */
RG_API RG_NODISCARD rg_result rg_shader_get_spirv(rg_engine *engine, rg_shader shader,
                                                  VkShaderStageFlagBits stage, const void **spirv,
                                                  uint64_t *size);

/* ---- Materials ----------------------------------------------------------------------------- */

/* A shader's material set is the descriptor set that holds the uniform or storage block named
 * "Material", or else the lowest set it uses. The block's members are parameters, and so is every
 * other binding of that set, by its name. Other sets are the caller's. */

typedef enum rg_value_kind {
  RG_VALUE_NUMBERS = 0, /* doubles, converted to the parameter's own type, checked for loss */
  RG_VALUE_FLOATS = 1,
  RG_VALUE_INTS = 2,
  RG_VALUE_UINTS = 3,
  RG_VALUE_BOOLS = 4, /* uint32_t, 0 or 1 */
  RG_VALUE_TEXTURE = 5,
  RG_VALUE_BUFFER = 6,
  RG_VALUE_DECLARED = 7, /* the name of a declared texture or buffer; only in declarations */
} rg_value_kind;

typedef struct rg_parameter {
  const char *name;
  rg_value_kind kind;
  uint32_t count; /* components: 1 for a float, 3 for a vec3, 16 for a mat4 (column by column),
                     times the elements of an array; must be the parameter's own; 1 for textures and
                     buffers */
  union {
    double numbers[16];
    float floats[16];
    int32_t ints[16];
    uint32_t uints[16]; /* also bools */
    rg_texture texture;
    rg_buffer buffer;
    const char *declared;
  } value;
  const void *data; /* count components where value is too small; NULL means value */
} rg_parameter;

typedef enum rg_cull {
  RG_CULL_DEFAULT = 0, /* RG_CULL_NONE */
  RG_CULL_NONE = 1,
  RG_CULL_BACK = 2,
  RG_CULL_FRONT = 3,
} rg_cull;

typedef enum rg_blend {
  RG_BLEND_DEFAULT = 0, /* RG_BLEND_OPAQUE */
  RG_BLEND_OPAQUE = 1,
  RG_BLEND_ALPHA = 2,         /* source alpha, one minus source alpha */
  RG_BLEND_PREMULTIPLIED = 3, /* one, one minus source alpha */
  RG_BLEND_ADD = 4,           /* one, one */
  RG_BLEND_MULTIPLY = 5,      /* target colour, zero */
} rg_blend;

typedef enum rg_topology {
  RG_TOPOLOGY_DEFAULT = 0, /* RG_TOPOLOGY_TRIANGLES */
  RG_TOPOLOGY_TRIANGLES = 1,
  RG_TOPOLOGY_TRIANGLE_STRIP = 2,
  RG_TOPOLOGY_TRIANGLE_FAN = 3,
  RG_TOPOLOGY_LINES = 4,
  RG_TOPOLOGY_LINE_STRIP = 5,
  RG_TOPOLOGY_POINTS = 6,
  RG_TOPOLOGY_PATCHES = 7, /* of 3 control points */
} rg_topology;

/* Raster state. Front faces are counter-clockwise. */
typedef struct rg_state {
  rg_cull cull;
  rg_blend blend;
  rg_topology topology;
  rg_compare depth_test; /* where the target has depth */
  bool no_depth_write;
  bool is_wireframe; /* RG_ERROR_UNSUPPORTED at the pipeline where the device lacks it */
} rg_state;

typedef struct rg_material_desc {
  const char *name;        /* required; unique in the engine; copied */
  rg_shader shader;        /* required without parent or shader_name */
  const char *shader_name; /* in declarations: a declared shader or "regolith/pbr" */
  rg_material
      parent; /* inherits shader, state and values, now and as they change; null means none */
  const char *parent_name; /* in declarations: a declared material */
  const rg_parameter *parameters;
  uint32_t parameter_count;
  const rg_state *state; /* NULL means the parent's, or defaults */
} rg_material_desc;

/* Creates a named material. Parameters not given are zero; textures not given are white, or a flat
 * normal where "normal" is part of the name. RG_ERROR_NOT_FOUND: a parameter that the shader lacks;
 * the message names the nearest. RG_ERROR_WRONG_TYPE: a texture where numbers are wanted, and so
 * on. RG_ERROR_INVALID_ARGUMENT: component count, NaN or infinity, a number that the type can't
 * hold, a name that is taken. The material keeps its shader, textures and buffers alive. */
RG_API RG_NODISCARD rg_result rg_material_create(rg_engine *engine, const rg_material_desc *desc,
                                                 rg_material *out);
/* Materials that inherit from it keep it, and its name, until they are gone. */
RG_API RG_NODISCARD rg_result rg_material_destroy(rg_engine *engine, rg_material material);

/* Sets parameters by name, all or none; errors as above. Reaches the GPU with the next flush. */
RG_API RG_NODISCARD rg_result rg_material_update(rg_engine *engine, rg_material material,
                                                 const rg_parameter *parameters, uint32_t count);

/* The material of that name. */
RG_API RG_NODISCARD rg_result rg_material_find(rg_engine *engine, const char *name,
                                               rg_material *out);

/* The present value of one parameter, as FLOATS, INTS, UINTS, BOOLS, TEXTURE or BUFFER. data: room
 * for `capacity` components, filled where the value does not fit into out->value (out->data is then
 * data); may be NULL. origin (may be NULL): the material up the parents that sets it, null where
 * it is a default. out->name lives as the handle does. */
RG_API RG_NODISCARD rg_result rg_material_get(rg_engine *engine, rg_material material,
                                              const char *name, void *data, uint32_t capacity,
                                              rg_parameter *out, rg_material *origin);

/* One parameter that a shader's materials have. */
typedef struct rg_parameter_info {
  const char *name;
  const rg_member *member;   /* of the Material block; NULL for textures and buffers */
  const rg_binding *binding; /* of a texture or buffer; the Material block's for members */
} rg_parameter_info;

/* Writes up to *count infos to out (NULL: none) and sets *count to how many there are. */
RG_API RG_NODISCARD rg_result rg_shader_get_parameters(rg_engine *engine, rg_shader shader,
                                                       rg_parameter_info *out, uint32_t *count);

typedef struct rg_material_vk {
  VkDescriptorSet set; /* bind at set_index; VK_NULL_HANDLE where the shader has no bindings. A
                          later update of a texture or buffer parameter makes another */
  uint32_t set_index;
  VkDescriptorSetLayout set_layout;
  VkPipelineLayout pipeline_layout;
  rg_shader shader;
} rg_material_vk;

/* What to bind. RG_ERROR_INVALID_ARGUMENT: a buffer or texture parameter without a default is not
 * set; the message names it. */
RG_API RG_NODISCARD rg_result rg_material_get_vk(rg_engine *engine, rg_material material,
                                                 rg_material_vk *out);

typedef struct rg_vertex_attribute {
  const char
      *name; /* of the shader's input, with or without an "in_", "a_" or "v_" before it, any case */
  VkFormat format;
  uint32_t offset; /* bytes into the vertex */
} rg_vertex_attribute;

#define RG_MAX_COLOR_TARGETS 8
#define RG_MAX_VERTEX_ATTRIBUTES 16

/* What a pipeline draws to, and from. */
typedef struct rg_pipeline_target {
  VkFormat color_formats[RG_MAX_COLOR_TARGETS];
  uint32_t color_count;
  VkFormat depth_format;                 /* 0 means no depth */
  uint32_t samples;                      /* 0 means 1 */
  const rg_vertex_attribute *attributes; /* one interleaved vertex buffer at binding 0; NULL means
                                            the shader's inputs, packed by location */
  uint32_t attribute_count;              /* at most RG_MAX_VERTEX_ATTRIBUTES */
  uint32_t vertex_stride;                /* bytes; 0 means the end of the last attribute */
} rg_pipeline_target;

/* A pipeline for dynamic rendering with dynamic viewport and scissor, or a compute pipeline (target
 * may then be NULL). Equal requests return the same VkPipeline; it is the engine's and lives as the
 * material's shader does. RG_ERROR_WRONG_TYPE: an attribute or a colour format of another class
 * (float, int or uint) than the shader's. RG_ERROR_LIMIT: stride, offsets, counts.
 * RG_ERROR_UNSUPPORTED: what the device cannot draw. */
RG_API RG_NODISCARD rg_result rg_material_get_pipeline(rg_engine *engine, rg_material material,
                                                       const rg_pipeline_target *target,
                                                       VkPipeline *out);

/* ---- Submission ---------------------------------------------------------------------------- */

/* Submits all queued writes and copies. *ticket (may be NULL) passes when they are done. */
RG_API RG_NODISCARD rg_result rg_flush(rg_engine *engine, rg_ticket *ticket);

/* Flushes, then submits the caller's recorded command buffers (of the engine's queue family). */
RG_API RG_NODISCARD rg_result rg_submit(rg_engine *engine, const VkCommandBuffer *commands,
                                        uint32_t count, rg_ticket *ticket);

/* Flushes, then runs a compute material once with that many workgroups; its writes are visible to
 * all later work. RG_ERROR_INVALID_ARGUMENT: no compute stage, a count of 0 or over the device's
 * limit. */
RG_API RG_NODISCARD rg_result rg_dispatch(rg_engine *engine, rg_material material, uint32_t x,
                                          uint32_t y, uint32_t z, rg_ticket *ticket);

/* RG_NOT_READY where it has not passed within timeout_ns (UINT64_MAX: no limit; 0: only asks).
 * RG_ERROR_INVALID_ARGUMENT: a ticket of another engine or of the future. */
RG_API RG_NODISCARD rg_result rg_ticket_wait(rg_engine *engine, rg_ticket ticket,
                                             uint64_t timeout_ns);

/* For callers that submit to the queue themselves: what they destroy before this call is freed only
 * after their timeline semaphore reaches value. The semaphore must live until it has, and a later
 * rg_collect, rg_flush or rg_submit has seen it, or else until the engine's end. Until the first
 * such call, destruction waits for the engine's own submissions only. The engine's end waits up to
 * 5 s for the last frame. */
RG_API RG_NODISCARD rg_result rg_frame_end(rg_engine *engine, VkSemaphore semaphore,
                                           uint64_t value);

/* Frees what destroyed resources held, as far as the GPU has passed; flush and submit do it too. */
RG_API RG_NODISCARD rg_result rg_collect(rg_engine *engine);

/* ---- Declarations and resource sets ---------------------------------------------------------- */

/* A declaration is a named recipe that costs nothing until a set needs it. Names are per type.
 * Declaring a name again replaces the recipe; what is loaded from the old one stays as it is. */
RG_API RG_NODISCARD rg_result rg_declare_buffer(rg_engine *engine, const char *name,
                                                const rg_buffer_desc *desc);
RG_API RG_NODISCARD rg_result rg_declare_texture(rg_engine *engine, const char *name,
                                                 const rg_texture_desc *desc);
RG_API RG_NODISCARD rg_result rg_declare_shader(rg_engine *engine, const char *name,
                                                const rg_shader_desc *desc);
RG_API RG_NODISCARD rg_result rg_declare_material(rg_engine *engine, const rg_material_desc *desc);

typedef struct rg_set_desc {
  const char *name; /* required; unique among sets; copied */
  /* Names of declared things, NULL-terminated; NULL means none. */
  const char *const *requires_sets; /* other sets, loaded before and kept while this one is */
  const char *const *materials;
  const char *const *textures;
  const char *const *shaders;
  const char *const *buffers;
  const char *const *gltf; /* files under the engine's roots, .gltf or .glb */
  uint64_t budget;         /* bytes of device memory of all it loads; 0 means no limit */
} rg_set_desc;

/* Makes an unloaded set. What it names need not be declared before it is loaded. */
RG_API RG_NODISCARD rg_result rg_set_create(rg_engine *engine, const rg_set_desc *desc,
                                            rg_set *out);
/* Unloads it (all references) and forgets it. RG_ERROR_INVALID_ARGUMENT: another loaded set
 * requires it. */
RG_API RG_NODISCARD rg_result rg_set_destroy(rg_engine *engine, rg_set set);
RG_API RG_NODISCARD rg_result rg_set_find(rg_engine *engine, const char *name, rg_set *out);

/* Loads the closure of what the set names: materials with their shaders, textures, buffers and
 * parents, glTF files, required sets. All or nothing. Shared resources are made once. Each load
 * counts one reference. */
RG_API RG_NODISCARD rg_result rg_set_load(rg_engine *engine, rg_set set);
/* Gives one reference back; at none, what no other set needs is destroyed.
 * RG_ERROR_INVALID_ARGUMENT: it is not loaded. */
RG_API RG_NODISCARD rg_result rg_set_unload(rg_engine *engine, rg_set set);

typedef struct rg_member_info {
  rg_handle handle;
  rg_type type;
  const char *name; /* lives while the set is loaded */
} rg_member_info;

typedef struct rg_primitive_info {
  const char *name;   /* "FILE#mesh/primitive" */
  rg_buffer vertices; /* interleaved */
  rg_buffer indices;  /* null where it has none */
  VkIndexType index_type;
  uint32_t vertex_count;
  uint32_t index_count;
  uint32_t vertex_stride; /* bytes */
  rg_vertex_attribute
      attributes[RG_MAX_VERTEX_ATTRIBUTES]; /* "position", "normal", "tangent",
                                               "texcoord_0", "color_0", "joints_0", … */
  uint32_t attribute_count;
  rg_topology topology;
  rg_material material; /* null where the file names none */
} rg_primitive_info;

typedef struct rg_set_info {
  const char *name;    /* lives as the handle does */
  uint32_t references; /* loads not yet given back, those of requiring sets included; 0: unloaded */
  uint32_t member_count;    /* of the closure, required sets' members excluded */
  uint32_t mesh_count;      /* of its glTF files */
  uint32_t primitive_count; /* of these meshes */
  uint64_t device_bytes;    /* of its members */
  uint64_t budget;
  double load_ms; /* of the last load */
} rg_set_info;

/* How the set stands; never waits for a load. */
RG_API RG_NODISCARD rg_result rg_set_get_info(rg_engine *engine, rg_set set, rg_set_info *out);
/* index: 0 to member_count - 1, in order of creation. */
RG_API RG_NODISCARD rg_result rg_set_get_member(rg_engine *engine, rg_set set, uint32_t index,
                                                rg_member_info *out);
/* index: 0 to primitive_count - 1, in the files' order: what is drawn at once, with one material.
 */
RG_API RG_NODISCARD rg_result rg_set_get_primitive(rg_engine *engine, rg_set set, uint32_t index,
                                                   rg_primitive_info *out);
/* A loaded member by type and name. */
RG_API RG_NODISCARD rg_result rg_set_get(rg_engine *engine, rg_set set, rg_type type,
                                         const char *name, rg_handle *out);

/* A manifest is JSON: {"regolith": 1, "shaders": {NAME: …}, "textures": …, "buffers": …,
 * "materials": …, "sets": …}, with the descriptors' field names. */

/* The closure of one set's declarations, or of all declarations for the null set. *out is a string
 * that the caller frees with rg_string_free. RG_ERROR_UNSUPPORTED: a declaration holds data from
 * memory. */
RG_API RG_NODISCARD rg_result rg_manifest_write(rg_engine *engine, rg_set set, char **out);
/* Declares all that the text holds, or nothing. name: for messages ("level1.json"). */
RG_API RG_NODISCARD rg_result rg_manifest_read(rg_engine *engine, const char *name,
                                               const char *text, size_t length);

/* ---- Reports ------------------------------------------------------------------------------- */

typedef struct rg_resource_info {
  rg_handle handle;
  rg_type type;
  char label[128];     /* "" where none was given */
  char origin[128];    /* rg_origin_set's at creation */
  uint64_t size;       /* bytes of device memory; 0 for shaders */
  int32_t memory_type; /* Vulkan's index; -1 where it has none of its own */
  VkMemoryPropertyFlags memory_properties;
  uint32_t
      owners; /* sets and materials that keep it; destroyed resources live until these are gone */
  bool is_released; /* its creator has destroyed it, or a set made it: not a leak */
  /* of buffers */
  rg_buffer_type buffer_type;
  rg_update update;
  /* of textures */
  VkFormat format;
  VkExtent3D extent;
  uint32_t layers;
  uint32_t mip_levels;
  rg_texture_type texture_type;
  /* of shaders and materials */
  VkShaderStageFlags stages;
  /* of materials */
  rg_shader shader;
} rg_resource_info;

/* What a live resource is and costs. id: any handle's. RG_ERROR_STALE_HANDLE: it is not live. */
RG_API RG_NODISCARD rg_result rg_resource_get_info(rg_engine *engine, uint64_t id,
                                                   rg_resource_info *out);
/* Iterates live resources in no fixed order: pass 0 first, then the last handle. RG_TYPE_NONE: all
 * types. The null handle ends it. Resources made or destroyed meanwhile may or may not appear. */
RG_API rg_handle rg_resource_next(rg_engine *engine, rg_type type, rg_handle last);

/* Where a resource's bytes lie. */
typedef struct rg_resource_memory {
  VkDeviceMemory memory; /* null for shaders, materials and sets */
  uint64_t offset;       /* bytes into memory */
  uint64_t size;         /* bytes that it takes there, padding included */
  uint64_t alignment;    /* bytes, as the driver asked */
  uint32_t memory_type;
  rg_pool pool;      /* null: the engine's pools */
  bool is_dedicated; /* memory holds nothing else */
  bool is_shared;    /* a part of a VkBuffer that other buffers share */
  bool is_aliased;   /* a transient resource */
} rg_resource_memory;
RG_API RG_NODISCARD rg_result rg_resource_get_memory(rg_engine *engine, uint64_t id,
                                                     rg_resource_memory *out);

/* A file descriptor for the memory of an exportable buffer or texture, as
 * VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT; the caller closes it. Where its bytes lie in it:
 * rg_resource_get_memory. RG_ERROR_UNSUPPORTED: not created as exportable. */
RG_API RG_NODISCARD rg_result rg_resource_export(rg_engine *engine, uint64_t id, int *fd);

typedef struct rg_pool_stats {
  rg_pool pool;         /* null: one of the engine's own */
  uint32_t memory_type; /* Vulkan's index */
  uint32_t heap;
  VkMemoryPropertyFlags properties;
  bool is_optimal; /* for optimal-tiling images, where granularity keeps these apart */
  uint32_t blocks; /* VkDeviceMemory objects, dedicated ones included */
  uint32_t dedicated;
  uint32_t ranges;       /* allocations in use */
  uint64_t size;         /* bytes of all blocks */
  uint64_t used;         /* bytes of all ranges in use, padding included */
  uint64_t padding;      /* of these, bytes that alignment, atoms and margins cost */
  uint64_t largest_free; /* bytes of the largest free range in any block */
  double fragmentation;  /* share of the free bytes that lies outside the largest free range of its
                            block; 0 where nothing is free */
} rg_pool_stats;

typedef struct rg_heap_stats {
  uint64_t size;   /* bytes */
  uint64_t used;   /* bytes that this engine's blocks take */
  uint64_t budget; /* bytes that may be used: the least of VK_EXT_memory_budget,
                      rg_memory_set_budget, memory_limit and size */
  bool is_device_local;
} rg_heap_stats;

#define RG_MAX_POOLS (2 * VK_MAX_MEMORY_TYPES)

typedef struct rg_memory_stats {
  rg_pool_stats pools[RG_MAX_POOLS];
  uint32_t pool_count; /* those of the engine's own that ever had a block */
  rg_heap_stats heaps[VK_MAX_MEMORY_HEAPS];
  uint32_t heap_count;
  uint64_t size;       /* bytes of all blocks */
  uint64_t used;       /* bytes of all ranges in use */
  uint64_t host_bytes; /* host memory that the engine holds through its allocator */
} rg_memory_stats;

/* All pools and heaps at one moment. */
RG_API void rg_memory_get_stats(rg_engine *engine, rg_memory_stats *out);
/* One pool of the caller's. */
RG_API RG_NODISCARD rg_result rg_pool_get_stats(rg_engine *engine, rg_pool pool,
                                                rg_pool_stats *out);

typedef struct rg_memory_totals {
  uint64_t size;   /* bytes of all blocks of the heap */
  uint64_t used;   /* bytes of all ranges in use in it */
  uint64_t budget; /* as rg_heap_stats has it; the driver's part is asked for anew at most every 64
                      allocations and at every rg_collect, rg_flush and rg_submit */
  uint32_t allocations; /* ranges in use */
} rg_memory_totals;
/* One heap's totals, fit to be asked for every frame. Lock-free. heap VK_MAX_MEMORY_HEAPS: all
 * heaps together. Zero for heaps that there are not. */
RG_API void rg_memory_get_totals(rg_engine *engine, uint32_t heap, rg_memory_totals *out);

/* Limits this engine's use of a heap, in bytes; 0 lifts the limit. What is allocated already stays.
 * RG_ERROR_INVALID_ARGUMENT: there is no such heap. */
RG_API RG_NODISCARD rg_result rg_memory_set_budget(rg_engine *engine, uint32_t heap,
                                                   uint64_t budget);

typedef struct rg_label_stats {
  uint32_t count; /* of live resources with that label */
  uint64_t bytes; /* of device memory */
} rg_label_stats;
/* What all live resources of a label take. label NULL or "": those that have none. Walks all. */
RG_API void rg_memory_get_label_stats(rg_engine *engine, const char *label, rg_label_stats *out);

/* Heaps, pools, blocks, totals by type and by label, and with is_detailed every range of every
 * block in order of address, as JSON. Freed by the caller with rg_string_free. */
RG_API RG_NODISCARD rg_result rg_memory_json(rg_engine *engine, bool is_detailed, char **out);
/* A map of all blocks as an SVG picture: a row each, coloured by what lies where, with titles.
 * Freed by the caller with rg_string_free. */
RG_API RG_NODISCARD rg_result rg_memory_svg(rg_engine *engine, char **out);

/* Records every allocation and free from now on to a file, aside, which takes the name `file` at
 * the end: a text of one line each, "a ID SIZE ALIGNMENT TYPE TILING THREAD NS" or
 * "f ID THREAD NS", behind a first line "regolith-trace 1". TYPE is Vulkan's memory type index,
 * TILING "linear", "optimal", or "shared" for a small buffer in a shared VkBuffer. What was
 * allocated before is not in it, nor is its free. RG_ERROR_INVALID_ARGUMENT: it records
 * already, or (end) does not. RG_ERROR_IO: the file cannot be written; recording has then ended. */
RG_API RG_NODISCARD rg_result rg_memory_record_begin(rg_engine *engine, const char *file);
RG_API RG_NODISCARD rg_result rg_memory_record_end(rg_engine *engine);

typedef struct rg_replay_stats {
  uint64_t allocations, frees; /* replayed */
  uint64_t failures;           /* allocations that found no memory */
  uint64_t peak_used;          /* bytes of ranges */
  uint64_t peak_size;          /* bytes of blocks */
  uint32_t peak_blocks;
  uint32_t threads; /* that the trace names; the replay runs on one */
  double seconds;   /* of allocating and freeing alone */
} rg_replay_stats;
/* Replays a recorded trace through the pools of an engine, and frees all of it at the end. Memory
 * types that this device has not are served by its first. text: of a trace, length bytes.
 * RG_ERROR_FORMAT: names the line. */
RG_API RG_NODISCARD rg_result rg_memory_replay(rg_engine *engine, const char *text, size_t length,
                                               rg_replay_stats *out);

/* Checks the guard bytes of memory_margin behind all that is mapped. RG_ERROR_FORMAT: some were
 * overwritten; the message names the first resource, the log all. RG_ERROR_UNSUPPORTED: the engine
 * has no margins. */
RG_API RG_NODISCARD rg_result rg_memory_check(rg_engine *engine);

/* Gives memory blocks that hold nothing back to the driver, the kept ones too. */
RG_API void rg_memory_trim(rg_engine *engine);

typedef struct rg_defragment_desc {
  uint64_t max_bytes; /* to move in this step; 0 means 16 MiB. One resource larger than that moves
                         alone */
  uint32_t max_moves; /* resources to move in this step; 0 means no limit */
} rg_defragment_desc;

typedef struct rg_defragment_info {
  uint64_t bytes_moved;
  uint32_t moves;
  uint32_t blocks_freed; /* since the last step: blocks return when the GPU has passed the copies */
  bool is_done;          /* nothing more would help as things stand */
} rg_defragment_info;

/* One bounded step of moving movable buffers and textures into fewer blocks. The copies are queued
 * in order with all writes and submitted by the next rg_flush or rg_submit; handles, bindless
 * indices and materials stay as they are, Vulkan objects change: ask for them again. The old ones
 * stay valid for what was recorded before, until the GPU (and the host's frame, see rg_frame_end)
 * has passed; but what recorded commands still write to the old place is lost. Call it between
 * frames, from one thread at a time. desc NULL means defaults; info may be NULL. What is pinned,
 * mapped, exported, dedicated or used by its address (shader_device_address) is not moved. Besides
 * max_bytes a step ends after 4,096 moves or 4 ms of looking for places. */
RG_API RG_NODISCARD rg_result rg_defragment(rg_engine *engine, const rg_defragment_desc *desc,
                                            rg_defragment_info *info);

/* Device, resources, sets and pools as one JSON object. Freed by the caller with rg_string_free. */
RG_API RG_NODISCARD rg_result rg_report_json(rg_engine *engine, char **out);
/* Frees a string that the engine returned; NULL is allowed. */
RG_API void rg_string_free(rg_engine *engine, char *string);

/* ---- Descriptor fields as data -------------------------------------------------------------- */

/* The fields of every descriptor, for bindings, readers and checks of the documentation. */
typedef enum rg_field_kind {
  RG_FIELD_BOOL,    /* bool */
  RG_FIELD_UINT32,  /* uint32_t, minimum to maximum */
  RG_FIELD_UINT64,  /* uint64_t, minimum to maximum */
  RG_FIELD_FLOAT,   /* float, minimum to maximum */
  RG_FIELD_STRING,  /* const char * */
  RG_FIELD_STRINGS, /* const char *const *, NULL-terminated */
  RG_FIELD_ENUM,    /* a 32-bit enum, one of names */
  RG_FIELD_FLAGS,   /* 32-bit flags, any of names */
  RG_FIELD_FORMAT,  /* VkFormat, by rg_format_find */
  RG_FIELD_BYTES,   /* const void *, and its uint64_t byte size at size_offset */
  RG_FIELD_STRUCT,  /* embedded, of schema */
  RG_FIELD_HANDLE,  /* a handle of type handle_type; not in JSON */
} rg_field_kind;

typedef struct rg_name_value {
  const char *name; /* NULL ends a list */
  uint32_t value;
} rg_name_value;

typedef struct rg_schema rg_schema;
typedef struct rg_field {
  const char *name; /* in Lua and JSON: the C member's */
  rg_field_kind kind;
  bool is_required;
  uint32_t offset;      /* bytes into the descriptor */
  uint32_t size_offset; /* RG_FIELD_BYTES */
  double minimum;
  double maximum;             /* equal to minimum means no limits of its own */
  const rg_name_value *names; /* RG_FIELD_ENUM and RG_FIELD_FLAGS */
  const rg_schema *schema;    /* RG_FIELD_STRUCT */
  rg_type handle_type;        /* RG_FIELD_HANDLE */
  const char *summary;        /* one line: meaning, unit, default */
} rg_field;

struct rg_schema {
  const char *name; /* "buffer", "texture", "sampler", "stage", "state", "set", "engine", "pool" */
  size_t size;      /* bytes of the C descriptor */
  const rg_field *fields;
  uint32_t field_count;
};

/* The schema of that name, or NULL. Static. */
RG_API const rg_schema *rg_schema_find(const char *name);
/* The field of that name, or NULL. */
RG_API const rg_field *rg_schema_field(const rg_schema *schema, const char *name);
/* The name of names closest to `name` by edit distance, or NULL where none is near. names: count
 * strings. */
RG_API const char *rg_nearest_name(const char *name, const char *const *names, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
