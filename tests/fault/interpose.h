/* Stands between the engine and the driver, through the public get_instance_proc_addr: fails the
 * n-th Vulkan call that can fail, and counts Vulkan's objects from their birth to their death. */
#ifndef RG_TESTS_INTERPOSE_H
#define RG_TESTS_INTERPOSE_H

#include <regolith/regolith.h>

/* Which calls fail, of those to functions that return a VkResult and have errors. */
typedef struct vulkan_fault {
  uint64_t at;          /* the call, counted from 1; 0: none */
  uint32_t error_index; /* into the errors that the specification lists for the call's function */
  bool is_lasting;      /* later calls that list the same error fail with it, too */
} vulkan_fault;

/* What has become of the fault since interpose_begin. */
typedef struct vulkan_trace {
  bool was_reached;
  const char *function; /* of the call that failed first */
  VkResult error;       /* what it returned */
  uint32_t error_count; /* how many errors its function lists */
  uint64_t calls;       /* so far */
} vulkan_trace;

/* For rg_engine_desc.get_instance_proc_addr. One engine at a time, in one thread at a time. Asked
 * for a function that it knows neither as one that can fail nor as one that cannot, it ends the
 * program: no new function may slip past the sweep. */
VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL interpose_get_instance_proc_addr(VkInstance instance,
                                                                          const char *name);

/* Forgets the last run. A lost device stays lost until then: a fault of VK_ERROR_DEVICE_LOST lasts,
 * whatever is_lasting says. */
void interpose_begin(const vulkan_fault *fault);
/* No call fails from here on, but for a lost device's. */
void interpose_end(void);
vulkan_trace interpose_trace(void);
bool interpose_is_lost(void);

/* As vulkan_fault's calls, but the function of that number, in the order asked for, is missing. */
void interpose_hide(uint64_t number);
/* The name of the hidden one, or NULL where not so many were asked for. */
const char *interpose_hidden(void);

/* How many objects of all kinds live, each kind with any reported to standard error. */
uint64_t interpose_report_live(void);

#endif
