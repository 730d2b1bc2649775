#include "link.h"

#include <string.h>
#include <uv.h>

#include <potline/alloc.h>

#include "watch.h"

enum state { DOWN, LOOKING, CONNECTING, UP };
enum { REASON_MAX = 512 };
static const pl_time FIRST_WAIT = 100 * PL_MILLISECOND;

struct lookup {
    uv_getaddrinfo_t request;
    struct pl__pg_link *link; /* NULL: nobody wants to know any more */
};

struct pl__pg_link {
    struct uv_loop_s *loop;
    struct pl__pg_address *address;
    struct pl__pg_link_options options;
    struct pl__pg_events events;
    enum state state;
    PGconn *conn;
    struct pl_watch *watch; /* of the connection's socket */
    struct lookup *lookup;
    uv_timer_t timer; /* of the next attempt, of this one, of an answer */
    unsigned attempts;
    uint64_t random;
};

/* ---- Down ---- */

static void let_go(struct pl__pg_link *link) {
    pl_watch_free(link->watch);
    link->watch = NULL;
    if (link->conn) PQfinish(link->conn);
    link->conn = NULL;
    if (!link->lookup) return;
    link->lookup->link = NULL;
    uv_cancel((uv_req_t *)&link->lookup->request);
    link->lookup = NULL;
}

/* Doubled each time up to a most, and spread, so that those that lost the same server do not all come at once. */
static uint64_t next_wait_ms(struct pl__pg_link *link) {
    pl_time wait = FIRST_WAIT;
    for (unsigned i = 0; i < link->attempts && wait < link->options.retry; i++)
        wait *= 2;
    if (wait > link->options.retry) wait = link->options.retry;
    if (link->attempts < 32) link->attempts++;
    link->random = link->random * 6364136223846793005u + 1442695040888963407u;
    pl_time spread = (pl_time)((link->random >> 33) % (uint64_t)(wait / 2 + 1));
    return (uint64_t)((wait - spread) / PL_MILLISECOND) + 1;
}

static void on_timer(uv_timer_t *timer);

static void start_timer(struct pl__pg_link *link, uint64_t milliseconds) {
    uv_update_time(link->loop);
    uv_timer_start(&link->timer, on_timer, milliseconds, 0);
}

/* The statement again, with a caret under it, says nothing to whom did not write it: "LINE 1: ..." and what is below.
 */
static void cut_statement(char *text) {
    char *line = strstr(text, "\nLINE "), *caret = line ? strchr(line + 1, '\n') : NULL;
    char *behind = caret ? strchr(caret + 1, '\n') : NULL;
    if (!line) return;
    if (behind)
        memmove(line, behind, strlen(behind) + 1);
    else
        *line = 0;
}

void pl__pg_one_line(char *text) {
    char *to = text;
    cut_statement(text);
    for (const char *at = text; *at; at++) {
        bool blank = strchr(" \n\t\r", *at) != NULL;
        if (!blank)
            *to++ = *at;
        else if (to > text && to[-1] != ' ')
            *to++ = ' ';
    }
    while (to > text && to[-1] == ' ')
        to--;
    *to = 0;
}

/* `why` may be the connection's own text. */
void pl__pg_link_drop(struct pl__pg_link *link, const char *why) {
    char reason[REASON_MAX];
    snprintf(reason, sizeof reason, "%s", why);
    pl__pg_one_line(reason);
    let_go(link);
    link->state = DOWN;
    start_timer(link, next_wait_ms(link));
    link->events.down(link->events.user, reason);
}

/* ---- Connecting ---- */

static void on_ready(void *user);

static bool watch_for(struct pl__pg_link *link, enum pl_watch_event event) {
    if (!link->watch) link->watch = pl_watch_new(link->loop, PQsocket(link->conn), on_ready, link);
    if (link->watch) pl_watch_for(link->watch, event);
    return link->watch != NULL;
}

/* libpq goes from address to address with a socket each, so none is watched while it is at work. */
static void connect_further(struct pl__pg_link *link) {
    pl_watch_free(link->watch);
    link->watch = NULL;
    PostgresPollingStatusType status = PQconnectPoll(link->conn);
    if (status == PGRES_POLLING_FAILED) {
        pl__pg_link_drop(link, PQerrorMessage(link->conn));
    } else if (status != PGRES_POLLING_OK) {
        if (!watch_for(link, status == PGRES_POLLING_READING ? PL_WATCH_READ : PL_WATCH_WRITE))
            pl__pg_link_drop(link, "no memory to watch a connection");
    } else {
        uv_timer_stop(&link->timer);
        link->state = UP;
        PQsetnonblocking(link->conn, 1);
        link->events.up(link->events.user);
    }
}

/* Notices of the server are not for standard error. */
static void ignore_notice(void *arg, const PGresult *result) {
    (void)arg;
    (void)result;
}

static void connect_now(struct pl__pg_link *link) {
    if (!pl__pg_address_reachable(link->address)) {
        pl__pg_link_drop(link, "its name is not known");
        return;
    }
    link->state = CONNECTING;
    link->conn = pl__pg_address_connect(link->address);
    if (!link->conn || PQstatus(link->conn) == CONNECTION_BAD) {
        pl__pg_link_drop(link, link->conn ? PQerrorMessage(link->conn) : "no memory for a connection");
        return;
    }
    PQsetNoticeReceiver(link->conn, ignore_notice, NULL);
    if (!watch_for(link, PL_WATCH_WRITE)) pl__pg_link_drop(link, "no memory to watch a connection");
}

static void look_up_next(struct pl__pg_link *link);

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
    struct lookup *lookup = request->data;
    struct pl__pg_link *link = lookup->link;
    if (link) {
        link->lookup = NULL;
        if (pl__pg_address_found(link->address, status ? NULL : list))
            look_up_next(link);
        else
            pl__pg_link_drop(link, "no memory for an address");
    }
    uv_freeaddrinfo(list);
    pl_free(lookup);
}

static void look_up_next(struct pl__pg_link *link) {
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    const char *name = pl__pg_address_next(link->address);
    if (!name) {
        connect_now(link);
        return;
    }
    struct lookup *lookup = PL_NEW(struct lookup);
    if (lookup) {
        lookup->link = link;
        lookup->request.data = lookup;
    }
    if (lookup && uv_getaddrinfo(link->loop, &lookup->request, on_found, name, NULL, &hints) == 0) {
        link->lookup = lookup;
        return;
    }
    pl_free(lookup);
    pl__pg_link_drop(link, "its name cannot be looked up");
}

static void attempt(struct pl__pg_link *link) {
    link->state = LOOKING;
    start_timer(link, (uint64_t)(link->options.connect_timeout / PL_MILLISECOND));
    pl__pg_address_reset(link->address);
    look_up_next(link);
}

static void on_timer(uv_timer_t *timer) {
    struct pl__pg_link *link = timer->data;
    switch (link->state) {
    case DOWN: attempt(link); break;
    case LOOKING:
    case CONNECTING: pl__pg_link_drop(link, "no connection within the time there is for it (connect_timeout)"); break;
    case UP: pl__pg_link_drop(link, "no answer within the time there is for it (timeout)"); break;
    }
}

static void on_ready(void *user) {
    struct pl__pg_link *link = user;
    if (link->state == CONNECTING)
        connect_further(link);
    else if (link->state == UP)
        link->events.ready(link->events.user);
}

/* ---- Up ---- */

PGconn *pl__pg_link_conn(const struct pl__pg_link *link) {
    return link && link->state == UP ? link->conn : NULL;
}

void pl__pg_link_watch(struct pl__pg_link *link, bool writes) {
    if (!watch_for(link, writes ? PL_WATCH_BOTH : PL_WATCH_READ))
        pl__pg_link_drop(link, "no memory to watch a connection");
}

void pl__pg_link_expect(struct pl__pg_link *link, pl_time patience) {
    if (patience)
        start_timer(link, (uint64_t)(patience / PL_MILLISECOND));
    else
        uv_timer_stop(&link->timer);
}

void pl__pg_link_well(struct pl__pg_link *link) {
    link->attempts = 0;
}

/* ---- Life ---- */

enum pl_code pl__pg_link_new(struct uv_loop_s *loop, struct pl__pg_address *address,
                             const struct pl__pg_link_options *options, const struct pl__pg_events *events,
                             struct pl__pg_link **link, struct pl_error **error) {
    *link = PL_NEW(struct pl__pg_link);
    if (!*link) return pl_error_set(error, PL_NO_MEMORY, "no memory for a connection");
    **link = (struct pl__pg_link){
        .loop = loop, .address = address, .options = *options, .events = *events, .random = uv_hrtime()};
    uv_timer_init(loop, &(*link)->timer);
    (*link)->timer.data = *link;
    return PL_OK;
}

/* The first attempt is made from the loop, once the node is ready for what comes of it. */
void pl__pg_link_open(struct pl__pg_link *link) {
    start_timer(link, 0);
}

static void on_closed(uv_handle_t *handle) {
    pl_free(handle->data);
}

void pl__pg_link_free(struct pl__pg_link *link) {
    if (!link) return;
    let_go(link);
    uv_close((uv_handle_t *)&link->timer, on_closed);
}
