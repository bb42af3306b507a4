/* The order in which a run's writes are copied. Private to upload*.c; pure, so that it can be
 * tested alone. */
#ifndef RG_GPU_UPLOAD_SORT_H
#define RG_GPU_UPLOAD_SORT_H

#include <regolith/regolith.h>

/* A write while it is being sorted. */
typedef struct upload_span {
  VkBuffer target;
  uint64_t begin, end; /* bytes in target */
  uint64_t source;     /* where the bytes for `begin` are */
  uint32_t order;      /* later ones win */
} upload_span;

typedef void span_visit(void *user, const upload_span *span);

/* Visits disjoint pieces, sorted by target and place, such that each byte comes from the last write
 * to it. Both arrays hold count spans and are overwritten; orders ascend at first. */
void spans_resolve(upload_span *spans, uint32_t count, upload_span *scratch, span_visit *visit,
                   void *user);

#endif
