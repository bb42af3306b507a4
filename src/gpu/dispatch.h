/* The engine's own table of Vulkan functions: the one seam through which every Vulkan call goes.
 *
 * It is filled through the loader's vkGetInstanceProcAddr, or the host's own, so that a host can
 * stand between the engine and the driver. Members drop the "vk". */
#ifndef RG_GPU_DISPATCH_H
#define RG_GPU_DISPATCH_H

#include <regolith/regolith.h>

#define DISPATCH_GLOBAL_FUNCTIONS(X)  \
  X(CreateInstance)                   \
  X(EnumerateInstanceVersion)         \
  X(EnumerateInstanceLayerProperties) \
  X(EnumerateInstanceExtensionProperties)

#define DISPATCH_INSTANCE_FUNCTIONS(X)         \
  X(DestroyInstance)                           \
  X(EnumeratePhysicalDevices)                  \
  X(EnumerateDeviceExtensionProperties)        \
  X(GetPhysicalDeviceProperties)               \
  X(GetPhysicalDeviceProperties2)              \
  X(GetPhysicalDeviceFeatures2)                \
  X(GetPhysicalDeviceMemoryProperties2)        \
  X(GetPhysicalDeviceQueueFamilyProperties2)   \
  X(GetPhysicalDeviceFormatProperties2)        \
  X(GetPhysicalDeviceImageFormatProperties2)   \
  X(GetPhysicalDeviceExternalBufferProperties) \
  X(CreateDevice)                              \
  X(GetDeviceProcAddr)

#define DISPATCH_DEVICE_FUNCTIONS(X) \
  X(DestroyDevice)                   \
  X(GetDeviceQueue2)                 \
  X(DeviceWaitIdle)                  \
  X(QueueSubmit)                     \
  X(AllocateMemory)                  \
  X(FreeMemory)                      \
  X(MapMemory)                       \
  X(UnmapMemory)                     \
  X(FlushMappedMemoryRanges)         \
  X(InvalidateMappedMemoryRanges)    \
  X(CreateBuffer)                    \
  X(DestroyBuffer)                   \
  X(GetBufferMemoryRequirements2)    \
  X(GetBufferDeviceAddress)          \
  X(BindBufferMemory)                \
  X(CreateImage)                     \
  X(DestroyImage)                    \
  X(GetImageMemoryRequirements2)     \
  X(BindImageMemory)                 \
  X(CreateImageView)                 \
  X(DestroyImageView)                \
  X(CreateSampler)                   \
  X(DestroySampler)                  \
  X(CreateShaderModule)              \
  X(DestroyShaderModule)             \
  X(CreateDescriptorSetLayout)       \
  X(DestroyDescriptorSetLayout)      \
  X(CreatePipelineLayout)            \
  X(DestroyPipelineLayout)           \
  X(CreateDescriptorPool)            \
  X(DestroyDescriptorPool)           \
  X(AllocateDescriptorSets)          \
  X(FreeDescriptorSets)              \
  X(UpdateDescriptorSets)            \
  X(CreateGraphicsPipelines)         \
  X(CreateComputePipelines)          \
  X(DestroyPipeline)                 \
  X(CreateSemaphore)                 \
  X(DestroySemaphore)                \
  X(WaitSemaphores)                  \
  X(GetSemaphoreCounterValue)        \
  X(CreateCommandPool)               \
  X(DestroyCommandPool)              \
  X(ResetCommandPool)                \
  X(AllocateCommandBuffers)          \
  X(BeginCommandBuffer)              \
  X(EndCommandBuffer)                \
  X(CmdCopyBuffer)                   \
  X(CmdCopyBufferToImage)            \
  X(CmdCopyImageToBuffer)            \
  X(CmdBlitImage)                    \
  X(CmdCopyImage)                    \
  X(CmdPipelineBarrier)              \
  X(CmdBindPipeline)                 \
  X(CmdBindDescriptorSets)           \
  X(CmdDispatch)

/* NULL where the instance lacks the extension. */
#define DISPATCH_OPTIONAL_FUNCTIONS(X) \
  X(CreateDebugUtilsMessengerEXT)      \
  X(DestroyDebugUtilsMessengerEXT)     \
  X(SetDebugUtilsObjectNameEXT)

/* NULL where the device does not enable VK_KHR_external_memory_fd. */
#define DISPATCH_EXTERNAL_FUNCTIONS(X) X(GetMemoryFdKHR)

typedef struct dispatch {
  void *library; /* of dlopen; NULL where the host gave its own entry */
  PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
#define DISPATCH_MEMBER(name) PFN_vk##name name;
  DISPATCH_GLOBAL_FUNCTIONS(DISPATCH_MEMBER)
  DISPATCH_INSTANCE_FUNCTIONS(DISPATCH_MEMBER)
  DISPATCH_DEVICE_FUNCTIONS(DISPATCH_MEMBER)
  DISPATCH_OPTIONAL_FUNCTIONS(DISPATCH_MEMBER)
  DISPATCH_EXTERNAL_FUNCTIONS(DISPATCH_MEMBER)
#undef DISPATCH_MEMBER
} dispatch;

/* Opens the loader where entry is NULL, and fills the global functions. RG_ERROR_UNSUPPORTED: no
 * loader. */
RG_NODISCARD rg_result dispatch_init(dispatch *vk, PFN_vkGetInstanceProcAddr entry);
void dispatch_finish(dispatch *vk);
/* RG_ERROR_UNSUPPORTED names the function that is missing. */
RG_NODISCARD rg_result dispatch_load_instance(dispatch *vk, VkInstance instance,
                                              bool has_debug_utils);
RG_NODISCARD rg_result dispatch_load_device(dispatch *vk, VkDevice device,
                                            bool has_external_memory);

/* A VkResult as ours, with a message "CALL (what): VK_NAME". VK_SUCCESS gives RG_OK. Device memory,
 * host memory, device lost and fragmentation map to their own results; the rest to
 * RG_ERROR_UNSUPPORTED. */
RG_NODISCARD rg_result dispatch_result(VkResult vk_result, const char *call, const char *what);

#endif
