/* What the GPU tests share: an engine under validation whose every message fails the test, a log
 * that can be searched, an offscreen draw, and assertions that show the engine's own message. */
#ifndef RG_TESTS_GPU_TEST_H
#define RG_TESTS_GPU_TEST_H

#include <pthread.h>
#include <regolith/regolith.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* after those, which it needs */
#include <cmocka.h>

#define GPU_LOG_SIZE 65536

/* Messages as they came, one a line, cut where the room ends. */
typedef struct gpu_log {
  pthread_mutex_t lock; /* not C11's: thread sanitizers do not see those */
  char text[GPU_LOG_SIZE];
  size_t length;
  unsigned validation_count;
} gpu_log;

void gpu_log_init(gpu_log *log);
void gpu_log_clear(gpu_log *log);
bool gpu_log_has(gpu_log *log, const char *text);
/* How often the text occurs. */
unsigned gpu_log_count(gpu_log *log, const char *text);
void gpu_log_write(void *user, rg_log_level level, const char *message);

/* Validation on, messages to the log. */
rg_engine_desc gpu_test_desc(gpu_log *log);

typedef struct gpu_test {
  gpu_log log;
  rg_engine *engine;
  rg_engine_vk vk;
  rg_device_info device;
  rg_limits limits;
} gpu_test;

/* cmocka's setup and teardown: *state is a gpu_test. The teardown fails the test on any validation
 * message, and on anything that was not destroyed. */
int gpu_test_setup(void **state);
int gpu_test_teardown(void **state);
/* As gpu_test_teardown for tests that leave resources behind on purpose. */
int gpu_test_teardown_leaky(void **state);

/* Skips the test, before it makes anything, where the device lacks dynamic rendering. */
void gpu_test_needs_drawing(const gpu_test *test);
/* Draws that many vertices with the material over a target of one colour, cleared to transparent
 * black. `vertices` may be null. */
void gpu_test_draw(gpu_test *test, rg_material material, const rg_pipeline_target *target,
                   rg_texture texture, rg_buffer vertices, uint32_t count);
/* A 4 × 4 render target of rgba8. */
rg_texture gpu_test_target(gpu_test *test);
/* Draws a full-screen triangle and returns the pixel in the middle as 0xAABBGGRR. */
uint32_t gpu_test_color(gpu_test *test, rg_material material, rg_texture texture);

/* A full-screen triangle's vertex stage, with `uv` from 0 to 1. */
extern const char gpu_test_vertex_source[];
/* A shader of that stage and the given fragment source, or of one compute source. */
rg_shader gpu_test_shader(gpu_test *test, const char *label, const char *fragment);
rg_shader gpu_test_compute(gpu_test *test, const char *label, const char *source);

void assert_ok_at(rg_result result, const char *call, const char *file, int line);
void assert_error_at(rg_result result, rg_result expected, const char *fragment, const char *call,
                     const char *file, int line);
/* The call succeeds; its message is shown where it does not. */
#define assert_ok(call) assert_ok_at(call, #call, __FILE__, __LINE__)
/* The call fails with that result, and its message contains the fragment. */
#define assert_error(call, expected, fragment) \
  assert_error_at(call, expected, fragment, #call, __FILE__, __LINE__)

/* A folder of its own under the system's temporary folder; removed by gpu_folder_remove. */
typedef struct gpu_folder {
  char path[64];
} gpu_folder;
void gpu_folder_make(gpu_folder *folder);
void gpu_folder_write(const gpu_folder *folder, const char *name, const void *data, size_t size);
void gpu_folder_remove(gpu_folder *folder);

#endif
