/* What every resource has beside its Vulkan objects: names, owners, and the errors that tell them.
 */
#ifndef RG_GPU_RESOURCE_H
#define RG_GPU_RESOURCE_H

#include "base/result.h"
#include "base/slots.h"
#include "frame.h"

struct gpu;

typedef struct resource {
  _Atomic uint64_t id;   /* of the slot's present or last life */
  _Atomic uint64_t pins; /* generation of that life 32 bits, is being moved 1, count 31 */
  frame_zombie zombie;
  char *label;                 /* NULL for none */
  char *origin;                /* where it was created; NULL for none */
  char *destroyed_at;          /* where it was destroyed; NULL while it lives, or for none */
  _Atomic uint32_t references; /* one of its creator until it lets go, one of each owner; 0: dies */
  _Atomic bool is_released;    /* its creator has let go */
} resource;

/* What `pins` is while there are none. */
static inline uint64_t resource_no_pins(uint64_t id) {
  return (id >> 24 & UINT32_MAX) << 32;
}

/* Leaves a public function where a pointer that it needs is NULL. */
#define RESOURCE_REQUIRE(pointer)                                                         \
  do {                                                                                    \
    if ((pointer) == NULL) {                                                              \
      return result_set(RG_ERROR_INVALID_ARGUMENT, "%s: %s is NULL", __func__, #pointer); \
    }                                                                                     \
  } while (0)

/* The struct that holds a `resource` by that name, from its zombie. */
#define RESOURCE_OF_ZOMBIE(type, zombie) \
  ((type *)(void *)((char *)(zombie)-offsetof(type, resource.zombie)))

/* The resource in a slot's storage. */
resource *resource_in(const struct gpu *gpu, rg_type type, void *storage);

/* How messages name a resource: "buffer 'scene'", "buffer 0x1000002000003" where it has no label,
 * "buffer" where it has no id yet either. Used as resource_title(…).text. */
typedef struct resource_name {
  char text[160];
} resource_name;
resource_name resource_title(rg_type type, const char *label, uint64_t id);

/* Starts a new life in a slot: frees the last life's names, copies the new ones. Where there are
 * neither, takes no lock. On failure the slot is as good as before. */
RG_NODISCARD rg_result resource_begin(struct gpu *gpu, resource *resource, uint64_t id,
                                      const char *label);
/* Frees the names of a slot's last life, at the engine's end. */
void resource_finish(struct gpu *gpu, resource *resource);

/* The label, or "" */
const char *resource_label(const resource *resource);

/* The storage of a live handle, held until resource_release; or NULL with the result and message
 * set: stale handles name the resource, where it was destroyed and where made, wrong types name
 * both. */
void *resource_acquire(struct gpu *gpu, rg_type type, uint64_t id, rg_result *result);
void resource_release(struct gpu *gpu, uint64_t id);
/* Sets the message for a handle that slots_read_words or slots_acquire refused, and returns its
 * result. */
rg_result resource_refuse(struct gpu *gpu, rg_type wanted, uint64_t id);

/* Whether rg_pin keeps it, dead or not. Whoever moves it asks resource_move_begin instead. */
bool resource_is_pinned(struct gpu *gpu, uint64_t id);
/* False where the resource is pinned, or is another's by now. Else nobody pins it until
 * resource_move_end: rg_pin waits, so do no more between the two than to make the move known. */
RG_NODISCARD bool resource_move_begin(struct gpu *gpu, uint64_t id);
void resource_move_end(struct gpu *gpu, uint64_t id);

/* At the engine's end: no pins from now on; how many there were. The caller releases the slot,
 * which they held once. */
uint32_t resource_drop_pins(resource *resource);

/* The creator lets go: the resource dies now if nobody owns it, or when its last owner disowns it;
 * its handle is stale for the creator's calls only then. RG_ERROR_STALE_HANDLE the second time. */
RG_NODISCARD rg_result resource_destroy(struct gpu *gpu, rg_type type, uint64_t id);
/* As resource_destroy where the engine itself made it for an owner: no place of destruction is
 * noted. */
RG_NODISCARD rg_result resource_hand_over(struct gpu *gpu, rg_type type, uint64_t id);
/* An owner (a material, a set) keeps it, and lets go. */
RG_NODISCARD rg_result resource_own(struct gpu *gpu, rg_type type, uint64_t id);
void resource_disown(struct gpu *gpu, uint64_t id);

/* At the engine's end, of one type: reports and drops pins, kills what still lives, waits until all
 * its dead are finished, frees their names and the slots. Nothing to do where the type never had
 * slots. */
void resource_finish_all(struct gpu *gpu, rg_type type);

#endif
