/* What a request for device memory comes to in a certain pool: its padding, whether it gets memory
 * of its own, and what the pool can never hold. */
#include <inttypes.h>

#include "memory_internal.h"

/* Dedication that a driver merely prefers, or a priority, costs an allocation: below this it is not
 * worth one. */
#define DEDICATED_SIZE_MIN (UINT64_C(1) << 20)

/* From this part of a block on, and from this size on, memory of their own is best. */
#define LARGE_BLOCK_SHARE 16
#define LARGE_SIZE_MIN (UINT64_C(4) << 20)

#define PRIORITY_DEFAULT 0.5f

static bool is_dedicated_only(const memory_pool *pool, const memory_request *request) {
  return request->requires_dedicated || (request->is_exportable && !pool->desc.is_exportable);
}

/* ---- Refusals ------------------------------------------------------------------------------ */

static rg_result refuse_size(const memory_pool *pool, uint64_t size, const char *limit_name,
                             uint64_t limit) {
  return result_set(RG_ERROR_LIMIT, "pool '%s': %" PRIu64 " bytes exceed its %s of %" PRIu64,
                    pool->label, size, limit_name, limit);
}

static rg_result refuse_kind(const memory_pool *pool, const memory_request *request) {
  if (request->is_optimal != pool->desc.is_for_textures) {
    return result_set(
        RG_ERROR_INVALID_ARGUMENT, "pool '%s' is for %s", pool->label,
        pool->desc.is_for_textures ? "textures, not for buffers" : "buffers, not for textures");
  }
  if ((request->requirements.memoryTypeBits >> pool->type & 1) == 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "pool '%s' has memory type %u, and the resource needs one of 0x%x",
                      pool->label, pool->type, request->requirements.memoryTypeBits);
  }
  if (request->is_exportable && !pool->desc.is_exportable) {
    return result_set(RG_ERROR_INVALID_ARGUMENT, "pool '%s' is not exportable", pool->label);
  }
  return RG_OK;
}

static rg_result refuse_need(const memory_pool *pool, const memory_need *need) {
  const rg_pool_desc *desc = &pool->desc;
  if (desc->strategy == RG_POOL_SLOTS && need->size > desc->slot_size) {
    return refuse_size(pool, need->size, "slot_size", desc->slot_size);
  }
  if (desc->strategy == RG_POOL_SLOTS && desc->slot_size % need->alignment != 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "pool '%s': its slot_size of %" PRIu64 " is no multiple of the %" PRIu64
                      " bytes that the resource is aligned to",
                      pool->label, desc->slot_size, need->alignment);
  }
  if (desc->block_size != 0 && need->size > desc->block_size) {
    return refuse_size(pool, need->size, "block_size", desc->block_size);
  }
  if (desc->max_size != 0 && need->size > desc->max_size) {
    return refuse_size(pool, need->size, "max_size", desc->max_size);
  }
  return RG_OK;
}

rg_result memory_request_check(gpu *gpu, const memory_pool *pool, const memory_request *request) {
  const VkMemoryRequirements *requirements = &request->requirements;
  uint64_t limit = gpu->device.max_allocation_size;
  rg_result result = RG_OK;
  if (requirements->size == 0 || requirements->size > limit) {
    return result_set(RG_ERROR_LIMIT,
                      "%" PRIu64 " bytes are not within 1 and the device's %" PRIu64
                      " of one allocation",
                      requirements->size, limit);
  }
  if (pool != NULL) {
    const memory_need need = memory_pool_need(gpu, pool, request);
    RG_TRY(refuse_kind(pool, request));
    RG_TRY(refuse_need(pool, &need));
  }
fail:
  return result;
}

memory_need memory_pool_need(const gpu *gpu, const memory_pool *pool,
                             const memory_request *request) {
  const VkMemoryRequirements *requirements = &request->requirements;
  uint64_t alignment = memory_larger(requirements->alignment, 1);
  uint64_t size = requirements->size + margin_size(gpu, pool->type);
  return (memory_need){
      .size = memory_round_up(size, pool->atom),
      .alignment = memory_larger(alignment, pool->atom),
      .asked = requirements->size,
      .driver_alignment = alignment,
      .must_be_dedicated = is_dedicated_only(pool, request) || size > pool->block_size_cap,
  };
}

/* ---- Dedication ---------------------------------------------------------------------------- */

/* The more allocations there are, the larger must be what is worth one; from three quarters of the
 * device's count on, nothing is. */
static uint64_t worth_dedication(const gpu *gpu, uint64_t size_min) {
  uint64_t count = atomic_load_explicit(&gpu->budget.allocation_count, memory_order_relaxed);
  uint64_t eighths = count * 8 / memory_larger(gpu->device.vk_limits.maxMemoryAllocationCount, 1);
  return eighths >= 6 ? UINT64_MAX : size_min << eighths;
}

/* Large ranges are what fragments blocks most, and an allocation costs little beside their filling.
 */
static bool is_large(const gpu *gpu, const memory_pool *pool, uint64_t size) {
  uint64_t least = memory_larger(pool->block_size_cap / LARGE_BLOCK_SHARE, LARGE_SIZE_MIN);
  return size >= worth_dedication(gpu, least);
}

static bool has_priority_of_its_own(const gpu *gpu, const memory_pool *pool,
                                    const memory_request *request) {
  float usual = pool->desc.priority == 0.0f ? PRIORITY_DEFAULT : pool->desc.priority;
  return gpu->device.has_memory_priority && request->priority != 0.0f && request->priority != usual;
}

bool memory_pool_wants_dedicated(const gpu *gpu, const memory_pool *pool,
                                 const memory_request *request) {
  uint64_t size = request->requirements.size;
  if (is_dedicated_only(pool, request)) {
    return true;
  }
  if (pool->desc.block_size != 0 || pool->desc.strategy > RG_POOL_BEST_FIT) {
    return false;
  }
  bool is_wanted = request->prefers_dedicated || has_priority_of_its_own(gpu, pool, request);
  return size > pool->block_size_cap || is_large(gpu, pool, size) ||
         (is_wanted && size >= worth_dedication(gpu, DEDICATED_SIZE_MIN));
}
