/* The edit distance behind "did you mean": typing slips cost one, a letter's case next to nothing.
 */
#define _GNU_SOURCE
#include <regolith/regolith.h>
#include <string.h>

#define LONGEST_NAME 128 /* bytes; longer names are near to nothing */
#define EDIT_COST 1024u  /* so that differences of case, 1 each, only decide between equals */

static unsigned char lower(unsigned char c) {
  return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

static uint32_t least(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

static uint32_t change_cost(unsigned char a, unsigned char b) {
  return a == b ? 0 : lower(a) == lower(b) ? 1 : EDIT_COST;
}

/* Damerau and Levenshtein's distance, restricted (no letter is edited twice), times EDIT_COST.
 * Three rows of the table are enough: a swap looks two back. */
static uint32_t edit_distance(const unsigned char *a, size_t a_length, const unsigned char *b,
                              size_t b_length) {
  uint32_t rows[3][LONGEST_NAME + 1];
  for (size_t j = 0; j <= b_length; j++) {
    rows[0][j] = (uint32_t)j * EDIT_COST;
  }
  for (size_t i = 1; i <= a_length; i++) {
    uint32_t *row = rows[i % 3];
    const uint32_t *above = rows[(i + 2) % 3];
    row[0] = (uint32_t)i * EDIT_COST;
    for (size_t j = 1; j <= b_length; j++) {
      row[j] = least(above[j], row[j - 1]) + EDIT_COST;
      row[j] = least(row[j], above[j - 1] + change_cost(a[i - 1], b[j - 1]));
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = least(row[j], rows[(i + 1) % 3][j - 2] + EDIT_COST);
      }
    }
  }
  return rows[a_length % 3][b_length];
}

/* EDIT_COST times the edits from one name to the other, or UINT32_MAX where they share nothing. */
static uint32_t name_distance(const char *name, size_t length, const char *other) {
  size_t other_length = other == NULL ? 0 : strnlen(other, LONGEST_NAME + 1);
  if (other_length == 0 || other_length > LONGEST_NAME) {
    return UINT32_MAX;
  }
  uint32_t distance = edit_distance((const unsigned char *)name, length,
                                    (const unsigned char *)other, other_length);
  size_t longer = length > other_length ? length : other_length;
  return distance < longer * EDIT_COST ? distance : UINT32_MAX;
}

const char *rg_nearest_name(const char *name, const char *const *names, uint32_t count) {
  size_t length = name == NULL ? 0 : strnlen(name, LONGEST_NAME + 1);
  if (length == 0 || length > LONGEST_NAME) {
    return NULL;
  }
  uint32_t allowed = length < 6 ? 1 : (uint32_t)length / 3;
  uint32_t best = (allowed + 1) * EDIT_COST;
  const char *nearest = NULL;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t distance = name_distance(name, length, names[i]);
    if (distance < best) {
      best = distance;
      nearest = names[i];
    }
  }
  return nearest;
}
