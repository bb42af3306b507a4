/* The bindless array: one descriptor set of combined image samplers that holds every texture which
 * was asked for its index. */
#ifndef RG_GPU_BINDLESS_H
#define RG_GPU_BINDLESS_H

#include "base/thread.h"

#include <regolith/regolith.h>
#include <stdatomic.h>

struct gpu;
struct texture;

#define BINDLESS_MAX_CAPACITY 16384u

/* A texture's place in the array plus one, so that zero is none. Embedded in textures. */
typedef _Atomic uint32_t bindless_slot;

/* One VkDescriptorSet with all that the array holds. A move of textures makes another version; the
 * old one lives until the GPU has passed what was recorded with it. */
typedef struct bindless_version bindless_version;

typedef struct bindless {
  mutex lock;
  VkDescriptorSetLayout layout;    /* null until the array is first used */
  bindless_version *versions;      /* those that live, the present one first */
  bindless_version *prepared;      /* of bindless_prepare_move; or NULL */
  rg_texture white_texture;        /* the engine's own */
  VkDescriptorImageInfo white;     /* what free slots hold, so that nothing invalid is ever read */
  VkDescriptorImageInfo *infos;    /* what each slot holds; `capacity` of them */
  uint32_t *free;                  /* a ring of slots given back, the first to come the first out */
  uint32_t free_first, free_count; /* of the ring */
  uint32_t used;                   /* slots that were ever handed out */
  uint32_t capacity;
} bindless;

void bindless_init(struct gpu *gpu);
/* After all textures are gone. */
void bindless_finish(struct gpu *gpu);

/* The texture's slot, if any, becomes free: after the GPU has passed, before its view dies. */
void bindless_release(struct gpu *gpu, struct texture *texture);

/* Around a move of textures, on one thread at a time; no lock is held between the two. prepare does
 * all that may fail: a new version of the set, where one of the textures has an index. moved then
 * puts the textures' present views (as rg_texture_get_vk gives them) into it, makes it the present
 * one and retires the old one, which keeps the old views; is_moved false: what was prepared goes.
 * prepare may fail with RG_ERROR_OUT_OF_HOST_MEMORY and _DEVICE_MEMORY; then moved is not called.
 */
RG_NODISCARD rg_result bindless_prepare_move(struct gpu *gpu, const uint64_t *ids, uint32_t count);
void bindless_moved(struct gpu *gpu, const uint64_t *ids, uint32_t count, bool is_moved);

#endif
