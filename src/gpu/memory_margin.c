/* Guard bytes: where they begin, what they hold, and the message when they no longer do. */
#include "memory_margin.h"

#include <inttypes.h>
#include <string.h>

#include "gpu.h"

#define MARGIN_UNIT 16u
#define MARGIN_MAX_SIZE 4096u

/* No two neighbours alike, so that a fill with any one value shows. */
static const unsigned char pattern[MARGIN_UNIT] = {0xA7, 0x5C, 0xE1, 0x38, 0xF2, 0x6D, 0xB4, 0x19,
                                                   0xC6, 0x73, 0x8E, 0x2B, 0xD5, 0x40, 0x9F, 0x07};

rg_result margin_init(gpu *gpu, const rg_engine_desc *desc) {
  uint32_t size = desc->memory_margin;
  if (size % MARGIN_UNIT != 0 || size > MARGIN_MAX_SIZE) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "engine: memory_margin %" PRIu32 " is no multiple of %u up to %u bytes", size,
                      MARGIN_UNIT, MARGIN_MAX_SIZE);
  }
  gpu->margin = size;
  return RG_OK;
}

static uint64_t round_up(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

/* Of memory that must be flushed, the bytes that a flush touches at least; else 1. */
static uint64_t atom_of(const gpu *gpu, uint32_t memory_type) {
  const device *device = &gpu->device;
  VkMemoryPropertyFlags flags = device->memory_properties.memoryTypes[memory_type].propertyFlags;
  bool is_coherent = (flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) != 0;
  uint64_t atom = device->vk_limits.nonCoherentAtomSize;
  return is_coherent || atom == 0 ? 1 : atom;
}

static bool is_host_visible(const gpu *gpu, uint32_t memory_type) {
  return (gpu->device.memory_properties.memoryTypes[memory_type].propertyFlags &
          VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
}

uint64_t margin_size(const gpu *gpu, uint32_t memory_type) {
  if (gpu->margin == 0 || !is_host_visible(gpu, memory_type)) {
    return 0;
  }
  uint64_t atom = atom_of(gpu, memory_type);
  return atom == 1 ? gpu->margin : round_up(gpu->margin, atom) + atom;
}

/* Where guard bytes begin and end in a piece of which `end` bytes are used; nothing lies between
 * where it has none. An atom that holds used bytes holds no guard: reading the guard anew would
 * lose what the host has not flushed yet. */
typedef struct guard {
  uint64_t begin, end;
} guard;

static guard guard_of(const gpu *gpu, const memory_range *range, uint64_t end) {
  guard none = {range->size, range->size};
  if (gpu->margin == 0 || range->mapped == NULL || range->is_alias) {
    return none;
  }
  uint64_t begin = round_up(range->offset + end, atom_of(gpu, range->type)) - range->offset;
  return begin > range->size || range->size - begin < gpu->margin ? none
                                                                  : (guard){begin, range->size};
}

void margin_write(gpu *gpu, const memory_range *range, uint64_t end) {
  guard guard = guard_of(gpu, range, end);
  unsigned char *bytes = range->mapped;
  for (uint64_t i = guard.begin; i < guard.end; i++) {
    bytes[i] = pattern[(range->offset + i) % MARGIN_UNIT];
  }
  if (guard.begin < guard.end &&
      memory_flush(gpu, range, guard.begin, guard.end - guard.begin) != RG_OK) {
    log_message(&gpu->logger, RG_LOG_WARNING, "memory margin: %s", rg_error());
  }
}

bool margin_check(gpu *gpu, const memory_range *range, uint64_t end, const char *title) {
  guard guard = guard_of(gpu, range, end);
  const unsigned char *bytes = range->mapped;
  if (guard.begin == guard.end ||
      memory_invalidate(gpu, range, guard.begin, guard.end - guard.begin) != RG_OK) {
    return true;
  }
  uint64_t at = guard.begin;
  while (at < guard.end && bytes[at] == pattern[(range->offset + at) % MARGIN_UNIT]) {
    at++;
  }
  if (at == guard.end) {
    return true;
  }
  result_message("%s: byte %" PRIu64 " behind its %" PRIu64
                 " was overwritten with 0x%02x, at %" PRIu64 " of memory 0x%" PRIx64
                 " of type %" PRIu32,
                 title == NULL ? "memory of the engine's own" : title, at - end + 1, end, bytes[at],
                 range->offset + at, (uint64_t)range->memory, range->type);
  log_message(&gpu->logger, RG_LOG_ERROR, "%s", rg_error());
  return false;
}
