/* Getting past a compile error, to find the next ones. glslang's own way (its cascading errors)
 * runs on over half-made declarations and crashes at times. */
#ifndef RG_SHADER_RECOVER_H
#define RG_SHADER_RECOVER_H

#include "source.h"

/* Blanks, in the expanded text, what stands at a line that #line numbers so: a statement's
 * initializer or the statement, or with is_whole the body of the function around it. False where
 * the line is in no function: nothing is changed then. */
bool recover_blank(source *from, uint32_t file, uint32_t line, bool is_whole);

#endif
