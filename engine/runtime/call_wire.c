#include "call_wire.h"

#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>

enum { ITEMS = 5, OUTCOME_ITEMS = 7, TEXT_MAX = 1024 };

/* `set` and `options` bring what stands in struct pl_call_texts, a command what its table says. */
static const struct pl_option text_args[] = {
    PL_OPT_STRING(struct pl_call_texts, text[0], "first", "", PL_FIXED, ""),
    PL_OPT_STRING(struct pl_call_texts, text[1], "second", "", PL_FIXED, ""),
    PL_OPT_BOOL(struct pl_call_texts, flag, "flag", "false", PL_FIXED, ""),
    PL_OPT_END,
};

static const struct pl_command *find_command(const struct pl_operator *op, const char *name) {
    for (const struct pl_command *command = op->commands; command && command->name; command++)
        if (strcmp(command->name, name) == 0) return command;
    return NULL;
}

bool pl_call_pack(struct pl_pack *pack, const struct pl_call *call) {
    bool command = call->where == PL_CALL_COMMAND;
    if (call->where == PL_CALL_HERE) return false;
    pl_pack_array(pack, ITEMS);
    pl_pack_uint(pack, call->where);
    pl_pack_str(pack, command ? call->command->name : "");
    pl_pack_str(pack, call->user);
    pl_pack_uint(pack, call->role);
    if (command)
        pl_options_pack(pack, call->command->args, call->args);
    else
        pl_options_pack(pack, call->where == PL_CALL_SET ? text_args : NULL, call->args);
    return !pl_pack_failed(pack);
}

static bool read_args(struct pl_unpack *unpack, const struct pl_option *rows, size_t size, struct pl_call *call,
                      struct pl_option_memory *memory) {
    void *args = pl_option_memory_alloc(memory, size);
    call->args = args;
    return args && pl_options_unpack(unpack, rows, args, memory);
}

static bool read_call(struct pl_unpack *unpack, const struct pl_operator *op, struct pl_call *call,
                      struct pl_option_memory *memory) {
    uint32_t items;
    uint64_t where, role;
    const char *name, *user;
    if (!pl_unpack_array(unpack, &items) || items != ITEMS || !pl_unpack_uint(unpack, &where) ||
        !(name = pl_option_memory_text(memory, unpack)) || !(user = pl_option_memory_text(memory, unpack)) ||
        !pl_unpack_uint(unpack, &role) || role >= PL_ROLES)
        return false;
    snprintf(call->user, sizeof call->user, "%s", user);
    call->role = (enum pl_role)role;
    call->where = (enum pl_call_where)where;
    switch (where) {
    case PL_CALL_COMMAND:
        call->command = find_command(op, name);
        return call->command && read_args(unpack, call->command->args, call->command->args_size, call, memory);
    case PL_CALL_SET: return read_args(unpack, text_args, sizeof(struct pl_call_texts), call, memory);
    case PL_CALL_OPTIONS: return read_args(unpack, NULL, 1, call, memory);
    default: return false;
    }
}

struct pl_call *pl_call_unpack(const void *bytes, size_t size, const struct pl_operator *op,
                               struct pl_option_memory *memory) {
    struct pl_unpack unpack;
    struct pl_call *call = pl_call_new();
    pl_unpack_init(&unpack, bytes, size);
    if (call && read_call(&unpack, op, call, memory)) return call;
    pl_call_free(call);
    return NULL;
}

/* ---- What came of it ---- */

void pl_call_pack_outcome(struct pl_pack *pack, const struct pl_call *call) {
    char *text = call->error ? pl_error_text(call->error) : NULL;
    pl_pack_array(pack, OUTCOME_ITEMS);
    pl_pack_str(pack, text ? text : "");
    pl_pack_str(pack, call->object);
    pl_pack_str(pack, call->from);
    pl_pack_str(pack, call->to);
    pl_pack_bool(pack, call->cut);
    pl_pack_uint(pack, call->row_count);
    pl_pack_bin(pack, pl_pack_data(call->rows), pl_pack_size(call->rows));
    pl_free(text);
}

static bool read_text(struct pl_unpack *unpack, char *to, size_t room) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(unpack, &text, &length) || length >= room || memchr(text, 0, length)) return false;
    memcpy(to, text, length);
    to[length] = 0;
    return true;
}

/* So many maps, and nothing behind them. */
static bool are_rows(const void *bytes, size_t size, uint64_t count) {
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, bytes, size);
    for (uint64_t i = 0; i < count; i++) {
        struct pl_unpack map = unpack;
        uint32_t pairs;
        if (!pl_unpack_map(&map, &pairs) || !pl_unpack_skip(&unpack)) return false;
    }
    return unpack.at == unpack.end;
}

static bool read_outcome(struct pl_unpack *unpack, struct pl_call *call, char error[TEXT_MAX]) {
    uint32_t items;
    uint64_t rows;
    const void *bytes;
    size_t size;
    bool cut;
    if (!pl_unpack_array(unpack, &items) || items != OUTCOME_ITEMS || !read_text(unpack, error, TEXT_MAX) ||
        !read_text(unpack, call->object, sizeof call->object) || !read_text(unpack, call->from, sizeof call->from) ||
        !read_text(unpack, call->to, sizeof call->to) || !pl_unpack_bool(unpack, &cut) ||
        !pl_unpack_uint(unpack, &rows) || rows > PL_REPLY_ROWS_MAX || !pl_unpack_bin(unpack, &bytes, &size) ||
        unpack->at != unpack->end || !are_rows(bytes, size, rows))
        return false;
    call->cut = cut;
    call->row_count = (uint32_t)rows;
    pl_pack_raw(call->rows, bytes, size);
    return true;
}

bool pl_call_unpack_outcome(const void *bytes, size_t size, uint32_t code, struct pl_call *call) {
    char text[TEXT_MAX] = "";
    struct pl_unpack unpack;
    pl_unpack_init(&unpack, bytes, size);
    bool read = code <= PL_DENIED && read_outcome(&unpack, call, text);
    if (!read) {
        call->row_count = 0;
        call->code = pl_error_set(&call->error, PL_CORRUPT, "what came of it cannot be read");
    } else if (code) {
        call->code = pl_error_set(&call->error, (enum pl_code)code, "%s", text[0] ? text : "it failed");
    }
    return read;
}
