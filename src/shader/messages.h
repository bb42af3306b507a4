/* glslang's log as messages that a person can follow: file, line, what is wrong, the line itself.
 */
#ifndef RG_SHADER_MESSAGES_H
#define RG_SHADER_MESSAGES_H

#include "source.h"

/* Where messages go; each ends with a line end. */
typedef struct message_sink {
  text errors;
  text warnings;
} message_sink;

/* Where a log's first error is. */
typedef struct message_place {
  uint32_t file, line;
  bool is_known;  /* there is one, with file and line */
  bool is_syntax; /* it is the grammar's, not about a name or type */
} message_place;

/* Where a stage's log has its first error. */
RG_NODISCARD rg_result messages_first(const source *from, const char *log, message_place *out);

/* Appends what a stage's log says, once each. preprocessed: for names near to an undeclared one;
 * may be NULL. RG_ERROR_OUT_OF_HOST_MEMORY. */
RG_NODISCARD rg_result messages_add(message_sink *sink, const source *from, const char *log,
                                    const char *preprocessed);

/* Appends what linking says; label: the shader's. */
void messages_add_link(message_sink *sink, const char *label, const char *log);

#endif
