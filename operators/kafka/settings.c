/* settings.c: what people may say to librdkafka by its own names, and what is said for them. */
#include <string.h>

#include <potline/scram.h>

#include "client.h"

const struct pl_option pl__setting_options[] = {
    PL_OPT_STRING(struct pl__setting, name, "name", NULL, PL_FIXED, "As librdkafka calls it: security.protocol."),
    PL_OPT_SECRET(struct pl__setting, value, "value", NULL, PL_FIXED, "Its value; no message or listing shows it."),
    PL_OPT_END,
};

struct refusal {
    const char *name; /* ends in '*': all that begin so */
    const char *why;
};

/* Three reasons: another option says it, what the node promises hangs on it, or it runs code and reads files of a
 * stranger's choice. The rest (security, addresses, timeouts, sizes of sockets) is between people and brokers. */
static const struct refusal refusals[] = {
    {"bootstrap.servers", "say `brokers`"},
    {"metadata.broker.list", "say `brokers`"},
    {"group.id", "the node reads at positions of its own"},
    {"group.*", "the node reads at positions of its own"},
    {"transactional.id", "say `job`"},
    {"transaction*", "the node's own, so that rows are written once"},
    {"enable.idempotence", "the node's own, so that rows are written once"},
    {"enable.gapless.guarantee", "the node's own, so that rows are written once"},
    {"acks", "the node waits for all copies of a row"},
    {"request.required.acks", "the node waits for all copies of a row"},
    {"retries", "the node's own: rows wait until they are written"},
    {"message.send.max.retries", "the node's own: rows wait until they are written"},
    {"message.timeout.ms", "the node's own: rows wait until they are written"},
    {"delivery.timeout.ms", "the node's own: rows wait until they are written"},
    {"compression.*", "say `compression`"},
    {"enable.auto.*", "the log keeps how far the node has read"},
    {"auto.*", "say `start` and `on_lost`"},
    {"enable.partition.eof", "the node's own"},
    {"isolation.level", "the node reads what is committed"},
    {"queue*", "say `buffer`"},
    {"plugin.library.paths", "no code is loaded by a graph"},
    {"ssl.engine.*", "no code is loaded by a graph"},
    {"ssl.providers", "no code is loaded by a graph"},
    {"sasl.kerberos.kinit.cmd", "no command is run by a graph"},
    {"*_cb", "no code is loaded by a graph"},
    {"opaque", "the node's own"},
    {"log*", "the node's own"},
    {"debug", "its output would show secrets"},
    {"enabled_events", "the node's own"},
    {"test.*", "for tests of librdkafka"},
};

static bool names(const char *pattern, const char *name) {
    size_t length = strlen(pattern), given = strlen(name);
    if (pattern[0] == '*') return given >= length - 1 && strcmp(name + given - (length - 1), pattern + 1) == 0;
    if (pattern[length - 1] == '*') return strncmp(pattern, name, length - 1) == 0;
    return strcmp(pattern, name) == 0;
}

const char *pl__setting_refusal(const char *name) {
    for (size_t i = 0; i < PL_COUNT_OF(refusals); i++)
        if (names(refusals[i].name, name)) return refusals[i].why;
    return NULL;
}

/* ---- Checking ---- */

/* librdkafka's message quotes the value, which may be a secret, so only the kind of mistake is told. */
static const char *what_is_wrong(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char text[512];
    switch (rd_kafka_conf_set(conf, name, value, text, sizeof text)) {
    case RD_KAFKA_CONF_UNKNOWN: return "no property of librdkafka";
    case RD_KAFKA_CONF_INVALID: return "a value that librdkafka does not take, or that is not built into it";
    case RD_KAFKA_CONF_OK: break;
    }
    return NULL;
}

void pl__client_check(const struct pl__client_options *options, struct pl_check *check) {
    const struct pl__setting *settings = options->settings.items;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!*options->brokers) pl_check_error(check, "brokers", "is empty; expected HOST:PORT");
    for (uint32_t i = 0; conf && i < options->settings.count; i++) {
        char path[40];
        snprintf(path, sizeof path, "settings[%u]", i);
        const char *why = pl__setting_refusal(settings[i].name);
        if (!why) why = what_is_wrong(conf, settings[i].name, settings[i].value);
        if (why) pl_check_error(check, path, "%s: %s", settings[i].name, why);
        if (pl_scram_is_refused(rd_kafka_version(), settings[i].name, settings[i].value))
            pl_check_warning(check, path, PL_SCRAM_REFUSED, rd_kafka_version_str());
    }
    if (conf) rd_kafka_conf_destroy(conf);
}

/* ---- Making ---- */

static enum pl_code set(rd_kafka_conf_t *conf, const char *name, const char *value, struct pl_error **error) {
    const char *why = what_is_wrong(conf, name, value);
    return why ? pl_error_set(error, PL_USAGE, "%s: %s", name, why) : PL_OK;
}

enum pl_code pl__client_conf(const struct pl__client_options *options, const char *const own[][2],
                             rd_kafka_conf_t **conf, struct pl_error **error) {
    const struct pl__setting *settings = options->settings.items;
    *conf = rd_kafka_conf_new();
    if (!*conf) return pl_error_set(error, PL_NO_MEMORY, "no memory for a client");
    enum pl_code code = set(*conf, "bootstrap.servers", options->brokers, error);
    if (!code) code = set(*conf, "client.id", "potline", error);
    if (!code) code = set(*conf, "reconnect.backoff.max.ms", "2000", error);
    for (uint32_t i = 0; !code && i < options->settings.count; i++)
        code = set(*conf, settings[i].name, settings[i].value, error);
    for (unsigned i = 0; !code && own[i][0]; i++)
        code = set(*conf, own[i][0], own[i][1], error);
    if (!code) return PL_OK;
    rd_kafka_conf_destroy(*conf);
    *conf = NULL;
    return code;
}
