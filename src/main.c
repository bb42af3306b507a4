/* The interpreter: a Lua state with Regolith inside, the terminal, and the command line, whose body
 * is lua/regolith/cli.lua. */
#define _XOPEN_SOURCE 700

#include <dirent.h>
#include <errno.h>
#include <histedit.h>
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <lualib.h>
#include <regolith/regolith_lua.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "script.h"

/* ---- The terminal ---------------------------------------------------------------------------- */

typedef struct terminal {
  EditLine *edit; /* NULL until the first line is read */
  History *history;
  const char *prompt;
} terminal;

static terminal *terminal_of(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "regolith.terminal");
  terminal *result = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return result;
}

static int terminal_close(lua_State *L) {
  terminal *term = lua_touserdata(L, 1);
  if (term->edit) {
    el_end(term->edit);
  }
  if (term->history) {
    history_end(term->history);
  }
  *term = (terminal){0};
  return 0;
}

/* ---- Ctrl-C at the prompt -------------------------------------------------------------------- */

/* What a signal handler can reach; of the one prompt that a process has. */
static lua_State *volatile interrupted_state;
static volatile sig_atomic_t interrupt_count;

static void stop_chunk(lua_State *L, lua_Debug *place) {
  (void)place;
  lua_sethook(L, NULL, 0, 0);
  lua_pushliteral(L, "interrupted");
  lua_error(L);
}

static void handle_interrupt(int number) {
  (void)number;
  interrupt_count = interrupt_count + 1;
  if (interrupted_state) {
    signal(SIGINT, SIG_DFL); /* a chunk that catches the first one is ended by the second */
    lua_sethook(interrupted_state, stop_chunk,
                LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
  }
}

/* Until release_interrupt: ends reads, and the chunk that L runs where it is not NULL. */
static void catch_interrupt(lua_State *L) {
  struct sigaction action = {.sa_handler = handle_interrupt};
  interrupted_state = L;
  interrupt_count = 0;
  sigaction(SIGINT, &action, NULL);
}

static void release_interrupt(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigaction(SIGINT, &action, NULL);
  interrupted_state = NULL;
}

/* host.interruptible(f): as pcall(f), and Ctrl-C is an error of f. */
static int host_interruptible(lua_State *L) {
  lua_settop(L, 1);
  catch_interrupt(L);
  int status = lua_pcall(L, 0, 0, 0);
  release_interrupt();
  lua_sethook(L, NULL, 0, 0);
  lua_pushboolean(L, status == LUA_OK);
  lua_insert(L, 1);
  return lua_gettop(L);
}

/* ---- The terminal itself --------------------------------------------------------------------- */

static char *prompt_of(EditLine *edit) {
  terminal *term = NULL;
  el_get(edit, EL_CLIENTDATA, &term);
  return (char *)(uintptr_t)term->prompt;
}

static void open_terminal(lua_State *L, terminal *term) {
  HistEvent event;
  term->history = history_init();
  term->edit = term->history ? el_init("regolith", stdin, stdout, stderr) : NULL;
  if (!term->edit) {
    luaL_error(L, "the terminal could not be opened");
  }
  history(term->history, &event, H_SETSIZE, 1000);
  el_set(term->edit, EL_CLIENTDATA, term);
  el_set(term->edit, EL_PROMPT, prompt_of);
  el_set(term->edit, EL_EDITOR, "emacs");
  el_set(term->edit, EL_SIGNAL, 0);
  el_set(term->edit, EL_HIST, history, term->history);
}

/* host.read_line(prompt): a line without its end; nil at the end of input; false after Ctrl-C. */
static int host_read_line(lua_State *L) {
  terminal *term = terminal_of(L);
  if (!term->edit) {
    open_terminal(L, term);
  }
  term->prompt = luaL_checkstring(L, 1);
  int length = 0;
  errno = 0;
  catch_interrupt(NULL);
  const char *line = el_gets(term->edit, &length);
  bool was_interrupted = (!line && errno == EINTR) || interrupt_count > 0;
  release_interrupt();
  if (was_interrupted) {
    el_reset(term->edit);
    lua_pushboolean(L, false);
    return 1;
  }
  if (!line || length <= 0) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushlstring(L, line, (size_t)(line[length - 1] == '\n' ? length - 1 : length));
  return 1;
}

static int host_add_history(lua_State *L) {
  terminal *term = terminal_of(L);
  HistEvent event;
  if (term->history) {
    history(term->history, &event, H_ENTER, luaL_checkstring(L, 1));
  }
  return 0;
}

static int host_load_history(lua_State *L) {
  terminal *term = terminal_of(L);
  HistEvent event;
  if (!term->edit) {
    open_terminal(L, term);
  }
  history(term->history, &event, H_LOAD, luaL_checkstring(L, 1));
  return 0;
}

static int host_save_history(lua_State *L) {
  terminal *term = terminal_of(L);
  HistEvent event;
  if (term->history) {
    history(term->history, &event, H_SAVE, luaL_checkstring(L, 1));
  }
  return 0;
}

static int host_is_terminal(lua_State *L) {
  static const char *const names[] = {"stdin", "stdout", "stderr", NULL};
  lua_pushboolean(L, isatty(luaL_checkoption(L, 1, NULL, names)));
  return 1;
}

/* ---- What the command line needs of the system ----------------------------------------------- */

/* host.clock(): seconds since some past moment. */
static int host_clock(lua_State *L) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
  return 1;
}

static int close_folder(lua_State *L) {
  DIR **folder = lua_touserdata(L, 1);
  if (*folder) {
    closedir(*folder);
    *folder = NULL;
  }
  return 0;
}

static DIR **hold_folder(lua_State *L) {
  DIR **folder = lua_newuserdatauv(L, sizeof *folder, 0);
  *folder = NULL;
  if (luaL_newmetatable(L, "regolith.Folder")) {
    lua_pushcfunction(L, close_folder);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return folder;
}

static void push_entry(lua_State *L, const char *path, const char *name) {
  lua_createtable(L, 0, 2);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "name");
  lua_pushfstring(L, "%s/%s", path, name);
  struct stat status;
  bool is_folder = stat(lua_tostring(L, -1), &status) == 0 && S_ISDIR(status.st_mode);
  lua_pop(L, 1);
  lua_pushboolean(L, is_folder);
  lua_setfield(L, -2, "is_folder");
}

/* host.list(path): a list of { name, is_folder }, unsorted, without hidden ones; or nil and a
 * message. */
static int host_list(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  DIR **folder = hold_folder(L);
  *folder = opendir(path);
  if (!*folder) {
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", path, strerror(errno));
    return 2;
  }
  lua_newtable(L);
  lua_Integer count = 0;
  struct dirent *entry;
  while ((entry = readdir(*folder)) != NULL) {
    if (entry->d_name[0] != '.') {
      push_entry(L, path, entry->d_name);
      lua_seti(L, -2, ++count);
    }
  }
  closedir(*folder);
  *folder = NULL;
  return 1;
}

/* host.real_path(path): without symbolic links, or nil and a message. */
static int host_real_path(lua_State *L) {
  char real[PATH_MAX];
  const char *path = luaL_checkstring(L, 1);
  if (!realpath(path, real)) {
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", path, strerror(errno));
    return 2;
  }
  lua_pushstring(L, real);
  return 1;
}

static int host_to_json(lua_State *L) {
  luaL_checkany(L, 1);
  script_to_json(L, 1);
  return 1;
}

/* host.set_engine_defaults { device, validation }: for engines whose makers say nothing. */
static int host_set_engine_defaults(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "regolith.defaults");
  return 0;
}

/* host.validation_count(): messages of all engines closed so far. */
static int host_validation_count(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "regolith.validation_count");
  lua_pushinteger(L, lua_tointeger(L, -1));
  return 1;
}

static int open_host(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"read_line", host_read_line},
      {"add_history", host_add_history},
      {"load_history", host_load_history},
      {"save_history", host_save_history},
      {"is_terminal", host_is_terminal},
      {"interruptible", host_interruptible},
      {"clock", host_clock},
      {"list", host_list},
      {"real_path", host_real_path},
      {"to_json", host_to_json},
      {"set_engine_defaults", host_set_engine_defaults},
      {"validation_count", host_validation_count},
      {NULL, NULL},
  };
  terminal *term = lua_newuserdatauv(L, sizeof *term, 0);
  *term = (terminal){0};
  lua_newtable(L);
  lua_pushcfunction(L, terminal_close);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_setfield(L, LUA_REGISTRYINDEX, "regolith.terminal");
  luaL_newlib(L, functions);
  return 1;
}

/* ---- The program ----------------------------------------------------------------------------- */

typedef struct command_line {
  int count;
  char **arguments;
} command_line;

static int add_traceback(lua_State *L) {
  luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}

/* Protected: opens the libraries, then require("regolith.cli").main(arguments). */
static int run(lua_State *L) {
  const command_line *line = lua_touserdata(L, 1);
  luaL_openlibs(L);
  luaL_requiref(L, "regolith", luaopen_regolith, 0);
  luaL_requiref(L, "regolith.host", open_host, 0);
  lua_settop(L, 0);
  lua_pushcfunction(L, add_traceback);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "regolith.cli");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "main");
  lua_createtable(L, line->count, 0);
  for (int i = 1; i < line->count; i++) {
    lua_pushstring(L, line->arguments[i]);
    lua_seti(L, -2, i);
  }
  if (lua_pcall(L, 1, 1, 1) != LUA_OK) {
    return lua_error(L);
  }
  return 1;
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  if (!L) {
    fputs("regolith: out of memory\n", stderr);
    return 1;
  }
  command_line line = {argc, argv};
  lua_pushcfunction(L, run);
  lua_pushlightuserdata(L, &line);
  int code = 1;
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) {
    code = (int)lua_tointeger(L, -1);
  } else {
    fprintf(stderr, "regolith: %s\n", lua_tostring(L, -1));
  }
  lua_close(L);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fputs("regolith: standard output could not be written\n", stderr);
    return 1;
  }
  return code;
}
