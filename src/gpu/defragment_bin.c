/* Bins and the pieces in them: found by serial, the largest piece first. */
#include "defragment_internal.h"

/* The first whose serial is not less. */
static uint32_t bins_place(const defragment_bins *bins, uint64_t serial) {
  uint32_t begin = 0, end = bins->count;
  while (begin < end) {
    uint32_t middle = begin + (end - begin) / 2;
    if (bins->items[middle].serial < serial) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

defragment_bin *bins_find(const defragment_bins *bins, uint64_t serial) {
  uint32_t place = bins_place(bins, serial);
  return place < bins->count && bins->items[place].serial == serial ? &bins->items[place] : NULL;
}

bool defragment_grow(gpu *gpu, void **items, uint32_t *capacity, size_t item_size) {
  uint32_t next = *capacity == 0 ? 64 : 2 * *capacity;
  void *grown = host_resize(&gpu->host, *items, *capacity * item_size, next * item_size);
  if (grown != NULL) {
    *items = grown;
    *capacity = next;
  }
  return grown != NULL;
}

static defragment_bin bin_empty(uint64_t serial) {
  defragment_bin bin = {.serial = serial, .role = BIN_UNUSED};
  for (uint32_t i = 0; i < BIN_CLASSES; i++) {
    bin.first[i] = DEFRAGMENT_NONE;
  }
  return bin;
}

defragment_bin *bins_get(gpu *gpu, defragment_bins *bins, uint64_t serial) {
  uint32_t place = bins_place(bins, serial);
  if (place < bins->count && bins->items[place].serial == serial) {
    return &bins->items[place];
  }
  if (bins->count == bins->capacity &&
      !defragment_grow(gpu, (void **)(void *)&bins->items, &bins->capacity, sizeof *bins->items)) {
    return NULL;
  }
  for (uint32_t i = bins->count; i > place; i--) {
    bins->items[i] = bins->items[i - 1];
  }
  bins->count++;
  bins->items[place] = bin_empty(serial);
  return &bins->items[place];
}

/* ---- Pieces -------------------------------------------------------------------------------- */

/* The place of the highest bit. */
static uint32_t class_of(uint64_t number) {
  uint32_t place = 0;
  for (uint32_t shift = 32; shift > 0; shift /= 2) {
    if (number >> shift != 0) {
      number >>= shift;
      place += shift;
    }
  }
  return place;
}

void bin_add(defragment_pass *pass, defragment_bin *bin, uint32_t index) {
  defragment_piece *piece = &pass->pieces[index];
  const uint32_t class = class_of(piece->size);
  piece->next = bin->first[class];
  bin->first[class] = index;
  bin->classes |= UINT64_C(1) << class;
  bin->piece_bytes += piece->size;
  bin->piece_count++;
}

uint32_t bin_largest(const defragment_bin *bin) {
  return bin->classes == 0 ? DEFRAGMENT_NONE : bin->first[class_of(bin->classes)];
}

void bin_drop(defragment_pass *pass, defragment_bin *bin, uint32_t index) {
  const defragment_piece *piece = &pass->pieces[index];
  const uint32_t class = class_of(piece->size);
  bin->first[class] = piece->next;
  if (piece->next == DEFRAGMENT_NONE) {
    bin->classes &= ~(UINT64_C(1) << class);
  }
  bin->piece_bytes -= piece->size;
  bin->piece_count--;
}

rg_result piece_create(gpu *gpu, defragment_pass *pass, defragment_bin *bin,
                       const defragment_piece *piece) {
  if (pass->piece_count == pass->piece_capacity &&
      !defragment_grow(gpu, (void **)(void *)&pass->pieces, &pass->piece_capacity,
                       sizeof *pass->pieces)) {
    return result_no_memory("defragmentation",
                            UINT64_C(2) * pass->piece_capacity * sizeof *pass->pieces);
  }
  pass->pieces[pass->piece_count] = *piece;
  bin_add(pass, bin, pass->piece_count++);
  return RG_OK;
}

/* ---- Where pieces fit ---------------------------------------------------------------------- */

/* Sizes of slots differ by 1/16 at least: their place among 256, from the highest bit and the four
 * below it. */
static uint32_t size_index(uint64_t size) {
  const uint32_t octave = class_of(size);
  const uint64_t sixteenth = octave >= 4 ? size >> (octave - 4) : size << (4 - octave);
  return (octave % 16) * 16 + (uint32_t)(sixteenth % 16);
}

void bin_refuse(defragment_bin *bin, bin_kind kind, uint64_t size) {
  const uint32_t index = size_index(size);
  if (kind == BIN_BLOCK) {
    bin->fits = size - 1;
  } else {
    bin->refused[index / 64] |= UINT64_C(1) << (index % 64);
  }
}

bool bin_may_fit(const defragment_bin *bin, bin_kind kind, uint64_t size) {
  const uint32_t index = size_index(size);
  return bin->fits >= size &&
         (kind == BIN_BLOCK || (bin->refused[index / 64] >> (index % 64) & 1) == 0);
}
