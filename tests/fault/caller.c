/* Reads the program's own table of symbols, since the dynamic one lacks what is static or hidden.
 */
#define _GNU_SOURCE
#include "caller.h"

#include <elf.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Mapped at the first question, and kept. */
typedef struct symbol_table {
  const unsigned char *file;
  const Elf64_Sym *symbols;
  size_t count;
  const char *names;
  uintptr_t base; /* from addresses in the file to those in memory */
} symbol_table;

caller caller_find(void) {
  caller self;
  self.count = backtrace(self.frames, CALLER_MAX_FRAMES);
  return self;
}

/* The program comes first. */
static int base_take(struct dl_phdr_info *info, size_t size, void *out) {
  (void)size;
  *(uintptr_t *)out = info->dlpi_addr;
  return 1;
}

static const unsigned char *program_map(void) {
  struct stat status;
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  void *map = MAP_FAILED;
  if (file >= 0 && fstat(file, &status) == 0) {
    map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  }
  if (file >= 0) {
    close(file);
  }
  return map == MAP_FAILED ? NULL : map;
}

static symbol_table table_open(void) {
  symbol_table table = {.file = program_map()};
  if (table.file == NULL) {
    return table;
  }
  dl_iterate_phdr(base_take, &table.base);
  const Elf64_Ehdr *header = (const Elf64_Ehdr *)(const void *)table.file;
  const Elf64_Shdr *sections = (const Elf64_Shdr *)(const void *)(table.file + header->e_shoff);
  for (size_t i = 0; i < header->e_shnum; i++) {
    if (sections[i].sh_type == SHT_SYMTAB) {
      table.symbols = (const Elf64_Sym *)(const void *)(table.file + sections[i].sh_offset);
      table.count = sections[i].sh_size / sizeof(Elf64_Sym);
      table.names = (const char *)table.file + sections[sections[i].sh_link].sh_offset;
    }
  }
  return table;
}

static const char *name_of(const symbol_table *table, uintptr_t address) {
  for (size_t i = 0; i < table->count; i++) {
    const Elf64_Sym *symbol = &table->symbols[i];
    const uintptr_t start = table->base + symbol->st_value;
    if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && address > start &&
        address - start <= symbol->st_size) {
      return table->names + symbol->st_name;
    }
  }
  return NULL;
}

void caller_names(const caller *self, char *out, size_t size) {
  static symbol_table table;
  if (table.file == NULL) {
    table = table_open();
  }
  size_t length = 0;
  out[0] = '\0';
  for (int i = 0; i < self->count && length < size; i++) {
    const char *name = name_of(&table, (uintptr_t)self->frames[i]);
    if (name != NULL) {
      length +=
          (size_t)snprintf(out + length, size - length, "%s%s", length == 0 ? "" : " < ", name);
    }
  }
}
