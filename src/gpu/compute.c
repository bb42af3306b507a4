/* Records a dispatch between two barriers and submits it. */
#include "compute.h"

#include "gpu.h"

static void record_barrier(gpu *gpu, VkCommandBuffer commands, VkPipelineStageFlags from,
                           VkAccessFlags written, VkPipelineStageFlags to, VkAccessFlags used) {
  const VkMemoryBarrier barrier = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER, .srcAccessMask = written, .dstAccessMask = used};
  gpu->vk.CmdPipelineBarrier(commands, from, to, 0, 1, &barrier, 0, NULL, 0, NULL);
}

static void record(gpu *gpu, VkCommandBuffer commands, const compute_request *request) {
  const uint32_t *counts = request->counts;
  record_barrier(gpu, commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, VK_ACCESS_MEMORY_WRITE_BIT,
                 VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                 VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT);
  gpu->vk.CmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, request->pipeline);
  if (request->set != VK_NULL_HANDLE) {
    gpu->vk.CmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, request->layout,
                                  request->set_index, 1, &request->set, 0, NULL);
  }
  gpu->vk.CmdDispatch(commands, counts[0], counts[1], counts[2]);
  record_barrier(gpu, commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_ACCESS_SHADER_WRITE_BIT,
                 VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT,
                 VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT | VK_ACCESS_HOST_READ_BIT);
}

rg_result compute_submit(gpu *gpu, const compute_request *request, uint64_t *value) {
  rg_result result = RG_OK;
  frame_commands *commands = NULL;
  RG_TRY(frame_commands_begin(gpu, &commands));
  record(gpu, commands->buffer, request);
  RG_TRY(frame_submit(gpu, commands, NULL, 0, value));
fail:
  return result;
}
