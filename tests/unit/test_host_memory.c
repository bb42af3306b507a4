/* The allocation seam: counts, overflow, failure, arenas and scopes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/host_memory.h"
#include "test_memory.h"

static uint64_t live_bytes(host_memory *memory) {
  return atomic_load(&memory->live_bytes);
}

static uint64_t live_count(host_memory *memory) {
  return atomic_load(&memory->live_count);
}

static void live_bytes_and_blocks_are_counted(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  char *a = host_alloc(&memory, 100);
  char *b = host_calloc(&memory, 10, 5);
  assert_int_equal(live_bytes(&memory), 150);
  assert_int_equal(live_count(&memory), 2);
  a = host_resize(&memory, a, 100, 30);
  assert_int_equal(live_bytes(&memory), 80);
  a = host_resize(&memory, a, 30, 4000);
  assert_int_equal(live_bytes(&memory), 4050);
  assert_int_equal(live_count(&memory), 2);
  host_free(&memory, a, 4000);
  assert_null(host_resize(&memory, b, 50, 0));
  host_free(&memory, NULL, 0);
  assert_int_equal(live_bytes(&memory), 0);
  assert_int_equal(live_count(&memory), 0);
}

static void resize_keeps_the_contents(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, &(rg_allocator){0});
  char *block = host_resize(&memory, NULL, 0, 4);
  memcpy(block, "abc", 4);
  block = host_resize(&memory, block, 4, 100000);
  assert_string_equal(block, "abc");
  host_free(&memory, block, 100000);
}

static void calloc_is_zeroed_with_any_allocator(void **state) {
  (void)state;
  test_memory counted = {0};
  rg_allocator allocator = test_memory_allocator(&counted);
  for (int i = 0; i < 2; i++) {
    host_memory memory;
    host_memory_init(&memory, i == 0 ? NULL : &allocator);
    unsigned char *dirt = host_alloc(&memory, 4096);
    memset(dirt, 0xFF, 4096);
    host_free(&memory, dirt, 4096);
    unsigned char *block = host_calloc(&memory, 512, 8);
    for (size_t j = 0; j < 4096; j++) {
      assert_int_equal(block[j], 0);
    }
    host_free(&memory, block, 4096);
    assert_int_equal(live_bytes(&memory), 0);
  }
  assert_int_equal(counted.live, 0);
}

static void sizes_that_overflow_never_reach_the_allocator(void **state) {
  (void)state;
  test_memory counted = {0};
  rg_allocator allocator = test_memory_allocator(&counted);
  host_memory memory;
  arena scratch;
  host_memory_init(&memory, &allocator);
  arena_init(&scratch, &memory);
  host_memory_scope scope = host_memory_scope_begin(&memory);
  assert_null(host_calloc(&memory, SIZE_MAX / 16 + 2, 16));
  assert_null(host_calloc(&memory, SIZE_MAX, 1));
  assert_null(host_alloc(&memory, SIZE_MAX));
  assert_null(scoped_malloc(SIZE_MAX));
  assert_null(scoped_calloc(SIZE_MAX / 16 + 2, 16));
  assert_null(arena_alloc(&scratch, SIZE_MAX));
  assert_null(arena_alloc(&scratch, PTRDIFF_MAX));
  assert_int_equal(counted.calls, 0);
  void *block = scoped_malloc(8);
  assert_null(scoped_realloc(block, SIZE_MAX));
  scoped_free(block);
  host_memory_scope_end(scope);
  arena_finish(&scratch);
  assert_int_equal(counted.live, 0);
}

static void size_zero_gives_null_and_counts_nothing(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  assert_null(host_alloc(&memory, 0));
  assert_null(host_calloc(&memory, 0, 8));
  assert_null(host_calloc(&memory, 8, 0));
  assert_null(host_resize(&memory, NULL, 0, 0));
  assert_int_equal(live_count(&memory), 0);
}

static void failed_resize_leaves_the_old_block(void **state) {
  (void)state;
  test_memory counted = {.fail_at = 2};
  rg_allocator allocator = test_memory_allocator(&counted);
  host_memory memory;
  host_memory_init(&memory, &allocator);
  char *block = host_strdup(&memory, "abc");
  assert_null(host_resize(&memory, block, 4, 100));
  assert_string_equal(block, "abc");
  assert_int_equal(live_bytes(&memory), 4);
  host_strfree(&memory, block);
  assert_int_equal(live_bytes(&memory), 0);
  assert_int_equal(counted.live, 0);
}

static void strings_are_copied_and_null_passes_through(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  char *copy = host_strdup(&memory, "regolith");
  assert_string_equal(copy, "regolith");
  assert_int_equal(live_bytes(&memory), 9);
  assert_null(host_strdup(&memory, NULL));
  host_strfree(&memory, copy);
  host_strfree(&memory, NULL);
  assert_int_equal(live_count(&memory), 0);
}

static void arena_blocks_are_zeroed_aligned_and_apart(void **state) {
  (void)state;
  test_memory counted = {0};
  rg_allocator allocator = test_memory_allocator(&counted);
  host_memory memory;
  host_memory_init(&memory, &allocator);
  arena scratch;
  arena_init(&scratch, &memory);
  unsigned char *blocks[500];
  for (size_t i = 0; i < 500; i++) {
    size_t size = i * i % 3001;
    blocks[i] = arena_alloc(&scratch, size);
    assert_non_null(blocks[i]);
    assert_int_equal((uintptr_t)blocks[i] % alignof(max_align_t), 0);
    for (size_t j = 0; j < size; j++) {
      assert_int_equal(blocks[i][j], 0);
    }
    memset(blocks[i], (int)(i % 255 + 1), size);
  }
  for (size_t i = 0; i < 500; i++) {
    for (size_t j = 0; j < i * i % 3001; j++) {
      assert_int_equal(blocks[i][j], i % 255 + 1);
    }
  }
  assert_true(counted.calls < 100);
  arena_finish(&scratch);
  assert_int_equal(counted.live, 0);
}

static void large_arena_block_does_not_waste_the_chunk(void **state) {
  (void)state;
  test_memory counted = {0};
  rg_allocator allocator = test_memory_allocator(&counted);
  host_memory memory;
  host_memory_init(&memory, &allocator);
  arena scratch;
  arena_init(&scratch, &memory);
  char *before = arena_alloc(&scratch, 16);
  assert_non_null(arena_alloc(&scratch, 1 << 20));
  char *after = arena_alloc(&scratch, 16);
  assert_ptr_equal(after, before + 16);
  arena_finish(&scratch);
  arena_finish(&scratch);
  assert_int_equal(counted.live, 0);
}

static void arena_strings_are_copied_and_formatted(void **state) {
  (void)state;
  host_memory memory;
  host_memory_init(&memory, NULL);
  arena scratch;
  arena_init(&scratch, &memory);
  assert_string_equal(arena_strdup(&scratch, "name"), "name");
  assert_null(arena_strdup(&scratch, NULL));
  assert_string_equal(arena_printf(&scratch, "%s[%d]", "node", 12), "node[12]");
  assert_memory_equal(arena_copy(&scratch, "xyz", 3), "xyz", 3);
  assert_non_null(arena_copy(&scratch, NULL, 0));
  char *wide = arena_printf(&scratch, "%5000d", 1);
  assert_int_equal(strlen(wide), 5000);
  arena_finish(&scratch);
  arena empty = {0};
  arena_finish(&empty);
  assert_int_equal(live_bytes(&memory), 0);
}

static void arena_out_of_memory_gives_null_and_stays_usable(void **state) {
  (void)state;
  test_memory counted = {.fail_at = 2};
  rg_allocator allocator = test_memory_allocator(&counted);
  host_memory memory;
  host_memory_init(&memory, &allocator);
  arena scratch;
  arena_init(&scratch, &memory);
  char *first = arena_strdup(&scratch, "first");
  assert_null(arena_printf(&scratch, "%100000d", 1));
  assert_string_equal(first, "first");
  assert_non_null(arena_alloc(&scratch, 100000));
  arena_finish(&scratch);
  assert_int_equal(counted.live, 0);
}

static void scoped_blocks_belong_to_the_scope_they_were_made_in(void **state) {
  (void)state;
  host_memory outer, inner;
  host_memory_init(&outer, NULL);
  host_memory_init(&inner, NULL);
  char *stray = scoped_malloc(10);
  host_memory_scope outer_scope = host_memory_scope_begin(&outer);
  char *a = scoped_malloc(10);
  host_memory_scope inner_scope = host_memory_scope_begin(&inner);
  char *b = scoped_calloc(10, 10);
  assert_int_equal(live_count(&outer), 1);
  assert_int_equal(live_count(&inner), 1);
  memcpy(a, "abc", 4);
  a = scoped_realloc(a, 10000);
  assert_string_equal(a, "abc");
  assert_true(live_bytes(&outer) >= 10000);
  host_memory_scope_end(inner_scope);
  char *c = scoped_realloc(NULL, 5);
  assert_int_equal(live_count(&outer), 2);
  scoped_free(stray);
  host_memory_scope_end(outer_scope);
  assert_int_equal(b[99], 0);
  assert_int_equal((uintptr_t)b % alignof(max_align_t), 0);
  scoped_free(a);
  scoped_free(b);
  scoped_free(c);
  scoped_free(NULL);
  assert_int_equal(live_bytes(&outer), 0);
  assert_int_equal(live_bytes(&inner), 0);
  stray = scoped_realloc(scoped_malloc(0), 20);
  assert_non_null(stray);
  scoped_free(stray);
}

static void scoped_allocation_fails_with_its_memory(void **state) {
  (void)state;
  test_memory counted = {.fail_at = 2, .fails_on = true};
  rg_allocator allocator = test_memory_allocator(&counted);
  host_memory memory;
  host_memory_init(&memory, &allocator);
  host_memory_scope scope = host_memory_scope_begin(&memory);
  char *block = scoped_malloc(4);
  memcpy(block, "abc", 4);
  assert_null(scoped_malloc(4));
  assert_null(scoped_calloc(1, 4));
  assert_null(scoped_realloc(block, 100));
  assert_string_equal(block, "abc");
  host_memory_scope_end(scope);
  scoped_free(block);
  assert_int_equal(counted.live, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(live_bytes_and_blocks_are_counted),
      cmocka_unit_test(resize_keeps_the_contents),
      cmocka_unit_test(calloc_is_zeroed_with_any_allocator),
      cmocka_unit_test(sizes_that_overflow_never_reach_the_allocator),
      cmocka_unit_test(size_zero_gives_null_and_counts_nothing),
      cmocka_unit_test(failed_resize_leaves_the_old_block),
      cmocka_unit_test(strings_are_copied_and_null_passes_through),
      cmocka_unit_test(arena_blocks_are_zeroed_aligned_and_apart),
      cmocka_unit_test(large_arena_block_does_not_waste_the_chunk),
      cmocka_unit_test(arena_strings_are_copied_and_formatted),
      cmocka_unit_test(arena_out_of_memory_gives_null_and_stays_usable),
      cmocka_unit_test(scoped_blocks_belong_to_the_scope_they_were_made_in),
      cmocka_unit_test(scoped_allocation_fails_with_its_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
