/* Commands that a test records itself, as a host's renderer would: with nothing but what handles
 * give. */
#ifndef RG_TESTS_GPU_COMMANDS_H
#define RG_TESTS_GPU_COMMANDS_H

#include "gpu_test.h"

#define GPU_COMMANDS_FUNCTIONS(X) \
  X(CreateCommandPool)            \
  X(DestroyCommandPool)           \
  X(AllocateCommandBuffers)       \
  X(BeginCommandBuffer)           \
  X(EndCommandBuffer)             \
  X(CmdPipelineBarrier)           \
  X(CmdClearColorImage)           \
  X(CmdClearDepthStencilImage)    \
  X(CmdCopyImage)                 \
  X(CmdCopyImageToBuffer)         \
  X(CmdCopyBuffer)                \
  X(CmdFillBuffer)                \
  X(CmdBindPipeline)              \
  X(CmdBindDescriptorSets)        \
  X(CmdPushConstants)             \
  X(CmdDispatch)                  \
  X(CreatePipelineLayout)         \
  X(DestroyPipelineLayout)        \
  X(CreateComputePipelines)       \
  X(DestroyPipeline)

typedef struct gpu_commands {
  gpu_test *test;
#define GPU_COMMANDS_MEMBER(name) PFN_vk##name name;
  GPU_COMMANDS_FUNCTIONS(GPU_COMMANDS_MEMBER)
#undef GPU_COMMANDS_MEMBER
  PFN_vkCmdBeginRendering CmdBeginRendering; /* NULL without dynamic rendering */
  PFN_vkCmdEndRendering CmdEndRendering;
  VkCommandPool pool;
  VkCommandBuffer buffer; /* being recorded */
} gpu_commands;

void gpu_commands_begin(gpu_commands *self, gpu_test *test);
/* Ends and submits; gpu_commands_finish may come when the ticket has passed. */
rg_ticket gpu_commands_submit(gpu_commands *self);
void gpu_commands_finish(gpu_commands *self);
/* All three. */
void gpu_commands_run(gpu_commands *self);

/* Stages with their accesses: one side of a barrier. */
typedef struct gpu_scope {
  VkPipelineStageFlags stages;
  VkAccessFlags access;
} gpu_scope;
extern const gpu_scope gpu_scope_transfer, gpu_scope_shader, gpu_scope_color;

/* All levels and layers of a texture's aspects, from layout to layout. */
void gpu_cmd_transition(gpu_commands *self, const rg_texture_vk *texture,
                        VkImageAspectFlags aspects, gpu_scope from, VkImageLayout old_layout,
                        gpu_scope to, VkImageLayout new_layout);
/* Of a texture in its resting layout, which it keeps; level 0 only is cleared. from: who used it
 * last. */
void gpu_cmd_clear(gpu_commands *self, const rg_texture_vk *texture, gpu_scope from,
                   VkClearColorValue color);
void gpu_cmd_clear_depth(gpu_commands *self, const rg_texture_vk *texture, gpu_scope from,
                         float depth);
/* Clears by an empty rendering. */
void gpu_cmd_render(gpu_commands *self, const rg_texture_vk *texture, gpu_scope from,
                    VkClearColorValue color);
/* Level 0 of a texture in its resting layout, to a buffer at an offset. */
void gpu_cmd_read(gpu_commands *self, const rg_texture_vk *texture, VkImageAspectFlags aspects,
                  gpu_scope from, const rg_buffer_vk *buffer, uint64_t offset);
/* All that was written is visible to the host. */
void gpu_cmd_end_for_host(gpu_commands *self);

#endif
