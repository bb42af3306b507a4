/* Reads capabilities, workgroup sizes and shared memory off a validated module. */
#include "demands.h"

#include <spirv_cross/spirv.h>

#include "base/result.h"
#include "constant.h"
#include "list.h"

#define HEADER_WORDS 5
#define HUGE_SIZE (UINT64_C(1) << 48) /* sizes stop growing here, so that sums never overflow */

typedef struct demands_work {
  const char *label;
  const module *from;
  constant_reader constants;
  shader_demands *out;
  uint32_t capability_capacity;
  uint32_t size_constant; /* the id that BuiltIn WorkgroupSize decorates, or 0 */
} demands_work;

static rg_result refuse_unknown(const demands_work *self, const char *what) {
  return result_set(RG_ERROR_UNSUPPORTED, "shader '%s': its %s cannot be told: too intricate",
                    self->label, what);
}

/* ---- Shared memory ------------------------------------------------------------------------- */

/* Bytes and alignment by std430, with booleans as 32-bit integers: by these the Vulkan
 * specification measures maxComputeSharedMemorySize. */
typedef struct extent {
  uint64_t size, alignment;
} extent;

static uint64_t product(uint64_t a, uint64_t b) {
  return b != 0 && a > HUGE_SIZE / b ? HUGE_SIZE : a * b;
}

static uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

static uint64_t behind(uint64_t end, extent next) {
  uint64_t sum = align_up(end, next.alignment) + next.size;
  return sum > HUGE_SIZE ? HUGE_SIZE : sum;
}

static bool extent_of(demands_work *self, uint32_t type, extent *out);

static bool extent_of_items(demands_work *self, uint32_t type, uint64_t count, extent *out) {
  extent item;
  if (!extent_of(self, type, &item)) {
    return false;
  }
  *out = (extent){product(align_up(item.size, item.alignment), count), item.alignment};
  return true;
}

static bool extent_of_struct(demands_work *self, uint32_t type, extent *out) {
  *out = (extent){0, 1};
  for (uint32_t i = 1; i < module_operand_count(self->from, type); i++) {
    extent member;
    if (!extent_of(self, module_operand(self->from, type, i), &member)) {
      return false;
    }
    out->size = behind(out->size, member);
    out->alignment = member.alignment > out->alignment ? member.alignment : out->alignment;
  }
  out->size = align_up(out->size, out->alignment);
  return true;
}

static bool extent_find(demands_work *self, uint32_t type, extent *out) {
  const module *from = self->from;
  uint32_t inner = module_operand(from, type, 1), count = module_operand(from, type, 2);
  uint64_t length = 0;
  switch (module_opcode(from, type)) {
    case SpvOpTypeBool: *out = (extent){4, 4}; return true;
    case SpvOpTypeInt:
    case SpvOpTypeFloat: *out = (extent){inner / 8, inner / 8}; return true;
    case SpvOpTypePointer: *out = (extent){8, 8}; return true;
    case SpvOpTypeVector:
      if (!extent_of(self, inner, out)) {
        return false;
      }
      *out = (extent){out->size * count, out->size * (count == 3 ? 4 : count)};
      return true;
    case SpvOpTypeMatrix: return extent_of_items(self, inner, count, out);
    case SpvOpTypeArray:
      return constant_read(&self->constants, count, 0, &length) &&
             extent_of_items(self, inner, length, out);
    case SpvOpTypeStruct: return extent_of_struct(self, type, out);
    default: return false;
  }
}

/* Within the same bounds as constants: types may share parts, too. */
static bool extent_of(demands_work *self, uint32_t type, extent *out) {
  constant_reader *bounds = &self->constants;
  if (bounds->depth == CONSTANT_MAX_DEPTH || bounds->step_count == CONSTANT_MAX_STEPS) {
    return false;
  }
  bounds->step_count++;
  bounds->depth++;
  bool is_known = extent_find(self, type, out);
  bounds->depth--;
  return is_known;
}

static rg_result shared_read(demands_work *self) {
  for (uint32_t i = 0; i < self->from->variable_count; i++) {
    const module_variable *variable = &self->from->variables[i];
    extent of;
    if (variable->storage != SpvStorageClassWorkgroup) {
      continue;
    }
    if (!extent_of(self, variable->type, &of)) {
      return refuse_unknown(self, "shared memory");
    }
    self->out->shared_bytes = behind(self->out->shared_bytes, of);
  }
  return RG_OK;
}

/* ---- Workgroups ---------------------------------------------------------------------------- */

static rg_result size_of_constant(demands_work *self, uint32_t axis, uint32_t id,
                                  uint32_t component) {
  uint64_t value = 0;
  if (!constant_read(&self->constants, id, component, &value)) {
    return refuse_unknown(self, "workgroup size");
  }
  self->out->workgroup_size[axis] = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
  return RG_OK;
}

/* Of an OpExecutionMode or OpExecutionModeId: the size's three operands, or NULL. */
static const uint32_t *mode_sizes(const demands_work *self, const uint32_t *words) {
  uint32_t mode = words[0] >> 16 == 6 && words[1] == self->from->entry ? words[2] : 0;
  return mode == SpvExecutionModeLocalSize || mode == SpvExecutionModeLocalSizeId ? &words[3]
                                                                                  : NULL;
}

static rg_result mode_read(demands_work *self, const uint32_t *words) {
  rg_result result = RG_OK;
  const uint32_t *sizes = mode_sizes(self, words);
  if (sizes == NULL) {
    return RG_OK;
  }
  self->out->has_size_ids = words[2] == SpvExecutionModeLocalSizeId;
  for (uint32_t axis = 0; axis < 3 && result == RG_OK; axis++) {
    self->out->workgroup_size[axis] = sizes[axis];
    if (self->out->has_size_ids) {
      result = size_of_constant(self, axis, sizes[axis], 0);
    }
  }
  return result;
}

/* A constant decorated WorkgroupSize goes before execution modes. */
static rg_result size_override(demands_work *self) {
  rg_result result = RG_OK;
  for (uint32_t axis = 0; axis < 3 && self->size_constant != 0 && result == RG_OK; axis++) {
    result = size_of_constant(self, axis, self->size_constant, axis);
  }
  return result;
}

/* ---- Declarations -------------------------------------------------------------------------- */

static rg_result capability_add(demands_work *self, uint32_t capability) {
  uint32_t *list = list_grow(self->from->scratch, (void *)self->out->capabilities, sizeof *list,
                             self->out->capability_count, &self->capability_capacity);
  if (list == NULL) {
    return RG_ERROR_OUT_OF_HOST_MEMORY;
  }
  self->out->capabilities = list;
  list[self->out->capability_count++] = capability;
  return RG_OK;
}

/* Keywords can take the last element from an array anywhere; only that makes it 0. */
static rg_result length_check(demands_work *self, uint32_t id) {
  uint64_t length = 0;
  if (constant_read(&self->constants, id, 0, &length) && length == 0) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "shader '%s': its keywords make an array of 0 elements", self->label);
  }
  return self->constants.step_count < CONSTANT_MAX_STEPS ? RG_OK
                                                         : refuse_unknown(self, "array sizes");
}

static rg_result declaration_read(demands_work *self, const uint32_t *words) {
  uint32_t length = words[0] >> 16;
  switch (words[0] & 0xFFFF) {
    case SpvOpCapability: return length < 2 ? RG_OK : capability_add(self, words[1]);
    case SpvOpExecutionMode:
    case SpvOpExecutionModeId: return mode_read(self, words);
    case SpvOpTypeArray: return length < 4 ? RG_OK : length_check(self, words[3]);
    case SpvOpDecorate:
      if (length == 4 && words[2] == SpvDecorationBuiltIn && words[3] == SpvBuiltInWorkgroupSize) {
        self->size_constant = words[1];
      }
      return RG_OK;
    default: return RG_OK;
  }
}

static rg_result declarations_read(demands_work *self) {
  const module *from = self->from;
  rg_result result = RG_OK;
  uint32_t at = HEADER_WORDS;
  while (at < from->count && result == RG_OK && (from->words[at] & 0xFFFF) != SpvOpFunction) {
    result = declaration_read(self, &from->words[at]);
    at += from->words[at] >> 16;
  }
  return result;
}

rg_result shader_demands_read(const char *label, const shader_stage_code *code,
                              const VkSpecializationInfo *keywords, arena *scratch,
                              shader_demands *out) {
  module from = {.stage = stage_find(code->stage), .name = label};
  demands_work work = {.label = label, .from = &from, .out = out};
  rg_result result = RG_OK;
  from.words = (uint32_t *)code->words; /* only read */
  from.count = (uint32_t)(code->size / sizeof *code->words);
  work.constants = (constant_reader){.from = &from, .keywords = keywords};
  *out = (shader_demands){.has_workgroup = code->stage == VK_SHADER_STAGE_COMPUTE_BIT};
  RG_TRY(module_init(&from, scratch, code->entry_point));
  RG_TRY(declarations_read(&work));
  if (out->has_workgroup) {
    RG_TRY(size_override(&work));
    RG_TRY(shared_read(&work));
  }
fail:
  return result;
}
