#include "sandbox.h"

#include <lauxlib.h>
#include <potline/alloc.h>
#include <potline/time.h>
#include <string.h>
#include <uv.h>

/* One instruction is counted for so many bytes: what copying and collecting them costs. */
enum { STRIDE = 1000, BYTES_A_STEP = 64, BLOCKS_A_STATE = 16, BLOCK_LEAST = 64 << 10 };
enum { CALLS_DEEP = 200 /* whoever has so many calls under way, and no memory, has it in them */ };

static const uint64_t call_longest = PL_SECOND;

struct sandbox *sandbox_of(lua_State *lua) {
    return *(struct sandbox **)lua_getextraspace(lua);
}

/* ---- Work ---- */

static int64_t work(const struct sandbox *sandbox) {
    return sandbox->steps + sandbox->allocated / BYTES_A_STEP;
}

static void count(lua_State *lua, lua_Debug *unused) {
    (void)unused;
    struct sandbox *sandbox = sandbox_of(lua);
    sandbox->steps += sandbox->stride;
    uint64_t now = uv_hrtime();
    if (!sandbox->deadline) sandbox->deadline = now + call_longest;
    bool late = now > sandbox->deadline;
    if (!late && work(sandbox) <= sandbox->budget) return;
    sandbox->stride = 1;
    lua_sethook(lua, count, LUA_MASKCOUNT, 1); /* nothing runs on, even if somebody caught the error */
    if (late) luaL_error(lua, "one call took more than a second");
    luaL_error(lua, "one call took more than %I instructions", (LUAI_UACINT)sandbox->budget);
}

static void begin(struct sandbox *sandbox, int64_t budget) {
    sandbox->budget = budget;
    sandbox->steps = sandbox->allocated = 0;
    sandbox->deadline = 0;
    sandbox->deep = false;
    sandbox->stride = STRIDE;
    lua_sethook(sandbox->lua, count, LUA_MASKCOUNT, STRIDE);
}

/* ---- Memory ---- */

/* What has been allocated is work as well; the hook says so at the next instruction. */
static void charge(struct sandbox *sandbox, size_t size) {
    sandbox->allocated += (int64_t)size;
    if (!sandbox->lua || sandbox->stride == 1 || work(sandbox) <= sandbox->budget) return;
    sandbox->stride = 1;
    lua_sethook(sandbox->lua, count, LUA_MASKCOUNT, 1);
}

static void *allocate(void *user, void *old, size_t old_size, size_t size) {
    struct sandbox *sandbox = user;
    size_t had = old ? old_size : 0; /* for a new block Lua tells what it is for */
    if (size == 0) {
        pl_free(old);
        sandbox->used -= had;
        return NULL;
    }
    if (size > had) {
        if (size > sandbox->block || size - had > sandbox->cap - sandbox->used) {
            lua_Debug unused;
            sandbox->deep = sandbox->lua && lua_getstack(sandbox->lua, CALLS_DEEP, &unused);
            return NULL;
        }
        charge(sandbox, size);
    }
    void *block = pl_realloc(old, size);
    if (!block) {
        if (size > had) return NULL;
        block = old; /* Lua relies on it that a block can be made smaller */
    }
    sandbox->used = sandbox->used - had + size;
    return block;
}

/* ---- Life cycle ---- */

struct sandbox *sandbox_new(int64_t memory) {
    struct sandbox *sandbox = PL_NEW(struct sandbox);
    if (!sandbox) return NULL;
    sandbox->cap = (size_t)memory;
    sandbox->block = sandbox->cap / BLOCKS_A_STATE > BLOCK_LEAST ? sandbox->cap / BLOCKS_A_STATE : BLOCK_LEAST;
    sandbox->budget = INT64_MAX;
    sandbox->lua = lua_newstate(allocate, sandbox);
    if (!sandbox->lua) {
        pl_free(sandbox);
        return NULL;
    }
    *(struct sandbox **)lua_getextraspace(sandbox->lua) = sandbox;
    if (sandbox_protect(sandbox, sandbox__open_library, NULL, 0)) return sandbox;
    sandbox_free(sandbox);
    return NULL;
}

void sandbox_free(struct sandbox *sandbox) {
    if (!sandbox) return;
    lua_close(sandbox->lua);
    pl_free(sandbox);
}

/* ---- Calls ---- */

bool sandbox_call(struct sandbox *sandbox, int arguments, int results, int64_t budget) {
    begin(sandbox, budget);
    return lua_pcall(sandbox->lua, arguments, results, 0) == LUA_OK;
}

bool sandbox_protect(struct sandbox *sandbox, lua_CFunction function, void *argument, int results) {
    lua_pushcfunction(sandbox->lua, function);
    lua_pushlightuserdata(sandbox->lua, argument);
    return sandbox_call(sandbox, 1, results, SANDBOX_LOAD_BUDGET);
}

const char *sandbox_message(struct sandbox *sandbox) {
    const char *text = lua_type(sandbox->lua, -1) == LUA_TSTRING ? lua_tostring(sandbox->lua, -1) : NULL;
    if (sandbox->deep && text && strcmp(text, "not enough memory") == 0) return "recursion too deep";
    return text && *text ? text : "an error that is no text";
}

struct source {
    const char *text;
    size_t size;
    const char *name;
    const char *global;
    lua_CFunction function;
};

static int run_source(lua_State *lua) {
    const struct source *source = lua_touserdata(lua, 1);
    lua_rawgetp(lua, LUA_REGISTRYINDEX, sandbox_of(lua)); /* the environment */
    lua_pushcfunction(lua, source->function);
    lua_setfield(lua, -2, source->global);
    if (luaL_loadbufferx(lua, source->text, source->size, source->name, "t") != LUA_OK) return lua_error(lua);
    lua_pushvalue(lua, -2);
    if (!lua_setupvalue(lua, -2, 1)) lua_pop(lua, 1);
    lua_call(lua, 0, 0);
    lua_pushnil(lua);
    lua_setfield(lua, -2, source->global);
    return 0;
}

bool sandbox_load(struct sandbox *sandbox, const char *text, size_t size, const char *name, const char *global,
                  lua_CFunction function) {
    struct source source = {.text = text, .size = size, .name = name, .global = global, .function = function};
    sandbox->loading = true;
    bool good = sandbox_protect(sandbox, run_source, &source, 0);
    sandbox->loading = false;
    return good;
}
