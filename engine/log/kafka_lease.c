#include "log/kafka_lease.h"

#include <stdbool.h>

#include "base/clock.h"

/* Never earlier than it is: two threads may come here. What has ended is begun by the group only, and by no heartbeat:
 * librdkafka sends them on while its owner has yet to hear that all is lost. */
static void extend(struct pl__kafka_lease *lease, int64_t from, bool begins) {
    int64_t until = from + lease->session, now = atomic_load(&lease->until);
    while (until > now && (now || begins) && !atomic_compare_exchange_weak(&lease->until, &now, until))
        ;
}

void pl__kafka_lease_sent(struct pl__kafka_lease *lease, int16_t request, int64_t now) {
    if (request == PL__KAFKA_HEARTBEAT) atomic_store(&lease->beat, now);
    if (request == PL__KAFKA_SYNC_GROUP) atomic_store(&lease->sync, now);
}

void pl__kafka_lease_answered(struct pl__kafka_lease *lease, int16_t request) {
    if (request == PL__KAFKA_SYNC_GROUP) {
        atomic_store(&lease->answered, 0);
        atomic_store(&lease->joined, atomic_load(&lease->sync));
    }
    if (request != PL__KAFKA_HEARTBEAT) return;
    int64_t before = atomic_exchange(&lease->answered, atomic_load(&lease->beat));
    if (before) extend(lease, before, false);
}

void pl__kafka_lease_give(struct pl__kafka_lease *lease) {
    extend(lease, atomic_load(&lease->joined), true);
}

void pl__kafka_lease_end(struct pl__kafka_lease *lease) {
    atomic_store(&lease->answered, 0);
    atomic_store(&lease->until, 0);
}

/* ---- What librdkafka calls, on its threads ---- */

static rd_kafka_resp_err_t on_sent(rd_kafka_t *handle, int socket, const char *broker, int32_t id, int16_t request,
                                   int16_t version, int32_t correlation, size_t size, void *opaque) {
    (void)handle, (void)socket, (void)broker, (void)id, (void)version, (void)correlation, (void)size;
    pl__kafka_lease_sent(opaque, request, pl_clock_boottime());
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_answer(rd_kafka_t *handle, int socket, const char *broker, int32_t id, int16_t request,
                                     int16_t version, int32_t correlation, size_t size, int64_t latency,
                                     rd_kafka_resp_err_t failed, void *opaque) {
    (void)handle, (void)socket, (void)broker, (void)id, (void)version, (void)correlation, (void)size, (void)latency;
    if (!failed) pl__kafka_lease_answered(opaque, request);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *handle, const rd_kafka_conf_t *conf, void *opaque, char *why,
                                  size_t size) {
    (void)conf, (void)why, (void)size;
    rd_kafka_resp_err_t failed = rd_kafka_interceptor_add_on_request_sent(handle, "lease", on_sent, opaque);
    return failed ? failed : rd_kafka_interceptor_add_on_response_received(handle, "lease", on_answer, opaque);
}

void pl__kafka_lease_watch(struct pl__kafka_lease *lease, rd_kafka_conf_t *conf) {
    rd_kafka_conf_interceptor_add_on_new(conf, "lease", on_new, lease);
}
