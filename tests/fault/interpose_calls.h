/* Every Vulkan function that the engine may ask for: those that can fail, with the errors that the
 * registry (vk.xml) lists for them, and those that cannot. Errors of extensions that the engine
 * never enables are left out. */
#ifndef RG_TESTS_INTERPOSE_CALLS_H
#define RG_TESTS_INTERPOSE_CALLS_H

#define HOST_MEMORY VK_ERROR_OUT_OF_HOST_MEMORY
#define DEVICE_MEMORY VK_ERROR_OUT_OF_DEVICE_MEMORY
#define BOTH_MEMORIES HOST_MEMORY, DEVICE_MEMORY
#define BOTH_OR_LOST BOTH_MEMORIES, VK_ERROR_DEVICE_LOST

/* X(function, kind of object, its VkInfo): created by (device, info, callbacks, out) and destroyed
 * by (device, object, callbacks). */
#define CREATING_CALLS(X)                                                                         \
  X(CreateBuffer, Buffer, BufferCreateInfo, BOTH_MEMORIES,                                        \
    VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS)                                                      \
  X(CreateImage, Image, ImageCreateInfo, BOTH_MEMORIES)                                           \
  X(CreateImageView, ImageView, ImageViewCreateInfo, BOTH_MEMORIES)                               \
  X(CreateSampler, Sampler, SamplerCreateInfo, BOTH_MEMORIES)                                     \
  X(CreateShaderModule, ShaderModule, ShaderModuleCreateInfo, BOTH_MEMORIES,                      \
    VK_ERROR_INVALID_SHADER_NV)                                                                   \
  X(CreateDescriptorSetLayout, DescriptorSetLayout, DescriptorSetLayoutCreateInfo, BOTH_MEMORIES) \
  X(CreatePipelineLayout, PipelineLayout, PipelineLayoutCreateInfo, BOTH_MEMORIES)                \
  X(CreateDescriptorPool, DescriptorPool, DescriptorPoolCreateInfo, BOTH_MEMORIES,                \
    VK_ERROR_FRAGMENTATION)                                                                       \
  X(CreateSemaphore, Semaphore, SemaphoreCreateInfo, BOTH_MEMORIES)                               \
  X(CreateCommandPool, CommandPool, CommandPoolCreateInfo, BOTH_MEMORIES)                         \
  X(AllocateMemory, DeviceMemory, MemoryAllocateInfo, BOTH_MEMORIES,                              \
    VK_ERROR_INVALID_EXTERNAL_HANDLE, VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS)

/* X(function, parameters, arguments, errors) */
#define PLAIN_CALLS(X)                                                                             \
  X(EnumerateInstanceVersion, (uint32_t * version), (version), HOST_MEMORY)                        \
  X(EnumerateInstanceLayerProperties, (uint32_t * count, VkLayerProperties * out), (count, out),   \
    BOTH_MEMORIES)                                                                                 \
  X(EnumerateInstanceExtensionProperties,                                                          \
    (const char *layer, uint32_t *count, VkExtensionProperties *out), (layer, count, out),         \
    BOTH_MEMORIES, VK_ERROR_LAYER_NOT_PRESENT)                                                     \
  X(EnumeratePhysicalDevices, (VkInstance instance, uint32_t * count, VkPhysicalDevice * out),     \
    (instance, count, out), BOTH_MEMORIES, VK_ERROR_INITIALIZATION_FAILED)                         \
  X(EnumerateDeviceExtensionProperties,                                                            \
    (VkPhysicalDevice device, const char *layer, uint32_t *count, VkExtensionProperties *out),     \
    (device, layer, count, out), BOTH_MEMORIES, VK_ERROR_LAYER_NOT_PRESENT)                        \
  X(GetPhysicalDeviceImageFormatProperties2,                                                       \
    (VkPhysicalDevice device, const VkPhysicalDeviceImageFormatInfo2 *info,                        \
     VkImageFormatProperties2 *out),                                                               \
    (device, info, out), BOTH_MEMORIES, VK_ERROR_FORMAT_NOT_SUPPORTED)                             \
  X(MapMemory,                                                                                     \
    (VkDevice device, VkDeviceMemory memory, VkDeviceSize offset, VkDeviceSize size,               \
     VkMemoryMapFlags flags, void **out),                                                          \
    (device, memory, offset, size, flags, out), BOTH_MEMORIES, VK_ERROR_MEMORY_MAP_FAILED)         \
  X(FlushMappedMemoryRanges, (VkDevice device, uint32_t count, const VkMappedMemoryRange *ranges), \
    (device, count, ranges), BOTH_MEMORIES)                                                        \
  X(InvalidateMappedMemoryRanges,                                                                  \
    (VkDevice device, uint32_t count, const VkMappedMemoryRange *ranges), (device, count, ranges), \
    BOTH_MEMORIES)                                                                                 \
  X(BindBufferMemory,                                                                              \
    (VkDevice device, VkBuffer buffer, VkDeviceMemory memory, VkDeviceSize offset),                \
    (device, buffer, memory, offset), BOTH_MEMORIES, VK_ERROR_INVALID_OPAQUE_CAPTURE_ADDRESS)      \
  X(BindImageMemory, (VkDevice device, VkImage image, VkDeviceMemory memory, VkDeviceSize offset), \
    (device, image, memory, offset), BOTH_MEMORIES)                                                \
  X(AllocateCommandBuffers,                                                                        \
    (VkDevice device, const VkCommandBufferAllocateInfo *info, VkCommandBuffer *out),              \
    (device, info, out), BOTH_MEMORIES)                                                            \
  X(BeginCommandBuffer, (VkCommandBuffer commands, const VkCommandBufferBeginInfo *info),          \
    (commands, info), BOTH_MEMORIES)                                                               \
  X(EndCommandBuffer, (VkCommandBuffer commands), (commands), BOTH_MEMORIES)                       \
  X(ResetCommandPool, (VkDevice device, VkCommandPool pool, VkCommandPoolResetFlags flags),        \
    (device, pool, flags), DEVICE_MEMORY)                                                          \
  X(QueueSubmit, (VkQueue queue, uint32_t count, const VkSubmitInfo *submits, VkFence fence),      \
    (queue, count, submits, fence), BOTH_OR_LOST)                                                  \
  X(WaitSemaphores, (VkDevice device, const VkSemaphoreWaitInfo *info, uint64_t timeout_ns),       \
    (device, info, timeout_ns), BOTH_OR_LOST)                                                      \
  X(GetSemaphoreCounterValue, (VkDevice device, VkSemaphore semaphore, uint64_t * out),            \
    (device, semaphore, out), BOTH_OR_LOST)                                                        \
  X(GetMemoryFdKHR, (VkDevice device, const VkMemoryGetFdInfoKHR *info, int *out),                 \
    (device, info, out), VK_ERROR_TOO_MANY_OBJECTS, HOST_MEMORY)                                   \
  X(SetDebugUtilsObjectNameEXT, (VkDevice device, const VkDebugUtilsObjectNameInfoEXT *info),      \
    (device, info), BOTH_MEMORIES)

/* X(function, errors): what they do besides is written out. */
#define SPECIAL_CALLS(X)                                                                          \
  X(CreateInstance, BOTH_MEMORIES, VK_ERROR_INITIALIZATION_FAILED, VK_ERROR_LAYER_NOT_PRESENT,    \
    VK_ERROR_EXTENSION_NOT_PRESENT, VK_ERROR_INCOMPATIBLE_DRIVER)                                 \
  X(CreateDevice, BOTH_MEMORIES, VK_ERROR_INITIALIZATION_FAILED, VK_ERROR_EXTENSION_NOT_PRESENT,  \
    VK_ERROR_FEATURE_NOT_PRESENT, VK_ERROR_TOO_MANY_OBJECTS, VK_ERROR_DEVICE_LOST)                \
  X(DeviceWaitIdle, BOTH_OR_LOST)                                                                 \
  X(AllocateDescriptorSets, BOTH_MEMORIES, VK_ERROR_FRAGMENTED_POOL, VK_ERROR_OUT_OF_POOL_MEMORY) \
  X(CreateGraphicsPipelines, BOTH_MEMORIES, VK_ERROR_INVALID_SHADER_NV)                           \
  X(CreateComputePipelines, BOTH_MEMORIES, VK_ERROR_INVALID_SHADER_NV)

/* Beside vkCmd… and vkDestroy…, which return nothing. vkFreeDescriptorSets lists no error. The
 * messenger is asked for with the other debug functions, but called only under validation. */
#define SAFE_CALLS(X)                          \
  X(CreateDebugUtilsMessengerEXT)              \
  X(FreeDescriptorSets)                        \
  X(GetBufferDeviceAddress)                    \
  X(GetBufferMemoryRequirements2)              \
  X(GetDeviceQueue2)                           \
  X(GetImageMemoryRequirements2)               \
  X(GetPhysicalDeviceExternalBufferProperties) \
  X(GetPhysicalDeviceFeatures2)                \
  X(GetPhysicalDeviceFormatProperties2)        \
  X(GetPhysicalDeviceMemoryProperties2)        \
  X(GetPhysicalDeviceProperties)               \
  X(GetPhysicalDeviceProperties2)              \
  X(GetPhysicalDeviceQueueFamilyProperties2)   \
  X(UnmapMemory)                               \
  X(UpdateDescriptorSets)

#endif
