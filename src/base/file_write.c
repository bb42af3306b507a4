/* Files written aside, whole or piece by piece, that take their name only when they are complete.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "hash_map.h"
#include "result.h"
#include "thread.h"

#define CREATE_TRIES 64 /* names tried for a file that must be new */

static rg_result error_write(const char *path, const char *what) {
  return result_set(RG_ERROR_IO, "file '%s': %s: %s", path, what, strerror(errno));
}

/* In the target's folder, since a rename cannot leave its file system, and of fixed length, since
 * the target's name may have no byte to spare. */
static char *temporary_name(arena *names, const char *path) {
  const char *slash = strrchr(path, '/');
  int folder = slash == NULL ? 0 : (int)(slash - path) + 1;
  uint64_t seed[] = {time_now_ns(), (uint64_t)getpid(), (uint64_t)(uintptr_t)&seed};
  return arena_printf(names, "%.*s.regolith-%016" PRIx64 ".tmp", folder, path,
                      hash_bytes(seed, sizeof seed));
}

static rg_result temporary_create(file_writer *writer) {
  for (int i = 0; i < CREATE_TRIES; i++) {
    writer->temporary = temporary_name(&writer->names, writer->path);
    if (writer->temporary == NULL) {
      return result_no_memory(writer->path, strlen(writer->path));
    }
    writer->descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (writer->descriptor >= 0) {
      return RG_OK;
    }
    if (errno != EEXIST && errno != EINTR) {
      break;
    }
  }
  return error_write(writer->path, "no file can be made beside it");
}

/* A file that is there keeps its mode, and its place where the path is a link to it. */
static rg_result replacement_create(file_writer *writer, mode_t mode) {
  char real[PATH_MAX];
  if (realpath(writer->path, real) == NULL) {
    return error_write(writer->path, "cannot be replaced");
  }
  char *path = arena_strdup(&writer->names, real);
  if (path == NULL) {
    return result_no_memory(writer->path, strlen(real));
  }
  writer->path = path;
  rg_result result = temporary_create(writer);
  if (result == RG_OK && fchmod(writer->descriptor, mode & 07777) != 0) {
    result = error_write(writer->path, "its mode cannot be kept");
    file_writer_abort(writer);
  }
  return result;
}

/* Pipes and devices are written as they are: nothing may take their place. */
static rg_result special_open(file_writer *writer) {
  writer->descriptor = open(writer->path, O_WRONLY | O_CLOEXEC);
  writer->is_special = writer->descriptor >= 0;
  return writer->is_special ? RG_OK : error_write(writer->path, "cannot be written");
}

static rg_result target_open(file_writer *writer) {
  struct stat found;
  if (stat(writer->path, &found) != 0) {
    if (errno != ENOENT || lstat(writer->path, &found) == 0) {
      return error_write(writer->path, "cannot be written");
    }
    return temporary_create(writer);
  }
  if (S_ISDIR(found.st_mode)) {
    errno = EISDIR;
    return error_write(writer->path, "cannot be written");
  }
  return S_ISREG(found.st_mode) ? replacement_create(writer, found.st_mode) : special_open(writer);
}

rg_result file_writer_begin(file_writer *writer, host_memory *memory, const char *path) {
  *writer = (file_writer){.descriptor = -1};
  arena_init(&writer->names, memory);
  writer->path = arena_strdup(&writer->names, path);
  rg_result result = writer->path == NULL ? result_no_memory(path, strlen(path)) : RG_OK;
  if (result == RG_OK) {
    result = target_open(writer);
  }
  if (result != RG_OK) {
    arena_finish(&writer->names);
    *writer = (file_writer){.descriptor = -1};
  }
  return result;
}

rg_result file_writer_write(file_writer *writer, const void *data, size_t size) {
  const unsigned char *bytes = data;
  for (size_t done = 0; done < size;) {
    ssize_t part = write(writer->descriptor, bytes + done, size - done);
    if (part < 0 && errno != EINTR) {
      return error_write(writer->path, "cannot be written");
    }
    done += part < 0 ? 0 : (size_t)part;
  }
  return RG_OK;
}

static void writer_finish(file_writer *writer) {
  arena_finish(&writer->names);
  *writer = (file_writer){.descriptor = -1};
}

/* Down to the disk: a rename may otherwise outlive a crash that the bytes do not. */
rg_result file_writer_commit(file_writer *writer) {
  const char *path = writer->path;
  rg_result result = writer->is_special || fsync(writer->descriptor) == 0
                         ? RG_OK
                         : error_write(path, "cannot be written");
  if (close(writer->descriptor) != 0 && errno != EINTR && result == RG_OK) {
    result = error_write(path, "cannot be written");
  }
  if (result == RG_OK && !writer->is_special && rename(writer->temporary, path) != 0) {
    result = error_write(path, "cannot be replaced");
  }
  if (result != RG_OK && !writer->is_special) {
    unlink(writer->temporary);
  }
  writer_finish(writer);
  return result;
}

void file_writer_abort(file_writer *writer) {
  if (writer->temporary != NULL || writer->is_special) {
    close(writer->descriptor);
    if (!writer->is_special) {
      unlink(writer->temporary);
    }
    writer_finish(writer);
  }
}

rg_result file_write(host_memory *memory, const char *path, const void *data, size_t size) {
  file_writer writer;
  rg_result result = file_writer_begin(&writer, memory, path);
  if (result != RG_OK) {
    return result;
  }
  result = file_writer_write(&writer, data, size);
  if (result != RG_OK) {
    file_writer_abort(&writer);
    return result;
  }
  return file_writer_commit(&writer);
}
