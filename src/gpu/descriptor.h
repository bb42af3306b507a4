/* Descriptor set layouts and pipeline layouts shared by content, and sets from pools that grow. */
#ifndef RG_GPU_DESCRIPTOR_H
#define RG_GPU_DESCRIPTOR_H

#include "base/hash_map.h"
#include "base/thread.h"
#include "frame.h"

struct gpu;
typedef struct descriptor_pool descriptor_pool;

typedef struct descriptors {
  mutex lock;
  hash_map set_layouts;      /* bindings → VkDescriptorSetLayout */
  hash_map pipeline_layouts; /* set layouts and push constants → VkPipelineLayout */
  descriptor_pool *pools;    /* the newest first */
  uint32_t next_pool_sets;   /* of the pool to be made next; 0 means the smallest */
} descriptors;

void descriptors_init(struct gpu *gpu);
void descriptors_finish(struct gpu *gpu);

/* The layouts of a reflection: they live as long as the engine. label: for debug names and
 * messages. RG_ERROR_LIMIT: more than RG_MAX_SETS sets or over the device's limits;
 * RG_ERROR_UNSUPPORTED: runtime arrays, types beyond Vulkan 1.0's, two types at one binding. */
RG_NODISCARD rg_result descriptor_get_layout(struct gpu *gpu, const rg_reflection *reflection,
                                             const char *label, rg_shader_layout *out);

#define DESCRIPTOR_TYPE_COUNT (VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT + 1)

/* How many descriptors of each type. */
typedef struct descriptor_counts {
  uint32_t of[DESCRIPTOR_TYPE_COUNT];
} descriptor_counts;

/* A set and its way back; retire it with frame_retire(&set->zombie, descriptor_set_free). */
typedef struct descriptor_set {
  frame_zombie zombie;
  VkDescriptorSet handle;
  descriptor_pool *pool;
  descriptor_counts counts;
} descriptor_set;

/* Allocates the struct through the host memory seam too. */
RG_NODISCARD rg_result descriptor_set_create(struct gpu *gpu, VkDescriptorSetLayout layout,
                                             const rg_reflection *reflection, uint32_t set_index,
                                             const char *label, descriptor_set **out);
void descriptor_set_free(struct gpu *gpu, frame_zombie *zombie);
/* Of sets that no submitted work uses. */
void descriptor_set_write(struct gpu *gpu, const VkWriteDescriptorSet *writes, uint32_t count);

/* ---- descriptor_check.c, for descriptor.c ---- */

/* One binding of a set layout's key; bindings that alias each other are one. */
typedef struct descriptor_slot {
  uint32_t binding;
  VkDescriptorType type;
  uint32_t count;
  VkShaderStageFlags stages;
} descriptor_slot;

/* Everything that a reflection may break, but for what the driver alone knows. */
RG_NODISCARD rg_result descriptor_check(struct gpu *gpu, const rg_reflection *reflection,
                                        const char *label);
/* The bindings of one set, by number. slots: room for all bindings of the reflection. */
uint32_t descriptor_slots(const rg_reflection *reflection, uint32_t set_index,
                          descriptor_slot *slots);
/* One more than the highest set used; 0 for none. */
uint32_t descriptor_set_count(const rg_reflection *reflection);

/* ---- descriptor_pool.c, for descriptor.c ---- */

void descriptor_pools_finish(struct gpu *gpu);

#endif
