#include "transfers.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <potline/alloc.h>

enum { SOCKETS_MAX = 64 };

struct pl_transfers {
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi;
    struct pl_transfer *running;
    unsigned handles; /* that are not closed yet: the memory is theirs */
    bool closing;
    curl_socket_t sockets[SOCKETS_MAX]; /* that curl has open */
    unsigned socket_count;
};

struct watched { /* a socket of curl's */
    uv_poll_t poll;
    struct pl_transfers *all;
    curl_socket_t fd;
};

/* ---- The loop ---- */

static void release(struct pl_transfers *all) {
    if (--all->handles == 0 && all->closing) pl_free(all);
}

static void on_timer_closed(uv_handle_t *handle) {
    release(handle->data);
}

static void on_poll_closed(uv_handle_t *handle) {
    struct watched *watched = handle->data;
    struct pl_transfers *all = watched->all;
    pl_free(watched);
    release(all);
}

static void forget(struct pl_transfers *all, struct pl_transfer *transfer) {
    struct pl_transfer **at = &all->running;
    while (*at && *at != transfer)
        at = &(*at)->next;
    if (*at) *at = transfer->next;
    curl_multi_remove_handle(all->multi, transfer->easy);
}

static void look_for_ends(struct pl_transfers *all) {
    int left;
    for (CURLMsg *message; !all->closing && (message = curl_multi_info_read(all->multi, &left));) {
        if (message->msg != CURLMSG_DONE) continue;
        CURLcode code = message->data.result;
        struct pl_transfer *transfer = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        forget(all, transfer);
        transfer->done(transfer, code);
    }
}

static void on_timer(uv_timer_t *timer) {
    struct pl_transfers *all = timer->data;
    int running;
    curl_multi_socket_action(all->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    look_for_ends(all);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    struct watched *watched = poll->data;
    struct pl_transfers *all = watched->all;
    int running, flags = 0;
    if (status < 0) flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(all->multi, watched->fd, flags, &running);
    look_for_ends(all);
}

static int want_timer(CURLM *multi, long milliseconds, void *user) {
    struct pl_transfers *all = user;
    (void)multi;
    if (all->closing) return 0;
    if (milliseconds < 0)
        uv_timer_stop(&all->timer);
    else
        uv_timer_start(&all->timer, on_timer, (uint64_t)milliseconds, 0);
    return 0;
}

static struct watched *watch(struct pl_transfers *all, curl_socket_t fd) {
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
    struct pl_transfers *all = user;
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
    struct pl_transfers *all = user;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0 && all->socket_count < SOCKETS_MAX) all->sockets[all->socket_count++] = fd;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int close_socket(void *user, curl_socket_t fd) {
    struct pl_transfers *all = user;
    for (unsigned i = 0; i < all->socket_count; i++)
        if (all->sockets[i] == fd) all->sockets[i] = all->sockets[--all->socket_count];
    return close(fd);
}

/* curl waits for the answer to its farewell (QUIT), on this thread: now there is an end to read at once. */
static void hear_no_more(const struct pl_transfers *all) {
    for (unsigned i = 0; i < all->socket_count; i++)
        shutdown(all->sockets[i], SHUT_RD);
}

/* ---- A transfer ---- */

#define SET(option, value) (curl_easy_setopt(transfer->easy, option, value) == CURLE_OK)

bool pl_transfers_start(struct pl_transfers *all, struct pl_transfer *transfer) {
    bool good = SET(CURLOPT_PRIVATE, transfer) && SET(CURLOPT_NOSIGNAL, 1L) &&
                SET(CURLOPT_QUICK_EXIT, 1L) && /* a silent name server is not waited for at the end */
                SET(CURLOPT_OPENSOCKETFUNCTION, open_socket) && SET(CURLOPT_OPENSOCKETDATA, all) &&
                SET(CURLOPT_CLOSESOCKETFUNCTION, close_socket) && SET(CURLOPT_CLOSESOCKETDATA, all) &&
                curl_multi_add_handle(all->multi, transfer->easy) == CURLM_OK;
    if (!good) return false;
    transfer->next = all->running;
    all->running = transfer;
    return true;
}

/* ---- Life cycle ---- */

static void start_curl(void) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct pl_transfers *pl_transfers_new(uv_loop_t *loop) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
    struct pl_transfers *all = PL_NEW(struct pl_transfers);
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
    curl_multi_setopt(all->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(all->multi, CURLMOPT_SOCKETDATA, all);
    curl_multi_setopt(all->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(all->multi, CURLMOPT_TIMERDATA, all);
    return all;
}

void pl_transfers_free(struct pl_transfers *all) {
    if (!all) return;
    all->closing = true;
    hear_no_more(all);
    while (all->running)
        forget(all, all->running);
    curl_multi_cleanup(all->multi);
    uv_close((uv_handle_t *)&all->timer, on_timer_closed);
}
