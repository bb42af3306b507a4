/* Transient textures and buffers: members of a group that share one range of memory, each at its
 * place, where their lifetimes do not overlap. */
#ifndef RG_GPU_TRANSIENT_H
#define RG_GPU_TRANSIENT_H

#include "memory.h"

#include <stdatomic.h>

struct gpu;

#define TRANSIENT_MAX_COUNT 65536u /* of one rg_transients_create */

/* The memory of transient resources of one memory type. Each member holds it until its own Vulkan
 * objects are gone; the last frees it. */
typedef struct transient_group {
  memory_range range;       /* none: the one member has memory of its own */
  _Atomic uint32_t members; /* and one of rg_transients_create while it runs */
} transient_group;

/* What a transient resource knows of it; embedded in buffers and textures. Zero: it is none. */
typedef struct transient_member {
  transient_group *group;
  _Atomic bool has_begun; /* rg_cmd_begin_transients was recorded for it */
} transient_member;

/* Where a new member is to be bound. */
typedef struct transient_place {
  transient_group *group;
  uint64_t offset; /* bytes into the group's range */
} transient_place;

/* For memory_request.place. False where place is NULL or the member has memory of its own. */
bool transient_get_range(const transient_place *place, const VkMemoryRequirements *requirements,
                         memory_range *out);

/* Makes a new resource a member of the group, or of none where that is NULL. */
void transient_join(transient_member *member, transient_group *group);
/* After its Vulkan objects are gone. A member of none is allowed. */
void transient_leave(struct gpu *gpu, transient_member *member);
/* Before the engine reads, writes or copies it. RG_ERROR_INVALID_ARGUMENT: it is transient, and
 * rg_cmd_begin_transients was never recorded for it. label and id name it in the message. */
RG_NODISCARD rg_result transient_check_begun(const transient_member *member, rg_type type,
                                             const char *label, uint64_t id);

/* ---- transient_check.c, for transient.c ---- */

/* Everything that only transient resources may not be. */
RG_NODISCARD rg_result transient_desc_check(const rg_transient_desc *desc);

#endif
