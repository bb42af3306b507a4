/* Guard bytes behind what is mapped: written when a piece of memory is handed out, read again when
 * it comes back, so that an overrun is told with the name of what it ran out of. */
#ifndef RG_GPU_MEMORY_MARGIN_H
#define RG_GPU_MEMORY_MARGIN_H

#include "memory.h"

struct gpu;

/* Checks desc->memory_margin: RG_ERROR_INVALID_ARGUMENT names it. */
RG_NODISCARD rg_result margin_init(struct gpu *gpu, const rg_engine_desc *desc);

/* Bytes to reserve behind each piece of that memory type; 0 where the engine has no margins or the
 * type is not host-visible. In incoherent memory whole atoms, and one to begin at. */
uint64_t margin_size(const struct gpu *gpu, uint32_t memory_type);

/* Fills a piece from `end`, the bytes of it that are used, to its own end. Nothing to do where
 * margin_size is 0, nothing is mapped, or less than a margin lies behind `end`. Before anybody else
 * knows the piece. */
void margin_write(struct gpu *gpu, const memory_range *range, uint64_t end);

/* Whether all that margin_write(gpu, range, end) filled is as it was; a larger `end` checks less.
 * If not, logs an error that names `title` ("buffer 'scene'"; NULL means the engine's own), the
 * piece's offset and the first byte that changed, and sets the same message. */
bool margin_check(struct gpu *gpu, const memory_range *range, uint64_t end, const char *title);

#endif
