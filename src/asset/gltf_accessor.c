/* Accessors: typed arrays over buffer views, sparse ones included, decoded to floats and integers.
 * All ranges are checked when one is opened, so that decoding cannot leave its buffers. */
#include <math.h>
#include <string.h>

#include "base/result.h"
#include "gltf_internal.h"

typedef struct accessor_type {
  const char *name;
  uint32_t rows, columns;
} accessor_type;

static const accessor_type types[] = {
    {"SCALAR", 1, 1}, {"VEC2", 2, 1}, {"VEC3", 3, 1}, {"VEC4", 4, 1},
    {"MAT2", 2, 2},   {"MAT3", 3, 3}, {"MAT4", 4, 4},
};

static uint32_t component_size(gltf_component component) {
  switch (component) {
    case GLTF_INT8:
    case GLTF_UINT8: return 1;
    case GLTF_INT16:
    case GLTF_UINT16: return 2;
    case GLTF_UINT32:
    case GLTF_FLOAT: return 4;
  }
  return 0;
}

/* Bytes of one element; the columns of matrices begin at multiples of 4 (section 3.6.2.4). */
static uint32_t element_size(const gltf_accessor *accessor) {
  const uint32_t column = accessor->rows * component_size(accessor->component);
  return accessor->columns > 1 ? (column + 3) / 4 * 4 * accessor->columns : column;
}

static rg_result component_read(const gltf_value *object, gltf_component *out) {
  uint64_t number = 0;
  rg_result result = RG_OK;
  RG_TRY(gltf_require(object, "componentType"));
  RG_TRY(gltf_get_uint(object, "componentType", UINT32_MAX, &number));
  *out = (gltf_component)number;
  if (component_size(*out) == 0) {
    return gltf_fail(object, RG_ERROR_FORMAT, "componentType", "%llu is none of 5120 to 5126",
                     (unsigned long long)number);
  }
fail:
  return result;
}

static rg_result type_read(gltf_accessor *accessor) {
  const char *name = "";
  rg_result result = gltf_require(&accessor->value, "type");
  if (result == RG_OK) {
    result = gltf_get_string(&accessor->value, "type", &name);
  }
  for (size_t i = 0; result == RG_OK && i < sizeof types / sizeof types[0]; i++) {
    if (strcmp(types[i].name, name) == 0) {
      accessor->rows = types[i].rows;
      accessor->columns = types[i].columns;
      return RG_OK;
    }
  }
  return result != RG_OK ? result
                         : gltf_fail(&accessor->value, RG_ERROR_FORMAT, "type",
                                     "'%.20s' is none of SCALAR to MAT4", name);
}

/* Counts numbers against the limit of the whole file. */
static rg_result numbers_count(const gltf_value *object, uint64_t numbers) {
  gltf_reader *reader = object->reader;
  if (numbers > GLTF_MAX_NUMBERS - reader->decoded_count) {
    return gltf_fail(object, RG_ERROR_LIMIT, "count",
                     "%llu numbers, after %llu of other accessors, exceed the limit of %llu",
                     (unsigned long long)numbers, (unsigned long long)reader->decoded_count,
                     (unsigned long long)GLTF_MAX_NUMBERS);
  }
  reader->decoded_count += numbers;
  return RG_OK;
}

rg_result gltf_accessor_count(const gltf_accessor *accessor) {
  return numbers_count(&accessor->value, (uint64_t)accessor->elements.count * accessor->rows);
}

/* Checks that count elements lie inside the object's view, from its byteOffset on. */
static rg_result span_read(const gltf_value *object, uint32_t count, uint32_t size,
                           uint32_t alignment, gltf_span *out) {
  uint32_t index = GLTF_NONE;
  uint64_t offset = 0;
  gltf_view view = {0};
  rg_result result = RG_OK;
  RG_TRY(gltf_get_index(object, "bufferView", GLTF_BUFFER_VIEWS, &index));
  RG_TRY(gltf_get_uint(object, "byteOffset", UINT32_MAX, &offset));
  RG_TRY(gltf_view_read(object->reader, index, &view));
  const uint32_t stride = view.stride != 0 ? view.stride : size;
  const uint64_t place = view.offset + offset;
  if (stride < size || place % alignment != 0 || stride % alignment != 0) {
    return gltf_fail(object, RG_ERROR_FORMAT, "byteOffset",
                     "%llu, %llu in the buffer, stride %u: elements of %u bytes align to %u",
                     (unsigned long long)offset, (unsigned long long)place, stride, size,
                     alignment);
  }
  const uint64_t end = offset + (uint64_t)stride * (count - 1) + size;
  if (end > view.size) {
    return gltf_fail(object, RG_ERROR_FORMAT, "count", "%u elements end at byte %llu of %llu",
                     count, (unsigned long long)end, (unsigned long long)view.size);
  }
  *out = (gltf_span){.bytes = view.bytes + offset, .count = count, .stride = stride};
fail:
  return result;
}

static uint32_t uint_at(const unsigned char *at, gltf_component component) {
  uint16_t half;
  uint32_t whole;
  switch (component) {
    case GLTF_INT8:
    case GLTF_UINT8: return *at;
    case GLTF_INT16:
    case GLTF_UINT16: memcpy(&half, at, sizeof half); return half;
    case GLTF_UINT32:
    case GLTF_FLOAT: memcpy(&whole, at, sizeof whole); return whole;
  }
  return 0;
}

/* Sparse indices must rise, and stay below the count. */
static rg_result sparse_indices_check(const gltf_accessor *accessor, const gltf_value *object) {
  const gltf_span *indices = &accessor->sparse_indices;
  uint64_t next = 0;
  for (uint32_t i = 0; i < indices->count; i++) {
    const unsigned char *at = indices->bytes + (size_t)i * indices->stride;
    const uint32_t index = uint_at(at, accessor->sparse_component);
    if (index < next || index >= accessor->elements.count) {
      return gltf_fail(object, RG_ERROR_FORMAT, NULL,
                       "index %u is %u: they must rise, and be below %u", i, index,
                       accessor->elements.count);
    }
    next = (uint64_t)index + 1;
  }
  return RG_OK;
}

static rg_result sparse_read(gltf_accessor *accessor, const gltf_value *sparse) {
  uint64_t count = 0;
  gltf_value indices, values;
  rg_result result = RG_OK;
  RG_TRY(gltf_require(sparse, "count"));
  RG_TRY(gltf_require(sparse, "indices"));
  RG_TRY(gltf_require(sparse, "values"));
  RG_TRY(gltf_get_uint(sparse, "count", accessor->elements.count, &count));
  RG_TRY(gltf_get_object(sparse, "indices", &indices));
  RG_TRY(gltf_get_object(sparse, "values", &values));
  if (count == 0) {
    return gltf_fail(sparse, RG_ERROR_FORMAT, "count", "is 0");
  }
  RG_TRY(numbers_count(sparse, count));
  RG_TRY(gltf_require(&indices, "bufferView"));
  RG_TRY(gltf_require(&values, "bufferView"));
  RG_TRY(component_read(&indices, &accessor->sparse_component));
  const uint32_t index_size = component_size(accessor->sparse_component);
  RG_TRY(span_read(&indices, (uint32_t)count, index_size, index_size, &accessor->sparse_indices));
  RG_TRY(span_read(&values, (uint32_t)count, element_size(accessor),
                   component_size(accessor->component), &accessor->sparse_values));
  RG_TRY(sparse_indices_check(accessor, &indices));
fail:
  return result;
}

static rg_result elements_read(gltf_accessor *accessor) {
  const gltf_value *object = &accessor->value;
  uint64_t count = 0;
  gltf_value sparse;
  rg_result result = RG_OK;
  RG_TRY(gltf_require(object, "count"));
  RG_TRY(gltf_get_uint(object, "count", UINT32_MAX - 1, &count));
  if (count == 0) {
    return gltf_fail(object, RG_ERROR_FORMAT, "count", "is 0");
  }
  accessor->elements = (gltf_span){.count = (uint32_t)count};
  if (cJSON_GetObjectItemCaseSensitive(object->json, "bufferView") != NULL) {
    RG_TRY(span_read(object, (uint32_t)count, element_size(accessor),
                     component_size(accessor->component), &accessor->elements));
  }
  RG_TRY(gltf_get_object(object, "sparse", &sparse));
  if (sparse.json != NULL) {
    RG_TRY(sparse_read(accessor, &sparse));
  }
fail:
  return result;
}

rg_result gltf_accessor_read(gltf_reader *reader, uint32_t index, gltf_accessor *out) {
  *out = (gltf_accessor){.value = gltf_item(reader, GLTF_ACCESSORS, index)};
  rg_result result = RG_OK;
  RG_TRY(component_read(&out->value, &out->component));
  RG_TRY(type_read(out));
  RG_TRY(gltf_get_bool(&out->value, "normalized", &out->is_normalized));
  RG_TRY(elements_read(out));
fail:
  return result;
}

/* ---- Decoding ---- */

static float float_at(const unsigned char *at, const gltf_accessor *accessor) {
  const uint32_t bits = uint_at(at, accessor->component);
  const bool is_normalized = accessor->is_normalized;
  float number;
  switch (accessor->component) {
    case GLTF_INT8:
      return is_normalized ? fmaxf((float)(int8_t)bits / 127.0f, -1.0f) : (float)(int8_t)bits;
    case GLTF_UINT8: return is_normalized ? (float)bits / 255.0f : (float)bits;
    case GLTF_INT16:
      return is_normalized ? fmaxf((float)(int16_t)bits / 32767.0f, -1.0f) : (float)(int16_t)bits;
    case GLTF_UINT16: return is_normalized ? (float)bits / 65535.0f : (float)bits;
    case GLTF_UINT32: return (float)bits;
    case GLTF_FLOAT: memcpy(&number, at, sizeof number); return number;
  }
  return 0.0f;
}

static rg_result float_element(const gltf_accessor *accessor, const unsigned char *from,
                               unsigned char *to, uint32_t index) {
  const uint32_t step = component_size(accessor->component);
  for (uint32_t i = 0; i < accessor->rows; i++) {
    const float number = float_at(from + (size_t)i * step, accessor);
    if (!isfinite(number)) {
      return gltf_fail(&accessor->value, RG_ERROR_FORMAT, NULL,
                       "element %u, component %u is %g, not a finite number", index, i,
                       (double)number);
    }
    memcpy(to + i * sizeof number, &number, sizeof number);
  }
  return RG_OK;
}

typedef rg_result element_decoder(const gltf_accessor *accessor, const unsigned char *from,
                                  unsigned char *to, uint32_t index);

/* Elements of the view, then the sparse ones over them; without a view the zeros of out stay. */
static rg_result decode(const gltf_accessor *accessor, element_decoder *decoder, unsigned char *out,
                        size_t stride) {
  rg_result result = RG_OK;
  const gltf_span *elements = &accessor->elements;
  for (uint32_t i = 0; elements->bytes != NULL && i < elements->count && result == RG_OK; i++) {
    result = decoder(accessor, elements->bytes + (size_t)i * elements->stride, out + i * stride, i);
  }
  const gltf_span *indices = &accessor->sparse_indices, *values = &accessor->sparse_values;
  for (uint32_t i = 0; i < indices->count && result == RG_OK; i++) {
    const uint32_t index =
        uint_at(indices->bytes + (size_t)i * indices->stride, accessor->sparse_component);
    result =
        decoder(accessor, values->bytes + (size_t)i * values->stride, out + index * stride, index);
  }
  return result;
}

rg_result gltf_accessor_floats(const gltf_accessor *accessor, void *out, size_t stride) {
  return decode(accessor, float_element, out, stride);
}

static rg_result uint_element(const gltf_accessor *accessor, const unsigned char *from,
                              unsigned char *to, uint32_t index) {
  (void)index;
  const uint32_t step = component_size(accessor->component);
  for (uint32_t i = 0; i < accessor->rows; i++) {
    const uint32_t number = uint_at(from + (size_t)i * step, accessor->component);
    memcpy(to + i * sizeof number, &number, sizeof number);
  }
  return RG_OK;
}

rg_result gltf_accessor_uints(const gltf_accessor *accessor, uint32_t *out) {
  return decode(accessor, uint_element, (unsigned char *)out, accessor->rows * sizeof *out);
}

static rg_result uint16_element(const gltf_accessor *accessor, const unsigned char *from,
                                unsigned char *to, uint32_t index) {
  (void)index;
  const uint32_t step = component_size(accessor->component);
  for (uint32_t i = 0; i < accessor->rows; i++) {
    const uint16_t number = (uint16_t)uint_at(from + (size_t)i * step, accessor->component);
    memcpy(to + i * sizeof number, &number, sizeof number);
  }
  return RG_OK;
}

rg_result gltf_accessor_uint16s(const gltf_accessor *accessor, void *out, size_t stride) {
  return decode(accessor, uint16_element, out, stride);
}
