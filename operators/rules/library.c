/* library.c: the functions a rule may call (sandbox.h), each bounded in time and size. */
#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

#include "sandbox.h"

static const char *short_text(lua_State *lua, int index, size_t *length) {
    const char *text = luaL_checklstring(lua, index, length);
    if (*length > SANDBOX_TEXT_MAX)
        luaL_error(lua, "a text of %d bytes is too long here; %d are allowed", (int)*length, SANDBOX_TEXT_MAX);
    return text;
}

static void check_plain(lua_State *lua, int index) {
    int type = lua_type(lua, index);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN && type != LUA_TNUMBER && type != LUA_TSTRING)
        luaL_argerror(lua, index, lua_pushfstring(lua, "%s cannot be told as text", luaL_typename(lua, index)));
}

/* ---- string ---- */

/* Lua's own, once nothing can make it long, or print an address (which would differ from run to run). */
static int text_format(lua_State *lua) {
    size_t length, total;
    const char *format = short_text(lua, 1, &total);
    for (size_t i = 0; i < total; i++) {
        if (format[i] != '%') continue;
        i += 1 + strspn(format + i + 1, "-+ #0123456789.");
        if (format[i] == 'p') return luaL_error(lua, "string.format has no %%p here");
    }
    int arguments = lua_gettop(lua);
    for (int i = 2; i <= arguments; i++) {
        check_plain(lua, i);
        if (lua_type(lua, i) != LUA_TSTRING) continue;
        short_text(lua, i, &length);
        total += length;
    }
    if (total > SANDBOX_TEXT_MAX) return luaL_error(lua, "string.format: more than %d bytes", SANDBOX_TEXT_MAX);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, arguments, 1);
    short_text(lua, -1, &length);
    return 1;
}

static lua_Integer place_in(lua_Integer place, size_t length) {
    if (place >= 0) return place;
    return -place > (lua_Integer)length ? 0 : (lua_Integer)length + place + 1;
}

static int text_sub(lua_State *lua) {
    size_t length;
    const char *text = luaL_checklstring(lua, 1, &length);
    lua_Integer from = place_in(luaL_checkinteger(lua, 2), length), to = place_in(luaL_optinteger(lua, 3, -1), length);
    if (from < 1) from = 1;
    if (to > (lua_Integer)length) to = (lua_Integer)length;
    size_t size = from > to ? 0 : (size_t)(to - from + 1);
    if (size > SANDBOX_TEXT_MAX) return luaL_error(lua, "string.sub: more than %d bytes", SANDBOX_TEXT_MAX);
    lua_pushlstring(lua, size ? text + from - 1 : "", size);
    return 1;
}

static int text_len(lua_State *lua) {
    size_t length;
    luaL_checklstring(lua, 1, &length);
    lua_pushinteger(lua, (lua_Integer)length);
    return 1;
}

static int text_in_case(lua_State *lua, char first, char last) {
    char changed[SANDBOX_TEXT_MAX];
    size_t length;
    const char *text = short_text(lua, 1, &length);
    for (size_t i = 0; i < length; i++)
        changed[i] = (char)(text[i] >= first && text[i] <= last ? text[i] ^ 0x20 : text[i]);
    lua_pushlstring(lua, changed, length);
    return 1;
}

static int text_upper(lua_State *lua) {
    return text_in_case(lua, 'a', 'z');
}

static int text_lower(lua_State *lua) {
    return text_in_case(lua, 'A', 'Z');
}

static int text_rep(lua_State *lua) {
    char all[SANDBOX_TEXT_MAX];
    size_t length, between, used = 0;
    const char *text = short_text(lua, 1, &length), *separator = luaL_optlstring(lua, 3, "", &between);
    lua_Integer times = luaL_checkinteger(lua, 2);
    bool none = times <= 0 || length + between == 0;
    if (!none && (between > SANDBOX_TEXT_MAX || times > (lua_Integer)(SANDBOX_TEXT_MAX / (length + between)) + 1))
        return luaL_error(lua, "string.rep: more than %d bytes", SANDBOX_TEXT_MAX);
    for (lua_Integer i = 0; i < times && !none; i++) {
        size_t gap = i ? between : 0;
        if (used + gap + length > sizeof all)
            return luaL_error(lua, "string.rep: more than %d bytes", SANDBOX_TEXT_MAX);
        memcpy(all + used, separator, gap);
        memcpy(all + used + gap, text, length);
        used += gap + length;
    }
    lua_pushlstring(lua, all, used);
    return 1;
}

static const luaL_Reg text_functions[] = {{"sub", text_sub},     {"len", text_len}, {"upper", text_upper},
                                          {"lower", text_lower}, {"rep", text_rep}, {NULL, NULL}};

/* ---- What stands by itself ---- */

static int plain_tostring(lua_State *lua) {
    luaL_checkany(lua, 1);
    check_plain(lua, 1);
    luaL_tolstring(lua, 1, NULL);
    return 1;
}

static int plain_tonumber(lua_State *lua) {
    luaL_checkany(lua, 1);
    size_t length = 0;
    const char *text = lua_type(lua, 1) == LUA_TSTRING ? short_text(lua, 1, &length) : NULL;
    if (lua_type(lua, 1) == LUA_TNUMBER)
        lua_settop(lua, 1);
    else if (!text || lua_stringtonumber(lua, text) != length + 1)
        lua_pushnil(lua);
    return 1;
}

static const luaL_Reg plain_functions[] = {{"tostring", plain_tostring}, {"tonumber", plain_tonumber}, {NULL, NULL}};

/* ---- Tables that are only read ---- */

static int refuse_change(lua_State *lua) {
    return luaL_error(lua, "%s cannot be changed", lua_tostring(lua, lua_upvalueindex(1)));
}

/* Replaces the table on top by an empty one that shows it. */
static void make_readonly(lua_State *lua, const char *name) {
    lua_newtable(lua);
    lua_createtable(lua, 0, 2);
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_pushstring(lua, name);
    lua_pushcclosure(lua, refuse_change, 1);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, -2);
    lua_remove(lua, -2);
}

static int set_global(lua_State *lua) {
    if (!sandbox_of(lua)->loading)
        return luaL_error(lua, "a rule keeps nothing in globals ('%s'): say `local`, or declare it under `memory`",
                          lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "?");
    lua_settop(lua, 3);
    lua_rawset(lua, lua_upvalueindex(1));
    return 0;
}

static void add_math(lua_State *lua, int library) {
    luaopen_math(lua);
    lua_pushnil(lua);
    lua_setfield(lua, -2, "random");
    lua_pushnil(lua);
    lua_setfield(lua, -2, "randomseed");
    make_readonly(lua, "math");
    lua_setfield(lua, library, "math");
}

static void add_string(lua_State *lua, int library) {
    luaopen_string(lua); /* gives texts a metatable, which is replaced below */
    luaL_newlib(lua, text_functions);
    lua_getfield(lua, -2, "format");
    lua_pushcclosure(lua, text_format, 1);
    lua_setfield(lua, -2, "format");
    make_readonly(lua, "string");
    lua_pushliteral(lua, "");
    lua_createtable(lua, 0, 1);
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
    lua_pop(lua, 1);
    lua_setfield(lua, library, "string");
    lua_pop(lua, 1);
}

int sandbox__open_library(lua_State *lua) {
    lua_newtable(lua); /* what sources see as their environment: always empty, so that every new name is asked about */
    luaL_newlib(lua, plain_functions);
    int library = lua_gettop(lua);
    add_math(lua, library);
    add_string(lua, library);
    lua_createtable(lua, 0, 2);
    lua_pushvalue(lua, library);
    lua_setfield(lua, -2, "__index");
    lua_pushvalue(lua, library);
    lua_pushcclosure(lua, set_global, 1);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, library - 1);
    lua_settop(lua, library - 1);
    lua_rawsetp(lua, LUA_REGISTRYINDEX, sandbox_of(lua));
    return 0;
}
