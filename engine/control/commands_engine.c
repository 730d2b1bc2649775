/* commands_engine.c: commands about the engine as a whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/text.h>

#include "control/control_impl.h"
#include "graph/draw.h"
#include "graph/options.h"

/* ---- help, commands ---- */

static void put_roles(char text[PL_CALL_TEXT], unsigned roles) {
    size_t used = 0;
    text[0] = 0;
    for (unsigned i = 0; i < PL_ROLES; i++)
        if (roles & PL_MAY(i))
            used += (size_t)snprintf(text + used, PL_CALL_TEXT - used, "%s%s", used ? "," : "", pl_role_names[i]);
}

static void put_choices(char text[PL_CALL_TEXT], const struct pl_option *row) {
    size_t used = 0;
    text[0] = 0;
    for (unsigned i = 0; row->choices && row->choices[i] && used < PL_CALL_TEXT - 1; i++)
        used += (size_t)snprintf(text + used, PL_CALL_TEXT - used, "%s%s", used ? ", " : "", row->choices[i]);
    if (row->choices) return;
    if (row->low || row->high)
        snprintf(text, PL_CALL_TEXT, "%s..%s", row->low ? row->low : "", row->high ? row->high : "");
}

static void put_args(struct pl_pack *pack, const struct pl_command *spec) {
    uint32_t count = 0;
    char range[PL_CALL_TEXT];
    for (const struct pl_option *row = spec->args; row && row->name; row++)
        count++;
    pl_pack_str(pack, "args");
    pl_pack_array(pack, count);
    for (const struct pl_option *row = spec->args; row && row->name; row++) {
        put_choices(range, row);
        pl_pack_map(pack, 6);
        pl_pack_pair_str(pack, "name", row->name);
        pl_pack_pair_str(pack, "type", pl__option_kind(row->type)->name);
        pl_pack_str(pack, "required");
        pl_pack_bool(pack, !row->fallback);
        pl_pack_pair_str(pack, "default", row->fallback ? row->fallback : "");
        pl_pack_pair_str(pack, "range", range);
        pl_pack_pair_str(pack, "doc", row->doc ? row->doc : "");
    }
}

static enum pl_code run_commands(struct pl_request *request, struct pl_error **error) {
    (void)error;
    const struct pl_command_table *table = &request->control->commands;
    for (unsigned i = 0; i < table->count; i++) {
        const struct pl_command *spec = table->entries[i].spec;
        char roles[PL_CALL_TEXT];
        put_roles(roles, spec->roles);
        struct pl_pack *pack = pl_request_row(request, 5);
        pl_pack_pair_str(pack, "command", spec->name);
        pl_pack_pair_str(pack, "doc", spec->doc);
        pl_pack_pair_str(pack, "roles", roles);
        pl_pack_str(pack, "changes");
        pl_pack_bool(pack, spec->flags & PL_COMMAND_CHANGES);
        put_args(pack, spec);
    }
    return PL_OK;
}

struct help_args {
    struct pl_strings command;
};

static void help_row(struct pl_request *request, const struct pl_command *spec) {
    char usage[PL_CALL_TEXT];
    size_t used = (size_t)snprintf(usage, sizeof usage, "%s", spec->name);
    for (const struct pl_option *row = spec->args; row && row->name && used < sizeof usage; row++)
        used += (size_t)snprintf(usage + used, sizeof usage - used, row->fallback ? " [--%s]" : " %s", row->name);
    struct pl_pack *pack = pl_request_row(request, 2);
    pl_pack_pair_str(pack, "command", usage);
    pl_pack_pair_str(pack, "doc", spec->doc);
}

static void help_args_of(struct pl_request *request, const struct pl_command *spec) {
    for (const struct pl_option *row = spec->args; row && row->name; row++) {
        char range[PL_CALL_TEXT];
        put_choices(range, row);
        struct pl_pack *pack = pl_request_row(request, 4);
        pl_pack_pair_str(pack, "argument", row->name);
        pl_pack_pair_str(pack, "type", pl__option_kind(row->type)->name);
        pl_pack_pair_str(pack, "default", row->fallback ? row->fallback : "(required)");
        pl_pack_pair_str(pack, "doc", row->doc ? row->doc : "");
    }
}

static enum pl_code run_help(struct pl_request *request, struct pl_error **error) {
    const struct help_args *args = request->args;
    const struct pl_command_table *table = &request->control->commands;
    if (args->command.count) {
        const struct pl_command_entry *entry;
        unsigned used;
        enum pl_code code = pl_commands_find(table, args->command.items, args->command.count, &entry, &used, error);
        if (code) return code;
        if (entry->spec->args && entry->spec->args->name)
            help_args_of(request, entry->spec);
        else
            help_row(request, entry->spec);
        return PL_OK;
    }
    for (unsigned i = 0; i < table->count; i++)
        if (!request->who.known || table->entries[i].spec->roles & PL_MAY(request->who.role))
            help_row(request, table->entries[i].spec);
    return PL_OK;
}

static const struct pl_option help_args[] = {
    PL_OPT_STRINGS(struct help_args, command, "command", "[]", PL_FIXED, "The command to explain; none: all of them."),
    PL_OPT_END,
};

/* ---- status, version, whoami ---- */

static enum pl_code run_version(struct pl_request *request, struct pl_error **error) {
    (void)error;
    struct pl_pack *pack = pl_request_row(request, 1);
    pl_pack_pair_str(pack, "version", POTLINE_VERSION);
    return PL_OK;
}

static enum pl_code run_whoami(struct pl_request *request, struct pl_error **error) {
    (void)error;
    struct pl_pack *pack = pl_request_row(request, 2);
    pl_pack_pair_str(pack, "user", request->who.name);
    pl_pack_pair_str(pack, "role", pl_role_names[request->who.role]);
    return PL_OK;
}

/* Those that have had samples; the registry holds other names too. */
static int64_t count_tags(const struct pl_engine *engine) {
    int64_t count = 0;
    for (uint32_t id = 1; id < pl_tags_count(pl_engine_tags(engine)); id++)
        count += pl_intake_seen(pl_engine_intake(engine), id);
    return count;
}

static void put_checkpoint(struct pl_pack *pack, const struct pl_engine *engine,
                           const struct pl_checkpoint_stats *checkpoint) {
    pl_pack_pair_int(pack, "epoch", (int64_t)checkpoint->epoch);
    pl_pack_str(pack, "epoch_age_s");
    if (checkpoint->epoch && checkpoint->at)
        pl_pack_f64(pack, (double)(pl_engine_now(engine) - checkpoint->at) * 1e-9);
    else
        pl_pack_nil(pack);
    pl_pack_pair_f64(pack, "checkpoint_ms", checkpoint->seconds * 1e3);
    pl_pack_pair_int(pack, "checkpoint_bytes", (int64_t)checkpoint->bytes);
}

enum { ZONES_TEXT = PL_ZONES * 64, DURATION_TEXT = 48 + 1 };

/* "bronze 12.0 MiB from 2026-11-23T06:00:00Z, ..." of the zones that hold anything. */
static const char *shown_zones(const struct pl_engine *engine, char text[ZONES_TEXT]) {
    struct pl_trim_zone zones[PL_ZONES];
    size_t used = 0;
    *text = 0;
    if (!pl_engine_zones(engine, zones)) return text;
    for (unsigned zone = 0; zone < PL_ZONES; zone++) {
        char oldest[PL_TEXT_TIME_MAX];
        if (zones[zone].oldest == PL_TIME_MAX) continue;
        *pl_text_put_time(oldest, zones[zone].oldest / PL_SECOND * PL_SECOND) = 0;
        used += (size_t)snprintf(text + used, ZONES_TEXT - used, "%s%s %.1f MiB from %s", used ? ", " : "",
                                 pl_zone_names[zone], (double)zones[zone].bytes / (1 << 20), oldest);
    }
    return text;
}

enum { STANDBY_PAIRS = 8 };

static void put_standby(struct pl_pack *pack, const struct pl_control_options *options) {
    struct pl_control_standby view = {0};
    options->standby(options->standby_arg, &view);
    pl_pack_pair_str(pack, "standby", view.peer);
    pl_pack_str(pack, "standby_in_sync");
    pl_pack_bool(pack, view.in_sync);
    pl_pack_pair_int(pack, "standby_lag_writes", (int64_t)view.lag_writes);
    pl_pack_pair_int(pack, "standby_lag_bytes", (int64_t)view.lag_bytes);
    pl_pack_pair_f64(pack, "standby_lag_s", view.lag_s);
    pl_pack_pair_int(pack, "standby_alone", (int64_t)view.alone);
    pl_pack_pair_int(pack, "standby_turned_away", (int64_t)view.turned_away);
    pl_pack_pair_int(pack, "generation", (int64_t)view.generation);
}

static enum pl_code run_status(struct pl_request *request, struct pl_error **error) {
    (void)error;
    struct pl_control *control = request->control;
    struct pl_engine *engine = control->options.engine;
    const struct pl_intake_stats *intake = pl_intake_stats(pl_engine_intake(engine));
    struct rusage usage;
    char now[PL_TEXT_TIME_MAX], zones[ZONES_TEXT];
    getrusage(RUSAGE_SELF, &usage);
    struct pl_checkpoint_stats checkpoint;
    pl_engine_checkpoint_stats(engine, &checkpoint);
    unsigned more =
        (control->options.standby ? STANDBY_PAIRS : 0) + (pl_engine_cluster(engine) ? PL__CLUSTER_PAIRS : 0);
    struct pl_pack *pack = pl_request_row(request, 20 + more);
    pl_pack_pair_str(pack, "graph", pl_engine_graph(engine)->settings.name);
    pl_pack_str(pack, "time");
    pl_pack_strn(pack, now, (size_t)(pl_text_put_time(now, pl_engine_now(engine)) - now));
    pl_pack_pair_int(pack, "pid", getpid());
    pl_pack_pair_f64(pack, "uptime_s", (double)(uv_hrtime() - control->begun) * 1e-9);
    pl_pack_pair_str(pack, "data", pl_engine_data(engine) ? pl_engine_data(engine) : "");
    pl_pack_pair_int(pack, "nodes", pl_engine_graph(engine)->node_count);
    pl_pack_pair_int(pack, "tags", count_tags(engine));
    pl_pack_pair_int(pack, "rows_in", (int64_t)pl_stat_get(&intake->rows));
    pl_pack_pair_int(pack, "rows_late", (int64_t)pl_stat_get(&intake->late_rows));
    pl_pack_pair_int(pack, "lag_bytes", atomic_load(&intake->waiting_bytes));
    pl_pack_str(pack, "disk_full");
    pl_pack_bool(pack, atomic_load(&intake->full));
    pl_pack_pair_int(pack, "disk_fulls", (int64_t)pl_stat_get(&intake->fulls));
    put_checkpoint(pack, engine, &checkpoint);
    pl_pack_pair_f64(pack, "checkpoint_under_way_s", checkpoint.under_way);
    pl_pack_pair_int(pack, "checkpoints_overdue", (int64_t)checkpoint.overdue);
    pl_pack_pair_f64(pack, "peak_rss_mib", (double)usage.ru_maxrss / 1024);
    pl_pack_pair_str(pack, "zones", shown_zones(engine, zones));
    if (control->options.standby) put_standby(pack, &control->options);
    if (pl_engine_cluster(engine)) pl__cluster_status(pack, engine);
    return PL_OK;
}

/* ---- zones: what they hold and what has been removed from them ---- */

static void put_zone(struct pl_request *request, unsigned zone, const struct pl_trim_zone *now) {
    const struct pl_graph_settings *settings = &pl_engine_graph(request->control->options.engine)->settings;
    char oldest[PL_TEXT_TIME_MAX] = "", retention[DURATION_TEXT] = "";
    if (now->oldest != PL_TIME_MAX) *pl_text_put_time(oldest, now->oldest) = 0;
    if (settings->retention[zone]) *pl_text_put_duration(retention, settings->retention[zone]) = 0;
    struct pl_pack *pack = pl_request_row(request, 6);
    pl_pack_pair_str(pack, "zone", pl_zone_names[zone]);
    pl_pack_pair_int(pack, "bytes", (int64_t)now->bytes);
    pl_pack_pair_str(pack, "oldest", oldest);
    pl_pack_pair_str(pack, "retention", retention);
    pl_pack_str(pack, "max_size");
    if (settings->max_size[zone])
        pl_pack_int(pack, settings->max_size[zone]);
    else
        pl_pack_nil(pack); /* no limit */
    pl_pack_pair_int(pack, "removed_bytes", (int64_t)now->removed);
}

static enum pl_code run_zones(struct pl_request *request, struct pl_error **error) {
    struct pl_trim_zone zones[PL_ZONES];
    struct pl_engine *engine = request->control->options.engine;
    if (!pl_engine_store(engine))
        return pl_error_set(error, PL_UNAVAILABLE, "this run has no data folder, so it has no zones");
    if (!pl_engine_zones(engine, zones)) return pl_error_set(error, PL_BUSY, "not known yet: ask again");
    for (unsigned zone = 0; zone < PL_ZONES; zone++)
        put_zone(request, zone, &zones[zone]);
    return PL_OK;
}

/* ---- checkpoint ---- */

static enum pl_code look_for_epoch(struct pl_request *request, struct pl_error **error) {
    struct pl_engine *engine = request->control->options.engine;
    if (pl_engine_check(engine, NULL))
        return pl_error_set(error, PL_UNAVAILABLE, "the engine is ending: a node failed");
    if (!pl_engine_checkpointed(engine, request->awaited)) return PL_BUSY;
    struct pl_checkpoint_stats checkpoint;
    pl_engine_checkpoint_stats(engine, &checkpoint);
    put_checkpoint(pl_request_row(request, 4), engine, &checkpoint);
    return PL_OK;
}

static enum pl_code run_checkpoint(struct pl_request *request, struct pl_error **error) {
    struct pl_engine *engine = request->control->options.engine;
    if (!pl_engine_recovers(engine))
        return pl_error_set(error, PL_UNAVAILABLE, "this graph has no log, so there is nothing to go back to");
    request->awaited = pl_engine_checkpoint(engine);
    request->look = look_for_epoch;
    pl_request_later(request);
    return PL_BUSY;
}

/* ---- graph, tags ---- */

struct graph_args {
    uint32_t format;
};

static enum pl_code run_graph(struct pl_request *request, struct pl_error **error) {
    const struct graph_args *args = request->args;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    bool good =
        out && pl_graph_draw(pl_engine_graph(request->control->options.engine), (enum pl_drawing)args->format, out);
    if (out) fclose(out);
    if (good) {
        struct pl_pack *pack = pl_request_row(request, 1);
        pl_pack_pair_str(pack, "graph", text);
    }
    free(text);
    return good ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory to draw the graph");
}

static const struct pl_option graph_args[] = {
    PL_OPT_CHOICE(struct graph_args, format, "format", "mermaid", pl_drawing_names, PL_FIXED, "How it is drawn."),
    PL_OPT_END,
};

struct tags_args {
    const char *tags;
    int64_t limit;
};

static enum pl_code run_tags(struct pl_request *request, struct pl_error **error) {
    (void)error;
    const struct tags_args *args = request->args;
    struct pl_engine *engine = request->control->options.engine;
    struct pl_tags *tags = pl_engine_tags(engine);
    int64_t found = 0;
    for (uint32_t id = 1; id < pl_tags_count(tags) && found < args->limit; id++) {
        const struct pl_tag *tag = pl_tags_get(tags, id);
        if (!pl_intake_seen(pl_engine_intake(engine), id) || !pl_glob(args->tags, tag->name)) continue;
        struct pl_tag_text text;
        pl_tags_text(tags, id, &text);
        struct pl_pack *pack = pl_request_row(request, 4);
        pl_pack_pair_str(pack, "tag", tag->name);
        pl_pack_pair_str(pack, "asset", pl_tags_get(tags, tag->asset)->name);
        pl_pack_pair_str(pack, "unit", text.unit);
        pl_pack_pair_str(pack, "description", text.description);
        found++;
    }
    request->reply->cut |= found == args->limit;
    return PL_OK;
}

static const struct pl_option tags_args[] = {
    PL_OPT_STRING(struct tags_args, tags, "tags", "*", PL_FIXED, "A pattern of names."),
    PL_OPT_INT(struct tags_args, limit, "limit", "1000", "1", "100000", PL_FIXED, "How many at most."),
    PL_OPT_END,
};

/* ---- drain, stop ---- */

static enum pl_code run_drain(struct pl_request *request, struct pl_error **error) {
    (void)error;
    request->control->options.stop(request->control->options.stop_arg, true);
    pl_request_say(request, "sources end, then windows close and the engine ends");
    return PL_OK;
}

static enum pl_code run_stop(struct pl_request *request, struct pl_error **error) {
    (void)error;
    request->control->options.stop(request->control->options.stop_arg, false);
    pl_request_say(request, "what is under way is worked off, then the engine ends");
    return PL_OK;
}

const struct pl_control_command pl__commands_engine[] = {
    {.spec = {.name = "help",
              .doc = "Lists the commands, or explains one.",
              .roles = PL_MAY_SEE,
              .args = help_args,
              .args_size = sizeof(struct help_args)},
     .run = run_help},
    {.spec = {.name = "commands", .doc = "The commands with their arguments, for programs.", .roles = PL_MAY_SEE},
     .run = run_commands},
    {.spec = {.name = "version", .doc = "The engine's version.", .roles = PL_MAY_SEE}, .run = run_version},
    {.spec = {.name = "whoami", .doc = "Your name and role.", .roles = PL_MAY_SEE}, .run = run_whoami},
    {.spec = {.name = "status", .doc = "The engine in one row.", .roles = PL_MAY_SEE}, .run = run_status},
    {.spec = {.name = "zones", .doc = "What each zone holds, and what has been removed.", .roles = PL_MAY_SEE},
     .run = run_zones},
    {.spec = {.name = "graph",
              .doc = "Draws the running graph.",
              .roles = PL_MAY_SEE,
              .args = graph_args,
              .args_size = sizeof(struct graph_args)},
     .run = run_graph},
    {.spec = {.name = "tags",
              .doc = "The tags that have had samples.",
              .roles = PL_MAY_SEE,
              .args = tags_args,
              .args_size = sizeof(struct tags_args)},
     .run = run_tags},
    {.spec = {.name = "checkpoint",
              .doc = "Saves the state of every node now, and answers when it is safe.",
              .roles = PL_MAY_ENGINEER},
     .run = run_checkpoint},
    {.spec = {.name = "drain",
              .doc = "Ends sources as if their data had ended, closes every window, and stops.",
              .roles = PL_MAY_ENGINEER,
              .flags = PL_COMMAND_CHANGES},
     .run = run_drain},
    {.spec = {.name = "stop",
              .doc = "Stops the engine; what is under way is worked off.",
              .roles = PL_MAY_ENGINEER,
              .flags = PL_COMMAND_CHANGES},
     .run = run_stop},
    PL_CONTROL_COMMANDS_END,
};
