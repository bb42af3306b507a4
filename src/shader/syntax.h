/* glslang's syntax errors: its grammar's token names in plain GLSL, and the missing semicolon that
 * it blames on the next line. */
#ifndef RG_SHADER_SYNTAX_H
#define RG_SHADER_SYNTAX_H

#include "source.h"

/* Prints "syntax error, unexpected FLOAT, expecting SEMICOLON" with the tokens as they are
 * written; false for other texts. */
bool syntax_print(text *out, const char *message);

/* Whether a syntax error at *line, as #line numbers the file, is due to a ';' missing on an earlier
 * one, which *line is then. */
bool syntax_semicolon_missing(const source *from, uint32_t file, const char *message,
                              uint32_t *line);

#endif
