/* texture_1k: 1,000 textures of 256² RGBA8 with pixels, against raw Vulkan in one batch with two
 * barrier calls; with mips, against the same with blits level by level for all together. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define COUNT 1000
#define SIDE 256
#define LEVELS 9
#define BYTES ((uint64_t)SIDE * SIDE * 4)

typedef struct texture_state {
  unsigned char *pixels; /* of one texture */
  rg_texture ours[COUNT];
  VkImage images[COUNT];
  VkImageView views[COUNT];
  VkDeviceMemory memory;
  VkImageMemoryBarrier barriers[COUNT];
  bench_commands commands;
} texture_state;

static bool textures_setup(bench *bench) {
  texture_state *state = bench_alloc(sizeof *state);
  memset(state, 0, sizeof *state);
  state->pixels = bench_alloc(BYTES);
  state->commands = bench_commands_create(bench);
  bench->state = state;
  return true;
}

static void textures_teardown(bench *bench) {
  texture_state *state = bench->state;
  bench_commands_destroy(bench, &state->commands);
  free(state->pixels);
  free(state);
}

/* ---- Ours ------------------------------------------------------------------------------------ */

static void wait_all(bench *bench) {
  rg_ticket ticket;
  bench_check(rg_flush(bench->engine, &ticket), "rg_flush");
  bench_check(rg_ticket_wait(bench->engine, ticket, UINT64_MAX), "rg_ticket_wait");
}

static double textures_ours(bench *bench) {
  texture_state *state = bench->state;
  double start = bench_now();
  for (int i = 0; i < COUNT; i++) {
    rg_texture_desc desc = {
        .width = SIDE,
        .height = SIDE,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .generate_mips = bench->measure->parameter,
        .data = state->pixels,
        .data_size = BYTES,
    };
    bench_check(rg_texture_create(bench->engine, &desc, &state->ours[i]), "rg_texture_create");
  }
  wait_all(bench);
  double seconds = bench_now() - start;
  for (int i = 0; i < COUNT; i++) {
    bench_check(rg_texture_destroy(bench->engine, state->ours[i]), "rg_texture_destroy");
  }
  wait_all(bench);
  rg_memory_trim(bench->engine);
  return seconds;
}

/* ---- Raw ------------------------------------------------------------------------------------- */

static void create_images(bench *bench, uint32_t levels) {
  texture_state *state = bench->state;
  VkImageCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
      .imageType = VK_IMAGE_TYPE_2D,
      .format = VK_FORMAT_R8G8B8A8_UNORM,
      .extent = {SIDE, SIDE, 1},
      .mipLevels = levels,
      .arrayLayers = 1,
      .samples = VK_SAMPLE_COUNT_1_BIT,
      .usage = VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT |
               VK_IMAGE_USAGE_TRANSFER_SRC_BIT,
  };
  for (int i = 0; i < COUNT; i++) {
    bench_check_vk(vkCreateImage(bench->vk.device, &info, NULL, &state->images[i]),
                   "vkCreateImage");
  }
  VkMemoryRequirements needs;
  vkGetImageMemoryRequirements(bench->vk.device, state->images[0], &needs);
  uint64_t stride = (needs.size + needs.alignment - 1) / needs.alignment * needs.alignment;
  VkMemoryAllocateInfo allocate = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .allocationSize = stride * COUNT,
      .memoryTypeIndex =
          bench_memory_type(bench, needs.memoryTypeBits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT),
  };
  bench_check_vk(vkAllocateMemory(bench->vk.device, &allocate, NULL, &state->memory),
                 "vkAllocateMemory");
  for (int i = 0; i < COUNT; i++) {
    bench_check_vk(
        vkBindImageMemory(bench->vk.device, state->images[i], state->memory, stride * (uint64_t)i),
        "vkBindImageMemory");
    VkImageViewCreateInfo view = {
        .sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
        .image = state->images[i],
        .viewType = VK_IMAGE_VIEW_TYPE_2D,
        .format = VK_FORMAT_R8G8B8A8_UNORM,
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, levels, 0, 1},
    };
    bench_check_vk(vkCreateImageView(bench->vk.device, &view, NULL, &state->views[i]),
                   "vkCreateImageView");
  }
}

/* One barrier call for all images. */
static void barrier(texture_state *state, uint32_t first_level, uint32_t level_count,
                    VkImageLayout from, VkImageLayout to, VkAccessFlags source,
                    VkAccessFlags target) {
  for (int i = 0; i < COUNT; i++) {
    state->barriers[i] = (VkImageMemoryBarrier){
        .sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
        .srcAccessMask = source,
        .dstAccessMask = target,
        .oldLayout = from,
        .newLayout = to,
        .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
        .image = state->images[i],
        .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, first_level, level_count, 0, 1},
    };
  }
  vkCmdPipelineBarrier(state->commands.buffer, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                       VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, NULL, 0, NULL, COUNT,
                       state->barriers);
}

static void record_mips(texture_state *state) {
  VkCommandBuffer commands = state->commands.buffer;
  for (uint32_t level = 1; level < LEVELS; level++) {
    barrier(state, level - 1, 1, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
            VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, VK_ACCESS_TRANSFER_WRITE_BIT,
            VK_ACCESS_TRANSFER_READ_BIT);
    int32_t side = SIDE >> (level - 1);
    VkImageBlit blit = {
        .srcSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, level - 1, 0, 1},
        .srcOffsets = {{0, 0, 0}, {side, side, 1}},
        .dstSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, level, 0, 1},
        .dstOffsets = {{0, 0, 0}, {side / 2, side / 2, 1}},
    };
    for (int i = 0; i < COUNT; i++) {
      vkCmdBlitImage(commands, state->images[i], VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                     state->images[i], VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &blit,
                     VK_FILTER_LINEAR);
    }
  }
  barrier(state, 0, LEVELS - 1, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
          VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, VK_ACCESS_TRANSFER_READ_BIT,
          VK_ACCESS_SHADER_READ_BIT);
  barrier(state, LEVELS - 1, 1, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
          VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, VK_ACCESS_TRANSFER_WRITE_BIT,
          VK_ACCESS_SHADER_READ_BIT);
}

static void record_upload(texture_state *state, VkBuffer staging, uint32_t levels) {
  barrier(state, 0, levels, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 0,
          VK_ACCESS_TRANSFER_WRITE_BIT);
  for (int i = 0; i < COUNT; i++) {
    VkBufferImageCopy copy = {
        .bufferOffset = BYTES * (uint64_t)i,
        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
        .imageExtent = {SIDE, SIDE, 1},
    };
    vkCmdCopyBufferToImage(state->commands.buffer, staging, state->images[i],
                           VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &copy);
  }
  if (levels > 1) {
    record_mips(state);
  } else {
    barrier(state, 0, 1, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
            VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL, VK_ACCESS_TRANSFER_WRITE_BIT,
            VK_ACCESS_SHADER_READ_BIT);
  }
}

static double textures_baseline(bench *bench) {
  texture_state *state = bench->state;
  uint32_t levels = bench->measure->parameter ? LEVELS : 1;
  double start = bench_now();
  bench_buffer staging = bench_buffer_create(bench, BYTES * COUNT, VK_BUFFER_USAGE_TRANSFER_SRC_BIT,
                                             VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
  create_images(bench, levels);
  for (int i = 0; i < COUNT; i++) {
    memcpy((char *)staging.mapped + BYTES * (size_t)i, state->pixels, BYTES);
  }
  bench_commands_begin(&state->commands);
  record_upload(state, staging.buffer, levels);
  bench_commands_run(bench, &state->commands);
  double seconds = bench_now() - start;
  for (int i = 0; i < COUNT; i++) {
    vkDestroyImageView(bench->vk.device, state->views[i], NULL);
    vkDestroyImage(bench->vk.device, state->images[i], NULL);
  }
  vkFreeMemory(bench->vk.device, state->memory, NULL);
  bench_buffer_destroy(bench, &staging);
  return seconds;
}

#define TEXTURES(name_, mips_, goal_)                                                        \
  {                                                                                          \
    .name = name_, .unit = "ms", .goal = goal_, .parameter = mips_, .setup = textures_setup, \
    .ours = textures_ours, .baseline = textures_baseline, .teardown = textures_teardown      \
  }

const bench_measure bench_texture_measures[] = {
    TEXTURES("texture_1k", 0, 1.2),
    TEXTURES("texture_1k_mips", 1, 1.0),
    {0},
};
