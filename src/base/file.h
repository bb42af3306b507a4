/* Files under search roots: nothing outside of them can be named, by .. or by a symbolic link. */
#ifndef RG_BASE_FILE_H
#define RG_BASE_FILE_H

#include "host_memory.h"

typedef struct file_root {
  char *path;     /* as given; "." for the working directory */
  char *absolute; /* without links; NULL where the system could not tell */
  int folder;     /* an open descriptor */
} file_root;

typedef struct file_roots {
  host_memory *memory;
  file_root *items;
  uint32_t count;
} file_roots;

#define FILE_MAX_ROOTS 64u

/* At most FILE_MAX_ROOTS (RG_ERROR_LIMIT), none NULL (RG_ERROR_INVALID_ARGUMENT). Opens the
 * folders; count 0 means the working directory. RG_ERROR_NOT_FOUND: one is missing or no folder.
 * The caller calls file_roots_finish, which zeroed roots are good for too. */
RG_NODISCARD rg_result file_roots_init(file_roots *roots, host_memory *memory,
                                       const char *const *paths, uint32_t count);
void file_roots_finish(file_roots *roots);

typedef struct file_data {
  host_memory *memory;
  unsigned char *bytes; /* size bytes and one zero byte after them */
  size_t size;
  uint32_t root; /* which root it was found under */
} file_data;

/* Reads a whole regular file, found under the first root that has it. name: relative, '/' between
 * parts; an absolute name is taken relative to the root it begins with. RG_ERROR_NOT_FOUND: under
 * no root, the message lists them; RG_ERROR_IO: not a regular file, escapes its root, unreadable,
 * changed in size meanwhile; RG_ERROR_LIMIT: over max_size bytes. Any thread. */
RG_NODISCARD rg_result file_read(const file_roots *roots, const char *name, uint64_t max_size,
                                 file_data *out);
void file_data_finish(file_data *data); /* zeroed data is allowed */

/* "dir/name" for a file named `name` inside the file `base` ("a/b.gltf", "c.bin" → "a/c.bin"), or
 * NULL when out of memory. An absolute `name` is taken as relative, too. The caller frees it with
 * host_strfree. */
char *file_sibling(host_memory *memory, const char *base, const char *name);

/* Writes beside the target, then renames: a reader sees the old file or the new. path: relative to
 * the working directory. A file that was there keeps its mode, links lead to what they lead to, and
 * pipes and devices are written as they are. RG_ERROR_IO: the target is as it was, and nothing is
 * left beside it. */
RG_NODISCARD rg_result file_write(host_memory *memory, const char *path, const void *data,
                                  size_t size);

/* The same piece by piece. Not thread-safe. */
typedef struct file_writer {
  arena names;
  char *path, *temporary; /* in the arena; NULL where nothing is being written */
  int descriptor;
  bool is_special; /* a pipe or a device, with nothing beside it */
} file_writer;

/* On failure there is nothing to end. */
RG_NODISCARD rg_result file_writer_begin(file_writer *writer, host_memory *memory,
                                         const char *path);
RG_NODISCARD rg_result file_writer_write(file_writer *writer, const void *data, size_t size);
/* Gives the file its name, down to the disk, and ends the writer either way. */
RG_NODISCARD rg_result file_writer_commit(file_writer *writer);
/* Leaves nothing behind; of a writer that has ended: nothing to do. */
void file_writer_abort(file_writer *writer);

#endif
