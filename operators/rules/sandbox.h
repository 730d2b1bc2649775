/* sandbox.h: a Lua state that can hurt nobody: what a rule may call, and how much memory and work it may take.
 *
 * White list: the language, `math` without random numbers, tonumber, tostring, and string.format, sub, len, upper,
 * lower, rep with results of at most 4 KiB (as methods too). Nothing that catches an error (so that running over the
 * budget cannot be survived), nothing that works long in C or frees memory by a finaliser: no pcall, load, require,
 * metatables, coroutines, patterns, table or next. Sources are text, never bytecode. Globals are read-only once the
 * file has been read.
 *
 * Work is counted in instructions of the Lua machine; every 64 bytes allocated count as one. The wall clock is a safety
 * net only: a call that takes more than a second ends, whatever it has counted.
 *
 * Nothing here may be called outside of a protected call if it can allocate: sandbox_call and sandbox_protect are
 * those.
 */
#ifndef POTLINE_RULES_SANDBOX_H
#define POTLINE_RULES_SANDBOX_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SANDBOX_TEXT_MAX = 4096, SANDBOX_SOURCE_MAX = 256 << 10, SANDBOX_LOAD_BUDGET = 10000000 };

struct sandbox {
    lua_State *lua;
    int64_t budget;    /* instructions of the call at hand */
    int64_t steps;     /* counted so far */
    int64_t allocated; /* bytes, by the call at hand */
    int stride;        /* instructions from one look at the clock to the next */
    uint64_t deadline; /* 0: not begun */
    size_t used;
    size_t cap;
    size_t block; /* the largest single block */
    bool deep;    /* memory was refused with very many calls under way */
    bool loading;
    void *owner; /* for functions of the caller's, by sandbox_of */
};

/* NULL without memory. `memory` bounds everything the state holds. */
struct sandbox *sandbox_new(int64_t memory);
void sandbox_free(struct sandbox *sandbox); /* NULL is fine */
struct sandbox *sandbox_of(lua_State *lua);

/* Runs a source; `name` goes into messages. `function` is there as the global `global` while it runs. On failure the
 * message is on top of the stack. */
bool sandbox_load(struct sandbox *sandbox, const char *text, size_t size, const char *name, const char *global,
                  lua_CFunction function);

/* Calls the function below `arguments` values on the stack. On failure the message is on top. */
bool sandbox_call(struct sandbox *sandbox, int arguments, int results, int64_t budget);

/* Runs a C function that may allocate, with a light pointer as its argument. */
bool sandbox_protect(struct sandbox *sandbox, lua_CFunction function, void *argument, int results);

/* The message on top of the stack, which is never empty; popped by the caller. */
const char *sandbox_message(struct sandbox *sandbox);

int sandbox__open_library(lua_State *lua); /* library.c: makes the environment of sources */

#endif
