#include "registry.h"

#include <inttypes.h>
#include <string.h>
#include <uv.h>

#include <jansson.h>

#include <potline/alloc.h>

#include "later.h"
#include "message.h"

enum { WAIT_FIRST = 250, WAIT_MOST = 10000 /* ms */, PATH_ROOM = 1024, WHY = PL__REST_WHY };
static const uint64_t believed = 30 * (uint64_t)PL_SECOND; /* of uv_hrtime */

/* The registry's own numbers of errors: what was asked for is not there. Anything else that is "not found" is of a
 * wrong url, or of somebody between. */
enum { NO_SUBJECT = 40401, NO_VERSION = 40402, NO_SCHEMA = 40403 };

struct entry {
    uint32_t id;
    bool known; /* else free */
    struct pl__schema *schema;
    char why[WHY];  /* where there is none */
    uint64_t until; /* when that is forgotten */
    uint64_t used;
};

/* What a thread of the pool does, and finds. */
struct question {
    char path[PATH_ROOM];
    char *body; /* owned; NULL: a schema is asked for by its id */
    uint32_t id;
    enum pl__lookup found; /* ASKED: no answer */
    struct pl__schema *schema;
    char why[WHY];
};

struct pl__registry {
    const struct pl__registry_options *options;
    struct pl_node *node;
    void (*changed)(void *user);
    void *user;
    struct pl__rest *rest;
    struct pl_later *again;
    uv_work_t work;
    struct question question;
    bool asking, waiting; /* for an answer; for the time to ask again */
    bool away;
    bool gone; /* atomic */
    uint64_t wait, uses;
    enum pl__lookup entered;
    uint32_t entered_id;
    char entered_why[WHY];
    struct entry entry[PL__SCHEMAS_MAX];
};

/* ---- Options ---- */

void pl__registry_check(const struct pl__registry_options *options, struct pl_check *check) {
    const struct pl__rest_options *rest = &options->rest;
    if (!options->given) return;
    bool https = strncmp(rest->url, "https://", 8) == 0, http = strncmp(rest->url, "http://", 7) == 0;
    if (!https && !http) pl_check_error(check, "registry.url", "expected http://... or https://...");
    if (strpbrk(rest->url, "@?# "))
        pl_check_error(check, "registry.url", "has an '@', '?', '#' or blank; say user and password beside it");
    if (*rest->password && !*rest->user) pl_check_error(check, "registry.password", "it is nobody's: say `user`");
    if (*rest->password && http)
        pl_check_warning(check, "registry.password", "without https everybody on the way can read it");
    if (!*rest->certificate != !*rest->key)
        pl_check_error(check, "registry.certificate", "certificate and key belong together");
}

void pl__encoding_check(uint32_t encoding, bool given, struct pl_check *check) {
    if (given && encoding < PL__ROWS)
        pl_check_error(check, "registry", "schemas are of rows: say `encoding: rows` (JSON) or `avro`");
    if (!given && encoding == PL__AVRO)
        pl_check_error(check, "encoding", "avro goes by the schemas of a `registry`, which is not given");
}

/* ---- On another thread ---- */

static void find(struct question *q, enum pl__lookup found, const char *why) {
    q->found = found;
    snprintf(q->why, sizeof q->why, "%s", why);
}

static void take_schema(struct question *q, const struct pl__answer *answer) {
    struct pl_error *error = NULL;
    if (answer->error == NO_SCHEMA) {
        find(q, PL__SCHEMA_NONE, "the registry does not know it");
        return;
    }
    if (answer->status != 200 || !answer->body) {
        find(q, PL__SCHEMA_ASKED, answer->why);
        return;
    }
    enum pl_code code = pl__schema_read(answer->body, &q->schema, &error);
    bool later = code == PL_UNAVAILABLE || code == PL_NO_MEMORY;
    find(q, !code ? PL__SCHEMA_HERE : later ? PL__SCHEMA_ASKED : PL__SCHEMA_NONE, error ? error->text : "");
    pl_error_free(&error);
}

/* A schema that is refused (409: it does not go with the ones before; 422: it is none) is refused again. */
static void take_id(struct question *q, const struct pl__answer *answer) {
    const json_t *id = json_object_get(answer->body, "id");
    json_int_t number = json_integer_value(id);
    bool missing = answer->error == NO_SUBJECT || answer->error == NO_VERSION || answer->error == NO_SCHEMA;
    if (answer->status == 409 || answer->status == 422 || missing) {
        find(q, PL__SCHEMA_NONE, answer->why);
    } else if (answer->status != 200 || !answer->body) {
        find(q, PL__SCHEMA_ASKED, answer->why);
    } else if (!json_is_integer(id) || number < 0 || number > UINT32_MAX) {
        find(q, PL__SCHEMA_ASKED, "what it answers is no id of a schema");
    } else {
        q->id = (uint32_t)number;
        find(q, PL__SCHEMA_HERE, "");
    }
}

static void ask_now(uv_work_t *work) {
    struct pl__registry *r = work->data;
    struct question *q = &r->question;
    struct pl__answer answer;
    pl__rest_ask(r->rest, q->path, q->body, &r->gone, &answer);
    if (q->body)
        take_id(q, &answer);
    else
        take_schema(q, &answer);
    pl__answer_fini(&answer);
}

/* ---- On the loop ---- */

static void end(struct pl__registry *r) {
    for (unsigned i = 0; i < PL__SCHEMAS_MAX; i++)
        pl__schema_free(r->entry[i].schema);
    pl__schema_free(r->question.schema);
    pl_free(r->question.body);
    pl__rest_free(r->rest);
    pl_free(r);
}

static void on_answer(uv_work_t *work, int status);

static void ask(struct pl__registry *r) {
    r->asking = true;
    r->work.data = r;
    if (uv_queue_work(pl_node_loop(r->node), &r->work, ask_now, on_answer) == 0) return;
    r->asking = false;
    r->waiting = true;
    pl_later_in(r->again, WAIT_MOST);
}

static void on_again(void *user) {
    struct pl__registry *r = user;
    r->waiting = false;
    ask(r);
}

/* That one which is not in use, or was used longest ago. */
static struct entry *room_for(struct pl__registry *r) {
    struct entry *oldest = &r->entry[0];
    for (unsigned i = 0; i < PL__SCHEMAS_MAX && oldest->known; i++)
        if (!r->entry[i].known || r->entry[i].used < oldest->used) oldest = &r->entry[i];
    pl__schema_free(oldest->schema);
    *oldest = (struct entry){.known = true};
    return oldest;
}

static void keep(struct pl__registry *r, struct question *q) {
    struct entry *entry = room_for(r);
    entry->id = q->id;
    entry->schema = q->schema;
    entry->used = ++r->uses;
    entry->until = uv_hrtime() + believed;
    memcpy(entry->why, q->why, sizeof entry->why);
    q->schema = NULL;
}

static void note_entered(struct pl__registry *r, struct question *q) {
    r->entered = q->found;
    r->entered_id = q->id;
    memcpy(r->entered_why, q->why, sizeof r->entered_why);
    pl_free(q->body);
    q->body = NULL;
}

static void tell(struct pl__registry *r, bool away) {
    if (away && !r->away)
        pl_node_diag(r->node, PL_WARN, "schema registry %s: %s; tried again until it works", r->options->rest.url,
                     r->question.why);
    else if (!away && r->away)
        pl_node_diag(r->node, PL_INFO, "schema registry %s is there again", r->options->rest.url);
    r->away = away;
}

static void on_answer(uv_work_t *work, int status) {
    struct pl__registry *r = work->data;
    struct question *q = &r->question;
    (void)status;
    r->asking = false;
    if (r->gone) {
        end(r);
        return;
    }
    tell(r, q->found == PL__SCHEMA_ASKED);
    if (q->found == PL__SCHEMA_ASKED) {
        r->waiting = true;
        pl_later_in(r->again, r->wait);
        r->wait = 2 * r->wait < WAIT_MOST ? 2 * r->wait : WAIT_MOST;
    } else {
        r->wait = WAIT_FIRST;
        if (q->body)
            note_entered(r, q);
        else
            keep(r, q);
    }
    r->changed(r->user);
}

enum pl__lookup pl__registry_find(struct pl__registry *r, uint32_t id, const struct pl__schema **schema,
                                  const char **why) {
    for (unsigned i = 0; i < PL__SCHEMAS_MAX; i++) {
        struct entry *entry = &r->entry[i];
        if (!entry->known || entry->id != id) continue;
        if (!entry->schema && uv_hrtime() >= entry->until) {
            entry->known = false;
            break;
        }
        entry->used = ++r->uses;
        *schema = entry->schema;
        *why = entry->why;
        return entry->schema ? PL__SCHEMA_HERE : PL__SCHEMA_NONE;
    }
    if (r->asking) return PL__SCHEMA_ASKED;
    /* What is waited for may not be wanted any more: the next question is about this one. */
    r->question.id = id;
    snprintf(r->question.path, sizeof r->question.path, "/schemas/ids/%" PRIu32, id);
    if (!r->waiting) ask(r);
    return PL__SCHEMA_ASKED;
}

/* ---- A schema of ours ---- */

/* A subject's name in a path: what is not a letter, digit or one of -._~ is escaped. */
static bool put_subject(char *to, size_t size, const char *subject) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t at = 0;
    for (; *subject; subject++) {
        if (at + 4 > size) return false;
        if (strchr(plain, *subject))
            to[at++] = *subject;
        else
            at += (size_t)snprintf(to + at, size - at, "%%%02X", (unsigned char)*subject);
    }
    to[at] = 0;
    return true;
}

static char *make_body(enum pl__schema_type type, enum pl_kind kind) {
    char *text = pl__schema_text(type, kind);
    json_t *body = text ? json_pack("{s:s,s:s}", "schemaType", pl__schema_types[type], "schema", text) : NULL;
    char *dumped = body ? json_dumps(body, JSON_COMPACT) : NULL, *made = dumped ? pl_strdup(dumped) : NULL;
    free(dumped);
    json_decref(body);
    pl_free(text);
    return made;
}

static bool make_path(struct pl__registry *r, const char *topic) {
    char name[PATH_ROOM / 4], subject[PATH_ROOM - 40];
    int length = *r->options->subject ? snprintf(name, sizeof name, "%s", r->options->subject)
                                      : snprintf(name, sizeof name, "%s-value", topic);
    if (length < 0 || (size_t)length >= sizeof name || !put_subject(subject, sizeof subject, name)) return false;
    snprintf(r->question.path, sizeof r->question.path, "/subjects/%s%s", subject,
             r->options->auto_register ? "/versions" : "");
    return true;
}

enum pl_code pl__registry_enter(struct pl__registry *r, const char *topic, enum pl__schema_type type, enum pl_kind kind,
                                struct pl_error **error) {
    if (!make_path(r, topic)) return pl_error_set(error, PL_USAGE, "registry: the name of the subject is too long");
    r->question.body = make_body(type, kind);
    if (!r->question.body) return pl_error_set(error, PL_NO_MEMORY, "no memory for a schema");
    ask(r);
    return PL_OK;
}

enum pl__lookup pl__registry_entered(const struct pl__registry *r, uint32_t *id, const char **why) {
    *id = r->entered_id;
    *why = r->entered_why;
    return r->entered;
}

/* ---- Life ---- */

struct pl__registry *pl__registry_new(const struct pl__registry_options *options, struct pl_node *node,
                                      void (*changed)(void *user), void *user) {
    struct pl__registry *r = PL_NEW(struct pl__registry);
    if (!r) return NULL;
    r->options = options;
    r->node = node;
    r->changed = changed;
    r->user = user;
    r->wait = WAIT_FIRST;
    r->entered = PL__SCHEMA_ASKED;
    r->rest = pl__rest_new(&options->rest);
    r->again = pl_later_new(pl_node_loop(node), on_again, r);
    if (r->rest && r->again) return r;
    pl__registry_free(r);
    return NULL;
}

void pl__registry_free(struct pl__registry *r) {
    if (!r) return;
    __atomic_store_n(&r->gone, true, __ATOMIC_RELAXED);
    pl_later_free(r->again);
    r->again = NULL;
    if (!r->asking) end(r);
}

bool pl__registry_away(const struct pl__registry *r) {
    return r && r->away;
}
