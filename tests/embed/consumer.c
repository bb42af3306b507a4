/* A C program that knows only the installed headers: an engine on a device of its making, a buffer,
 * its bytes back. */
#include <regolith/regolith.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what, rg_result result) {
  fprintf(stderr, "consumer: %s: %s: %s\n", what, rg_result_name(result), rg_error());
  return 1;
}

int main(void) {
  rg_engine *engine = NULL;
  rg_result result = rg_engine_create(&(rg_engine_desc){.label = "consumer"}, &engine);
  if (result != RG_OK) {
    return fail("engine", result);
  }
  const char text[] = "regolith";
  char back[sizeof text] = {0};
  rg_buffer buffer;
  result = rg_buffer_create(
      engine,
      &(rg_buffer_desc){
          .size = sizeof text, .type = RG_BUFFER_VERTEX, .data = text, .label = "text"},
      &buffer);
  if (result != RG_OK) {
    return fail("buffer", result);
  }
  rg_buffer_vk vk;
  result = rg_buffer_get_vk(engine, buffer, &vk);
  if (result != RG_OK || vk.buffer == VK_NULL_HANDLE || vk.size != sizeof text) {
    return fail("rg_buffer_get_vk", result);
  }
  result = rg_buffer_read(engine, buffer, 0, back, sizeof back);
  if (result != RG_OK || memcmp(text, back, sizeof text) != 0) {
    return fail("rg_buffer_read", result);
  }
  result = rg_buffer_destroy(engine, buffer);
  if (result != RG_OK) {
    return fail("rg_buffer_destroy", result);
  }
  rg_engine_destroy(engine);
  puts(back);
  return 0;
}
