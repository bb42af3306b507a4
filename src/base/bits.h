/* Bits of a word, each in one or two instructions. */
#ifndef RG_BASE_BITS_H
#define RG_BASE_BITS_H

#include <stdint.h>

/* The places of the highest and of the lowest bit set; word is not 0. */
static inline uint32_t bits_highest(uint64_t word) {
  return 63u - (uint32_t)__builtin_clzll(word);
}

static inline uint32_t bits_lowest(uint64_t word) {
  return (uint32_t)__builtin_ctzll(word);
}

static inline uint32_t bits_count(uint64_t word) {
  return (uint32_t)__builtin_popcountll(word);
}

#endif
