#include "transfer.h"

#include <potline/alloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { WHY_ROOM = 200, SOCKETS_MAX = 64 };

struct flight {
    struct transfers *all;
    CURL *easy; /* NULL: free */
    struct letter letter;
    struct curl_slist *to;
    size_t sent;
    char error[CURL_ERROR_SIZE];
    char answer[160]; /* the beginning of what the other side said */
    size_t answered;
};

struct transfers {
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi;
    transfer_done *done;
    void *user;
    unsigned slots;
    unsigned handles; /* that are not closed yet: the memory is theirs */
    bool closing;
    curl_socket_t sockets[SOCKETS_MAX]; /* that curl has open */
    unsigned socket_count;
    struct flight flights[];
};

struct watched { /* a socket of curl's */
    uv_poll_t poll;
    struct transfers *all;
    curl_socket_t fd;
};

void letter_free(struct letter *letter) {
    pl_free(letter->url);
    pl_free(letter->body);
    pl_free(letter->to);
    curl_slist_free_all(letter->headers);
    *letter = (struct letter){0};
}

/* ---- The loop ---- */

static void release(struct transfers *all) {
    if (--all->handles == 0 && all->closing) pl_free(all);
}

static void on_timer_closed(uv_handle_t *handle) {
    release(handle->data);
}

static void on_poll_closed(uv_handle_t *handle) {
    struct watched *watched = handle->data;
    struct transfers *all = watched->all;
    pl_free(watched);
    release(all);
}

static void finish(struct flight *flight, enum outcome outcome, const char *why) {
    struct transfers *all = flight->all;
    char said[WHY_ROOM];
    snprintf(said, sizeof said, "%s", why);
    curl_multi_remove_handle(all->multi, flight->easy);
    curl_easy_cleanup(flight->easy);
    curl_slist_free_all(flight->to);
    letter_free(&flight->letter);
    *flight = (struct flight){.all = all};
    all->done(all->user, (unsigned)(flight - all->flights), outcome, said);
}

/* What the other side has refused for good is not tried again; too many requests or a time-out is not for good. */
static enum outcome judge(const struct flight *flight, CURLcode code) {
    long answer = 0;
    curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE, &answer);
    if (flight->letter.to) {
        if (code == CURLE_OK) return OUTCOME_TAKEN;
        bool refused = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_WEIRD_SERVER_REPLY;
        return refused && answer >= 500 && answer <= 599 ? OUTCOME_NEVER : OUTCOME_LATER;
    }
    if (code != CURLE_OK) return OUTCOME_LATER;
    if (answer >= 200 && answer <= 299) return OUTCOME_TAKEN;
    bool later = answer < 400 || answer >= 500 || answer == 408 || answer == 425 || answer == 429;
    return later ? OUTCOME_LATER : OUTCOME_NEVER;
}

static void ended(struct flight *flight, CURLcode code) {
    char why[WHY_ROOM];
    long answer = 0;
    enum outcome outcome = judge(flight, code);
    curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE, &answer);
    if (code != CURLE_OK)
        snprintf(why, sizeof why, "%.140s", *flight->error ? flight->error : curl_easy_strerror(code));
    else if (flight->letter.to)
        snprintf(why, sizeof why, "answered %ld", answer);
    else
        snprintf(why, sizeof why, "answered %ld %.120s", answer, flight->answer);
    finish(flight, outcome, outcome == OUTCOME_TAKEN ? "" : why);
}

static void look_for_ends(struct transfers *all) {
    int left;
    for (CURLMsg *message; !all->closing && (message = curl_multi_info_read(all->multi, &left));) {
        if (message->msg != CURLMSG_DONE) continue;
        CURLcode code = message->data.result;
        struct flight *flight = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&flight);
        ended(flight, code);
    }
}

static void on_timer(uv_timer_t *timer) {
    struct transfers *all = timer->data;
    int running;
    curl_multi_socket_action(all->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    look_for_ends(all);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    struct watched *watched = poll->data;
    struct transfers *all = watched->all;
    int running, flags = 0;
    if (status < 0) flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(all->multi, watched->fd, flags, &running);
    look_for_ends(all);
}

static int want_timer(CURLM *multi, long milliseconds, void *user) {
    struct transfers *all = user;
    (void)multi;
    if (all->closing) return 0;
    if (milliseconds < 0)
        uv_timer_stop(&all->timer);
    else
        uv_timer_start(&all->timer, on_timer, (uint64_t)milliseconds, 0);
    return 0;
}

static struct watched *watch(struct transfers *all, curl_socket_t fd) {
    struct watched *watched = PL_NEW(struct watched);
    if (!watched) return NULL;
    watched->all = all;
    watched->fd = fd;
    watched->poll.data = watched;
    if (uv_poll_init_socket(all->loop, &watched->poll, fd)) {
        pl_free(watched);
        return NULL;
    }
    all->handles++;
    curl_multi_assign(all->multi, fd, watched);
    return watched;
}

/* A socket that cannot be watched is an error of its transfer, by its time-out at the latest. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *of_socket) {
    struct transfers *all = user;
    struct watched *watched = of_socket;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (!watched) return 0;
        curl_multi_assign(all->multi, fd, NULL);
        uv_poll_stop(&watched->poll);
        uv_close((uv_handle_t *)&watched->poll, on_poll_closed);
        return 0;
    }
    if (!watched) watched = watch(all, fd);
    if (!watched) return 0;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&watched->poll, events, on_ready);
    return 0;
}

/* ---- Sockets ---- */

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
    struct transfers *all = user;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0 && all->socket_count < SOCKETS_MAX) all->sockets[all->socket_count++] = fd;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int close_socket(void *user, curl_socket_t fd) {
    struct transfers *all = user;
    for (unsigned i = 0; i < all->socket_count; i++)
        if (all->sockets[i] == fd) all->sockets[i] = all->sockets[--all->socket_count];
    return close(fd);
}

/* curl waits for the answer to its farewell (QUIT), on this thread: now there is an end to read at once. */
static void hear_no_more(const struct transfers *all) {
    for (unsigned i = 0; i < all->socket_count; i++)
        shutdown(all->sockets[i], SHUT_RD);
}

/* ---- A transfer ---- */

static size_t give(char *to, size_t size, size_t items, void *user) {
    struct flight *flight = user;
    size_t left = flight->letter.body_size - flight->sent, n = size * items < left ? size * items : left;
    memcpy(to, flight->letter.body + flight->sent, n);
    flight->sent += n;
    return n;
}

/* A message that has to be sent again on another connection is read from its beginning. */
static int rewind_body(void *user, curl_off_t offset, int origin) {
    struct flight *flight = user;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > flight->letter.body_size) return CURL_SEEKFUNC_FAIL;
    flight->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t hear(char *bytes, size_t size, size_t items, void *user) {
    struct flight *flight = user;
    size_t room = sizeof flight->answer - 1 - flight->answered, n = size * items;
    for (size_t i = 0; i < n && i < room; i++)
        flight->answer[flight->answered++] = (unsigned char)bytes[i] < ' ' ? ' ' : bytes[i];
    return n;
}

#define SET(option, value) (curl_easy_setopt(flight->easy, option, value) == CURLE_OK)

static bool set_common(struct flight *flight) {
    const struct letter *letter = &flight->letter;
    return SET(CURLOPT_URL, letter->url) && SET(CURLOPT_PRIVATE, flight) && SET(CURLOPT_NOSIGNAL, 1L) &&
           SET(CURLOPT_ERRORBUFFER, flight->error) && SET(CURLOPT_TIMEOUT_MS, (long)letter->timeout_ms) &&
           SET(CURLOPT_WRITEFUNCTION, hear) && SET(CURLOPT_WRITEDATA, flight) &&
           SET(CURLOPT_OPENSOCKETFUNCTION, open_socket) && SET(CURLOPT_OPENSOCKETDATA, flight->all) &&
           SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket) && SET(CURLOPT_CLOSESOCKETDATA, flight->all) &&
           SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(letter->timeout_ms / 1000 + 1)) &&
           (!*letter->ca || SET(CURLOPT_CAINFO, letter->ca)) && SET(CURLOPT_MAXAGE_CONN, 10L) &&
           (!*letter->user || (SET(CURLOPT_USERNAME, letter->user) && SET(CURLOPT_PASSWORD, letter->password)));
}

static bool set_mail(struct flight *flight) {
    const struct letter *letter = &flight->letter;
    flight->to = curl_slist_append(NULL, letter->to);
    return flight->to && SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps") && SET(CURLOPT_USE_SSL, letter->tls) &&
           SET(CURLOPT_MAIL_FROM, letter->from) && SET(CURLOPT_MAIL_RCPT, flight->to) && SET(CURLOPT_UPLOAD, 1L) &&
           SET(CURLOPT_READFUNCTION, give) && SET(CURLOPT_READDATA, flight) && SET(CURLOPT_SEEKFUNCTION, rewind_body) &&
           SET(CURLOPT_SEEKDATA, flight) && SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)letter->body_size);
}

static bool set_request(struct flight *flight) {
    const struct letter *letter = &flight->letter;
    return SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_POSTFIELDS, letter->body) &&
           SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)letter->body_size) &&
           SET(CURLOPT_HTTPHEADER, letter->headers) && SET(CURLOPT_USERAGENT, "potline");
}

bool transfers_start(struct transfers *all, unsigned slot, struct letter *letter) {
    struct flight *flight = &all->flights[slot];
    flight->letter = *letter;
    *letter = (struct letter){0};
    flight->easy = curl_easy_init();
    bool good = flight->easy && set_common(flight) && (flight->letter.to ? set_mail(flight) : set_request(flight)) &&
                curl_multi_add_handle(all->multi, flight->easy) == CURLM_OK;
    if (good) return true;
    curl_easy_cleanup(flight->easy);
    curl_slist_free_all(flight->to);
    letter_free(&flight->letter);
    *flight = (struct flight){.all = all};
    return false;
}

/* ---- Life cycle ---- */

static void start_curl(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct transfers *transfers_new(uv_loop_t *loop, unsigned slots, transfer_done *done, void *user) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
    struct transfers *all = pl_alloc(sizeof *all + slots * sizeof(struct flight));
    if (!all) return NULL;
    all->multi = curl_multi_init();
    if (!all->multi || uv_timer_init(loop, &all->timer)) {
        curl_multi_cleanup(all->multi);
        pl_free(all);
        return NULL;
    }
    all->handles = 1;
    all->timer.data = all;
    all->loop = loop;
    all->slots = slots;
    all->done = done;
    all->user = user;
    for (unsigned i = 0; i < slots; i++)
        all->flights[i].all = all;
    curl_multi_setopt(all->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(all->multi, CURLMOPT_SOCKETDATA, all);
    curl_multi_setopt(all->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(all->multi, CURLMOPT_TIMERDATA, all);
    return all;
}

void transfers_free(struct transfers *all) {
    if (!all) return;
    all->closing = true;
    hear_no_more(all);
    for (unsigned i = 0; i < all->slots; i++) {
        struct flight *flight = &all->flights[i];
        if (!flight->easy) continue;
        curl_multi_remove_handle(all->multi, flight->easy);
        curl_easy_cleanup(flight->easy);
        curl_slist_free_all(flight->to);
        letter_free(&flight->letter);
    }
    curl_multi_cleanup(all->multi);
    uv_close((uv_handle_t *)&all->timer, on_timer_closed);
}
