#include "standby/follow.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <potline/alloc.h>
#include <potline/diag.h>

#include "base/clock.h"
#include "standby/door.h"
#include "standby/fetch.h"
#include "standby/follow_impl.h"

enum { TICK_MS = 25, PATH = 4096, MESSAGES_A_TURN = 64 };
static const int64_t ANSWER = PL_SECOND, COPY_ANSWER = 10 * PL_SECOND, GREET_AGAIN = PL_SECOND, SYNC_EVERY = PL_SECOND;
/* An answer may take as long as a sync of the engine waits for us. */
static const int64_t ANSWER_MOST = 10 * PL_SECOND;
static const int64_t PEER_SILENT = 2 * PL_SECOND, TICK_MOST = 250 * PL_MILLISECOND;

/* ---- The folder ---- */

static bool is_there(const struct pl__follow *follow) {
    char path[PATH];
    return snprintf(path, sizeof path, "%s/store/CURRENT", follow->options.data) < PATH && access(path, F_OK) == 0;
}

static enum pl_code open_store(struct pl__follow *follow, struct pl_error **error) {
    struct pl_store_options options = {.key = follow->options.key, .follow = true};
    if (!is_there(follow)) return PL_OK;
    enum pl_code code = pl_store_open(follow->options.data, &options, &follow->store, error);
    if (!code) code = pl_lineage_read(follow->store, &follow->lineage, error);
    if (!code && !pl_lineage_there(&follow->lineage))
        code = pl_error_set(error, PL_CONFLICT,
                            "%s: holds data of its own and is no copy of another engine's folder; --fresh empties it",
                            follow->options.data);
    follow->position = follow->lineage.position;
    return code;
}

static void close_store(struct pl__follow *follow) {
    pl_store_close(follow->store);
    follow->store = NULL;
}

/* ---- Asking ---- */

static void expect_answer(struct pl__follow *follow, enum pl__phase phase, int64_t patience) {
    follow->phase = phase;
    follow->answer_by = pl_clock_monotonic() + patience;
}

static void greet(struct pl__follow *follow) {
    const struct pl_lineage *lineage = &follow->lineage;
    const char *key = follow->options.key ? pl_store_key_id(follow->options.key) : "";
    struct pl__wire hello = {.type = PL__HELLO};
    hello.number[PL__HELLO_VERSION] = PL__WIRE_VERSION;
    hello.number[PL__HELLO_CALLER] = follow->is_first ? PL__WRITES_TOO : PL__FOLLOWS;
    hello.number[PL__HELLO_GENERATION] = lineage->generation;
    hello.number[PL__HELLO_COPY] = lineage->copy;
    hello.number[PL__HELLO_POSITION] = follow->position;
    hello.number[PL__HELLO_NONCE] = follow->nonce;
    hello.bytes[PL__HELLO_ID].data = lineage->id;
    hello.bytes[PL__HELLO_RUN].data = follow->is_first ? lineage->run : lineage->copied;
    hello.bytes[PL__HELLO_ID].size = hello.bytes[PL__HELLO_RUN].size = PL_LINEAGE_ID;
    hello.bytes[PL__HELLO_KEY].data = key;
    hello.bytes[PL__HELLO_KEY].size = strlen(key);
    pl__link_send(&follow->link, &hello);
    expect_answer(follow, PL__GREETING, GREET_AGAIN);
}

static void ask_piece(struct pl__follow *follow) {
    struct pl__wire fetch = {.type = PL__FETCH};
    fetch.number[PL__SESSION] = follow->session;
    fetch.number[PL__FETCH_FILE] = follow->fetch.file;
    fetch.number[PL__FETCH_OFFSET] = follow->fetch.offset;
    pl__link_send(&follow->link, &fetch);
    expect_answer(follow, PL__FETCHING, COPY_ANSWER);
}

static void pull(struct pl__follow *follow) {
    struct pl__wire pull = {.type = PL__PULL};
    pull.number[PL__SESSION] = follow->session;
    pull.number[PL__PULL_POSITION] = follow->position;
    pl__link_send(&follow->link, &pull);
    int64_t patience = follow->patience < ANSWER_MOST ? follow->patience : ANSWER_MOST;
    expect_answer(follow, PL__PULLING, patience > ANSWER ? patience : ANSWER);
}

/* ---- Answers ---- */

static enum pl_code on_welcome(struct pl__follow *follow, const struct pl__wire *welcome, struct pl_error **error) {
    const struct pl_lineage *lineage = &follow->lineage;
    const void *id = welcome->bytes[PL__WELCOME_ID].data;
    uint64_t generation = welcome->number[PL__WELCOME_GENERATION];
    if (pl_lineage_there(lineage) && (memcmp(id, lineage->id, PL_LINEAGE_ID) != 0 || generation < lineage->generation))
        return pl_error_set(error, PL_CONFLICT, "%s: the engine at %s is not the one that it is a copy of",
                            follow->options.data, follow->options.endpoint);
    follow->session = welcome->number[PL__SESSION];
    follow->generation = generation;
    follow->in_sync = false;
    uint64_t patience = welcome->number[PL__WELCOME_PATIENCE];
    follow->patience = patience < (uint64_t)PL_HOUR ? (int64_t)patience : PL_HOUR;
    memcpy(follow->run, welcome->bytes[PL__WELCOME_RUN].data, PL_LINEAGE_ID);
    follow->families_size = welcome->bytes[PL__WELCOME_FAMILIES].size;
    memcpy(follow->families, welcome->bytes[PL__WELCOME_FAMILIES].data, follow->families_size);
    if (welcome->number[PL__WELCOME_WHOLE]) {
        pl_diag(PL_INFO, "standby: a copy of the folder comes from %s", follow->options.endpoint);
        pl__fetch_end(&follow->fetch);
        enum pl_code code = pl__fetch_begin(&follow->fetch, follow->options.data, error);
        if (!code) ask_piece(follow);
        return code;
    }
    pl_diag(PL_INFO, "standby: goes on with %s at %" PRIu64, follow->options.endpoint, follow->position);
    enum pl_code code =
        follow->store ? PL_OK : open_store(follow, error); /* closed for a copy that did not come about */
    if (code) return code;
    memcpy(follow->lineage.copied, follow->run, PL_LINEAGE_ID);
    pull(follow);
    return PL_OK;
}

static enum pl_code settle(struct pl__follow *follow, struct pl_error **error) {
    uint64_t bytes = follow->fetch.bytes;
    close_store(follow);
    enum pl_code code = pl__fetch_settle(&follow->fetch, follow->options.key, follow->run, follow->families,
                                         follow->families_size, error);
    if (!code) code = open_store(follow, error);
    pl__fetch_end(&follow->fetch);
    if (code) return code;
    pl_diag(PL_INFO, "standby: the copy is whole, %.1f MiB", (double)bytes / (1 << 20));
    pull(follow);
    return PL_OK;
}

static enum pl_code on_piece(struct pl__follow *follow, const struct pl__wire *piece, struct pl_error **error) {
    if (follow->phase != PL__FETCHING) return PL_OK;
    enum pl_code code = pl__fetch_take(&follow->fetch, piece, error);
    if (code) return code;
    if (follow->fetch.whole) return settle(follow, error);
    ask_piece(follow);
    return PL_OK;
}

static enum pl_code apply(struct pl__follow *follow, const struct pl__batch *batch, struct pl_error **error) {
    if (batch->first != follow->position + 1)
        return pl_error_set(error, PL_PROTOCOL, "standby: write %" PRIu64 " expected, %" PRIu64 " came",
                            follow->position + 1, batch->first);
    uint64_t position = follow->position + batch->count;
    rocksdb_writebatch_t *writes = rocksdb_writebatch_create_from(batch->data, batch->size);
    pl_lineage_put_position(follow->store, writes, follow->run, position);
    enum pl_code code = pl_store_write(follow->store, writes, error);
    rocksdb_writebatch_destroy(writes);
    if (code) return code;
    follow->position = position;
    follow->bytes += batch->size;
    follow->dirty = true;
    return PL_OK;
}

static enum pl_code on_writes(struct pl__follow *follow, const struct pl__wire *writes, struct pl_error **error) {
    const void *bytes = writes->bytes[PL__WRITES_BATCHES].data;
    size_t size = writes->bytes[PL__WRITES_BATCHES].size, offset = 0;
    struct pl__batch batch;
    if (follow->phase != PL__PULLING || !follow->store) return PL_OK;
    while (offset < size) {
        if (!pl__wire_next_batch(bytes, size, &offset, PL_STORE_FAMILIES, &batch))
            return pl_error_set(error, PL_PROTOCOL, "standby: a write that is none came");
        enum pl_code code = apply(follow, &batch, error);
        if (code) return code;
    }
    follow->latest = writes->number[PL__WRITES_LATEST];
    follow->in_sync = writes->number[PL__WRITES_IN_SYNC];
    follow->in_contact = true;
    pull(follow);
    return PL_OK;
}

static enum pl_code on_refused(struct pl__follow *follow, const struct pl__wire *refused, struct pl_error **error) {
    int length = (int)refused->bytes[PL__REFUSED_TEXT].size;
    const char *text = refused->bytes[PL__REFUSED_TEXT].data;
    if (follow->is_first && refused->number[PL__REFUSED_WHY] == PL__NOT_NEWER) {
        follow->is_first = false;
        follow->runs = refused->number[PL__REFUSED_GENERATION] < follow->lineage.generation;
        if (!follow->runs) greet(follow);
        return PL_OK;
    }
    if (refused->number[PL__REFUSED_WHY] == PL__NEVER)
        return pl_error_set(error, PL_CONFLICT, "%s at %s: %.*s", follow->options.data, follow->options.endpoint,
                            length, text);
    pl_diag(PL_WARN, "standby: %s: %.*s", follow->options.endpoint, length, text);
    follow->in_sync = false;
    expect_answer(follow, PL__GREETING, refused->number[PL__REFUSED_WHY] == PL__BEGIN_AGAIN ? 0 : GREET_AGAIN);
    return PL_OK;
}

/* Told that it ends as people want it to: that is no reason to take its place. */
static void on_bye(struct pl__follow *follow) {
    pl_diag(PL_INFO, "standby: the engine at %s has ended in good order; its place is not taken but by command",
            follow->options.endpoint);
    follow->in_sync = false;
    expect_answer(follow, PL__GREETING, GREET_AGAIN);
}

static enum pl_code answer_of(struct pl__follow *follow, const struct pl__wire *message, struct pl_error **error) {
    bool ours = message->number[PL__SESSION] == follow->session;
    if (message->type == PL__WELCOME) return on_welcome(follow, message, error);
    if (message->type == PL__REFUSED) return on_refused(follow, message, error);
    if (message->type == PL__PIECE && ours) return on_piece(follow, message, error);
    if (message->type == PL__WRITES && ours) return on_writes(follow, message, error);
    if (message->type == PL__BYE && ours) on_bye(follow);
    return PL_OK;
}

/* A new beginning may help: the peer has said something wrong, or the disk is full. */
static bool may_get_better(const struct pl__follow *follow, enum pl_code code) {
    return code == PL_PROTOCOL || code == PL_UNAVAILABLE || (code == PL_CORRUPT && follow->phase == PL__FETCHING);
}

static enum pl_code on_message(struct pl__follow *follow, const struct pl__wire *message, struct pl_error **error) {
    struct pl_error *why = NULL;
    enum pl_code code = answer_of(follow, message, &why);
    follow->silent = 0;
    if (may_get_better(follow, code)) {
        pl_diag(PL_ERROR, "%s", why ? why->text : pl_code_text(code));
        pl_error_free(&why);
        expect_answer(follow, PL__GREETING, GREET_AGAIN);
        return PL_OK;
    }
    if (error)
        *error = why;
    else
        pl_error_free(&why);
    return code;
}

/* ---- The loop ---- */

static void answer_status(struct pl__follow *follow) {
    char text[PL_STANDBY_ANSWER];
    uint64_t behind = follow->latest > follow->position ? follow->latest - follow->position : 0;
    snprintf(text, sizeof text,
             "{\"role\": \"standby\", \"of\": \"%s\", \"phase\": \"%s\", \"generation\": %" PRIu64
             ", \"position\": %" PRIu64 ", \"lag_writes\": %" PRIu64
             ", \"in_sync\": %s, \"silent_s\": %.3f, \"copied_bytes\": %" PRIu64 ", \"written_bytes\": %" PRIu64
             ", \"strange\": %" PRIu64 "}",
             follow->options.endpoint, pl__phase_names[follow->phase], follow->generation, follow->position, behind,
             follow->in_sync ? "true" : "false", (double)follow->silent * 1e-9, follow->fetch.bytes, follow->bytes,
             follow->link.strange);
    pl__door_answer(&follow->door, text);
}

/* Nobody else has taken the place: the engine notes that before it ends. */
static bool is_free(struct pl__follow *follow) {
    struct pl_lineage now;
    struct pl_error *error = NULL;
    bool known = pl_lineage_read(follow->store, &now, &error) == PL_OK;
    if (known && !now.passed) return true;
    follow->in_sync = false;
    if (known)
        pl_diag(PL_WARN, "standby: the place of %s has been taken by generation %" PRIu64 ": it is not taken again",
                follow->options.endpoint, now.passed);
    else
        pl_diag(PL_ERROR, "%s", error ? error->text : "out of memory");
    pl_error_free(&error);
    return false;
}

/* Why its place is to be taken now, NULL: it is not. A copy that is being made is none. */
static const char *reason(struct pl__follow *follow) {
    bool has_copy = follow->store && follow->lineage.copy && follow->phase != PL__FETCHING;
    enum pl__knock knock;
    bool asked = atomic_exchange(follow->options.take_over, false);
    if (asked && !has_copy)
        pl_diag(PL_WARN, "standby: does not take over: there is no copy to go on from yet; ask again when there is");
    while (!follow->knocked && (knock = pl__door_next(&follow->door))) {
        if (knock == PL__STATUS) answer_status(follow);
        follow->knocked = knock == PL__TAKEOVER && has_copy; /* and is answered when it is done */
        if (knock == PL__TAKEOVER && !has_copy) pl__door_answer(&follow->door, "there is no copy to go on from yet");
    }
    if (!has_copy) return NULL;
    if (asked || follow->knocked) return "by command";
    bool lease = follow->options.takeover_after && follow->in_contact && follow->in_sync;
    if (!lease || follow->silent < follow->options.takeover_after) return NULL;
    return is_free(follow) ? "nothing was heard any more" : NULL;
}

static enum pl_code sync_now_and_then(struct pl__follow *follow, int64_t now, struct pl_error **error) {
    if (!follow->dirty || !follow->store || now - follow->synced < SYNC_EVERY) return PL_OK;
    follow->dirty = false;
    follow->synced = now;
    return pl_store_sync(follow->store, error);
}

/* Silence is counted while we listen: who was stopped himself has heard nothing, and must not conclude from it. Nor
 * does he know any more whether the engine still waits for him. */
static void count_silence(struct pl__follow *follow, int64_t now) {
    int64_t passed = now - follow->listened;
    if (passed >= follow->patience) follow->in_sync = false;
    follow->silent += passed < TICK_MOST ? passed : TICK_MOST;
    follow->listened = now;
}

static enum pl_code turn(struct pl__follow *follow, struct pl_error **error) {
    zmq_pollitem_t items[] = {{follow->link.socket, 0, ZMQ_POLLIN, 0}, {follow->door.socket, 0, ZMQ_POLLIN, 0}};
    struct pl__wire message;
    enum pl_code code = PL_OK;
    zmq_poll(items, PL_COUNT_OF(items), TICK_MS);
    int64_t now = pl_clock_monotonic();
    count_silence(follow, now);
    for (int n = 0; n < MESSAGES_A_TURN && !code && pl__link_receive(&follow->link, &message); n++)
        code = on_message(follow, &message, error);
    if (!code && !follow->runs && now >= follow->answer_by) greet(follow);
    return code ? code : sync_now_and_then(follow, now, error);
}

static enum pl_code take_over(struct pl__follow *follow, const char *why, struct pl_error **error) {
    enum pl_code code = pl__take_over(follow->store, &follow->lineage, follow->options.endpoint, why, error);
    if (follow->knocked)
        pl__door_answer(&follow->door, code ? "it cannot take over, and has ended: it says why" : "ok");
    if (!code)
        pl_diag(PL_WARN, "standby: takes over from %s, %s: generation %" PRIu64 ", at write %" PRIu64,
                follow->options.endpoint, why, follow->lineage.generation, follow->position);
    return code;
}

static enum pl_code follow_on(struct pl__follow *follow, enum pl_follow_end *end, struct pl_error **error) {
    enum pl_code code = PL_OK;
    int64_t begun = pl_clock_monotonic();
    follow->listened = begun;
    greet(follow);
    while (!code) {
        const char *why = reason(follow);
        if (why) {
            *end = PL_FOLLOW_TOOK_OVER;
            return take_over(follow, why, error);
        }
        if (follow->runs || (follow->is_first && pl_clock_monotonic() - begun > PEER_SILENT)) {
            *end = PL_FOLLOW_RUNS;
            return PL_OK;
        }
        *end = PL_FOLLOW_STOPPED;
        if (atomic_load(follow->options.stop)) return PL_OK;
        code = turn(follow, error);
    }
    return code;
}

const char *const pl__phase_names[] = {"greeting", "copying", "following"};

enum pl_code pl_standby_follow(const struct pl_follow_options *options, enum pl_follow_end *end,
                               struct pl_error **error) {
    struct pl__follow *follow = PL_NEW(struct pl__follow);
    if (!follow) return pl_error_set(error, PL_NO_MEMORY, "no memory for a standby");
    follow->options = *options;
    follow->fetch.folder = follow->fetch.open = -1;
    enum pl_code code = open_store(follow, error);
    /* It has been an engine at work since it took over; so it goes on, unless somebody has come behind it. */
    follow->is_first =
        follow->store && !follow->lineage.copy && !follow->lineage.passed && follow->lineage.generation > 1;
    if (getrandom(&follow->nonce, sizeof follow->nonce, 0) != sizeof follow->nonce) follow->nonce = (uint64_t)getpid();
    if (!code) code = pl__door_open(&follow->door, options->data, error);
    if (!code) code = pl__link_open(&follow->link, options->endpoint, options->secret, error);
    if (!code) code = follow_on(follow, end, error);
    pl__link_close(&follow->link);
    pl__door_close(&follow->door);
    pl__fetch_end(&follow->fetch);
    close_store(follow);
    pl_free(follow);
    return code;
}
