/* Messages to the host's log callback, or to standard error. */
#ifndef RG_BASE_LOG_H
#define RG_BASE_LOG_H

#include <regolith/regolith.h>

typedef struct logger {
  rg_log_fn *write;
  void *user;
  rg_log_level level;
} logger;

void logger_init(logger *self, rg_log_fn *write, void *user, rg_log_level level);
/* Cut at 4 KiB. */
void log_message(const logger *self, rg_log_level level, const char *format, ...) RG_PRINTF(3, 4);

#endif
