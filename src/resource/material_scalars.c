/* Numbers in a Material block: how each scalar type is stored, what it can hold, and where a
 * member's components lie by the reflected strides. */
#include "material_scalars.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/result.h"

typedef struct scalar_info {
  const char *name; /* as in GLSL */
  uint32_t size;
  rg_value_kind kind; /* the narrow kind that fits it, beside NUMBERS */
  bool is_whole;
  double minimum, maximum;
} scalar_info;

/* The 64-bit limits are the outermost doubles within the type. */
static const scalar_info scalars[] = {
    [RG_SCALAR_NONE] = {"struct", 0, RG_VALUE_NUMBERS, false, 0, 0},
    [RG_SCALAR_FLOAT] = {"float", 4, RG_VALUE_FLOATS, false, -FLT_MAX, FLT_MAX},
    [RG_SCALAR_INT] = {"int", 4, RG_VALUE_INTS, true, INT32_MIN, INT32_MAX},
    [RG_SCALAR_UINT] = {"uint", 4, RG_VALUE_UINTS, true, 0, UINT32_MAX},
    [RG_SCALAR_BOOL] = {"bool", 4, RG_VALUE_BOOLS, true, 0, 1},
    [RG_SCALAR_DOUBLE] = {"double", 8, RG_VALUE_FLOATS, false, -DBL_MAX, DBL_MAX},
    [RG_SCALAR_HALF] = {"float16_t", 2, RG_VALUE_FLOATS, false, -65504, 65504},
    [RG_SCALAR_INT8] = {"int8_t", 1, RG_VALUE_INTS, true, INT8_MIN, INT8_MAX},
    [RG_SCALAR_UINT8] = {"uint8_t", 1, RG_VALUE_UINTS, true, 0, UINT8_MAX},
    [RG_SCALAR_INT16] = {"int16_t", 2, RG_VALUE_INTS, true, INT16_MIN, INT16_MAX},
    [RG_SCALAR_UINT16] = {"uint16_t", 2, RG_VALUE_UINTS, true, 0, UINT16_MAX},
    [RG_SCALAR_INT64] = {"int64_t", 8, RG_VALUE_INTS, true, -9223372036854775808.0,
                         9223372036854774784.0},
    [RG_SCALAR_UINT64] = {"uint64_t", 8, RG_VALUE_UINTS, true, 0, 18446744073709549568.0},
};

uint32_t scalar_size(rg_scalar scalar) {
  return scalars[scalar].size;
}

rg_value_kind scalar_kind(rg_scalar scalar) {
  return scalars[scalar].kind;
}

rg_result scalar_check(rg_scalar scalar, double value, rg_type type, const char *owner,
                       const char *name, uint64_t component) {
  const scalar_info *info = &scalars[scalar];
  if (!isfinite(value)) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s '%s': %s: component %llu is %s, it must be finite", rg_type_name(type),
                      owner, name, (unsigned long long)component,
                      isnan(value) ? "nan" : "infinite");
  }
  if (value < info->minimum || value > info->maximum) {
    return result_set(RG_ERROR_INVALID_ARGUMENT,
                      "%s '%s': %s: component %llu is %.9g, %s holds %.9g to %.9g",
                      rg_type_name(type), owner, name, (unsigned long long)component, value,
                      info->name, info->minimum, info->maximum);
  }
  if (info->is_whole && value != (value < 0 ? (double)(int64_t)value : (double)(uint64_t)value)) {
    return result_set(
        RG_ERROR_INVALID_ARGUMENT, "%s '%s': %s: component %llu is %.9g, %s holds whole numbers",
        rg_type_name(type), owner, name, (unsigned long long)component, value, info->name);
  }
  return RG_OK;
}

/* To the nearest, ties to even; |value| is at most 65504. */
static uint16_t half_pack(double value) {
  const uint16_t sign = signbit(value) ? 0x8000u : 0;
  const double magnitude = value < 0 ? -value : value;
  int exponent = 0;
  frexp(magnitude, &exponent);
  exponent = magnitude == 0 || exponent < -13 ? -13 : exponent; /* below: one subnormal step */
  const double scaled = ldexp(magnitude, 11 - exponent);        /* 1024 to 2047 where normal */
  uint32_t mantissa = (uint32_t)scaled;
  const double rest = scaled - mantissa;
  mantissa += rest > 0.5 || (rest == 0.5 && (mantissa & 1) != 0) ? 1 : 0;
  /* A carry out of the mantissa, or into the first normal number, lands in the exponent. */
  return (uint16_t)(sign | (((uint32_t)(exponent + 13) << 10) + mantissa));
}

static double half_unpack(uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  const double value = exponent == 0 ? ldexp(mantissa, -24) : ldexp(mantissa + 1024, exponent - 25);
  return (half & 0x8000u) != 0 ? -value : value;
}

#define STORE(type, value)                 \
  do {                                     \
    const type stored = (type)(value);     \
    memcpy(place, &stored, sizeof stored); \
  } while (0)

void scalar_store(rg_scalar scalar, double value, void *place) {
  switch (scalar) {
    case RG_SCALAR_NONE: break;
    case RG_SCALAR_FLOAT: STORE(float, value); break;
    case RG_SCALAR_INT: STORE(int32_t, value); break;
    case RG_SCALAR_UINT:
    case RG_SCALAR_BOOL: STORE(uint32_t, value); break;
    case RG_SCALAR_DOUBLE: STORE(double, value); break;
    case RG_SCALAR_HALF: STORE(uint16_t, half_pack(value)); break;
    case RG_SCALAR_INT8: STORE(int8_t, value); break;
    case RG_SCALAR_UINT8: STORE(uint8_t, value); break;
    case RG_SCALAR_INT16: STORE(int16_t, value); break;
    case RG_SCALAR_UINT16: STORE(uint16_t, value); break;
    case RG_SCALAR_INT64: STORE(int64_t, value); break;
    case RG_SCALAR_UINT64: STORE(uint64_t, value); break;
  }
}

#define LOAD(type)                         \
  do {                                     \
    type stored;                           \
    memcpy(&stored, place, sizeof stored); \
    return (double)stored;                 \
  } while (0)

double scalar_load(rg_scalar scalar, const void *place) {
  uint16_t half = 0;
  switch (scalar) {
    case RG_SCALAR_NONE: return 0;
    case RG_SCALAR_FLOAT: LOAD(float);
    case RG_SCALAR_INT: LOAD(int32_t);
    case RG_SCALAR_UINT:
    case RG_SCALAR_BOOL: LOAD(uint32_t);
    case RG_SCALAR_DOUBLE: LOAD(double);
    case RG_SCALAR_HALF: memcpy(&half, place, sizeof half); return half_unpack(half);
    case RG_SCALAR_INT8: LOAD(int8_t);
    case RG_SCALAR_UINT8: LOAD(uint8_t);
    case RG_SCALAR_INT16: LOAD(int16_t);
    case RG_SCALAR_UINT16: LOAD(uint16_t);
    case RG_SCALAR_INT64: LOAD(int64_t);
    case RG_SCALAR_UINT64: LOAD(uint64_t);
  }
  return 0;
}

uint64_t member_components(const rg_member *member) {
  return (uint64_t)member->rows * member->columns * member->array_count;
}

uint64_t member_component_offset(const rg_member *member, uint64_t component) {
  const uint64_t element_size = (uint64_t)member->rows * member->columns;
  const uint64_t element = component / element_size;
  const uint64_t column = component % element_size / member->rows;
  const uint64_t row = component % member->rows;
  const uint64_t step = scalar_size(member->scalar);
  const uint64_t major = member->is_row_major ? row : column;
  const uint64_t minor = member->is_row_major ? column : row;
  return element * member->array_stride + major * member->matrix_stride + minor * step;
}
