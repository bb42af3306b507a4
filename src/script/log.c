/* The engine's messages and memory events on their way to a script: they may come from any thread
 * and from inside engine calls, Lua runs on one thread and outside. */
#include <string.h>

#include "script.h"

static void log_lock(script_log *log) {
  while (atomic_flag_test_and_set_explicit(&log->lock, memory_order_acquire)) {
  }
}

static void log_unlock(script_log *log) {
  atomic_flag_clear_explicit(&log->lock, memory_order_release);
}

void script_log_write(void *user, rg_log_level level, const char *message) {
  script_log *log = user;
  size_t size = strlen(message) + 1;
  log_lock(log);
  if (size + 1 <= SCRIPT_LOG_CAPACITY - log->length) {
    log->text[log->length] = (char)level;
    memcpy(log->text + log->length + 1, message, size);
    log->length += (uint32_t)size + 1;
  } else {
    log->lost++;
  }
  log_unlock(log);
}

static const char *level_name(int level) {
  static const char *const names[] = {"default", "error", "warning", "info", "debug"};
  return level >= 1 && level <= 4 ? names[level] : names[0];
}

/* Takes what is queued as one Lua string, so that no message comes twice. */
static bool log_take(lua_State *L, script_log *log, uint32_t *lost) {
  if (log->length == 0 && log->lost == 0) {
    return false;
  }
  char *copy = lua_newuserdatauv(L, SCRIPT_LOG_CAPACITY, 0);
  log_lock(log);
  uint32_t length = log->length;
  memcpy(copy, log->text, length);
  *lost = log->lost;
  log->length = 0;
  log->lost = 0;
  log_unlock(log);
  lua_pushlstring(L, copy, length);
  lua_remove(L, -2);
  return true;
}

static void log_call(lua_State *L, script_log *log, int level, const char *message) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, log->function);
  lua_pushstring(L, level_name(level));
  lua_pushstring(L, message);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    lua_pop(L, 1);
  }
}

/* Protected: runs out of memory without harm. */
static int log_deliver(lua_State *L) {
  script_log *log = lua_touserdata(L, 1);
  uint32_t lost = 0;
  if (!log_take(L, log, &lost)) {
    return 0;
  }
  size_t length = 0;
  const char *text = lua_tolstring(L, -1, &length);
  for (size_t at = 0; at < length; at += strlen(text + at + 1) + 2) {
    log_call(L, log, text[at], text + at + 1);
  }
  if (lost > 0) {
    log_call(L, log, RG_LOG_WARNING,
             "further messages were lost: the log function was not reached in time");
  }
  return 0;
}

/* ---- Memory events ----------------------------------------------------------------------------
 */

static void events_lock(script_events *events) {
  while (atomic_flag_test_and_set_explicit(&events->lock, memory_order_acquire)) {
  }
}

static void events_unlock(script_events *events) {
  atomic_flag_clear_explicit(&events->lock, memory_order_release);
}

bool script_event_write(void *user, const rg_memory_event *event) {
  script_events *events = user;
  events_lock(events);
  if (events->count < SCRIPT_EVENT_CAPACITY) {
    events->items[events->count++] = *event;
  }
  events_unlock(events);
  return false;
}

static void set_integer(lua_State *L, const char *key, uint64_t value) {
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, key);
}

static void event_call(lua_State *L, const script_events *events, const rg_memory_event *event) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, events->function);
  lua_createtable(L, 0, 5);
  lua_pushstring(L, event->type == RG_MEMORY_NEAR_BUDGET ? "near_budget" : "exhausted");
  lua_setfield(L, -2, "type");
  set_integer(L, "heap", (uint64_t)event->heap + 1);
  set_integer(L, "used", event->used);
  set_integer(L, "budget", event->budget);
  set_integer(L, "wanted", event->wanted);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lua_pop(L, 1);
  }
}

/* Protected, as log_deliver. */
static int events_deliver(lua_State *L) {
  script_events *events = lua_touserdata(L, 1);
  rg_memory_event items[SCRIPT_EVENT_CAPACITY];
  events_lock(events);
  uint32_t count = events->count;
  memcpy(items, events->items, count * sizeof *items);
  events->count = 0;
  events_unlock(events);
  for (uint32_t i = 0; i < count; i++) {
    event_call(L, events, &items[i]);
  }
  return 0;
}

static void deliver(lua_State *L, lua_CFunction function, void *queue) {
  if (!queue || !lua_checkstack(L, 4)) {
    return;
  }
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, queue);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lua_pop(L, 1);
  }
}

void script_log_deliver(lua_State *L, script_engine *engine) {
  deliver(L, log_deliver, engine->log);
  if (engine->events && engine->events->count > 0) {
    deliver(L, events_deliver, engine->events);
  }
}
