/* Blocks and their members, as SPIRV-Cross reads them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "reflect.h"

#define MAX_NESTING 64 /* of structs: a buffer reference may lead back to its own block */

static rg_scalar scalar_of(spvc_basetype type) {
  switch ((int)type) {
    case SPVC_BASETYPE_BOOLEAN: return RG_SCALAR_BOOL;
    case SPVC_BASETYPE_INT8: return RG_SCALAR_INT8;
    case SPVC_BASETYPE_UINT8: return RG_SCALAR_UINT8;
    case SPVC_BASETYPE_INT16: return RG_SCALAR_INT16;
    case SPVC_BASETYPE_UINT16: return RG_SCALAR_UINT16;
    case SPVC_BASETYPE_INT32: return RG_SCALAR_INT;
    case SPVC_BASETYPE_UINT32: return RG_SCALAR_UINT;
    case SPVC_BASETYPE_INT64: return RG_SCALAR_INT64;
    case SPVC_BASETYPE_UINT64: return RG_SCALAR_UINT64;
    case SPVC_BASETYPE_FP16: return RG_SCALAR_HALF;
    case SPVC_BASETYPE_FP32: return RG_SCALAR_FLOAT;
    case SPVC_BASETYPE_FP64: return RG_SCALAR_DOUBLE;
    default: return RG_SCALAR_NONE;
  }
}

/* GLSL's words: a scalar, and what stands before "vec" and "mat". */
static const struct {
  const char *name, *vector, *matrix;
} scalar_names[] = {
    [RG_SCALAR_FLOAT] = {"float", "", ""},         [RG_SCALAR_INT] = {"int", "i", "i"},
    [RG_SCALAR_UINT] = {"uint", "u", "u"},         [RG_SCALAR_BOOL] = {"bool", "b", "b"},
    [RG_SCALAR_DOUBLE] = {"double", "d", "d"},     [RG_SCALAR_HALF] = {"float16_t", "f16", "f16"},
    [RG_SCALAR_INT8] = {"int8_t", "i8", "i8"},     [RG_SCALAR_UINT8] = {"uint8_t", "u8", "u8"},
    [RG_SCALAR_INT16] = {"int16_t", "i16", "i16"}, [RG_SCALAR_UINT16] = {"uint16_t", "u16", "u16"},
    [RG_SCALAR_INT64] = {"int64_t", "i64", "i64"}, [RG_SCALAR_UINT64] = {"uint64_t", "u64", "u64"},
};

static char *type_name(arena *target, const rg_member *member) {
  if (member->columns > 1) {
    const char *prefix = scalar_names[member->scalar].matrix;
    return member->columns == member->rows
               ? arena_printf(target, "%smat%u", prefix, member->rows)
               : arena_printf(target, "%smat%ux%u", prefix, member->columns, member->rows);
  }
  if (member->rows > 1) {
    return arena_printf(target, "%svec%u", scalar_names[member->scalar].vector, member->rows);
  }
  return arena_strdup(target, scalar_names[member->scalar].name);
}

/* A buffer reference: SPIRV-Cross would show what it points to. */
static bool is_pointer(const module *from, uint32_t type) {
  uint32_t opcode = module_opcode(from, type);
  while (opcode == SpvOpTypeArray || opcode == SpvOpTypeRuntimeArray) {
    type = module_operand(from, type, 1);
    opcode = module_opcode(from, type);
  }
  return opcode == SpvOpTypePointer;
}

/* Several dimensions count as one: their elements lie in one row. SPIRV-Cross lists the innermost
 * first, and gives the outermost's stride. */
static void array_read(const reflect_stage *stage, spvc_type type, uint32_t outer_stride,
                       rg_member *out) {
  unsigned dimensions = spvc_type_get_num_array_dimensions(type);
  uint32_t inner = 1, count = 1;
  for (unsigned i = 0; i < dimensions; i++) {
    uint32_t size = spvc_type_get_array_dimension(type, i);
    if (!spvc_type_array_dimension_is_literal(type, i)) {
      size = module_constant(stage->from, size);
    }
    count *= size;
    inner *= i + 1 < dimensions ? size : 1;
  }
  out->is_array = dimensions > 0;
  out->array_count = count;
  out->array_stride = dimensions == 0 || inner == 0 ? 0 : outer_stride / inner;
}

static void layout_read(const reflect_stage *stage, spvc_type parent, uint32_t parent_id,
                        unsigned index, spvc_type type, rg_member *out) {
  unsigned offset = 0, array_stride = 0, matrix_stride = 0;
  size_t size = 0;
  (void)spvc_compiler_type_struct_member_offset(stage->compiler, parent, index, &offset);
  if (spvc_type_get_num_array_dimensions(type) > 0) {
    (void)spvc_compiler_type_struct_member_array_stride(stage->compiler, parent, index,
                                                        &array_stride);
  }
  if (spvc_type_get_columns(type) > 1) {
    (void)spvc_compiler_type_struct_member_matrix_stride(stage->compiler, parent, index,
                                                         &matrix_stride);
  }
  array_read(stage, type, array_stride, out);
  if (out->array_count > 0) {
    (void)spvc_compiler_get_declared_struct_member_size(stage->compiler, parent, index, &size);
  }
  out->offset = offset;
  out->size = (uint32_t)size;
  out->matrix_stride = matrix_stride;
  out->is_row_major =
      matrix_stride > 0 &&
      module_member_decoration(stage->from, parent_id, index, SpvDecorationRowMajor) != MODULE_NONE;
}

static rg_result members_read(const reflect_stage *stage, uint32_t struct_id, uint32_t depth,
                              const rg_member **out, uint32_t *count);

/* SPIR-V blocks hold no booleans: they are unsigned integers, which the text alone tells apart. */
static bool is_bool(const reflect_stage *stage, uint32_t parent_id, const rg_member *member) {
  return member->scalar == RG_SCALAR_UINT &&
         globals_is_bool(stage->globals, module_name_of(stage->from, parent_id), member->name);
}

static rg_result member_read(const reflect_stage *stage, uint32_t parent_id, unsigned index,
                             uint32_t depth, rg_member *out) {
  spvc_type parent = spvc_compiler_get_type_handle(stage->compiler, parent_id);
  uint32_t id = spvc_type_get_member_type(parent, index);
  spvc_type type = spvc_compiler_get_type_handle(stage->compiler, id);
  out->name =
      arena_strdup(stage->target, spvc_compiler_get_member_name(stage->compiler, parent_id, index));
  layout_read(stage, parent, parent_id, index, type, out);
  out->scalar = scalar_of(spvc_type_get_basetype(type));
  out->rows = spvc_type_get_vector_size(type);
  out->columns = spvc_type_get_columns(type);
  if (is_pointer(stage->from, id)) {
    out->scalar = RG_SCALAR_UINT64;
    out->rows = out->columns = 1;
  }
  if (out->scalar == RG_SCALAR_NONE) {
    uint32_t struct_id = spvc_type_get_base_type_id(type);
    out->rows = 0;
    out->columns = 1;
    out->type_name = arena_strdup(stage->target, module_name_of(stage->from, struct_id));
    rg_result result = members_read(stage, struct_id, depth + 1, &out->members, &out->member_count);
    if (result != RG_OK) {
      return result;
    }
  } else {
    out->scalar = is_bool(stage, parent_id, out) ? RG_SCALAR_BOOL : out->scalar;
    out->type_name = type_name(stage->target, out);
  }
  return out->name == NULL || out->type_name == NULL
             ? result_no_memory("reflection", sizeof(rg_member))
             : RG_OK;
}

static rg_result members_read(const reflect_stage *stage, uint32_t struct_id, uint32_t depth,
                              const rg_member **out, uint32_t *count) {
  spvc_type type = spvc_compiler_get_type_handle(stage->compiler, struct_id);
  unsigned members = type == NULL ? 0 : spvc_type_get_num_member_types(type);
  if (depth > MAX_NESTING) {
    return result_set(RG_ERROR_COMPILE, "%s: error: structs nest deeper than %d", stage->from->name,
                      MAX_NESTING);
  }
  rg_member *list = arena_alloc(stage->target, members * sizeof *list);
  if (list == NULL) {
    return result_no_memory("reflection", members * sizeof *list);
  }
  for (unsigned i = 0; i < members; i++) {
    rg_result result = member_read(stage, struct_id, i, depth, &list[i]);
    if (result != RG_OK) {
      return result;
    }
  }
  *out = list;
  *count = members;
  return RG_OK;
}

/* Members were made here as writable; the public type shows them as constant. */
static rg_member *members_of(const rg_member *members) {
  return (rg_member *)members;
}

static void member_activate(rg_member *member) {
  member->is_active = true;
  for (uint32_t i = 0; i < member->member_count; i++) {
    member_activate(&members_of(member->members)[i]);
  }
}

/* SPIRV-Cross tells the members that code reaches; not through arrays of blocks, where all count
 * as reached if the variable is used. */
static void activity_read(const reflect_stage *stage, uint32_t variable, bool is_array,
                          rg_block *block) {
  const spvc_buffer_range *ranges = NULL;
  size_t count = 0;
  bool is_known = !is_array && spvc_compiler_get_active_buffer_ranges(
                                   stage->compiler, variable, &ranges, &count) == SPVC_SUCCESS;
  for (size_t i = 0; is_known && i < count; i++) {
    if (ranges[i].index < block->member_count) {
      member_activate(&members_of(block->members)[ranges[i].index]);
    }
  }
  for (uint32_t i = 0; !is_known && i < block->member_count; i++) {
    member_activate(&members_of(block->members)[i]);
  }
}

static bool variable_is_used(const module *from, uint32_t variable) {
  for (uint32_t i = 0; i < from->variable_count; i++) {
    if (from->variables[i].id == variable) {
      return from->variables[i].is_used;
    }
  }
  return false;
}

rg_result reflect_block(const reflect_stage *stage, uint32_t variable, uint32_t type,
                        rg_block *out) {
  size_t size = 0;
  spvc_type handle = spvc_compiler_get_type_handle(stage->compiler, type);
  rg_result result = members_read(stage, type, 0, &out->members, &out->member_count);
  if (result != RG_OK) {
    return result;
  }
  (void)spvc_compiler_get_declared_struct_size(stage->compiler, handle, &size);
  const char *type_text = module_name_of(stage->from, type);
  const char *instance = module_name_of(stage->from, variable);
  out->size = (uint32_t)size;
  out->name = arena_strdup(stage->target, type_text[0] == '\0' ? instance : type_text);
  out->instance_name = arena_strdup(stage->target, instance);
  if (out->name == NULL || out->instance_name == NULL) {
    return result_no_memory("reflection", sizeof(rg_member));
  }
  if (variable_is_used(stage->from, variable)) {
    spvc_type whole =
        spvc_compiler_get_type_handle(stage->compiler, module_operand(stage->from, variable, 0));
    activity_read(stage, variable, spvc_type_get_num_array_dimensions(whole) > 0, out);
  }
  return RG_OK;
}

/* ---- Over several stages ------------------------------------------------------------------- */

static bool member_equals(const rg_member *a, const rg_member *b) {
  if (strcmp(a->name, b->name) != 0 || strcmp(a->type_name, b->type_name) != 0 ||
      a->offset != b->offset || a->size != b->size || a->array_count != b->array_count ||
      a->array_stride != b->array_stride || a->matrix_stride != b->matrix_stride ||
      a->is_row_major != b->is_row_major || a->member_count != b->member_count) {
    return false;
  }
  for (uint32_t i = 0; i < a->member_count; i++) {
    if (!member_equals(&a->members[i], &b->members[i])) {
      return false;
    }
  }
  return true;
}

bool reflect_block_equals(const rg_block *a, const rg_block *b) {
  if (a->size != b->size || a->member_count != b->member_count) {
    return false;
  }
  for (uint32_t i = 0; i < a->member_count; i++) {
    if (!member_equals(&a->members[i], &b->members[i])) {
      return false;
    }
  }
  return true;
}

void reflect_block_activate(rg_block *block, const rg_block *equal) {
  for (uint32_t i = 0; i < block->member_count && i < equal->member_count; i++) {
    if (equal->members[i].is_active) {
      member_activate(&members_of(block->members)[i]);
    }
  }
}

static rg_member *member_find_equal(const rg_block *block, const rg_member *member) {
  for (uint32_t i = 0; i < block->member_count; i++) {
    if (member_equals(&block->members[i], member)) {
      return &members_of(block->members)[i];
    }
  }
  return NULL;
}

static int member_compare(const void *left, const void *right) {
  const rg_member *a = left, *b = right;
  int order = (a->offset > b->offset) - (a->offset < b->offset);
  return order != 0 ? order : strcmp(a->name, b->name);
}

rg_result reflect_block_unite(arena *target, rg_block *block, const rg_block *other) {
  uint32_t count = block->member_count;
  rg_member *all = arena_alloc(target, (count + other->member_count) * sizeof *all);
  if (all == NULL) {
    return result_no_memory("reflection", (count + other->member_count) * sizeof *all);
  }
  for (uint32_t i = 0; i < other->member_count; i++) {
    rg_member *same = member_find_equal(block, &other->members[i]);
    if (same == NULL) {
      all[count++] = other->members[i];
    } else if (other->members[i].is_active) {
      member_activate(same);
    }
  }
  if (block->member_count > 0) {
    memcpy(all, block->members, block->member_count * sizeof *all);
  }
  qsort(all, count, sizeof *all, member_compare);
  block->members = all;
  block->member_count = count;
  block->size = other->size > block->size ? other->size : block->size;
  return RG_OK;
}
