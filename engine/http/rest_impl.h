/* rest_impl.h: what the files of the REST interface share (inside of engine/http). All on the server's thread, but for
 * what says otherwise. */
#ifndef POTLINE_HTTP_REST_IMPL_H
#define POTLINE_HTTP_REST_IMPL_H

#include <jansson.h>
#include <pthread.h>

#include "control/ask.h"
#include "http/access.h"
#include "http/exchange.h"
#include "http/grants.h"
#include "http/jwt.h"
#include "http/limits.h"
#include "http/provider.h"
#include "http/rest.h"
#include "http/route.h"
#include "http/signing.h"
#include "http/workers.h"
#include "runtime/engine.h"

enum {
    PL__OK = 200,
    PL__CREATED = 201,
    PL__ACCEPTED = 202,
    PL__NO_CONTENT = 204,
    PL__NOT_MODIFIED = 304,
    PL__BAD = 400,
    PL__UNAUTHORIZED = 401,
    PL__FORBIDDEN = 403,
    PL__NOT_FOUND = 404,
    PL__NOT_ALLOWED = 405,
    PL__CONFLICT = 409,
    PL__LENGTH = 411,
    PL__PRECONDITION = 412,
    PL__TOO_LARGE = 413,
    PL__MEDIA_TYPE = 415,
    PL__SEMANTIC = 422,
    PL__TOO_MANY = 429,
    PL__BROKEN = 500,
    PL__NOT_DONE = 501,
    PL__NOT_NOW = 503
};
enum {
    PL__PAGE = 100,
    PL__PAGE_MAX = 1000,
    PL__OFFSET_MAX = 1000000,
    PL__PATH = 1024,
    PL__CURSOR = 320,
    PL__CURSOR_SEALED = 428
};
enum { PL__CURSOR_OFFSET = 'o', PL__CURSOR_KEPT = 's', PL__CURSOR_PLACE = 'z' };

struct pl__memory;
struct pl__runs;
struct pl__push;
struct pl__files;
struct pl__pages;

struct pl_rest {
    struct pl_rest_options options;
    struct pl_limits *limits;
    struct pl_grants *grants;
    struct pl_signing signing;
    struct pl_provider *provider; /* of options.issuer; NULL: there is none */
    struct pl_access *access;     /* NULL: nobody wants to know */
    struct pl_workers *quick, *slow;
    struct pl__memory *memory;
    struct pl__runs *runs;
    struct pl__push *push;
    struct pl__files *files;
    struct pl__pages *pages;
    char *document; /* OpenAPI */
    char issuer[64];
    bool loaded; /* keys and grants are those of the engine's folder */
    struct pl_http_posted attached;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t left;
    struct pl_engine *engine;
    struct pl_control *control;
    unsigned inside;      /* who look at them */
    _Atomic bool leaving; /* who look at them are to make haste */
};

/* The engine for as long as it takes; any thread. False: there is none. */
bool pl__rest_enter(struct pl_rest *rest);
void pl__rest_leave(struct pl_rest *rest);
struct pl_store *pl__rest_store(struct pl_rest *rest); /* inside; NULL: there is no data folder */
pl_time pl__rest_now(const struct pl_rest *rest);      /* inside: the engine's clock */

/* What a command has told; owned. */
struct pl__result {
    enum pl_code code;
    bool missing, cut;
    char *error;
    void *rows; /* `count` msgpack maps */
    size_t size;
    uint32_t count;
};

struct pl__call {
    struct pl_rest *rest;
    struct pl_http_exchange *exchange;
    const struct pl_http_request *request;
    struct pl_rest_match match;
    const struct pl_rest_route *route;
    struct pl_identity who;
    char grant[PL_GRANT_ID]; /* whose token it is; "": of another issuer */
    pl_time expires;         /* of such a token, by the wall's clock */
    char correlation[PL_ASK_CORRELATION];
    json_t *body;
    char *text[PL_REST_FIELDS];          /* of route->fields, as a command takes it; NULL: not given */
    const json_t *value[PL_REST_FIELDS]; /* of the body, as it came */
    size_t limit, offset;
    char cursor[PL__CURSOR], next[PL__CURSOR]; /* of this page, and of the next one */
    size_t cursor_size, next_size;             /* 0: none */
    uint64_t kept;                             /* the number of the rows that the cursor is of; 0: of none */
    struct pl__result result;
    void (*told)(struct pl__call *call); /* once the command has; NULL: it is answered by the route */
    void *work;                          /* of `run`, freed by end_work with the call */
    void (*end_work)(void *work);
    struct pl_http_posted posted;
    bool remembers; /* its answer is for an Idempotency-Key */
};

/* ---- call.c: carrying out ---- */
void pl__call_free(struct pl__call *call);
void pl__call_command(struct pl__call *call); /* the route's, with what was given */
void pl__call_ask(struct pl__call *call, const char *const *words, unsigned count, const char *password,
                  void (*told)(struct pl__call *call));
void pl__call_told(struct pl__call *call);   /* answers by the route what the command has told */
bool pl__call_failed(struct pl__call *call); /* answers what went wrong, if something did */
const char *pl__call_text(const struct pl__call *call, const char *field); /* NULL: not given */
const json_t *pl__call_value(const struct pl__call *call, const char *field);
void pl__call_audit(struct pl__call *call, const char *action, const char *object, const char *outcome);

void pl__result_free(struct pl__result *result);

/* ---- pages.c: cursors, and rows that are kept for further pages ---- */
struct pl__pages *pl__pages_new(void);
void pl__pages_free(struct pl__pages *pages);
void pl__pages_tick(struct pl__pages *pages);
bool pl__cursor_is_one(const char *sealed);                      /* by its letters and length */
bool pl__cursor_read(struct pl__call *call, const char *sealed); /* false: none that was given out */
void pl__next_offset(struct pl__call *call, size_t next);
void pl__next_kept(struct pl__call *call, uint64_t number, size_t next);
void pl__pages_keep(struct pl__call *call, size_t next); /* takes the call's rows; says what the next cursor is */
/* Borrowed until the next call of these. False: it has no rows that are kept. */
bool pl__pages_find(struct pl__call *call, struct pl__result *result, uint64_t *number);

/* ---- answer.c; each takes the call ---- */
void pl__answer_json(struct pl__call *call, unsigned status, json_t *value, const char *location); /* takes value */
void pl__answer_text(struct pl__call *call, unsigned status, char *text, const char *location);    /* JSON; pl_free */
void pl__answer_rows(struct pl__call *call, const void *rows, size_t size, uint32_t count);
void pl__answer_kept(struct pl__call *call, const struct pl__result *result, uint64_t number); /* its page of them */
void pl__answer_list(struct pl__call *call, json_t *page, bool more); /* takes page; more: behind its last row */
void pl__answer_gone(struct pl__call *call);
void pl__answer_reply(struct pl__call *call, struct pl_http_reply *reply); /* takes both */
void pl__answer_begin(const struct pl__call *call, struct pl_http_reply *reply, unsigned status, const char *type);
json_t *pl__links(const struct pl__call *call, const char *path, ...); /* [{rel: self, href: base/version/path}] */
void pl__href(const struct pl__call *call, char href[PL__PATH], const char *format, ...) PL_PRINTF(3, 4);
void pl__moment(pl_time time, char text[40]);

/* ---- problem.c: RFC 9457; each takes the call ---- */
void pl__complain(struct pl__call *call, unsigned status, const char *format, ...) PL_PRINTF(3, 4);
void pl__problem_fields(struct pl__call *call, json_t *errors); /* takes [{pointer, message}] */
void pl__problem_wait(struct pl__call *call, unsigned status, unsigned seconds, const char *text);
void pl__problem_method(struct pl__call *call);                                    /* the path has others */
void pl__problem_code(struct pl__call *call, enum pl_code code, const char *text); /* what an engine's error is here */
void pl__field_error(json_t *errors, const char *pointer, const char *format, ...) PL_PRINTF(3, 4);
const char *pl__problem_name(unsigned status); /* "ERR-4042" */

/* ---- fields.c ---- */
/* From path, query and body to `text` and `value`: the status of a refusal, 400 with what is wrong in `errors`; or 0.
 */
unsigned pl__fields_take(struct pl__call *call, json_t *errors);
bool pl__fields_read(struct pl__call *call); /* the same; false after answering why not */

/* ---- sign_in.c ---- */
bool pl__sign_in(struct pl__call *call); /* who it is; false after answering why not */
void pl__tokens_create(struct pl__call *call);
void pl__tokens_get(struct pl__call *call);
void pl__tokens_list(struct pl__call *call);
void pl__tokens_end(struct pl__call *call);
void pl__first_admin(struct pl_rest *rest); /* inside, on a worker */

/* ---- memory.c: answers for an Idempotency-Key ---- */
struct pl__memory *pl__memory_new(void);
void pl__memory_free(struct pl__memory *memory);
bool pl__memory_begin(struct pl__call *call); /* false after answering, as it was then */
void pl__memory_end(struct pl__call *call, const struct pl_http_reply *reply);

/* ---- The document ---- */
char *pl__openapi(const struct pl_rest_version *version); /* pl_free; NULL without memory */
void pl__openapi_answer(struct pl__call *call);

/* ---- documents.c: resources that are kept as JSON in the data folder ---- */
enum { PL__DOCUMENT_NAME = 64 };
struct pl__documents {
    const char *kind, *id;   /* in the store; ids are ID-001 and so on */
    const char *path, *what; /* "pde-models", "model" */
    unsigned most;
    size_t bytes; /* of one, at most */
};
/* What a new one is called. */
enum pl_code pl__document_next(struct pl__call *call, const struct pl__documents *of, char id[PL__DOCUMENT_NAME],
                               struct pl_error **error);
enum pl_code pl__document_keep(struct pl__call *call, const struct pl__documents *of, const char *id,
                               const json_t *value, struct pl_error **error);
/* NULL and false after answering why not. */
json_t *pl__document_load(struct pl__call *call, const struct pl__documents *of, const char *id);
bool pl__document_remove(struct pl__call *call, const struct pl__documents *of, const char *id);
bool pl__document_is_known(struct pl__call *call, const struct pl__documents *of, const json_t *value); /* If-Match */
json_int_t pl__document_revision(const json_t *value);                                                  /* 0 of none */
void pl__document_answer(struct pl__call *call, json_t *value); /* takes both; with its ETag */
/* A page of those that are wanted (NULL: all); `shown` takes the value and gives what is told. */
void pl__documents_list(struct pl__call *call, const struct pl__documents *of,
                        bool (*wants)(const struct pl__call *call, const json_t *value),
                        json_t *(*shown)(const struct pl__call *call, json_t *value));

/* ---- Resources that are no commands ---- */
void pl__models_list(struct pl__call *call);
void pl__models_create(struct pl__call *call);
void pl__models_get(struct pl__call *call);
void pl__models_put(struct pl__call *call);
void pl__models_remove(struct pl__call *call);
json_t *pl__models_bodies(const json_t *plain); /* an array: a schema a model */
/* The values that a body stands for; what is wrong with it goes to `errors`. */
void pl__models_read(const char *name, const json_t *parameters, double *values, json_t *errors);

/* What a stored model is run with; false after answering why not. */
struct pl_model;
bool pl__models_ready(struct pl__call *call, const struct pl_model **model, double *values);

struct pl__runs *pl__runs_new(void);
void pl__runs_stop(struct pl__runs *runs); /* what is under way makes haste; NULL is fine */
void pl__runs_free(struct pl__runs *runs);
void pl__runs_create(struct pl__call *call);
void pl__runs_list(struct pl__call *call);
void pl__runs_get(struct pl__call *call);
void pl__runs_profiles(struct pl__call *call);
void pl__runs_remove(struct pl__call *call);

void pl__lake_samples(struct pl__call *call);
void pl__lake_windows(struct pl__call *call);
void pl__lake_profiles(struct pl__call *call);
void pl__lake_events(struct pl__call *call);

/* What stood at a time that has passed; without `at` the route's command. */
void pl__past_readings(struct pl__call *call);
void pl__past_alarms(struct pl__call *call);
void pl__past_setpoints(struct pl__call *call);
void pl__past_overrides(struct pl__call *call);

void pl__trend(struct pl__call *call);
void pl__changes(struct pl__call *call);

void pl__dashboards_list(struct pl__call *call);
void pl__dashboards_create(struct pl__call *call);
void pl__dashboards_get(struct pl__call *call);
void pl__dashboards_put(struct pl__call *call);
void pl__dashboards_remove(struct pl__call *call);

void pl__commands_run(struct pl__call *call);
void pl__nodes_set(struct pl__call *call);

struct pl__push *pl__push_new(struct pl_rest *rest);
void pl__push_free(struct pl__push *push);
void pl__push_engine(struct pl__push *push); /* there is another one, or none */
void pl__push_tick(struct pl__push *push);
void pl__push_begin(struct pl__call *call);

/* ---- files.c: the dashboard ---- */
struct pl__files *pl__files_new(const char *folder, struct pl_error **error); /* `folder` NULL: none */
void pl__files_free(struct pl__files *files);
bool pl__files_answer(const struct pl__files *files, struct pl_http_exchange *exchange); /* false: there is no such */

#endif
