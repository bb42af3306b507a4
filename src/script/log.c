/* The engine's messages on their way to a script: they may come from any thread, Lua runs on one.
 */
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

void script_log_deliver(lua_State *L, script_engine *engine) {
  if (!engine->log || !lua_checkstack(L, 4)) {
    return;
  }
  lua_pushcfunction(L, log_deliver);
  lua_pushlightuserdata(L, engine->log);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lua_pop(L, 1);
  }
}
