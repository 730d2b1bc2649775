#include "registry.h"

#include <inttypes.h>
#include <string.h>
#include <uv.h>

#include <jansson.h>

#include <potline/alloc.h>

#include "later.h"

enum {
    WAIT_FIRST = 250,
    WAIT_MOST = 10000,
    WAIT_FOLLOWER = 1000 /* ms */,
    PATH_ROOM = 1024,
    SUBJECT_ROOM = 256,
    WHY = PL__REST_WHY
};
static const uint64_t believed = 30 * (uint64_t)PL_SECOND; /* of uv_hrtime */
static const uint64_t follows = 5 * (uint64_t)PL_SECOND;   /* how far a follower of a registry may be behind */

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

struct question {
    enum { ABOUT_ID, ABOUT_OURS, ABOUT_TYPES } about;
    char path[PATH_ROOM];
    char *body; /* owned; of ours */
    uint32_t id;
    uint64_t unknown;      /* since when the registry says that it does not know that id; 0: it does not */
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
    struct question question;
    bool asking, waiting; /* for an answer; for the time to ask again */
    bool seen;            /* it has answered something */
    bool away;
    uint64_t wait, uses;
    uint64_t complete; /* until when a schema that it does not know is not waited for */
    enum pl__lookup entered;
    uint32_t entered_id;
    char entered_why[WHY];
    struct entry *last; /* that was found; NULL: none */
    struct entry entry[PL__SCHEMAS_MAX];
};

/* ---- Options ---- */

void pl__registry_check(const struct pl__registry_options *options, struct pl_check *check) {
    const struct pl__rest_options *rest = &options->rest;
    if (!options->given) return;
    bool https = strncmp(rest->url, "https://", 8) == 0, http = strncmp(rest->url, "http://", 7) == 0;
    if (!https && !http)
        pl_check_error(check, "registry.url", "expected http://... or https://...");
    else if (!pl__rest_is_url(rest->url))
        pl_check_error(check, "registry.url", "has no host, or a port that is none");
    if (strpbrk(rest->url, "@?# "))
        pl_check_error(check, "registry.url", "has an '@', '?', '#' or blank; say user and password beside it");
    if (*rest->password && !*rest->user) pl_check_error(check, "registry.password", "it is nobody's: say `user`");
    if (*rest->password && http)
        pl_check_warning(check, "registry.password", "without https everybody on the way can read it");
    if (!*rest->certificate != !*rest->key)
        pl_check_error(check, "registry.certificate", "certificate and key belong together");
    if (*rest->key_password && !*rest->key)
        pl_check_error(check, "registry.key_password", "it is of no key: say `key`");
    if (options->subject && strlen(options->subject) >= SUBJECT_ROOM)
        pl_check_error(check, "registry.subject", "has more than %d bytes", SUBJECT_ROOM - 1);
}

/* ---- Answers ---- */

static void find(struct question *q, enum pl__lookup found, const char *why) {
    q->found = found;
    snprintf(q->why, sizeof q->why, "%s", why);
}

/* A registry of several servers may know a schema later than the producer that has registered it with another one. Who
 * has waited in vain does not wait for the next unknown one: a topic full of them would be read no more. */
static bool may_follow(struct pl__registry *r) {
    struct question *q = &r->question;
    uint64_t now = uv_hrtime();
    if (!q->unknown) q->unknown = now;
    if (now < r->complete) return false;
    if (now - q->unknown < follows) return true;
    r->complete = now + believed;
    return false;
}

static void take_schema(struct pl__registry *r, const struct pl__answer *answer) {
    struct question *q = &r->question;
    struct pl_error *error = NULL;
    if (answer->error == NO_SCHEMA) {
        find(q, may_follow(r) ? PL__SCHEMA_ASKED : PL__SCHEMA_NONE, "the registry does not know it");
        return;
    }
    q->unknown = 0;
    if (answer->status != 200 || !answer->body) {
        find(q, answer->too_long ? PL__SCHEMA_NONE : PL__SCHEMA_ASKED, answer->why);
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

/* Whoever answers with a list of types is a registry, and lets us in. */
static void take_types(struct question *q, const struct pl__answer *answer) {
    if (answer->status != 200 || !answer->body)
        find(q, PL__SCHEMA_ASKED, answer->why);
    else if (!json_is_array(answer->body))
        find(q, PL__SCHEMA_ASKED, "what it answers is not of a schema registry");
    else
        find(q, PL__SCHEMA_HERE, "");
}

/* ---- Questions ---- */

static void tell(struct pl__registry *r, bool away) {
    if (away && !r->away)
        pl_node_diag(r->node, PL_WARN, "schema registry %s: %s; tried again until it works", r->options->rest.url,
                     r->question.why);
    else if (!away && r->away)
        pl_node_diag(r->node, PL_INFO, "schema registry %s is there again", r->options->rest.url);
    r->away = away;
    r->seen |= !away;
}

static void ask_later(struct pl__registry *r, uint64_t most) {
    r->waiting = true;
    pl_later_in(r->again, r->wait < most ? r->wait : most);
    r->wait = 2 * r->wait < WAIT_MOST ? 2 * r->wait : WAIT_MOST;
}

static void ask(struct pl__registry *r) {
    r->asking = pl__rest_ask(r->rest, r->question.path, r->question.body);
    if (r->asking) return;
    find(&r->question, PL__SCHEMA_ASKED, "no request can be made of its url");
    tell(r, true);
    ask_later(r, WAIT_MOST);
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

static void on_answer(void *user, const struct pl__answer *answer) {
    struct pl__registry *r = user;
    struct question *q = &r->question;
    r->asking = false;
    switch (q->about) {
    case ABOUT_ID: take_schema(r, answer); break;
    case ABOUT_OURS: take_id(q, answer); break;
    case ABOUT_TYPES: take_types(q, answer);
    }
    tell(r, q->found == PL__SCHEMA_ASKED && !q->unknown);
    if (q->found == PL__SCHEMA_ASKED) {
        ask_later(r, q->unknown ? WAIT_FOLLOWER : WAIT_MOST);
    } else {
        r->wait = WAIT_FIRST;
        if (q->about == ABOUT_OURS) note_entered(r, q);
        if (q->about == ABOUT_ID) keep(r, q);
    }
    r->changed(r->user);
}

/* Most messages have the schema of the one before. */
static struct entry *entry_of(struct pl__registry *r, uint32_t id) {
    if (r->last && r->last->known && r->last->id == id) return r->last;
    for (unsigned i = 0; i < PL__SCHEMAS_MAX; i++)
        if (r->entry[i].known && r->entry[i].id == id) return r->last = &r->entry[i];
    return NULL;
}

enum pl__lookup pl__registry_find(struct pl__registry *r, uint32_t id, const struct pl__schema **schema,
                                  const char **why) {
    struct entry *entry = entry_of(r, id);
    if (entry && !entry->schema && uv_hrtime() >= entry->until) {
        entry->known = false;
        entry = NULL;
    }
    if (entry) {
        entry->used = ++r->uses;
        *schema = entry->schema;
        *why = entry->why;
        return entry->schema ? PL__SCHEMA_HERE : PL__SCHEMA_NONE;
    }
    if (r->asking) return PL__SCHEMA_ASKED;
    /* What is waited for may not be wanted any more: the next question is about this one. */
    struct question *q = &r->question;
    if (q->about != ABOUT_ID || q->id != id || !r->waiting) q->unknown = 0;
    q->about = ABOUT_ID;
    q->id = id;
    snprintf(q->path, sizeof q->path, "/schemas/ids/%" PRIu32, id);
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
    char name[SUBJECT_ROOM], subject[PATH_ROOM - 40];
    int length = *r->options->subject ? snprintf(name, sizeof name, "%s", r->options->subject)
                                      : snprintf(name, sizeof name, "%s-value", topic);
    if (length < 0 || (size_t)length >= sizeof name || !put_subject(subject, sizeof subject, name)) return false;
    snprintf(r->question.path, sizeof r->question.path, "/subjects/%s%s", subject,
             r->options->auto_register ? "/versions" : "");
    return true;
}

enum pl_code pl__registry_enter(struct pl__registry *r, const char *topic, enum pl__schema_type type, enum pl_kind kind,
                                struct pl_error **error) {
    r->question.about = ABOUT_OURS;
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
    r->rest = pl__rest_new(&options->rest, pl_node_loop(node), on_answer, r);
    r->again = pl_later_new(pl_node_loop(node), on_again, r);
    if (r->rest && r->again) return r;
    pl__registry_free(r);
    return NULL;
}

void pl__registry_free(struct pl__registry *r) {
    if (!r) return;
    pl_later_free(r->again);
    pl__rest_free(r->rest);
    for (unsigned i = 0; i < PL__SCHEMAS_MAX; i++)
        pl__schema_free(r->entry[i].schema);
    pl__schema_free(r->question.schema);
    pl_free(r->question.body);
    pl_free(r);
}

void pl__registry_look(struct pl__registry *r) {
    r->question.about = ABOUT_TYPES;
    snprintf(r->question.path, sizeof r->question.path, "/schemas/types");
    ask(r);
}

bool pl__registry_there(const struct pl__registry *r) {
    return !r || (r->seen && !r->away);
}
