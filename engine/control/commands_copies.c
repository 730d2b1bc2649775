/* commands_copies.c: backups and savepoints of the engine's data folder. They are made beside all else; `copies` tells
 * how far they are. */
#include <potline/alloc.h>
#include <potline/text.h>

#include "control/control_impl.h"

static enum pl_code start(struct pl_request *request, const struct pl_copy *copy, struct pl_error **error) {
    struct pl_copies *copies = pl_engine_copies(request->control->options.engine);
    uint64_t number;
    if (!copies) return pl_error_set(error, PL_UNAVAILABLE, "this run has no data folder, so there is nothing to copy");
    enum pl_code code = pl_copies_start(copies, copy, &number, error);
    if (code) return code;
    struct pl_pack *pack = pl_request_row(request, 3);
    pl_pack_pair_int(pack, "copy", (int64_t)number);
    pl_pack_pair_str(pack, "kind", pl_copy_names[copy->kind]);
    pl_pack_pair_str(pack, "to", copy->to);
    pl_request_changed(request, copy->to, NULL, "begun");
    return PL_OK;
}

/* ---- backup ---- */

struct backup_args {
    const char *to;
    int64_t keep;
    bool verify;
};

static enum pl_code run_backup(struct pl_request *request, struct pl_error **error) {
    const struct backup_args *args = request->args;
    struct pl_copy copy = {
        .kind = PL_COPY_BACKUP, .to = args->to, .keep = (uint64_t)args->keep, .verify = args->verify};
    return start(request, &copy, error);
}

static const struct pl_option backup_args[] = {
    PL_OPT_STRING(struct backup_args, to, "to", NULL, PL_FIXED, "Where backups are kept: an absolute path."),
    PL_OPT_INT(struct backup_args, keep, "keep", "0", "0", "100000", PL_FIXED,
               "How many of this folder stay, with this one; 0: all."),
    PL_OPT_BOOL(struct backup_args, verify, "verify", "false", PL_FIXED,
                "Read the files of earlier backups again, too."),
    PL_OPT_END,
};

/* ---- savepoint ---- */

struct savepoint_args {
    const char *to;
};

static enum pl_code run_savepoint(struct pl_request *request, struct pl_error **error) {
    const struct savepoint_args *args = request->args;
    struct pl_engine *engine = request->control->options.engine;
    if (!pl_engine_recovers(engine))
        return pl_error_set(error, PL_UNAVAILABLE, "this graph has no log, so it has no checkpoints");
    struct pl_copy copy = {.kind = PL_COPY_SAVEPOINT, .to = args->to, .asked = pl_engine_checkpoint(engine)};
    return start(request, &copy, error);
}

static const struct pl_option savepoint_args[] = {
    PL_OPT_STRING(struct savepoint_args, to, "to", NULL, PL_FIXED,
                  "The file, which must not be there: an absolute path."),
    PL_OPT_END,
};

/* ---- copies ---- */

static enum pl_code run_copies(struct pl_request *request, struct pl_error **error) {
    struct pl_copies *copies = pl_engine_copies(request->control->options.engine);
    struct pl_copy_status status;
    if (!copies) return pl_error_set(error, PL_UNAVAILABLE, "this run has no data folder, so there is nothing to copy");
    pl_copies_status(copies, &status);
    if (status.state == PL_COPY_NONE) return PL_OK;
    struct pl_pack *pack = pl_request_row(request, 10);
    pl_pack_pair_int(pack, "copy", (int64_t)status.number);
    pl_pack_pair_str(pack, "kind", pl_copy_names[status.kind]);
    pl_pack_pair_str(pack, "state", pl_copy_states[status.state]);
    pl_pack_pair_str(pack, "to", status.to);
    pl_pack_pair_int(pack, "backup", (int64_t)status.id);
    pl_pack_pair_int(pack, "epoch", (int64_t)status.epoch);
    pl_pack_pair_int(pack, "done_bytes", (int64_t)status.done);
    pl_pack_pair_int(pack, "bytes", (int64_t)status.bytes);
    pl_pack_pair_f64(pack, "seconds", status.seconds);
    pl_pack_pair_str(pack, "what", status.what);
    return PL_OK;
}

/* ---- The table ---- */

const struct pl_control_command pl__commands_copies[] = {
    {.spec = {.name = "backup",
              .doc = "Adds a backup of the data folder to those of a place, beside all else; see: copies.",
              .roles = PL_MAY_ENGINEER,
              .flags = PL_COMMAND_CHANGES,
              .args = backup_args,
              .args_size = sizeof(struct backup_args)},
     .run = run_backup},
    {.spec = {.name = "savepoint",
              .doc = "Saves the state of every node, and writes all of it to a file; see: copies.",
              .roles = PL_MAY_ENGINEER,
              .flags = PL_COMMAND_CHANGES,
              .args = savepoint_args,
              .args_size = sizeof(struct savepoint_args)},
     .run = run_savepoint},
    {.spec = {.name = "copies", .doc = "How far the last backup or savepoint is.", .roles = PL_MAY_SEE},
     .run = run_copies},
    PL_CONTROL_COMMANDS_END,
};
