/* What the userdata of the Lua module share: boxes around handles, errors, descriptors from tables.
 */
#ifndef RG_SCRIPT_H
#define RG_SCRIPT_H

#include <lauxlib.h>
#include <lua.h>
#include <regolith/regolith.h>
#include <regolith/regolith_lua.h>
#include <stdatomic.h>

#define SCRIPT_ENGINE "regolith.Engine"

/* ---- The engine's userdata ------------------------------------------------------------------- */

/* A bounded queue of level bytes and zero-terminated texts. */
#define SCRIPT_LOG_CAPACITY 65536u
typedef struct script_log {
  atomic_flag lock;
  uint32_t length;
  uint32_t lost; /* messages that found no room */
  int function;  /* reference in the registry */
  char text[SCRIPT_LOG_CAPACITY];
} script_log;

/* An rg_log_fn whose user is the queue. Any thread. */
void script_log_write(void *user, rg_log_level level, const char *message);

/* Memory events on their way to a script. */
#define SCRIPT_EVENT_CAPACITY 16u
typedef struct script_events {
  atomic_flag lock;
  uint32_t count;
  int function; /* reference in the registry */
  rg_memory_event items[SCRIPT_EVENT_CAPACITY];
} script_events;

/* An rg_memory_fn whose user is the queue: the script hears of it when the present call is over, so
 * it frees nothing in time. Any thread. */
bool script_event_write(void *user, const rg_memory_event *event);

typedef struct script_engine {
  rg_engine *engine;     /* NULL once closed */
  bool is_owned;         /* closing it destroys the engine */
  script_log *log;       /* NULL where messages go to standard error */
  script_events *events; /* NULL where the script hears of none */
} script_engine;

/* The engine at that stack index; raises where it is no engine or is closed. */
script_engine *script_check_engine(lua_State *L, int index);
/* The engine of the manager that a method was called on ("regolith.Buffers" and so on): argument 1,
 * which is replaced by the engine's userdata. Raises where it is none or the engine is closed. */
script_engine *script_check_manager(lua_State *L, const char *class_name);
/* Hands the messages and memory events that came since the last call to the script's functions, if
 * there are any. */
void script_log_deliver(lua_State *L, script_engine *engine);

/* ---- Errors ---------------------------------------------------------------------------------- */

/* Pushes "FILE:LINE: " of the script that called, past Regolith's own Lua parts; "" where there is
 * none. */
void script_where(lua_State *L);
/* The end of a call that failed: mistakes raise, circumstances return nil, message, code. Either
 * message begins with the calling script's file and line. */
int script_fail(lua_State *L, rg_result result);
/* As script_fail, but a name that was not found is a mistake too. */
int script_fail_name(lua_State *L, rg_result result);
/* Raises a message that begins with the calling script's file and line. format: as
 * lua_pushfstring's. */
int script_error(lua_State *L, const char *format, ...);
/* Makes the calling line the origin of what the next engine calls create or destroy. */
void script_set_origin(lua_State *L);

/* ---- Resources ------------------------------------------------------------------------------- */

/* One resource in Lua. Its first user value is the engine's userdata, which it keeps alive. */
typedef struct script_box {
  script_engine *engine;
  uint64_t id;   /* 0 until filled */
  bool is_owned; /* the script created it: the collector destroys it */
} script_box;

/* Pushes a new, empty box of a type for the engine at engine_index. Fill it by script_box_fill. */
script_box *script_box_new(lua_State *L, int engine_index, rg_type type);
/* Fills the box on the top of the stack with a resource that the script has just created: the
 * collector learns of its bytes, and look-ups return this box. */
void script_box_fill(lua_State *L, uint64_t id);
/* As script_box_fill, which is to follow, but can't raise: of several resources made at once none
 * is lost. */
void script_box_adopt(lua_State *L, uint64_t id);
/* Pushes the box of a live resource: the one that there is, or a borrowed one. nil for the null
 * handle. */
void script_box_push(lua_State *L, int engine_index, uint64_t id);
/* The box at that index; raises where it is another type or its engine is closed. Whether the
 * resource lives is for the engine to say, which knows its name. */
script_box *script_check_box(lua_State *L, int index, rg_type type);
/* The box if it is one of any type and filled, and its engine open, else NULL. */
script_box *script_test_box(lua_State *L, int index, rg_type *type);
/* Pushes a list of all live resources of a type: the managers' `all`. */
int script_push_all(lua_State *L, int engine_index, rg_type type);

/* A resource's class: methods, and fields read by `get` (NULL: none), which pushes one value or
 * returns false. */
void script_define_class(lua_State *L, rg_type type, const luaL_Reg *methods,
                         bool (*get)(lua_State *L, script_box *box, const char *key));
/* A manager's class, "regolith.Buffers" and so on. */
void script_define_manager(lua_State *L, const char *name, const luaL_Reg *methods);

/* Methods that all resources have. */
int script_box_destroy(lua_State *L);
int script_box_info(lua_State *L);
int script_box_memory(lua_State *L);
int script_box_pin(lua_State *L);
int script_box_unpin(lua_State *L);

/* ---- Tables ---------------------------------------------------------------------------------- */

/* Tables from scripts are read without metamethods: what a read finds stays as it is, and is kept
 * by the table, until the call is over. */
static inline lua_Integer script_length(lua_State *L, int index) {
  return (lua_Integer)lua_rawlen(L, index);
}
/* As lua_getfield. */
int script_getfield(lua_State *L, int index, const char *key);
/* Pushes "KIND 'NAME'" by the table's label or name, or "KIND", for messages. */
const char *script_what(lua_State *L, int index, const char *kind);

/* ---- Strings of the engine's ------------------------------------------------------------------
 */

/* Holds a string of the engine's while Lua copies it: the copy may raise. */
typedef struct script_string {
  script_engine *engine;
  char *string;
} script_string;

/* Pushes an empty holder, released by the collector at the latest, for the engine at that index. */
script_string *script_hold_string(lua_State *L, int engine_index);
/* The end of a call that filled it: pushes the string and frees it, or fails. */
int script_push_string(lua_State *L, script_string *held, rg_result result);

/* ---- Descriptors ----------------------------------------------------------------------------- */

/* Reads the table at that index into a zeroed descriptor by its schema: wrong types, unknown keys,
 * values out of limits and missing fields raise, naming `what` ("buffer"), the key and the nearest.
 * Strings and lists stay alive while the table and the values pushed by the call (one: a keeper
 * table) do. extra: further keys that are allowed. */
void script_read_desc(lua_State *L, int index, const rg_schema *schema, const char *what, void *out,
                      const char *const *extra);
/* The name of an enum's value by schema and field name, or "?". */
const char *script_enum_name(const char *schema, const char *field, uint32_t value);
/* The value of a stage's name ("vertex"), or raises. */
VkShaderStageFlagBits script_check_stage(lua_State *L, const char *what, const char *name);
/* Pushes a list of the names of stages, of memory properties. */
void script_push_stages(lua_State *L, VkShaderStageFlags stages);
void script_push_memory_properties(lua_State *L, VkMemoryPropertyFlags properties);
/* Raises: "what: unknown key 'x' (did you mean 'y'?)". names: count strings. */
int script_unknown_key(lua_State *L, const char *what, const char *key, const char *const *names,
                       uint32_t count);
/* An integer field of the table at index, within limits, or `missing` where there is none. */
uint64_t script_get_uint(lua_State *L, int index, const char *what, const char *key,
                         uint64_t minimum, uint64_t maximum, uint64_t missing);

/* ---- Parameters ------------------------------------------------------------------------------ */

/* Reads a table of parameters { name = value } into a list; pushes one userdata that holds it.
 * references: whether { texture = "name" } and { buffer = "name" } may stand for declared things.
 */
rg_parameter *script_read_parameters(lua_State *L, int index, const char *what, bool references,
                                     uint32_t *count);
/* Reads a shader's table, both forms; pushes one userdata that holds the lists. */
void script_read_shader(lua_State *L, int index, const char *what, rg_shader_desc *out);

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Pushes a JSON text as Lua values; raises where it is none. */
void script_push_json(lua_State *L, const char *text);
/* Pushes the value at index as JSON text; raises where it can't be. */
void script_to_json(lua_State *L, int index);

/* ---- Classes --------------------------------------------------------------------------------- */

void script_open_engine(lua_State *L);
void script_open_buffers(lua_State *L);
void script_open_textures(lua_State *L);
void script_open_shaders(lua_State *L);
void script_open_materials(lua_State *L);
void script_open_sets(lua_State *L);
void script_open_pools(lua_State *L);
void script_open_memory(lua_State *L);
void script_push_pool_stats(lua_State *L, const rg_pool_stats *pool);
int script_transients(lua_State *L);
int script_new_engine(lua_State *L);
int script_devices(lua_State *L);
int script_declare(lua_State *L);
void script_push_device(lua_State *L, const rg_device_info *info);
void script_push_limits(lua_State *L, const rg_limits *limits);

/* A Lua file inside the binary. */
typedef struct script_file {
  const char *name; /* "regolith/cli.lua" */
  const char *text;
  size_t size;
} script_file;
extern const script_file script_files[];
extern const size_t script_file_count;

#endif
