/* A walk over declarations. glslang gives resources without a binding binding 0, as if it had been
 * written; and SPIR-V lists variables by first use. Only the text knows better. */
#include "globals.h"

#include <string.h>

#include "base/result.h"
#include "list.h"
#include "scan.h"

/* One declaration at global scope, up to its ';'. */
typedef struct declaration {
  token name;          /* the last word that may be the name */
  uint32_t parens;     /* open ones */
  uint32_t layout;     /* the paren depth inside of layout(…), or 0 */
  bool is_interface;   /* in, out, uniform or buffer */
  bool is_named;       /* this declarator's name is in the list */
  bool is_block_done;  /* what follows is an instance's name */
  bool is_next_layout; /* the word layout was just seen */
  bool is_struct;
  bool has_binding;
  bool has_set;
} declaration;

static bool is_storage(const token *item) {
  return token_is(item, "in") || token_is(item, "out") || token_is(item, "uniform") ||
         token_is(item, "buffer");
}

static rg_result declaration_add(arena *scratch, global_list *list, declaration *self) {
  if (!self->is_interface || self->is_named || self->is_block_done ||
      self->name.kind != TOKEN_WORD || is_storage(&self->name)) {
    return RG_OK;
  }
  global_decl *items = list_grow(scratch, list->items, sizeof *items, list->count, &list->capacity);
  char *name = arena_printf(scratch, "%.*s", (int)self->name.length, self->name.start);
  if (items == NULL || name == NULL) {
    return result_no_memory("shader's names", self->name.length);
  }
  list->items = items;
  items[list->count++] = (global_decl){name, self->has_binding, self->has_set};
  self->is_named = true;
  return RG_OK;
}

static void declaration_word(declaration *self, const token *item) {
  self->has_binding = self->has_binding || (self->layout > 0 && token_is(item, "binding"));
  self->has_set = self->has_set || (self->layout > 0 && token_is(item, "set"));
  if (self->parens == 0) {
    self->is_next_layout = token_is(item, "layout");
    self->is_interface = self->is_interface || is_storage(item);
    self->is_struct = self->is_struct || token_is(item, "struct");
    if (!self->is_named) {
      self->name = *item;
    }
  }
}

static bool is_bool_type(const token *item) {
  return token_is(item, "bool") || token_is(item, "bvec2") || token_is(item, "bvec3") ||
         token_is(item, "bvec4");
}

static rg_result bool_add(arena *scratch, global_list *list, const token *owner,
                          const token *name) {
  global_bool *bools =
      list_grow(scratch, list->bools, sizeof *bools, list->bool_count, &list->bool_capacity);
  char *owner_name = arena_printf(scratch, "%.*s", (int)owner->length, owner->start);
  char *member_name = arena_printf(scratch, "%.*s", (int)name->length, name->start);
  if (bools == NULL || owner_name == NULL || member_name == NULL) {
    return result_no_memory("shader's names", name->length);
  }
  list->bools = bools;
  bools[list->bool_count++] = (global_bool){owner_name, member_name};
  return RG_OK;
}

/* Skips what stands between braces, the first already taken, and notes boolean members where these
 * are the braces of `owner`. */
static rg_result braces_skip(arena *scratch, global_list *list, scanner *scan, const token *owner) {
  uint32_t depth = 1;
  bool is_bool = false;
  for (token item; depth > 0 && (item = scan_next(scan)).kind != TOKEN_END;) {
    depth += token_is_mark(&item, '{');
    depth -= token_is_mark(&item, '}');
    if (owner == NULL || depth != 1) {
      continue;
    }
    if (item.kind == TOKEN_WORD && is_bool && bool_add(scratch, list, owner, &item) != RG_OK) {
      return RG_ERROR_OUT_OF_HOST_MEMORY;
    }
    is_bool = (is_bool && !token_is_mark(&item, ';')) || is_bool_type(&item);
  }
  return RG_OK;
}

static rg_result declaration_mark(arena *scratch, global_list *list, declaration *self, char mark,
                                  scanner *scan) {
  rg_result result = RG_OK;
  if (mark == '(') {
    self->parens++;
    self->layout = self->is_next_layout ? self->parens : self->layout;
    self->is_next_layout = false;
  } else if (mark == ')' && self->parens > 0) {
    self->layout = self->layout == self->parens ? 0 : self->layout;
    self->parens--;
  } else if (self->parens == 0 && (mark == ',' || mark == ';' || mark == '[' || mark == '=')) {
    result = declaration_add(scratch, list, self);
    self->is_named = self->is_named && mark != ',';
  } else if (self->parens == 0 && mark == '{') {
    bool is_block = self->is_interface && !self->is_named;
    result = declaration_add(scratch, list, self);
    if (result == RG_OK) {
      bool is_owner = is_block || self->is_struct;
      result = braces_skip(scratch, list, scan, is_owner ? &self->name : NULL);
    }
    self->is_block_done = is_block;
  }
  bool is_body_end = mark == '{' && !self->is_interface;
  if (self->parens == 0 && (mark == ';' || is_body_end)) {
    *self = (declaration){.name = {.kind = TOKEN_END}};
  }
  return result;
}

static bool is_size_id(const token *item) {
  return token_is(item, "local_size_x_id") || token_is(item, "local_size_y_id") ||
         token_is(item, "local_size_z_id");
}

rg_result globals_find(arena *scratch, const char *text, global_list *out) {
  *out = (global_list){0};
  declaration self = {.name = {.kind = TOKEN_END}};
  scanner scan;
  scan_begin(&scan, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
  for (token item; (item = scan_next(&scan)).kind != TOKEN_END;) {
    rg_result result = RG_OK;
    if (item.kind == TOKEN_HASH) {
      (void)scan_directive_end(&scan);
    } else if (item.kind == TOKEN_WORD) {
      declaration_word(&self, &item);
      out->has_size_id = out->has_size_id || is_size_id(&item);
    } else if (item.kind == TOKEN_MARK) {
      result = declaration_mark(scratch, out, &self, *item.start, &scan);
    }
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

const global_decl *globals_get(const global_list *list, const char *name) {
  for (uint32_t i = 0; i < list->count; i++) {
    if (strcmp(list->items[i].name, name) == 0) {
      return &list->items[i];
    }
  }
  return NULL;
}

bool globals_is_bool(const global_list *list, const char *owner, const char *name) {
  for (uint32_t i = 0; i < list->bool_count; i++) {
    if (strcmp(list->bools[i].owner, owner) == 0 && strcmp(list->bools[i].name, name) == 0) {
      return true;
    }
  }
  return false;
}

/* ---- Names for "did you mean" -------------------------------------------------------------- */

static const char *const own_names[] = {
    "gl_Position",
    "gl_PointSize",
    "gl_VertexIndex",
    "gl_InstanceIndex",
    "gl_FragCoord",
    "gl_FrontFacing",
    "gl_PointCoord",
    "gl_FragDepth",
    "gl_GlobalInvocationID",
    "gl_LocalInvocationID",
    "gl_LocalInvocationIndex",
    "gl_WorkGroupID",
    "gl_WorkGroupSize",
    "gl_NumWorkGroups",
    "abs",
    "acos",
    "all",
    "any",
    "asin",
    "atan",
    "barrier",
    "ceil",
    "clamp",
    "cos",
    "cross",
    "dFdx",
    "dFdy",
    "degrees",
    "determinant",
    "discard",
    "distance",
    "dot",
    "exp",
    "exp2",
    "floor",
    "fract",
    "fwidth",
    "greaterThan",
    "imageLoad",
    "imageSize",
    "imageStore",
    "inverse",
    "inversesqrt",
    "isinf",
    "isnan",
    "length",
    "lessThan",
    "log",
    "log2",
    "max",
    "min",
    "mix",
    "mod",
    "normalize",
    "not",
    "pow",
    "radians",
    "reflect",
    "refract",
    "round",
    "sign",
    "sin",
    "smoothstep",
    "sqrt",
    "step",
    "tan",
    "texelFetch",
    "texture",
    "textureGrad",
    "textureLod",
    "textureSize",
    "transpose",
    "trunc",
    "float",
    "double",
    "int",
    "uint",
    "bool",
    "void",
    "vec2",
    "vec3",
    "vec4",
    "ivec2",
    "ivec3",
    "ivec4",
    "uvec2",
    "uvec3",
    "uvec4",
    "mat2",
    "mat3",
    "mat4",
    "sampler2D",
    "sampler3D",
    "samplerCube",
    "sampler2DArray",
    "return",
};
#define OWN_COUNT ((uint32_t)(sizeof own_names / sizeof own_names[0]))

/* A word after a word is declared by it ("float x", "struct S"), but after these. */
static bool is_declarator(const token *before) {
  return before->kind == TOKEN_WORD && !token_is(before, "return") && !token_is(before, "else") &&
         !token_is(before, "case");
}

const char *const *globals_names(arena *scratch, const char *text, uint32_t *count) {
  uint32_t capacity = OWN_COUNT;
  const char **names = arena_copy(scratch, own_names, sizeof own_names);
  *count = OWN_COUNT;
  token before = {.kind = TOKEN_END};
  scanner scan;
  scan_begin(&scan, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
  for (token item; names != NULL && (item = scan_next(&scan)).kind != TOKEN_END;) {
    if (item.kind == TOKEN_WORD && is_declarator(&before)) {
      names = list_grow(scratch, names, sizeof *names, *count, &capacity);
      char *name = arena_printf(scratch, "%.*s", (int)item.length, item.start);
      if (names == NULL || name == NULL) {
        return NULL;
      }
      names[(*count)++] = name;
    }
    before = item;
  }
  return names;
}
