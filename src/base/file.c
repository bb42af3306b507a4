/* Reading beneath search roots. The kernel itself (openat2) refuses what leads out of a root; where
 * it is too old or forbids the call, names are walked part by part and links are refused
 * altogether. */
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "result.h"

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK) /* a pipe must not make us wait */
#define OPEN_TRIES 16

/* ---- Roots --------------------------------------------------------------------------------- */

static rg_result root_init(file_root *root, host_memory *memory, const char *path) {
  char absolute[PATH_MAX];
  root->folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root->folder < 0) {
    bool is_missing = errno == ENOENT || errno == ENOTDIR;
    return result_set(is_missing ? RG_ERROR_NOT_FOUND : RG_ERROR_IO, "root folder '%s': %s", path,
                      strerror(errno));
  }
  root->path = host_strdup(memory, path);
  if (root->path == NULL) {
    return result_no_memory("root folder", strlen(path));
  }
  if (realpath(path, absolute) != NULL) {
    root->absolute = host_strdup(memory, absolute);
    if (root->absolute == NULL) {
      return result_no_memory("root folder", strlen(absolute));
    }
  }
  return RG_OK;
}

static rg_result paths_check(const char *const *paths, uint32_t count) {
  if (count > FILE_MAX_ROOTS) {
    return result_set(RG_ERROR_LIMIT, "%u root folders exceed %u", count, FILE_MAX_ROOTS);
  }
  for (uint32_t i = 0; i < count; i++) {
    if (paths == NULL || paths[i] == NULL) {
      return result_set(RG_ERROR_INVALID_ARGUMENT, "roots: entry %u of %u is NULL", i, count);
    }
  }
  return RG_OK;
}

rg_result file_roots_init(file_roots *roots, host_memory *memory, const char *const *paths,
                          uint32_t count) {
  static const char *const working_folder[] = {"."};
  rg_result result = RG_OK;
  const char *const *given = count == 0 ? working_folder : paths;
  uint32_t given_count = count == 0 ? 1 : count;
  *roots = (file_roots){.memory = memory};
  RG_TRY(paths_check(given, given_count));
  roots->items = host_calloc(memory, given_count, sizeof *roots->items);
  if (roots->items == NULL) {
    return result_no_memory("root folders", given_count * sizeof *roots->items);
  }
  roots->count = given_count;
  for (uint32_t i = 0; i < given_count; i++) {
    roots->items[i].folder = -1;
  }
  for (uint32_t i = 0; i < given_count; i++) {
    RG_TRY(root_init(&roots->items[i], memory, given[i]));
  }
  return RG_OK;
fail:
  file_roots_finish(roots);
  return result;
}

void file_roots_finish(file_roots *roots) {
  for (uint32_t i = 0; i < roots->count; i++) {
    file_root *root = &roots->items[i];
    if (root->folder >= 0) {
      close(root->folder);
    }
    host_strfree(roots->memory, root->path);
    host_strfree(roots->memory, root->absolute);
  }
  if (roots->items != NULL) {
    host_free(roots->memory, roots->items, roots->count * sizeof *roots->items);
  }
  *roots = (file_roots){.memory = roots->memory};
}

/* ---- Opening: a descriptor, or an errno negated ---------------------------------------------- */

static int open_by_kernel(int folder, const char *name) {
  struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  for (int i = 0; i < OPEN_TRIES; i++) {
    long opened = syscall(SYS_openat2, folder, name, &how, sizeof how);
    if (opened >= 0) {
      return (int)opened;
    }
    if (errno != EAGAIN && errno != EINTR) { /* EAGAIN: something was renamed while it looked */
      break;
    }
  }
  return -errno;
}

/* Opens one part of a name beneath a folder. An empty one, as after a final '/', is the folder. */
static int open_part(int folder, const char *name, size_t length, bool is_last) {
  char part[NAME_MAX + 1];
  struct stat status;
  if (length > NAME_MAX) {
    return -ENAMETOOLONG;
  }
  snprintf(part, sizeof part, "%.*s", length == 0 ? 1 : (int)length, length == 0 ? "." : name);
  if (strcmp(part, "..") == 0) {
    return -EXDEV;
  }
  int opened = openat(folder, part, O_NOFOLLOW | (is_last ? OPEN_FLAGS : O_PATH | O_CLOEXEC));
  if (opened < 0) {
    return -errno;
  }
  if (!is_last && fstat(opened, &status) == 0 && S_ISLNK(status.st_mode)) {
    close(opened);
    return -ELOOP;
  }
  return opened;
}

static int open_by_parts(int folder, const char *name) {
  int at = name[0] == '\0' ? -ENOENT : folder;
  bool is_last = false;
  while (at >= 0 && !is_last) {
    size_t length = strcspn(name, "/");
    is_last = name[length] == '\0';
    int next = open_part(at, name, length, is_last);
    if (at != folder) {
      close(at);
    }
    at = next;
    name += length + strspn(name + length, "/");
  }
  return at;
}

static int open_beneath(int folder, const char *name) {
  int opened = open_by_kernel(folder, name);
  if (opened == -ENOSYS || opened == -EPERM) { /* an old kernel, or a sandbox that hides the call */
    opened = open_by_parts(folder, name);
  }
  return opened;
}

/* ---- Finding under the roots ----------------------------------------------------------------- */

/* What follows `prefix` in an absolute name, "." where nothing does, or NULL where it begins
 * otherwise. */
static const char *name_after(const char *name, const char *prefix) {
  size_t length = prefix == NULL ? 0 : strlen(prefix);
  if (length == 0 || prefix[0] != '/') {
    return NULL;
  }
  while (length > 0 && prefix[length - 1] == '/') {
    length--;
  }
  if (strncmp(name, prefix, length) != 0 || (name[length] != '/' && name[length] != '\0')) {
    return NULL;
  }
  const char *rest = name + length + strspn(name + length, "/");
  return rest[0] == '\0' ? "." : rest;
}

/* The name as seen from a root, or NULL where it is absolute and lies elsewhere. */
static const char *name_under(const file_root *root, const char *name) {
  if (name[0] != '/') {
    return name;
  }
  const char *rest = name_after(name, root->path);
  return rest != NULL ? rest : name_after(name, root->absolute);
}

static rg_result error_not_found(const file_roots *roots, const char *name) {
  char list[2048] = "";
  size_t length = 0;
  for (uint32_t i = 0; i < roots->count && length < sizeof list; i++) {
    int written = snprintf(list + length, sizeof list - length, "%s'%s'", i == 0 ? "" : ", ",
                           roots->items[i].path);
    length += written < 0 ? 0 : (size_t)written;
  }
  return result_set(RG_ERROR_NOT_FOUND, "file '%s': not found under %s", name, list);
}

static rg_result error_open(const file_root *root, const char *name, int code) {
  if (code == EXDEV) {
    return result_set(RG_ERROR_IO, "file '%s': leads out of its root folder '%s'", name,
                      root->path);
  }
  if (code == ELOOP) {
    return result_set(RG_ERROR_IO,
                      "file '%s': passes a symbolic link that is not followed under '%s'", name,
                      root->path);
  }
  return result_set(RG_ERROR_IO, "file '%s': cannot be opened under '%s': %s", name, root->path,
                    strerror(code));
}

static rg_result file_open(const file_roots *roots, const char *name, int *descriptor,
                           uint32_t *root) {
  for (uint32_t i = 0; i < roots->count; i++) {
    const char *rest = name_under(&roots->items[i], name);
    if (rest == NULL) {
      continue;
    }
    int opened = open_beneath(roots->items[i].folder, rest);
    if (opened >= 0) {
      *descriptor = opened;
      *root = i;
      return RG_OK;
    }
    if (opened != -ENOENT && opened != -ENOTDIR) {
      return error_open(&roots->items[i], name, -opened);
    }
  }
  return error_not_found(roots, name);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static rg_result file_measure(int descriptor, const char *name, uint64_t max_size, size_t *size) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) {
    return result_set(RG_ERROR_IO, "file '%s': %s", name, strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return result_set(RG_ERROR_IO, "file '%s': is %s, not a regular file", name,
                      S_ISDIR(status.st_mode) ? "a folder" : "a device or pipe");
  }
  if ((uint64_t)status.st_size > max_size) {
    return result_set(RG_ERROR_LIMIT, "file '%s': %" PRIu64 " bytes exceed the limit of %" PRIu64,
                      name, (uint64_t)status.st_size, max_size);
  }
  *size = (size_t)status.st_size;
  return RG_OK;
}

/* Reads up to size bytes; fewer only at the file's end. */
static rg_result read_up_to(int descriptor, const char *name, unsigned char *bytes, size_t size,
                            size_t *done) {
  *done = 0;
  while (*done < size) {
    ssize_t part = read(descriptor, bytes + *done, size - *done);
    if (part == 0) {
      break;
    }
    if (part < 0 && errno != EINTR) {
      return result_set(RG_ERROR_IO, "file '%s': cannot be read: %s", name, strerror(errno));
    }
    *done += part < 0 ? 0 : (size_t)part;
  }
  return RG_OK;
}

/* Asks for one byte more than the file had, to see it grow. */
static rg_result read_whole(int descriptor, const char *name, file_data *data) {
  size_t done = 0;
  rg_result result = read_up_to(descriptor, name, data->bytes, data->size + 1, &done);
  if (result == RG_OK && done != data->size) {
    result = result_set(RG_ERROR_IO, "file '%s': %s than its %zu bytes while it was read", name,
                        done < data->size ? "became shorter" : "became longer", data->size);
  }
  data->bytes[data->size] = 0;
  return result;
}

rg_result file_read(const file_roots *roots, const char *name, uint64_t max_size, file_data *out) {
  rg_result result = RG_OK;
  int descriptor = -1;
  *out = (file_data){.memory = roots->memory};
  RG_TRY(file_open(roots, name, &descriptor, &out->root));
  RG_TRY(file_measure(descriptor, name, max_size, &out->size));
  out->bytes = host_alloc(out->memory, out->size + 1);
  if (out->bytes == NULL) {
    result = result_set(RG_ERROR_OUT_OF_HOST_MEMORY, "file '%s': no host memory for %zu bytes",
                        name, out->size);
    goto fail;
  }
  RG_TRY(read_whole(descriptor, name, out));
  close(descriptor);
  return RG_OK;
fail:
  if (descriptor >= 0) {
    close(descriptor);
  }
  file_data_finish(out);
  return result;
}

void file_data_finish(file_data *data) {
  if (data->bytes != NULL) {
    host_free(data->memory, data->bytes, data->size + 1);
  }
  *data = (file_data){.memory = data->memory};
}

char *file_sibling(host_memory *memory, const char *base, const char *name) {
  const char *slash = strrchr(base, '/');
  size_t folder = slash == NULL ? 0 : (size_t)(slash - base) + 1;
  name += strspn(name, "/");
  size_t length = strlen(name);
  char *joined = host_alloc(memory, folder + length + 1);
  if (joined != NULL) {
    memcpy(joined, base, folder);
    memcpy(joined + folder, name, length + 1);
  }
  return joined;
}
