#include "log/kafka_away.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <potline/diag.h>

#include "base/clock.h"
#include "log/kafka_away_impl.h"

enum { JOIN_GROUP = 11 /* is answered when all others have come, too */, BROKERS = 200, LOOK_MS = 250 };

static const int64_t away_after = 3 * PL_SECOND, said_again = 5 * PL_MINUTE;

/* Monotonic times; 0: never, or not since the last answer. */
static struct {
    _Atomic int64_t asked, failed, answered;
    _Atomic bool cut; /* the other end has taken a connection, and ended it at what was asked first */
} heard;

static struct {
    pthread_mutex_t lock; /* of what follows */
    char brokers[BROKERS];
    char refusal[PL_KAFKA_AWAY_TEXT]; /* "": none since the last answer */
    pthread_cond_t changed;
    pthread_t thread;
    bool running, ending;
    int64_t said; /* when it was last; 0: they are there. The thread's */
} away = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* ---- What handles note ---- */

static void note_first(_Atomic int64_t *time, int64_t now) {
    int64_t none = 0;
    atomic_compare_exchange_strong(time, &none, now);
}

void pl__kafka_away_sent(int16_t request, int64_t now) {
    if (request != JOIN_GROUP) note_first(&heard.asked, now);
}

void pl__kafka_away_answered(int64_t now) {
    atomic_store(&heard.answered, now);
    atomic_store(&heard.asked, 0);
    if (!atomic_exchange(&heard.failed, 0)) return;
    pthread_mutex_lock(&away.lock);
    away.refusal[0] = 0;
    pthread_mutex_unlock(&away.lock);
}

void pl__kafka_away_cut(void) {
    atomic_store(&heard.cut, true);
}

const char *pl__kafka_away_hint(void) {
    bool never = !atomic_load(&heard.answered);
    return never && atomic_load(&heard.cut) ? ": it takes connections and ends them at once; does this port want "
                                              "settings: [ { name: security.protocol, value: ssl } ], or sasl_ssl?"
                                            : "";
}

static bool is_refusal(const char *text) {
    return strstr(text, "uthentication") || strstr(text, "SSL handshake failed") || strstr(text, "certificate");
}

void pl__kafka_away_failed(const char *text, int64_t now) {
    note_first(&heard.failed, now);
    if (!is_refusal(text)) return;
    pthread_mutex_lock(&away.lock);
    snprintf(away.refusal, sizeof away.refusal, "%s", text);
    pthread_mutex_unlock(&away.lock);
}

static rd_kafka_resp_err_t on_sent(rd_kafka_t *handle, int socket, const char *broker, int32_t id, int16_t request,
                                   int16_t version, int32_t correlation, size_t size, void *opaque) {
    (void)handle, (void)socket, (void)broker, (void)id, (void)version, (void)correlation, (void)size, (void)opaque;
    pl__kafka_away_sent(request, pl_clock_monotonic());
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_answer(rd_kafka_t *handle, int socket, const char *broker, int32_t id, int16_t request,
                                     int16_t version, int32_t correlation, size_t size, int64_t latency,
                                     rd_kafka_resp_err_t failed, void *opaque) {
    (void)handle, (void)socket, (void)broker, (void)id, (void)request, (void)version, (void)correlation, (void)size;
    (void)latency, (void)opaque;
    if (!failed) pl__kafka_away_answered(pl_clock_monotonic());
    if (failed == RD_KAFKA_RESP_ERR__TRANSPORT) pl__kafka_away_cut();
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *handle, const rd_kafka_conf_t *conf, void *opaque, char *why,
                                  size_t size) {
    (void)conf, (void)opaque, (void)why, (void)size;
    rd_kafka_resp_err_t failed = rd_kafka_interceptor_add_on_request_sent(handle, "away", on_sent, NULL);
    return failed ? failed : rd_kafka_interceptor_add_on_response_received(handle, "away", on_answer, NULL);
}

void pl__kafka_away_watch(rd_kafka_conf_t *conf) {
    rd_kafka_conf_interceptor_add_on_new(conf, "away", on_new, NULL);
}

/* ---- Who wants to know ---- */

/* Since when; 0: they answer. */
int64_t pl__kafka_away_since(int64_t now) {
    int64_t asked = atomic_load(&heard.asked), failed = atomic_load(&heard.failed);
    int64_t first = asked && (!failed || asked < failed) ? asked : failed;
    if (!first || now - first < away_after) return 0;
    int64_t answered = atomic_load(&heard.answered);
    return answered && answered < first ? answered : first;
}

static void time_of_day(int64_t since, char text[16]) {
    time_t then = time(NULL) - (time_t)((pl_clock_monotonic() - since) / PL_SECOND);
    struct tm parts;
    gmtime_r(&then, &parts);
    strftime(text, 16, "%H:%M:%S UTC", &parts);
}

static void describe(int64_t since, char *text, size_t size) {
    char at[16];
    time_of_day(since, at);
    pthread_mutex_lock(&away.lock);
    snprintf(text, size, "the brokers (%s) do not answer since %s", away.brokers, at);
    pthread_mutex_unlock(&away.lock);
}

bool pl_kafka_away(char *text, size_t size) {
    int64_t since = pl__kafka_away_since(pl_clock_monotonic());
    if (since && text) describe(since, text, size);
    return since;
}

bool pl_kafka_refused(char *text, size_t size) {
    pthread_mutex_lock(&away.lock);
    bool refused = away.refusal[0];
    if (refused && text) snprintf(text, size, "%s", away.refusal);
    pthread_mutex_unlock(&away.lock);
    return refused;
}

/* ---- The thread that says it ---- */

static void look(int64_t *began) {
    char text[PL_KAFKA_AWAY_TEXT], last[PL_KAFKA_AWAY_TEXT];
    int64_t now = pl_clock_monotonic(), since = pl__kafka_away_since(now);
    if (since) *began = since;
    if (since && (!away.said || now - away.said > said_again)) {
        describe(since, text, sizeof text);
        bool any = pl__kafka_complaint(last, sizeof last);
        pl_diag(PL_WARN, "log: %s; what comes waits%s%s%s", text, any ? " (the last connection: " : "", any ? last : "",
                any ? ")" : pl__kafka_away_hint());
        away.said = now;
    } else if (!since && away.said) {
        pl_diag(PL_INFO, "log: the brokers answer again, after %.0f s", (double)(now - *began) / (double)PL_SECOND);
        away.said = 0;
    }
}

static void *attend(void *arg) {
    int64_t began = 0;
    (void)arg;
    pthread_setname_np(pthread_self(), "brokers");
    pthread_mutex_lock(&away.lock);
    while (!away.ending) {
        pthread_mutex_unlock(&away.lock);
        look(&began);
        pthread_mutex_lock(&away.lock);
        struct timespec at;
        clock_gettime(CLOCK_REALTIME, &at);
        at.tv_nsec += LOOK_MS * PL_MILLISECOND;
        at.tv_sec += at.tv_nsec / PL_SECOND;
        at.tv_nsec %= PL_SECOND;
        if (!away.ending) pthread_cond_timedwait(&away.changed, &away.lock, &at);
    }
    pthread_mutex_unlock(&away.lock);
    return NULL;
}

void pl_kafka_away_begin(const char *brokers) {
    snprintf(away.brokers, sizeof away.brokers, "%s", brokers);
    away.ending = false;
    away.running = pthread_create(&away.thread, NULL, attend, NULL) == 0;
}

void pl_kafka_away_end(void) {
    if (!away.running) return;
    pthread_mutex_lock(&away.lock);
    away.ending = true;
    pthread_cond_signal(&away.changed);
    pthread_mutex_unlock(&away.lock);
    pthread_join(away.thread, NULL);
    away.running = false;
}
