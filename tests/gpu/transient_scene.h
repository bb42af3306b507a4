/* What the tests of transient resources share. */
#ifndef RG_TESTS_TRANSIENT_SCENE_H
#define RG_TESTS_TRANSIENT_SCENE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gpu_commands.h"
#include "gpu_material.h"

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))
#define SAMPLED VK_IMAGE_USAGE_SAMPLED_BIT
#define STORAGE VK_IMAGE_USAGE_STORAGE_BIT
#define TARGET (VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT)
#define DEPTH (VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT)

static inline rg_result destroy(gpu_test *test, rg_handle handle) {
  return rg_type_of(handle.id) == RG_TYPE_TEXTURE
             ? rg_texture_destroy(test->engine, (rg_texture){handle.id})
             : rg_buffer_destroy(test->engine, (rg_buffer){handle.id});
}

static inline void destroy_all(gpu_test *test, const rg_handle *handles, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    assert_ok(destroy(test, handles[i]));
  }
}

static inline uint64_t memory_used(gpu_test *test) {
  rg_memory_stats stats;
  assert_ok(rg_collect(test->engine));
  rg_memory_get_stats(test->engine, &stats);
  return stats.used;
}

static inline rg_resource_memory place_of(gpu_test *test, rg_handle handle) {
  rg_resource_memory out;
  assert_ok(rg_resource_get_memory(test->engine, handle.id, &out));
  return out;
}

static inline bool shares_bytes(gpu_test *test, rg_handle a, rg_handle b) {
  const rg_resource_memory first = place_of(test, a), second = place_of(test, b);
  return first.memory == second.memory && first.offset < second.offset + second.size &&
         second.offset < first.offset + first.size;
}

static inline rg_texture_vk texture_vk(gpu_test *test, rg_handle handle) {
  rg_texture_vk out;
  assert_ok(rg_texture_get_vk(test->engine, (rg_texture){handle.id}, &out));
  return out;
}

#endif
