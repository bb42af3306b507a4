/* How many tokens the macros of a source may expand to, found without expanding them: a chain of
 * 40 macros that each name the one before twice would keep the preprocessor busy for days.
 *
 * Every macro has a weight, the tokens of its body with the macros in it expanded, and a factor:
 * how often the body repeats the argument that it repeats most. Both take the largest of all
 * definitions of the name, whatever the conditions around them, so the sum is an upper bound (but
 * for names pasted together by ##). */
#include <string.h>

#include "base/hash_map.h"
#include "base/result.h"
#include "list.h"
#include "preflight.h"

#define MAX_PARAMETERS 64
#define MAX_CIRCLES 32 /* uses of a macro within itself, which the bound does not follow */
#define COST_MAX ((uint64_t)1 << 40) /* sums and products stop here */

typedef struct macro_body {
  const char *text;
  size_t size;
  const token *parameters;
  uint32_t parameter_count;
  struct macro_body *next; /* another definition of the name */
} macro_body;

typedef struct macro {
  macro_body *bodies;
  uint64_t weight;
  uint64_t factor;
  bool is_known;
  bool is_open; /* being weighed: a macro does not expand within itself */
} macro;

typedef struct macro_set {
  hash_map names;
  arena scratch;
  uint64_t callee_factor; /* of a parameter that is called like a macro */
  bool has_callee;        /* there is such a parameter */
  uint32_t circles;
  bool is_too_deep;
} macro_set;

/* The cost of a run of tokens. */
typedef struct walk {
  macro_set *set;
  const macro_body *body; /* whose parameters count as such; NULL outside of macros */
  uint32_t depth;
  uint64_t cost;
  uint64_t uses[MAX_PARAMETERS];               /* of each parameter */
  uint64_t multipliers[PREFLIGHT_MAX_NESTING]; /* by open bracket */
  uint32_t nesting;
} walk;

static uint64_t cost_limit(uint64_t cost) {
  return cost < COST_MAX ? cost : COST_MAX;
}

static uint64_t cost_multiply(uint64_t a, uint64_t b) {
  return b != 0 && a > COST_MAX / b ? COST_MAX : a * b;
}

static int parameter_find(const macro_body *body, const token *item) {
  for (uint32_t i = 0; body != NULL && i < body->parameter_count; i++) {
    const token *parameter = &body->parameters[i];
    if (parameter->length == item->length &&
        memcmp(parameter->start, item->start, item->length) == 0) {
      return (int)i;
    }
  }
  return -1;
}

static const macro *macro_weigh(macro_set *set, macro *self, uint32_t depth);

/* Adds a word's own weight, and tells by how much it multiplies the brackets after it. */
static uint64_t walk_word(walk *self, const token *item) {
  uint64_t multiplier = self->multipliers[self->nesting];
  int parameter = parameter_find(self->body, item);
  macro *used = parameter >= 0 ? NULL : hash_map_get(&self->set->names, item->start, item->length);
  uint64_t weight = 1, factor = 1;
  if (parameter >= 0) {
    self->uses[parameter] = cost_limit(self->uses[parameter] + multiplier);
    factor = 0;
  } else if (used != NULL) {
    const macro *known = macro_weigh(self->set, used, self->depth + 1);
    weight = known->weight;
    factor = known->factor;
  }
  self->cost = cost_limit(self->cost + cost_multiply(multiplier, weight));
  return factor;
}

static void walk_token(walk *self, const token *item, uint64_t factor) {
  if (token_is_mark(item, '(') && self->nesting + 1 < PREFLIGHT_MAX_NESTING) {
    if (factor == 0) {
      self->set->has_callee = true;
      factor = self->set->callee_factor;
    }
    self->multipliers[self->nesting + 1] =
        cost_multiply(self->multipliers[self->nesting], factor < 1 ? 1 : factor);
    self->nesting++;
  } else if (token_is_mark(item, ')') && self->nesting > 0) {
    self->nesting--;
  }
  self->cost = cost_limit(self->cost + self->multipliers[self->nesting]);
}

static void walk_add(walk *self, const token *item, uint64_t *factor) {
  if (item->kind == TOKEN_WORD) {
    *factor = walk_word(self, item);
  } else {
    walk_token(self, item, *factor);
    *factor = 1;
  }
}

static void walk_begin(walk *self, macro_set *set, const macro_body *body, uint32_t depth) {
  self->set = set;
  self->body = body;
  self->depth = depth;
  self->cost = 0;
  self->nesting = 0;
  self->multipliers[0] = 1;
  memset(self->uses, 0, sizeof self->uses);
}

/* The largest factor of the macros that a body names: it may end in such a name. */
static uint64_t factor_of_names(macro_set *set, const macro_body *body) {
  uint64_t factor = 1;
  scanner scan;
  scan_begin(&scan, body->text, body->size);
  for (token item; (item = scan_next(&scan)).kind != TOKEN_END;) {
    const macro *used =
        item.kind == TOKEN_WORD ? hash_map_get(&set->names, item.start, item.length) : NULL;
    factor = used != NULL && used->factor > factor ? used->factor : factor;
  }
  return factor;
}

static void body_weigh(macro_set *set, macro *self, const macro_body *body, uint32_t depth) {
  walk cost;
  scanner scan;
  uint64_t factor = 1;
  walk_begin(&cost, set, body, depth);
  scan_begin(&scan, body->text, body->size);
  for (token item; (item = scan_next(&scan)).kind != TOKEN_END;) {
    walk_add(&cost, &item, &factor);
  }
  self->weight = cost.cost > self->weight ? cost.cost : self->weight;
  for (uint32_t i = 0; i < body->parameter_count; i++) {
    self->factor = cost.uses[i] > self->factor ? cost.uses[i] : self->factor;
  }
  uint64_t named = factor_of_names(set, body);
  self->factor = named > self->factor ? named : self->factor;
}

static const macro *macro_weigh(macro_set *set, macro *self, uint32_t depth) {
  if (self->is_known) {
    return self;
  }
  if (self->is_open) {
    set->circles++;
    set->is_too_deep = set->is_too_deep || set->circles > MAX_CIRCLES;
    return self;
  }
  if (depth > PREFLIGHT_MAX_MACRO_DEPTH) {
    set->is_too_deep = true;
    return self;
  }
  self->is_open = true;
  self->weight = 1;
  self->factor = 1;
  for (const macro_body *body = self->bodies; body != NULL; body = body->next) {
    body_weigh(set, self, body, depth);
  }
  self->is_open = false;
  self->is_known = true;
  return self;
}

/* Reads "(a, b)" after a macro's name, if it is there; false where the directive ends within. */
static bool parameters_read(arena *scratch, scanner *scan, macro_body *body) {
  token parameters[MAX_PARAMETERS];
  token item = scan_next(scan);
  while (!token_is_mark(&item, ')')) {
    if (item.kind == TOKEN_NEWLINE || item.kind == TOKEN_END) {
      return false;
    }
    if (item.kind == TOKEN_WORD && body->parameter_count < MAX_PARAMETERS) {
      parameters[body->parameter_count++] = item;
    }
    item = scan_next(scan);
  }
  body->parameters = arena_copy(scratch, parameters, body->parameter_count * sizeof *parameters);
  body->text = scan->at;
  return body->parameters != NULL;
}

/* The macro of that name, made where it is new; NULL when out of memory. */
static macro *macro_of(macro_set *set, const token *name) {
  macro *self = hash_map_get(&set->names, name->start, name->length);
  if (self != NULL) {
    return self;
  }
  self = arena_alloc(&set->scratch, sizeof *self);
  bool is_set = self != NULL && hash_map_set(&set->names, name->start, name->length, self) == RG_OK;
  return is_set ? self : NULL;
}

/* Reads what follows "#define". Malformed ones are glslang's to report. */
static rg_result define_read(macro_set *set, scanner *scan) {
  token name = scan_next(scan);
  if (name.kind != TOKEN_WORD) {
    if (name.kind != TOKEN_NEWLINE) {
      (void)scan_directive_end(scan);
    }
    return RG_OK;
  }
  macro_body *body = arena_alloc(&set->scratch, sizeof *body);
  macro *self = macro_of(set, &name);
  if (body == NULL || self == NULL) {
    return result_no_memory("shader's macros", sizeof *body);
  }
  body->text = scan->at;
  bool has_parameters = scan->at < scan->end && *scan->at == '(';
  if (has_parameters && !parameters_read(&set->scratch, scan, body)) {
    return RG_OK;
  }
  body->size = (size_t)(scan_directive_end(scan).start - body->text);
  body->next = self->bodies;
  self->bodies = body;
  return RG_OK;
}

static rg_result defines_read(macro_set *set, const source *from) {
  scanner scan;
  scan_begin(&scan, from->expanded.data, from->expanded.length);
  for (token item; (item = scan_next(&scan)).kind != TOKEN_END;) {
    if (item.kind != TOKEN_HASH) {
      continue;
    }
    token word = scan_next(&scan);
    bool is_define = word.kind == TOKEN_WORD && token_is(&word, "define");
    rg_result result = is_define ? define_read(set, &scan) : RG_OK;
    if (result != RG_OK) {
      return result;
    }
  }
  return RG_OK;
}

/* Weighs all macros; a second time where parameters are called, now that the largest factor that
 * such a call may meet is known. */
static void macros_weigh(macro_set *set) {
  uint64_t largest = 1;
  for (int pass = 0; pass < 2; pass++) {
    uint32_t cursor = 0;
    for (const hash_map_entry *entry; (entry = hash_map_next(&set->names, &cursor)) != NULL;) {
      const macro *known = macro_weigh(set, entry->value, 0);
      largest = known->factor > largest ? known->factor : largest;
    }
    if (!set->has_callee || pass == 1) {
      break;
    }
    set->callee_factor = largest;
    cursor = 0;
    for (const hash_map_entry *entry; (entry = hash_map_next(&set->names, &cursor)) != NULL;) {
      ((macro *)entry->value)->is_known = false;
    }
  }
}

/* A directive's own cost; only conditions expand macros. */
static rg_result condition_check(walk *cost, scanner *scan, const source *from,
                                 const scan_place *place) {
  token word = scan_next(scan);
  bool is_condition = word.kind == TOKEN_WORD && (token_is(&word, "if") || token_is(&word, "elif"));
  if (word.kind == TOKEN_NEWLINE || !is_condition) {
    if (word.kind != TOKEN_NEWLINE) {
      (void)scan_directive_end(scan);
    }
    return RG_OK;
  }
  uint64_t before = cost->cost, factor = 1;
  uint32_t nesting = cost->nesting;
  token item;
  while ((item = scan_next(scan)).kind != TOKEN_NEWLINE && item.kind != TOKEN_END) {
    walk_add(cost, &item, &factor);
  }
  cost->nesting = nesting;
  if (cost->cost - before > PREFLIGHT_MAX_CONDITION) {
    return preflight_fail(from, place, word.line, "too many tokens in a condition",
                          PREFLIGHT_MAX_CONDITION);
  }
  return RG_OK;
}

static rg_result text_check(macro_set *set, const source *from) {
  walk cost;
  scanner scan;
  scan_place place = {0};
  uint64_t factor = 1;
  walk_begin(&cost, set, NULL, 0);
  scan_begin(&scan, from->expanded.data, from->expanded.length);
  for (token item; (item = scan_next(&scan)).kind != TOKEN_END;) {
    if (item.kind == TOKEN_HASH) {
      scan_place_update(&place, &scan);
      rg_result result = condition_check(&cost, &scan, from, &place);
      if (result != RG_OK) {
        return result;
      }
      continue;
    }
    walk_add(&cost, &item, &factor);
    if (set->is_too_deep) {
      return preflight_fail(from, &place, item.line, "macros use each other too deeply",
                            PREFLIGHT_MAX_MACRO_DEPTH);
    }
    if (cost.cost > PREFLIGHT_MAX_TOKENS) {
      return preflight_fail(from, &place, item.line, "macros expand to too many tokens",
                            PREFLIGHT_MAX_TOKENS);
    }
  }
  return RG_OK;
}

rg_result preflight_macros(const source *from) {
  macro_set set = {.callee_factor = 1};
  hash_map_init(&set.names, from->context->memory);
  arena_init(&set.scratch, from->context->memory);
  rg_result result = defines_read(&set, from);
  if (result == RG_OK) {
    macros_weigh(&set);
    result = text_check(&set, from);
  }
  arena_finish(&set.scratch);
  hash_map_finish(&set.names);
  return result;
}
