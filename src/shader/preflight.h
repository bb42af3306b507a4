/* Refuses, before glslang sees it, what is known to crash or stall it. */
#ifndef RG_SHADER_PREFLIGHT_H
#define RG_SHADER_PREFLIGHT_H

#include "scan.h"
#include "source.h"

#define PREFLIGHT_MAX_NESTING 1024      /* brackets within brackets */
#define PREFLIGHT_MAX_OPERATORS 16384   /* of one expression: each may deepen glslang's recursion */
#define PREFLIGHT_MAX_CASES 4096        /* of all switches: glslang's time goes with their square */
#define PREFLIGHT_MAX_CONDITION 4096    /* tokens of one #if, its macros expanded */
#define PREFLIGHT_MAX_MACRO_DEPTH 256   /* macros that use macros */
#define PREFLIGHT_MAX_TOKENS (1u << 22) /* of one stage, its macros expanded */

/* Of the expanded source: pragmas and macros. RG_ERROR_COMPILE with a message like glslang's. */
RG_NODISCARD rg_result preflight_source(const source *from);

/* Of glslang's preprocessed text: the depth of expressions. */
RG_NODISCARD rg_result preflight_statements(const source *from, const char *preprocessed);

/* How far macros multiply: macro_cost.c, for preflight_source. Names made by ## are not followed.
 */
RG_NODISCARD rg_result preflight_macros(const source *from);

/* Fails with "FILE:LINE: error: MESSAGE" and the line itself, for a line of a text whose #line
 * directives gave `place`. limit: the one that is broken; 0 means none. */
rg_result preflight_fail(const source *from, const scan_place *place, uint32_t line,
                         const char *message, uint32_t limit);

#endif
