/* What is told of device memory: statistics, JSON and pictures against situations made by hand. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_test.h"

static rg_buffer make(gpu_test *test, rg_buffer_desc desc) {
  rg_buffer buffer;
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  return buffer;
}

static rg_resource_memory place_of(gpu_test *test, uint64_t id) {
  rg_resource_memory memory;
  assert_ok(rg_resource_get_memory(test->engine, id, &memory));
  return memory;
}

/* ---- Resources and labels ------------------------------------------------------------------ */

static void resources_tell_where_they_lie(void **state) {
  gpu_test *test = *state;
  rg_buffer small[2], large;
  for (uint32_t i = 0; i < 2; i++) {
    small[i] = make(test, (rg_buffer_desc){.size = 256});
  }
  large = make(test, (rg_buffer_desc){.size = 300000});
  rg_texture texture;
  assert_ok(
      rg_texture_create(test->engine, &(rg_texture_desc){.width = 64, .height = 32}, &texture));
  rg_resource_memory first = place_of(test, small[0].id), second = place_of(test, small[1].id);
  assert_true(first.is_shared && second.is_shared);
  assert_true(first.memory == second.memory);
  assert_true(first.offset + first.size <= second.offset ||
              second.offset + second.size <= first.offset);
  assert_true(first.size >= 256 && first.size <= 512);
  rg_resource_memory own = place_of(test, large.id);
  assert_true(!own.is_shared && !own.is_aliased && !own.is_dedicated);
  assert_true(own.size >= 300000 && own.offset % own.alignment == 0);
  assert_int_equal(own.pool.id, 0);
  assert_true(place_of(test, texture.id).size >= 64 * 32 * 4);
  rg_shader shader =
      gpu_test_compute(test, "none", "#version 450\nlayout(local_size_x=1) in;void main(){}");
  assert_null(place_of(test, shader.id).memory);
  assert_ok(rg_shader_destroy(test->engine, shader));
  assert_ok(rg_texture_destroy(test->engine, texture));
  assert_ok(rg_buffer_destroy(test->engine, small[0]));
  assert_ok(rg_buffer_destroy(test->engine, small[1]));
  assert_ok(rg_buffer_destroy(test->engine, large));
  assert_error(rg_resource_get_memory(test->engine, large.id, &own), RG_ERROR_STALE_HANDLE, "");
  assert_null(own.memory);
  assert_int_equal(own.size, 0);
}

static void labels_are_summed(void **state) {
  gpu_test *test = *state;
  rg_label_stats stats, unnamed_before, unnamed;
  rg_memory_get_label_stats(test->engine, NULL, &unnamed_before);
  rg_buffer buffers[4];
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < 4; i++) {
    buffers[i] =
        make(test, (rg_buffer_desc){.size = (i + 1) * 50000, .label = i < 3 ? "scene" : NULL});
    bytes += i < 3 ? place_of(test, buffers[i].id).size : 0;
  }
  rg_texture texture;
  assert_ok(rg_texture_create(
      test->engine, &(rg_texture_desc){.width = 64, .height = 64, .label = "scene"}, &texture));
  bytes += place_of(test, texture.id).size;
  rg_memory_get_label_stats(test->engine, "scene", &stats);
  assert_int_equal(stats.count, 4);
  assert_int_equal(stats.bytes, bytes);
  rg_memory_get_label_stats(test->engine, "", &unnamed);
  assert_int_equal(unnamed.count, unnamed_before.count + 1);
  assert_int_equal(unnamed.bytes, unnamed_before.bytes + place_of(test, buffers[3].id).size);
  rg_memory_get_label_stats(test->engine, "scen", &stats);
  assert_int_equal(stats.count, 0);
  assert_ok(rg_texture_destroy(test->engine, texture));
  for (uint32_t i = 0; i < 4; i++) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
  }
  rg_memory_get_label_stats(test->engine, "scene", &stats);
  assert_int_equal(stats.count, 0);
  assert_int_equal(stats.bytes, 0);
}

/* ---- Pools --------------------------------------------------------------------------------- */

#define POOL_BLOCK (1u << 20)

static rg_pool make_pool(gpu_test *test) {
  rg_pool pool;
  rg_pool_desc desc = {.block_size = POOL_BLOCK, .strategy = RG_POOL_STACK, .label = "by hand"};
  assert_ok(rg_pool_create(test->engine, &desc, &pool));
  return pool;
}

static rg_pool_stats stats_of(gpu_test *test, rg_pool pool) {
  rg_pool_stats stats;
  assert_ok(rg_pool_get_stats(test->engine, pool, &stats));
  return stats;
}

/* Four ranges one behind the other; then the first goes. */
static void a_pools_numbers_are_those_of_its_ranges(void **state) {
  gpu_test *test = *state;
  rg_pool pool = make_pool(test);
  rg_buffer buffers[4];
  uint64_t used = 0;
  for (uint32_t i = 0; i < 4; i++) {
    buffers[i] = make(test, (rg_buffer_desc){.size = 102400 + 4096 * i, .pool = pool});
    used += place_of(test, buffers[i].id).size;
    assert_int_equal(place_of(test, buffers[i].id).pool.id, pool.id);
  }
  rg_pool_stats stats = stats_of(test, pool);
  assert_int_equal(stats.pool.id, pool.id);
  assert_int_equal(stats.blocks, 1);
  assert_int_equal(stats.ranges, 4);
  assert_int_equal(stats.size, POOL_BLOCK);
  assert_int_equal(stats.used, used);
  assert_int_equal(stats.largest_free, POOL_BLOCK - used);
  assert_true(stats.fragmentation == 0.0);
  rg_resource_memory first = place_of(test, buffers[0].id);
  assert_int_equal(first.offset, 0);
  assert_ok(rg_buffer_destroy(test->engine, buffers[0]));
  assert_ok(rg_collect(test->engine));
  stats = stats_of(test, pool);
  uint64_t hole = POOL_BLOCK - used;
  assert_int_equal(stats.ranges, 3);
  assert_int_equal(stats.used, used - first.size);
  assert_int_equal(stats.largest_free, hole);
  double expected = (double)first.size / (double)(hole + first.size);
  assert_true(stats.fragmentation > expected - 1e-6 && stats.fragmentation < expected + 1e-6);
  for (uint32_t i = 1; i < 4; i++) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
  }
  assert_ok(rg_pool_destroy(test->engine, pool));
}

static void all_pools_add_up_to_the_heaps(void **state) {
  gpu_test *test = *state;
  rg_pool pool = make_pool(test);
  rg_buffer in_pool = make(test, (rg_buffer_desc){.size = 100000, .pool = pool});
  rg_buffer outside = make(test, (rg_buffer_desc){.size = 3 << 20});
  rg_memory_stats stats;
  rg_memory_get_stats(test->engine, &stats);
  uint64_t heaps = 0, pools = 0, used = 0;
  for (uint32_t i = 0; i < stats.heap_count; i++) {
    heaps += stats.heaps[i].used;
  }
  for (uint32_t i = 0; i < stats.pool_count; i++) {
    pools += stats.pools[i].size;
    used += stats.pools[i].used;
    assert_true(stats.pools[i].padding <= stats.pools[i].used);
  }
  assert_int_equal(stats.size, heaps);
  assert_int_equal(stats.size, pools + POOL_BLOCK);
  assert_int_equal(stats.used, used + place_of(test, in_pool.id).size);
  rg_memory_totals totals;
  rg_memory_get_totals(test->engine, VK_MAX_MEMORY_HEAPS, &totals);
  assert_int_equal(totals.size, stats.size);
  assert_int_equal(totals.used, stats.used);
  assert_ok(rg_buffer_destroy(test->engine, outside));
  assert_ok(rg_buffer_destroy(test->engine, in_pool));
  assert_ok(rg_pool_destroy(test->engine, pool));
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static double number_of(const cJSON *object, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
  if (!cJSON_IsNumber(item)) {
    fail_msg("no number '%s' in %s", name, cJSON_PrintUnformatted(object));
  }
  return item->valuedouble;
}

static const char *string_of(const cJSON *object, const char *name) {
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
  return cJSON_IsString(item) ? item->valuestring : "";
}

static cJSON *json_of(gpu_test *test, bool is_detailed) {
  char *text = NULL;
  assert_ok(rg_memory_json(test->engine, is_detailed, &text));
  const char *end = NULL;
  cJSON *json = cJSON_ParseWithOpts(text, &end, true);
  if (json == NULL) {
    fail_msg("no JSON at: %.80s", end);
  }
  rg_string_free(test->engine, text);
  return json;
}

/* The range of a resource, or of what it lies in, by the id as text. */
static const cJSON *range_find(const cJSON *ranges, const char *id) {
  const cJSON *range = NULL;
  cJSON_ArrayForEach(range, ranges) {
    const cJSON *contents = cJSON_GetObjectItemCaseSensitive(range, "contents");
    const cJSON *inside = contents == NULL ? NULL : range_find(contents, id);
    if (inside != NULL || strcmp(string_of(range, "id"), id) == 0) {
      return inside != NULL ? inside : range;
    }
  }
  return NULL;
}

static void assert_in_json(gpu_test *test, const cJSON *json, uint64_t id, const char *kind,
                           const char *label) {
  char text[24], memory[24];
  rg_resource_memory place = place_of(test, id);
  snprintf(text, sizeof text, "%llx", (unsigned long long)id);
  snprintf(memory, sizeof memory, "%llx", (unsigned long long)(uintptr_t)place.memory);
  const cJSON *block = NULL, *found = NULL;
  cJSON_ArrayForEach(block, cJSON_GetObjectItemCaseSensitive(json, "blocks")) {
    if (strcmp(string_of(block, "memory"), memory) == 0) {
      found = range_find(cJSON_GetObjectItemCaseSensitive(block, "ranges"), text);
      break;
    }
  }
  assert_non_null(found);
  assert_true(number_of(found, "offset") == (double)place.offset);
  assert_true(number_of(found, "size") == (double)place.size);
  assert_string_equal(string_of(found, "kind"), kind);
  assert_string_equal(string_of(found, "label"), label);
}

/* Ranges follow one another without gaps, from the block's start to its end. */
static double assert_tiled(const cJSON *json) {
  const cJSON *block = NULL, *range = NULL;
  double all = 0;
  cJSON_ArrayForEach(block, cJSON_GetObjectItemCaseSensitive(json, "blocks")) {
    double at = 0;
    cJSON_ArrayForEach(range, cJSON_GetObjectItemCaseSensitive(block, "ranges")) {
      assert_true(number_of(range, "offset") == at);
      at += number_of(range, "size");
    }
    assert_true(at == number_of(block, "size"));
    all += at;
  }
  return all;
}

static double sum_of_kinds(const cJSON *json) {
  double sum = 0;
  const cJSON *kind = NULL;
  cJSON_ArrayForEach(kind, cJSON_GetObjectItemCaseSensitive(json, "kinds")) {
    sum += number_of(kind, "bytes");
  }
  return sum;
}

static void json_names_every_range_of_every_block(void **state) {
  gpu_test *test = *state;
  static const char odd[] = "\"\\\n\x01<&>\xFF\xC3\x28 \xE2\x82\xAC";
  static const char odd_as_read[] = "\"\\\n\x01<&>\xEF\xBF\xBD\xEF\xBF\xBD( \xE2\x82\xAC";
  rg_pool pool = make_pool(test);
  rg_buffer small[40], own = make(test, (rg_buffer_desc){.size = 200000, .label = odd});
  rg_buffer pooled = make(test, (rg_buffer_desc){.size = 70000, .label = "pooled", .pool = pool});
  for (uint32_t i = 0; i < 40; i++) {
    small[i] = make(test, (rg_buffer_desc){.size = 16 + 100 * i, .label = "small"});
  }
  rg_texture texture;
  rg_texture_desc desc = {.width = 100, .height = 100, .label = "picture"};
  assert_ok(rg_texture_create(test->engine, &desc, &texture));
  for (uint32_t i = 0; i < 40; i += 3) {
    assert_ok(rg_buffer_destroy(test->engine, small[i]));
  }
  assert_ok(rg_collect(test->engine));
  cJSON *json = json_of(test, true);
  assert_in_json(test, json, own.id, "buffer", odd_as_read);
  assert_in_json(test, json, pooled.id, "buffer", "pooled");
  assert_in_json(test, json, texture.id, "texture", "picture");
  for (uint32_t i = 0; i < 40; i++) {
    if (i % 3 != 0) {
      assert_in_json(test, json, small[i].id, "shared", "small");
      assert_ok(rg_buffer_destroy(test->engine, small[i]));
    }
  }
  double size = number_of(json, "size");
  assert_true(assert_tiled(json) == size);
  assert_true(sum_of_kinds(json) == size);
  const cJSON *kinds = cJSON_GetObjectItemCaseSensitive(json, "kinds");
  assert_true(number_of(cJSON_GetObjectItemCaseSensitive(kinds, "shared"), "count") == 26);
  cJSON_Delete(json);
  assert_ok(rg_texture_destroy(test->engine, texture));
  assert_ok(rg_buffer_destroy(test->engine, own));
  assert_ok(rg_buffer_destroy(test->engine, pooled));
  assert_ok(rg_pool_destroy(test->engine, pool));
}

static void json_without_details_has_totals_only(void **state) {
  gpu_test *test = *state;
  rg_buffer buffers[3];
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < 3; i++) {
    buffers[i] = make(test, (rg_buffer_desc){.size = 1000, .label = "counted"});
    bytes += place_of(test, buffers[i].id).size;
  }
  cJSON *json = json_of(test, false);
  const cJSON *label = NULL, *block = NULL;
  double count = 0;
  cJSON_ArrayForEach(label, cJSON_GetObjectItemCaseSensitive(json, "labels")) {
    if (strcmp(string_of(label, "label"), "counted") == 0) {
      count = number_of(label, "count");
      assert_true(number_of(label, "bytes") == (double)bytes);
    }
  }
  assert_true(count == 3);
  cJSON_ArrayForEach(block, cJSON_GetObjectItemCaseSensitive(json, "blocks")) {
    assert_null(cJSON_GetObjectItemCaseSensitive(block, "ranges"));
  }
  rg_memory_stats stats;
  rg_memory_get_stats(test->engine, &stats);
  assert_true(number_of(json, "used") == (double)stats.used);
  cJSON_Delete(json);
  for (uint32_t i = 0; i < 3; i++) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
  }
}

/* ---- Transient resources ------------------------------------------------------------------- */

static void transients_show_as_such(void **state) {
  gpu_test *test = *state;
  rg_texture_desc texture = {.width = 256, .height = 256, .label = "step"};
  rg_transient_desc descs[2] = {{.texture = &texture, .first_use = 0, .last_use = 1},
                                {.texture = &texture, .first_use = 2, .last_use = 3}};
  rg_handle handles[2];
  rg_transient_info info;
  assert_ok(rg_transients_create(test->engine, descs, 2, handles, &info));
  rg_resource_memory first = place_of(test, handles[0].id), second = place_of(test, handles[1].id);
  assert_true(first.is_aliased && second.is_aliased);
  assert_true(first.memory == second.memory && first.offset == second.offset);
  cJSON *json = json_of(test, true);
  assert_in_json(test, json, handles[0].id, "transient", "step");
  assert_in_json(test, json, handles[1].id, "transient", "step");
  assert_true(assert_tiled(json) == sum_of_kinds(json));
  cJSON_Delete(json);
  for (uint32_t i = 0; i < 2; i++) {
    assert_ok(rg_texture_destroy(test->engine, (rg_texture){handles[i].id}));
  }
}

/* ---- Pictures ------------------------------------------------------------------------------ */

/* Elements are closed in the order they were opened, and attributes quoted. */
static void assert_well_formed(const char *svg) {
  unsigned depth = 0, elements = 0;
  for (const char *at = svg; (at = strchr(at, '<')) != NULL;) {
    bool is_end = at[1] == '/';
    const char *close = strchr(at, '>');
    assert_non_null(close);
    unsigned quotes = 0;
    for (const char *i = at; i < close; i++) {
      assert_true(i == at || *i != '<');
      quotes += *i == '"';
    }
    assert_int_equal(quotes % 2, 0);
    if (is_end) {
      assert_true(depth-- > 0);
    } else if (close[-1] != '/') {
      depth++;
    }
    elements++;
    at = close;
  }
  assert_int_equal(depth, 0);
  assert_true(elements > 5);
}

static void pictures_are_well_formed_whatever_labels_hold(void **state) {
  gpu_test *test = *state;
  rg_buffer buffer = make(test, (rg_buffer_desc){.size = 400000, .label = "</svg>\"&\x02\xFF"});
  char *svg = NULL;
  assert_ok(rg_memory_svg(test->engine, &svg));
  assert_well_formed(svg);
  assert_int_equal(strncmp(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\"", 39), 0);
  assert_non_null(strstr(svg, "&#60;/svg&#62;&#34;&#38;\xEF\xBF\xBD\xEF\xBF\xBD"));
  rg_string_free(test->engine, svg);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
}

#define MANY 20000

static void pictures_of_much_stay_small(void **state) {
  gpu_test *test = *state;
  rg_buffer *buffers = calloc(MANY, sizeof *buffers);
  char label[64];
  for (uint32_t i = 0; i < MANY; i++) {
    snprintf(label, sizeof label, "a rather long label of resource number %u", i);
    buffers[i] = make(test, (rg_buffer_desc){.size = 16 + i % 5000, .label = label});
  }
  for (uint32_t i = 0; i < MANY; i += 2) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
  }
  char *svg = NULL;
  assert_ok(rg_memory_svg(test->engine, &svg));
  assert_true(strlen(svg) < 1000000);
  assert_well_formed(svg);
  rg_string_free(test->engine, svg);
  cJSON *json = json_of(test, true);
  assert_true(assert_tiled(json) == sum_of_kinds(json));
  cJSON_Delete(json);
  for (uint32_t i = 1; i < MANY; i += 2) {
    assert_ok(rg_buffer_destroy(test->engine, buffers[i]));
  }
  free(buffers);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)
  const struct CMUnitTest tests[] = {
      TEST(resources_tell_where_they_lie),
      TEST(labels_are_summed),
      TEST(a_pools_numbers_are_those_of_its_ranges),
      TEST(all_pools_add_up_to_the_heaps),
      TEST(json_names_every_range_of_every_block),
      TEST(json_without_details_has_totals_only),
      TEST(transients_show_as_such),
      TEST(pictures_are_well_formed_whatever_labels_hold),
      TEST(pictures_of_much_stay_small),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
