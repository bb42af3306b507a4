/* Evaluates constant expressions as far as Vulkan's shaders may have them: integers, booleans and
 * vectors of both. */
#include "constant.h"

#include <assert.h>
#include <spirv_cross/spirv.h>
#include <string.h>

/* An operation's operands, of `width` bits each, and their signed readings. */
typedef struct operands {
  uint64_t a, b;
  int64_t signed_a, signed_b;
  uint32_t width;
} operands;

static uint64_t mask_of(uint32_t width) {
  return width >= 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
}

static int64_t sign_extend(uint64_t bits, uint32_t width) {
  assert(width >= 1 && width <= 64);
  uint64_t sign = UINT64_C(1) << (width - 1);
  return (int64_t)((bits ^ sign) - sign);
}

/* Bits of a constant's component; 0 for what is neither integer nor boolean. */
static uint32_t width_of(const module *from, uint32_t id) {
  uint32_t type = module_operand(from, id, 0);
  if (module_opcode(from, type) == SpvOpTypeVector) {
    type = module_operand(from, type, 1);
  }
  uint32_t opcode = module_opcode(from, type);
  return opcode == SpvOpTypeBool ? 1 : opcode == SpvOpTypeInt ? module_operand(from, type, 1) : 0;
}

/* ---- Operations ---------------------------------------------------------------------------- */

/* The least integer divided by -1 overflows: it wraps here. */
static bool divide(uint32_t opcode, const operands *of, uint64_t *out) {
  if (of->b == 0) {
    return false;
  }
  if (opcode == SpvOpUDiv || opcode == SpvOpUMod) {
    *out = opcode == SpvOpUDiv ? of->a / of->b : of->a % of->b;
    return true;
  }
  bool is_minus_1 = of->signed_b == -1;
  int64_t rest = is_minus_1 ? 0 : of->signed_a % of->signed_b;
  if (opcode == SpvOpSDiv) {
    *out = is_minus_1 ? 0 - of->a : (uint64_t)(of->signed_a / of->signed_b);
  } else {
    bool is_moved = opcode == SpvOpSMod && rest != 0 && (rest < 0) != (of->signed_b < 0);
    *out = (uint64_t)(is_moved ? rest + of->signed_b : rest);
  }
  return true;
}

static uint64_t shift(uint32_t opcode, const operands *of) {
  uint64_t fill = of->signed_a < 0 ? UINT64_MAX : 0;
  if (of->b >= of->width) {
    return opcode == SpvOpShiftRightArithmetic ? fill : 0;
  }
  switch (opcode) {
    case SpvOpShiftLeftLogical: return of->a << of->b;
    case SpvOpShiftRightLogical: return of->a >> of->b;
    default: return of->b == 0 ? of->a : of->a >> of->b | fill << (of->width - of->b);
  }
}

static bool combine(uint32_t opcode, const operands *of, uint64_t *out) {
  switch (opcode) {
    case SpvOpUConvert: *out = of->a; return true;
    case SpvOpSConvert: *out = (uint64_t)of->signed_a; return true;
    case SpvOpSNegate: *out = 0 - of->a; return true;
    case SpvOpNot: *out = ~of->a; return true;
    case SpvOpLogicalNot: *out = of->a == 0; return true;
    case SpvOpIAdd: *out = of->a + of->b; return true;
    case SpvOpISub: *out = of->a - of->b; return true;
    case SpvOpIMul: *out = of->a * of->b; return true;
    case SpvOpUDiv:
    case SpvOpUMod:
    case SpvOpSDiv:
    case SpvOpSRem:
    case SpvOpSMod: return divide(opcode, of, out);
    case SpvOpShiftLeftLogical:
    case SpvOpShiftRightLogical:
    case SpvOpShiftRightArithmetic: *out = shift(opcode, of); return true;
    case SpvOpLogicalOr:
    case SpvOpBitwiseOr: *out = of->a | of->b; return true;
    case SpvOpLogicalAnd:
    case SpvOpBitwiseAnd: *out = of->a & of->b; return true;
    case SpvOpBitwiseXor: *out = of->a ^ of->b; return true;
    case SpvOpLogicalEqual:
    case SpvOpIEqual: *out = of->a == of->b; return true;
    case SpvOpLogicalNotEqual:
    case SpvOpINotEqual: *out = of->a != of->b; return true;
    case SpvOpULessThan: *out = of->a < of->b; return true;
    case SpvOpULessThanEqual: *out = of->a <= of->b; return true;
    case SpvOpUGreaterThan: *out = of->a > of->b; return true;
    case SpvOpUGreaterThanEqual: *out = of->a >= of->b; return true;
    case SpvOpSLessThan: *out = of->signed_a < of->signed_b; return true;
    case SpvOpSLessThanEqual: *out = of->signed_a <= of->signed_b; return true;
    case SpvOpSGreaterThan: *out = of->signed_a > of->signed_b; return true;
    case SpvOpSGreaterThanEqual: *out = of->signed_a >= of->signed_b; return true;
    default: return false;
  }
}

/* ---- Constants ----------------------------------------------------------------------------- */

static bool keyword_value(const constant_reader *self, uint32_t id, uint64_t *out) {
  uint32_t number = module_decoration(self->from, id, SpvDecorationSpecId);
  for (uint32_t i = 0; self->keywords != NULL && i < self->keywords->mapEntryCount; i++) {
    const VkSpecializationMapEntry *entry = &self->keywords->pMapEntries[i];
    if (number != MODULE_NONE && entry->constantID == number && entry->size <= sizeof *out) {
      *out = 0;
      memcpy(out, (const char *)self->keywords->pData + entry->offset, entry->size);
      return true;
    }
  }
  return false;
}

static uint32_t vector_size(const module *from, uint32_t id) {
  return module_operand(from, module_operand(from, id, 0), 2);
}

/* What a vector is made of or taken from: another constant's component. */
static bool shuffled(constant_reader *self, uint32_t id, uint32_t component, uint64_t *out) {
  const module *from = self->from;
  uint32_t first = module_operand(from, id, 3), second = module_operand(from, id, 4);
  uint32_t from_first = vector_size(from, first);
  uint32_t index = module_operand(from, id, 5 + component);
  return index < from_first ? constant_read(self, first, index, out)
                            : constant_read(self, second, index - from_first, out);
}

static bool selected(constant_reader *self, uint32_t id, uint32_t component, uint64_t *out) {
  uint64_t condition = 0;
  return constant_read(self, module_operand(self->from, id, 3), component, &condition) &&
         constant_read(self, module_operand(self->from, id, condition != 0 ? 4 : 5), component,
                       out);
}

static bool operated(constant_reader *self, uint32_t id, uint32_t component, uint64_t *out) {
  const module *from = self->from;
  uint32_t opcode = module_operand(from, id, 2), first = module_operand(from, id, 3);
  switch (opcode) {
    case SpvOpSelect: return selected(self, id, component, out);
    case SpvOpVectorShuffle: return shuffled(self, id, component, out);
    case SpvOpCompositeExtract:
      return module_operand_count(from, id) == 5 &&
             constant_read(self, first, module_operand(from, id, 4), out);
    default: break;
  }
  operands of = {.width = width_of(from, first)};
  bool is_binary = module_operand_count(from, id) > 4;
  uint32_t second = module_operand(from, id, 4);
  if (!constant_read(self, first, component, &of.a) ||
      (is_binary && !constant_read(self, second, component, &of.b))) {
    return false;
  }
  of.signed_a = sign_extend(of.a, of.width);
  of.signed_b = is_binary ? sign_extend(of.b, width_of(from, second)) : 0;
  return combine(opcode, &of, out);
}

static bool evaluate(constant_reader *self, uint32_t id, uint32_t component, uint64_t *out) {
  const module *from = self->from;
  switch (module_opcode(from, id)) {
    case SpvOpConstantNull:
    case SpvOpConstantFalse: *out = 0; return true;
    case SpvOpConstantTrue: *out = 1; return true;
    case SpvOpConstant:
      *out = module_operand(from, id, 2) | (uint64_t)module_operand(from, id, 3) << 32;
      return true;
    case SpvOpSpecConstantTrue:
    case SpvOpSpecConstantFalse:
      *out = module_opcode(from, id) == SpvOpSpecConstantTrue;
      (void)keyword_value(self, id, out);
      return true;
    case SpvOpSpecConstant:
      *out = module_operand(from, id, 2) | (uint64_t)module_operand(from, id, 3) << 32;
      (void)keyword_value(self, id, out);
      return true;
    case SpvOpConstantComposite:
    case SpvOpSpecConstantComposite:
      return constant_read(self, module_operand(from, id, 2 + component), 0, out);
    case SpvOpSpecConstantOp: return operated(self, id, component, out);
    default: return false;
  }
}

bool constant_read(constant_reader *self, uint32_t id, uint32_t component, uint64_t *out) {
  uint32_t width = width_of(self->from, id);
  *out = 0;
  if (width == 0 || self->depth == CONSTANT_MAX_DEPTH || self->step_count == CONSTANT_MAX_STEPS) {
    return false;
  }
  self->step_count++;
  self->depth++;
  bool is_known = evaluate(self, id, component, out);
  self->depth--;
  *out &= mask_of(width);
  return is_known;
}

#define OP_TYPE_ARRAY 28u

bool constant_lengths_are_told(const module *module) {
  for (uint32_t id = 1; id < module->bound; id++) {
    if (module->definition[id] != 0 && module_opcode(module, id) == OP_TYPE_ARRAY) {
      constant_reader reader = {.from = module};
      uint64_t length = 0;
      if (!constant_read(&reader, module_operand(module, id, 2), 0, &length)) {
        return false;
      }
    }
  }
  return true;
}
