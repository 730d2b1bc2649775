#include "standby.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <potline/text.h>

#include "data.h"
#include "standby/door.h"
#include "standby/follow.h"

static const pl_time usual_patience = PL_SECOND, least_lease = PL_SECOND;

/* ---- Options ---- */

static bool read_duration(const struct pl_cli *cli, const char *name, pl_time *value) {
    const char *text = pl_cli_get(cli, name);
    if (!text || (pl_text_duration(text, strlen(text), value) && *value > 0)) return true;
    pl_cli_usage(cli, "--%s: \"%s\" is not a duration; write 500ms or 3s", name, text);
    return false;
}

static bool is_endpoint(const struct pl_cli *cli, const char *name, const char *endpoint) {
    if (!endpoint || strncmp(endpoint, "tcp://", strlen("tcp://")) == 0) return true;
    pl_cli_usage(cli, "--%s: \"%s\" is no endpoint; write tcp://HOST:PORT", name, endpoint);
    return false;
}

bool pl_cli_standby_read(const struct pl_cli *cli, struct pl_cli_standby *standby) {
    const char *file = pl_cli_get(cli, "standby-key");
    struct pl_error *error = NULL;
    standby->serves = pl_cli_get(cli, "serve-standby");
    standby->follows = pl_cli_get(cli, "standby");
    standby->patience = usual_patience;
    if (!is_endpoint(cli, "serve-standby", standby->serves) || !is_endpoint(cli, "standby", standby->follows) ||
        !read_duration(cli, "takeover-after", &standby->takeover_after) ||
        !read_duration(cli, "standby-timeout", &standby->patience))
        return false;
    if (standby->takeover_after && standby->takeover_after < least_lease) {
        pl_cli_usage(cli, "--takeover-after: at least 1s; a word of the engine comes every 250ms");
        return false;
    }
    if (!standby->serves && !standby->follows) return true;
    if (!file || !pl_cli_get(cli, "data")) {
        pl_cli_usage(cli, "a standby needs %s",
                     file ? "--data DIR" : "--standby-key FILE: nothing is sent in the clear");
        return false;
    }
    if (pl_standby_secret_read(file, &standby->secret, &error) == PL_OK) return true;
    pl_error_set(&error, PL_USAGE,
                 "--standby-key: a key file is needed, the same for both; potline keys generate makes one");
    fputs("potline run: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return false;
}

void pl_cli_standby_fini(struct pl_cli_standby *standby) {
    pl_standby_secret_cleanse(&standby->secret);
}

/* ---- Following ---- */

static _Atomic bool stop, take_over;

static void on_signal(int number) {
    atomic_store(number == SIGUSR1 ? &take_over : &stop, true);
}

static void handle(void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

bool pl_cli_standby_follow(const struct pl_cli_standby *standby, const char *folder, struct pl_store_key *key,
                           int *exit_code) {
    struct pl_error *error = NULL;
    enum pl_follow_end end = PL_FOLLOW_STOPPED;
    struct pl_follow_options options = {.data = folder,
                                        .key = key,
                                        .endpoint = standby->follows,
                                        .secret = &standby->secret,
                                        .takeover_after = standby->takeover_after,
                                        .stop = &stop,
                                        .take_over = &take_over};
    if (!standby->follows) return true;
    handle(on_signal);
    enum pl_code code = pl_standby_follow(&options, &end, &error);
    handle(SIG_DFL);
    if (error) pl_error_print(stderr, error);
    pl_error_free(&error);
    *exit_code = code ? PL_EXIT_FAILED : PL_EXIT_OK;
    return !code && end != PL_FOLLOW_STOPPED;
}

/* ---- Around the engine ---- */

/* The other one is right, and every row that we still give away is wrong: it ends at once. */
static void on_passed(void *arg, uint64_t generation) {
    struct pl_cli_standby *standby = arg;
    atomic_store(&standby->passed, generation);
    standby->drive->patience = 0;
    pl_drive_stop(standby->drive, false);
}

enum pl_code pl_cli_standby_begin(struct pl_cli_standby *standby, struct pl_drive *drive,
                                  const struct pl_store_key *key, struct pl_error **error) {
    struct pl_engine *engine = drive->engine;
    standby->drive = drive;
    struct pl_standby_server_options server = {.store = pl_engine_store(engine),
                                               .audit = pl_engine_journal(engine)->audit,
                                               .key_id = key ? pl_store_key_id(key) : "",
                                               .endpoint = standby->serves,
                                               .secret = &standby->secret,
                                               .patience = standby->patience,
                                               .passed = on_passed,
                                               .arg = standby};
    struct pl_fence_options fence = {.store = server.store,
                                     .key_id = server.key_id,
                                     .endpoint = standby->follows,
                                     .secret = &standby->secret,
                                     .passed = on_passed,
                                     .arg = standby};
    enum pl_code code = standby->serves ? pl_standby_server_new(&server, &standby->server, error) : PL_OK;
    if (!code && standby->follows) code = pl_fence_new(&fence, &standby->fence, error);
    return code;
}

static void look(void *arg, struct pl_control_standby *shown) {
    struct pl_cli_standby *standby = arg;
    struct pl_standby_view view;
    pl_standby_server_look(standby->server, &view);
    memcpy(shown->peer, view.peer, sizeof shown->peer);
    shown->in_sync = view.in_sync;
    shown->generation = view.generation;
    shown->lag_writes = view.lag_writes;
    shown->lag_bytes = view.lag_bytes;
    shown->lag_s = view.lag_s;
    shown->alone = view.alone;
    shown->turned_away = view.turned_away;
}

void pl_cli_standby_show(struct pl_cli_standby *standby, struct pl_control_options *options) {
    if (!standby->server) return;
    options->standby = look;
    options->standby_arg = standby;
}

void pl_cli_standby_ending(struct pl_cli_standby *standby, bool orderly) {
    uint64_t passed = atomic_load(&standby->passed);
    if (passed)
        fprintf(stderr,
                "potline: a standby has taken over (generation %" PRIu64
                "): this engine has ended; have it follow that one with --standby\n",
                passed);
    pl_fence_free(standby->fence);
    standby->fence = NULL;
    pl_standby_server_ending(standby->server, orderly || passed); /* its own standby has nothing to take over */
}

void pl_cli_standby_end(struct pl_cli_standby *standby) {
    pl_standby_server_free(standby->server);
    standby->server = NULL;
}

/* ---- potline standby ---- */

static int complain(struct pl_error *error) {
    fputs("potline standby: ", stderr);
    pl_error_print(stderr, error);
    pl_error_free(&error);
    return PL_EXIT_FAILED;
}

static int ask(const char *data, const char *command) {
    char answer[PL_STANDBY_ANSWER];
    struct pl_error *error = NULL;
    if (pl_standby_ask(data, command, answer, &error)) return complain(error);
    bool good = answer[0] == '{' || strcmp(answer, "ok") == 0;
    fprintf(good ? stdout : stderr, "%s%s\n", good ? "" : "potline standby: ", answer);
    return good ? PL_EXIT_OK : PL_EXIT_FAILED;
}

/* The standby that is at work does it; a folder that nobody holds is changed here. */
static int take(const struct pl_cli *cli, const char *data) {
    struct pl_store_key *key;
    struct pl_error *error = NULL;
    if (!pl_cli_data_key_of(cli, data, &key)) return PL_EXIT_USAGE;
    enum pl_code code = pl_standby_take_over(data, key, "by command, while nobody followed", &error);
    pl_store_key_unref(key);
    if (code == PL_BUSY) {
        pl_error_free(&error);
        return ask(data, "takeover");
    }
    if (code) return complain(error);
    puts("ok");
    return PL_EXIT_OK;
}

static int standby(const struct pl_cli *cli) {
    static const char *const verbs[] = {"status", "takeover", NULL};
    const char *data = pl_cli_get(cli, "data");
    int verb = pl_cli_verb(cli, verbs, sizeof *verbs);
    if (verb < 0) return PL_EXIT_USAGE;
    if (!data) return pl_cli_usage(cli, "--data DIR is needed");
    return verb == 0 ? ask(data, "status") : take(cli, data);
}

const struct pl_subcommand pl_subcommand_standby = {
    .name = "standby",
    .operands = "status|takeover",
    .least = 1,
    .most = 1,
    .summary = "Ask a standby how far it is, or have it take over.",
    .doc =
        "A standby is started by \"potline run GRAPH --standby ENDPOINT\". takeover ends its following and has it run\n"
        "the graph on the copy; a copy that no standby holds is made a folder that can be run. SIGUSR1 to the\n"
        "standby does the same.",
    .options = PL_CLI_OPTIONS({"data", "DIR", "The data folder of the standby.", 0}, PL_CLI_KEY_FILE),
    .run = standby,
};
