/* Memory that other devices open: what one engine wrote is there for a second device, and back. */
#include <string.h>
#include <unistd.h>

#include "fake_test.h"

enum { SIZE = 65536 };

/* ---- A second device, by Vulkan's own calls -------------------------------------------------- */

/* A buffer over imported memory, mapped. */
typedef struct imported {
  const rg_engine_vk *vk;
  VkBuffer buffer;
  VkDeviceMemory memory;
  unsigned char *bytes;
} imported;

#define CALL(vk, name) ((PFN_vk##name)(vk)->get_device_proc_addr((vk)->device, "vk" #name))

static void import_buffer(const rg_engine_vk *vk, const rg_resource_memory *from, int fd,
                          imported *out) {
  *out = (imported){.vk = vk};
  const VkExternalMemoryBufferCreateInfo external = {
      .sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
      .handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT};
  const VkBufferCreateInfo buffer = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                     .pNext = &external,
                                     .size = SIZE,
                                     .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                              VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                              VK_BUFFER_USAGE_TRANSFER_DST_BIT};
  assert_int_equal(CALL(vk, CreateBuffer)(vk->device, &buffer, NULL, &out->buffer), VK_SUCCESS);
  const VkMemoryDedicatedAllocateInfo dedicated = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO, .buffer = out->buffer};
  const VkImportMemoryFdInfoKHR import = {
      .sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
      .pNext = from->is_dedicated ? &dedicated : NULL,
      .handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_OPAQUE_FD_BIT,
      .fd = fd};
  const VkMemoryAllocateInfo memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                       .pNext = &import,
                                       .allocationSize = from->size,
                                       .memoryTypeIndex = from->memory_type};
  assert_int_equal(CALL(vk, AllocateMemory)(vk->device, &memory, NULL, &out->memory), VK_SUCCESS);
  assert_int_equal(CALL(vk, BindBufferMemory)(vk->device, out->buffer, out->memory, from->offset),
                   VK_SUCCESS);
  void *mapped = NULL;
  assert_int_equal(CALL(vk, MapMemory)(vk->device, out->memory, 0, VK_WHOLE_SIZE, 0, &mapped),
                   VK_SUCCESS);
  out->bytes = (unsigned char *)mapped + from->offset;
}

static void import_end(imported *self) {
  CALL(self->vk, DestroyBuffer)(self->vk->device, self->buffer, NULL);
  CALL(self->vk, FreeMemory)(self->vk->device, self->memory, NULL);
}

static void fill(unsigned char *bytes, unsigned seed) {
  for (uint32_t i = 0; i < SIZE; i++) {
    bytes[i] = (unsigned char)(i * 7 + (i >> 8) + seed);
  }
}

/* In memory that the test can map. Both drivers of the test machines can; a device that cannot says
 * so on creation. */
static rg_result create_exportable(gpu_test *test, const void *data, rg_buffer *out) {
  const rg_buffer_desc desc = {.size = SIZE,
                               .update = RG_UPDATE_STREAM,
                               .is_exportable = true,
                               .data = data,
                               .label = "shared"};
  return rg_buffer_create(test->engine, &desc, out);
}

static void skip_where_unsupported(rg_result result) {
  if (result == RG_ERROR_UNSUPPORTED) {
    print_message("skipped: %s\n", rg_error());
    skip();
  }
}

/* ---- Tests ---------------------------------------------------------------------------------- */

static void what_one_device_writes_another_reads_and_back(void **state) {
  gpu_test *test = *state;
  static unsigned char bytes[SIZE], found[SIZE];
  rg_buffer buffer = {0};
  fill(bytes, 1);
  const rg_result result = create_exportable(test, bytes, &buffer);
  skip_where_unsupported(result);
  assert_ok(result);
  assert_ok(rg_buffer_read(test->engine, buffer, 0, found, SIZE));
  gpu_log log;
  gpu_log_init(&log);
  rg_engine_desc desc = gpu_test_desc(&log);
  rg_engine *second = NULL;
  assert_ok(rg_engine_create(&desc, &second));
  rg_engine_vk vk;
  rg_engine_get_vk(second, &vk);
  rg_resource_memory memory;
  int fd = -1;
  assert_ok(rg_resource_get_memory(test->engine, buffer.id, &memory));
  assert_ok(rg_resource_export(test->engine, buffer.id, &fd));
  assert_true(fd >= 0);
  imported import;
  import_buffer(&vk, &memory, fd, &import); /* which takes the descriptor over */
  assert_memory_equal(import.bytes, bytes, SIZE);
  fill(import.bytes, 99);
  fill(bytes, 99);
  assert_ok(rg_buffer_read(test->engine, buffer, 0, found, SIZE));
  assert_memory_equal(found, bytes, SIZE);
  import_end(&import);
  rg_engine_destroy(second);
  assert_int_equal(log.validation_count, 0);
  assert_ok(rg_buffer_destroy(test->engine, buffer));
}

static void a_texture_s_memory_is_exported(void **state) {
  gpu_test *test = *state;
  rg_texture texture = {0};
  const rg_texture_desc desc = {.width = 64, .height = 64, .is_exportable = true};
  const rg_result result = rg_texture_create(test->engine, &desc, &texture);
  skip_where_unsupported(result);
  assert_ok(result);
  int fd = -1;
  assert_ok(rg_resource_export(test->engine, texture.id, &fd));
  assert_true(fd >= 0);
  assert_int_equal(close(fd), 0);
  assert_ok(rg_texture_destroy(test->engine, texture));
}

static void only_what_was_made_for_it_is_exported(void **state) {
  gpu_test *test = *state;
  int fd = 5;
  rg_buffer buffer = {0};
  const rg_buffer_desc desc = {.size = SIZE, .own_vk_buffer = true, .label = "private"};
  assert_ok(rg_buffer_create(test->engine, &desc, &buffer));
  assert_error(rg_resource_export(test->engine, buffer.id, &fd), RG_ERROR_UNSUPPORTED,
               "buffer 'private': it was not created as exportable");
  assert_int_equal(fd, -1);
  rg_texture texture = {0};
  const rg_texture_desc texture_desc = {.width = 8, .height = 8, .label = "own"};
  assert_ok(rg_texture_create(test->engine, &texture_desc, &texture));
  assert_error(rg_resource_export(test->engine, texture.id, &fd), RG_ERROR_UNSUPPORTED,
               "texture 'own': it was not created as exportable");
  assert_ok(rg_texture_destroy(test->engine, texture));
  assert_error(rg_resource_export(test->engine, buffer.id, NULL), RG_ERROR_INVALID_ARGUMENT, "fd");
  assert_ok(rg_buffer_destroy(test->engine, buffer));
  assert_error(rg_resource_export(test->engine, buffer.id, &fd), RG_ERROR_STALE_HANDLE, "private");
  const rg_shader shader = gpu_test_compute(
      test, "empty", "#version 450\nlayout(local_size_x = 1) in;\nvoid main() {}\n");
  assert_error(rg_resource_export(test->engine, shader.id, &fd), RG_ERROR_WRONG_TYPE, "shader");
  assert_ok(rg_shader_destroy(test->engine, shader));
}

/* Whoever imported the memory does not learn of moves. */
static void what_an_exportable_pool_holds_is_exported_and_stays(void **state) {
  gpu_test *test = *state;
  enum { COUNT = 24 };
  for (uint32_t is_texture = 0; is_texture < 2; is_texture++) {
    const rg_pool_desc pool_desc = {
        .is_exportable = true, .is_for_textures = is_texture != 0, .block_size = 1u << 20};
    rg_pool pool;
    const rg_result result = rg_pool_create(test->engine, &pool_desc, &pool);
    skip_where_unsupported(result);
    assert_ok(result);
    uint64_t ids[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
      const rg_texture_desc texture = {
          .width = 128, .height = 128, .pool = pool, .is_movable = true};
      const rg_buffer_desc buffer = {.size = 100000, .pool = pool, .is_movable = true};
      rg_texture made = {0};
      rg_buffer shared = {0};
      assert_ok(is_texture != 0 ? rg_texture_create(test->engine, &texture, &made)
                                : rg_buffer_create(test->engine, &buffer, &shared));
      ids[i] = is_texture != 0 ? made.id : shared.id;
    }
    rg_resource_memory before, after;
    int fd = -1;
    assert_ok(rg_resource_get_memory(test->engine, ids[COUNT - 1], &before));
    assert_false(before.is_dedicated);
    assert_ok(rg_resource_export(test->engine, ids[COUNT - 1], &fd));
    assert_int_equal(close(fd), 0);
    for (uint32_t i = 0; i < COUNT - 1; i++) {
      assert_ok(is_texture != 0 ? rg_texture_destroy(test->engine, (rg_texture){ids[i]})
                                : rg_buffer_destroy(test->engine, (rg_buffer){ids[i]}));
    }
    rg_defragment_info info;
    assert_ok(rg_collect(test->engine));
    assert_ok(rg_defragment(test->engine, NULL, &info));
    assert_true(info.moves == 0 && info.is_done);
    assert_ok(rg_resource_get_memory(test->engine, ids[COUNT - 1], &after));
    assert_true(before.memory == after.memory && before.offset == after.offset);
    assert_ok(is_texture != 0 ? rg_texture_destroy(test->engine, (rg_texture){ids[COUNT - 1]})
                              : rg_buffer_destroy(test->engine, (rg_buffer){ids[COUNT - 1]}));
    assert_ok(rg_pool_destroy(test->engine, pool));
  }
}

/* Of a texture and a buffer, by the allocation that they get. */
static void exported_memory_is_the_resource_s_own(void **state) {
  (void)state;
  static fake_test fake;
  fake_test_begin(&fake, &(fake_device_desc){.layout = FAKE_DISCRETE}, NULL);
  rg_buffer buffer = {0};
  const rg_buffer_desc desc = {.size = 256, .is_exportable = true};
  const rg_result result = rg_buffer_create(fake.engine, &desc, &buffer);
  if (result == RG_OK) {
    assert_true(fake_allocation_last().is_exported);
    rg_resource_memory memory;
    assert_ok(rg_resource_get_memory(fake.engine, buffer.id, &memory));
    assert_true(memory.is_dedicated);
    assert_int_equal(memory.offset, 0);
    assert_ok(rg_buffer_destroy(fake.engine, buffer));
  }
  fake_test_end(&fake);
  skip_where_unsupported(result);
}

static void a_device_without_the_extension_says_so(void **state) {
  (void)state;
  static fake_test fake;
  fake_test_begin(&fake, &(fake_device_desc){.has_no_external = true}, NULL);
  rg_buffer buffer = {0};
  const rg_buffer_desc desc = {.size = SIZE, .is_exportable = true, .label = "shared"};
  assert_error(rg_buffer_create(fake.engine, &desc, &buffer), RG_ERROR_UNSUPPORTED,
               "buffer 'shared': is_exportable, but VK_KHR_external_memory_fd");
  rg_texture texture = {0};
  const rg_texture_desc texture_desc = {.width = 8, .height = 8, .is_exportable = true};
  assert_error(rg_texture_create(fake.engine, &texture_desc, &texture), RG_ERROR_UNSUPPORTED,
               "VK_KHR_external_memory_fd");
  fake_test_end(&fake);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, gpu_test_setup, gpu_test_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_one_device_writes_another_reads_and_back),
      TEST(a_texture_s_memory_is_exported),
      TEST(only_what_was_made_for_it_is_exported),
      TEST(what_an_exportable_pool_holds_is_exported_and_stays),
      cmocka_unit_test(exported_memory_is_the_resource_s_own),
      cmocka_unit_test(a_device_without_the_extension_says_so),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
