/* The bytes of a glTF file: the chunks of a .glb, buffers beside the file, data URIs, and views. */
#include <ctype.h>
#include <string.h>

#include "base/result.h"
#include "gltf_internal.h"

/* ---- The binary container (glTF 2.0, section 4) ---- */

#define GLB_MAGIC 0x46546C67u /* "glTF" */
#define GLB_JSON 0x4E4F534Au
#define GLB_BIN 0x004E4942u

static uint32_t u32_at(const unsigned char *at) {
  return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

/* The chunk at *at, which moves behind it. */
static rg_result chunk_next(const gltf_reader *reader, size_t *at, uint32_t *type,
                            const unsigned char **bytes, size_t *size) {
  const size_t left = reader->data.size - *at;
  const size_t length = left >= 8 ? u32_at(reader->data.bytes + *at) : 0;
  if (left < 8 || length > left - 8 || length % 4 != 0) {
    return result_set(RG_ERROR_FORMAT, "%s: chunk at byte %zu: %zu bytes of %zu left, %s",
                      reader->name, *at, length, left, "with 8 of header, in steps of 4");
  }
  *type = u32_at(reader->data.bytes + *at + 4);
  *bytes = reader->data.bytes + *at + 8;
  *size = length;
  *at += 8 + length;
  return RG_OK;
}

static rg_result glb_header_check(const gltf_reader *reader) {
  const file_data *data = &reader->data;
  if (data->size < 12) {
    return result_set(RG_ERROR_FORMAT, "%s: %zu bytes are less than a .glb header's 12",
                      reader->name, data->size);
  }
  if (u32_at(data->bytes + 4) != 2) {
    return result_set(RG_ERROR_UNSUPPORTED, "%s: container version %u: only 2 is read",
                      reader->name, u32_at(data->bytes + 4));
  }
  if (u32_at(data->bytes + 8) != data->size) {
    return result_set(RG_ERROR_FORMAT, "%s: length %u in the header of a file of %zu bytes",
                      reader->name, u32_at(data->bytes + 8), data->size);
  }
  return RG_OK;
}

static rg_result glb_read(gltf_reader *reader, const char **text, size_t *length) {
  size_t at = 12;
  uint32_t type = 0;
  const unsigned char *bytes = NULL;
  size_t size = 0;
  rg_result result = glb_header_check(reader);
  for (uint32_t i = 0; result == RG_OK && (i == 0 || at < reader->data.size); i++) {
    result = chunk_next(reader, &at, &type, &bytes, &size);
    if (result == RG_OK && (type == GLB_JSON) != (i == 0)) {
      return result_set(RG_ERROR_FORMAT, "%s: chunk %u of type %08X: JSON comes first and once",
                        reader->name, i, type);
    }
    if (result == RG_OK && type == GLB_BIN && i != 1) {
      return result_set(RG_ERROR_FORMAT, "%s: chunk %u is binary: only the second can be",
                        reader->name, i);
    }
    if (type == GLB_JSON) {
      *text = (const char *)bytes;
      *length = size;
    } else if (type == GLB_BIN) {
      reader->chunk = bytes;
      reader->chunk_size = size;
    }
  }
  return result;
}

rg_result gltf_container_read(gltf_reader *reader, const char **text, size_t *length) {
  const file_data *data = &reader->data;
  if (data->size >= 4 && u32_at(data->bytes) == GLB_MAGIC) {
    return glb_read(reader, text, length);
  }
  *text = (const char *)data->bytes;
  *length = data->size;
  return RG_OK;
}

/* ---- URIs ---- */

static int base64_digit(char c) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const char *found = c != '\0' ? strchr(digits, c) : NULL;
  return found != NULL ? (int)(found - digits) : -1;
}

/* Four digits to `count` bytes; the places behind them are padding. False where a digit is wrong or
 * bits are left over. */
static bool base64_group(const char *text, uint32_t count, unsigned char *out) {
  uint32_t bits = 0;
  for (uint32_t i = 0; i < 4; i++) {
    const int digit = i > count ? 0 : base64_digit(text[i]);
    if (digit < 0) {
      return false;
    }
    bits = bits << 6 | (uint32_t)digit;
  }
  for (uint32_t i = 0; i < count; i++) {
    out[i] = (unsigned char)(bits >> (16 - 8 * i));
  }
  return (bits & (0xFFFFFFu >> 8 * count)) == 0;
}

static rg_result base64_read(const gltf_value *object, const char *text, arena *memory,
                             gltf_uri *out) {
  const size_t length = strlen(text);
  if (length % 4 != 0) {
    return gltf_fail(object, RG_ERROR_FORMAT, "uri", "base64 of %zu digits, not in groups of 4",
                     length);
  }
  const size_t last = length > 0 && text[length - 1] == '=';
  const size_t padding = last + (last == 1 && text[length - 2] == '=');
  out->size = length / 4 * 3 - padding;
  const rg_result result = gltf_size_count(object, out->size);
  if (result != RG_OK) {
    return result;
  }
  unsigned char *bytes = arena_alloc(memory, out->size + 1);
  if (bytes == NULL) {
    return result_no_memory("a data URI", out->size);
  }
  out->bytes = bytes;
  for (size_t i = 0; i < length; i += 4) {
    const uint32_t count = i + 4 == length ? (uint32_t)(3 - padding) : 3;
    if (!base64_group(text + i, count, bytes + i / 4 * 3)) {
      return gltf_fail(object, RG_ERROR_FORMAT, "uri", "broken base64 at digit %zu of %zu", i,
                       length);
    }
  }
  return RG_OK;
}

static rg_result data_uri_read(const gltf_value *object, const char *uri, arena *memory,
                               gltf_uri *out) {
  static const char encoding[] = ";base64,";
  const char *comma = strchr(uri, ',');
  const size_t head = comma != NULL ? (size_t)(comma + 1 - uri) : 0;
  const size_t tail = sizeof encoding - 1;
  if (head < tail || memcmp(uri + head - tail, encoding, tail) != 0) {
    return gltf_fail(object, RG_ERROR_UNSUPPORTED, "uri", "a data URI that is not base64");
  }
  return base64_read(object, uri + head, memory, out);
}

static int hex_digit(char c) {
  return isdigit((unsigned char)c)    ? c - '0'
         : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
                                      : -1;
}

/* In place: it only gets shorter. False for broken escapes and zero bytes. */
static bool percent_decode(char *text) {
  char *to = text;
  for (const char *from = text; *from != '\0'; from++) {
    int byte = (unsigned char)*from;
    if (byte == '%') {
      const int high = hex_digit(from[1]);
      const int low = high >= 0 ? hex_digit(from[2]) : -1;
      if (low < 0 || high + low == 0) {
        return false;
      }
      byte = high * 16 + low;
      from += 2;
    }
    *to++ = (char)byte;
  }
  *to = '\0';
  return true;
}

/* A scheme is what stands before a colon in the first part of the path. */
static bool has_scheme(const char *uri) {
  return uri[strcspn(uri, ":/")] == ':';
}

rg_result gltf_uri_read(const gltf_value *object, const char *uri, arena *memory, gltf_uri *out) {
  *out = (gltf_uri){0};
  if (strncmp(uri, "data:", 5) == 0) {
    return data_uri_read(object, uri, memory, out);
  }
  if (has_scheme(uri) || uri[0] == '/') {
    return gltf_fail(object, RG_ERROR_UNSUPPORTED, "uri",
                     "'%.60s' is neither relative nor a data URI", uri);
  }
  host_memory *host = object->reader->memory;
  char *path = arena_strdup(memory, uri);
  if (path == NULL) {
    return result_no_memory("a URI", strlen(uri));
  }
  if (!percent_decode(path) || path[0] == '\0' || path[0] == '/') {
    return gltf_fail(object, RG_ERROR_FORMAT, "uri", "'%.60s' names no relative file", uri);
  }
  char *sibling = file_sibling(host, object->reader->name, path);
  out->file = sibling != NULL ? arena_strdup(memory, sibling) : NULL;
  host_strfree(host, sibling);
  return out->file != NULL ? RG_OK : result_no_memory("a URI", strlen(uri));
}

rg_result gltf_size_count(const gltf_value *object, uint64_t size) {
  gltf_reader *reader = object->reader;
  if (size > reader->max_file_size - reader->loaded_size) {
    return gltf_fail(object, RG_ERROR_LIMIT, NULL,
                     "%llu bytes, after %llu of other buffers and images, exceed the limit of %llu",
                     (unsigned long long)size, (unsigned long long)reader->loaded_size,
                     (unsigned long long)reader->max_file_size);
  }
  reader->loaded_size += size;
  return RG_OK;
}

/* ---- Buffers ---- */

static rg_result buffer_load(const gltf_value *object, const char *uri, uint32_t index,
                             gltf_uri *out) {
  gltf_reader *reader = object->reader;
  rg_result result = gltf_uri_read(object, uri, &reader->scratch, out);
  if (result != RG_OK || out->file == NULL) {
    return result;
  }
  file_data *data = &reader->buffer_files[index];
  result = file_read(reader->roots, out->file, reader->max_file_size, data);
  if (result != RG_OK) {
    return result_prefix(result, "%s: %s.uri", reader->name, object->path);
  }
  out->bytes = data->bytes;
  out->size = data->size;
  return gltf_size_count(object, data->size);
}

static rg_result buffer_read(gltf_reader *reader, uint32_t index) {
  const gltf_value object = gltf_item(reader, GLTF_BUFFERS, index);
  const char *uri = NULL;
  uint64_t size = 0;
  gltf_uri found = {0};
  rg_result result = RG_OK;
  RG_TRY(gltf_require(&object, "byteLength"));
  RG_TRY(gltf_get_uint(&object, "byteLength", UINT64_MAX, &size));
  RG_TRY(gltf_get_string(&object, "uri", &uri));
  if (uri != NULL) {
    RG_TRY(buffer_load(&object, uri, index, &found));
  } else if (index == 0 && reader->chunk != NULL) {
    found = (gltf_uri){.bytes = reader->chunk, .size = reader->chunk_size};
  } else {
    return gltf_fail(&object, RG_ERROR_FORMAT, "uri",
                     "is missing, and there is no binary chunk for it");
  }
  if (size == 0 || size > found.size) {
    return gltf_fail(&object, RG_ERROR_FORMAT, "byteLength", "%llu, of data of %zu bytes",
                     (unsigned long long)size, found.size);
  }
  reader->buffers[index] = (gltf_buffer){.bytes = found.bytes, .size = (size_t)size};
fail:
  return result;
}

rg_result gltf_buffers_read(gltf_reader *reader) {
  const uint32_t count = reader->tables[GLTF_BUFFERS].count;
  if (count == 0) {
    return RG_OK;
  }
  reader->buffers = arena_alloc(&reader->scratch, count * sizeof *reader->buffers);
  reader->buffer_files = arena_alloc(&reader->scratch, count * sizeof *reader->buffer_files);
  if (reader->buffers == NULL || reader->buffer_files == NULL) {
    return result_no_memory("glTF buffers", count * sizeof *reader->buffer_files);
  }
  rg_result result = RG_OK;
  for (uint32_t i = 0; i < count && result == RG_OK; i++) {
    result = buffer_read(reader, i);
  }
  return result;
}

void gltf_buffers_finish(gltf_reader *reader) {
  for (uint32_t i = 0; reader->buffer_files != NULL && i < reader->tables[GLTF_BUFFERS].count;
       i++) {
    file_data_finish(&reader->buffer_files[i]);
  }
}

rg_result gltf_view_read(gltf_reader *reader, uint32_t index, gltf_view *out) {
  const gltf_value object = gltf_item(reader, GLTF_BUFFER_VIEWS, index);
  uint32_t buffer = GLTF_NONE;
  uint64_t offset = 0, size = 0, stride = 0;
  rg_result result = RG_OK;
  RG_TRY(gltf_require(&object, "buffer"));
  RG_TRY(gltf_require(&object, "byteLength"));
  RG_TRY(gltf_get_index(&object, "buffer", GLTF_BUFFERS, &buffer));
  RG_TRY(gltf_get_uint(&object, "byteOffset", UINT64_MAX, &offset));
  RG_TRY(gltf_get_uint(&object, "byteLength", UINT64_MAX, &size));
  RG_TRY(gltf_get_uint(&object, "byteStride", 252, &stride));
  const gltf_buffer *whole = &reader->buffers[buffer];
  if (size == 0 || offset > whole->size || size > whole->size - offset) {
    return gltf_fail(&object, RG_ERROR_FORMAT, "byteLength",
                     "%llu bytes at offset %llu, of a buffer of %zu", (unsigned long long)size,
                     (unsigned long long)offset, whole->size);
  }
  if (cJSON_HasObjectItem(object.json, "byteStride") && (stride < 4 || stride % 4 != 0)) {
    return gltf_fail(&object, RG_ERROR_FORMAT, "byteStride", "%llu is no multiple of 4, 4 to 252",
                     (unsigned long long)stride);
  }
  *out = (gltf_view){
      .bytes = whole->bytes + offset, .size = size, .offset = offset, .stride = (uint32_t)stride};
fail:
  return result;
}
