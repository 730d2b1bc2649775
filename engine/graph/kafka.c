#include "kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include <potline/scram.h>
#include <potline/text.h>

enum { TOPIC_MAX = 249, PATH = 48, NAMES = 512, WHY = 512 };

static const char with_it[] = ".changelog"; /* the longest of what is hung on a topic's name */

/* ---- Settings ---- */

struct refusal {
    const char *name; /* ends in '*': all that begin so */
    const char *why;
};

/* log/kafka_client.c refuses them too, or sets them itself behind the graph's; here people are told why. */
static const struct refusal refusals[] = {
    {"bootstrap.servers", "say `brokers`"},
    {"metadata.broker.list", "say `brokers`"},
    {"group.id", "say `group`"},
    {"group.*", "say `group`"},
    {"session.timeout.ms", "say `session`"},
    {"heartbeat.interval.ms", "follows from `session`"},
    {"partition.assignment.strategy", "the log's own"},
    {"transaction*", "the log's own, so that each row is there once"},
    {"enable.idempotence", "the log's own, so that each row is there once"},
    {"enable.gapless.guarantee", "the log's own, so that each row is there once"},
    {"acks", "the log waits for all copies of a row"},
    {"request.required.acks", "the log waits for all copies of a row"},
    {"enable.auto.*", "checkpoints say how far the log has been read"},
    {"auto.offset.reset", "checkpoints say how far the log has been read"},
    {"isolation.level", "the log reads what is committed"},
    {"enable.partition.eof", "the log's own"},
    {"message.max.bytes", "the log's own"},
    {"partitioner", "the log's own: a row goes where its asset is"},
    {"plugin.library.paths", "no code is loaded by a graph"},
    {"ssl.engine.*", "no code is loaded by a graph"},
    {"ssl.providers", "no code is loaded by a graph"},
    {"sasl.kerberos.kinit.cmd", "no command is run by a graph"},
    {"debug", "its output would show secrets"},
};

static const char *refusal_of(const char *name) {
    for (size_t i = 0; i < PL_COUNT_OF(refusals); i++) {
        const char *of = refusals[i].name;
        size_t length = strlen(of);
        bool all = of[length - 1] == '*';
        if (all ? strncmp(of, name, length - 1) == 0 : strcmp(of, name) == 0) return refusals[i].why;
    }
    return NULL;
}

/* librdkafka tells its names as a table for people. "": none is near. */
static void nearest_setting(const char *name, char *nearest, size_t size) {
    char *table = NULL, *rest, *names[NAMES];
    size_t bytes = 0, count = 0;
    FILE *file = open_memstream(&table, &bytes);
    nearest[0] = 0;
    if (!file) return;
    rd_kafka_conf_properties_show(file);
    fclose(file);
    for (char *line = strtok_r(table, "\n", &rest); line && count < NAMES; line = strtok_r(NULL, "\n", &rest)) {
        size_t length = strcspn(line, " |");
        if (!length || !strchr(line, '|')) continue;
        line[length] = 0;
        names[count++] = line;
    }
    const char *found = pl_text_nearest(name, (const char *const *)names, count);
    if (found && !refusal_of(found)) snprintf(nearest, size, "; did you mean %s?", found);
    free(table); // NOLINT(clang-analyzer-unix.Malloc): of open_memstream
}

/* What librdkafka says itself quotes the value, which may be a secret. */
static void check_setting(struct pl_options_reader *reader, rd_kafka_conf_t *conf, uint32_t i,
                          const struct pl_graph_log_setting *setting) {
    char path[PATH], why[WHY], nearest[PATH + 64];
    const char *refused = refusal_of(setting->name);
    snprintf(path, sizeof path, "log.settings[%u]", i);
    if (pl_scram_is_refused(rd_kafka_version(), setting->name, setting->value))
        pl__options_problem(reader, path, true, PL_SCRAM_REFUSED, rd_kafka_version_str());
    if (refused) {
        pl__options_problem(reader, path, false, "%s: %s", setting->name, refused);
        return;
    }
    switch (rd_kafka_conf_set(conf, setting->name, setting->value, why, sizeof why)) {
    case RD_KAFKA_CONF_UNKNOWN:
        nearest_setting(setting->name, nearest, sizeof nearest);
        pl__options_problem(reader, path, false, "%s: no property of librdkafka%s", setting->name, nearest);
        break;
    case RD_KAFKA_CONF_INVALID:
        pl__options_problem(reader, path, false,
                            "%s: a value that librdkafka does not take, or that is not built into it", setting->name);
        break;
    case RD_KAFKA_CONF_OK: break;
    }
}

static void check_settings(struct pl_options_reader *reader, const struct pl_graph_settings *settings) {
    const struct pl_graph_log_setting *given = settings->log_settings.items;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (uint32_t i = 0; conf && i < settings->log_settings.count; i++)
        check_setting(reader, conf, i, &given[i]);
    if (conf) rd_kafka_conf_destroy(conf);
}

/* ---- Where ---- */

/* HOST, HOST:PORT, [ADDRESS]:PORT; NULL: good, else what is wrong. */
static const char *wrong_with_broker(const char *broker, size_t length) {
    const char *colon = memchr(broker, ':', length), *end = broker + length;
    if (!length) return "is empty between two commas";
    if (memchr(broker, ';', length)) return "has a semicolon: brokers stand between commas";
    if (memchr(broker, '/', length))
        return "is no address: write HOST:PORT, without a scheme; TLS is settings: "
               "[ { name: security.protocol, value: ssl } ]";
    if (broker[0] == '[') {
        const char *bracket = memchr(broker, ']', length);
        if (!bracket) return "has no ] behind its address";
        colon = bracket + 1 < end ? bracket + 1 : NULL;
        if (colon && *colon != ':') return "has something between its ] and its port";
    }
    if (!colon) return NULL;
    int64_t port;
    if (colon == broker) return "has no host in front of its port";
    if (memchr(colon + 1, ':', (size_t)(end - colon) - 1)) return "has more than one colon: write HOST:PORT";
    if (!pl_text_int(colon + 1, (size_t)(end - colon - 1), &port) || port < 1 || port > 65535)
        return "has no port from 1 to 65535 behind its colon";
    return NULL;
}

static void check_brokers(struct pl_options_reader *reader, const char *brokers) {
    char broker[300];
    for (const char *at = brokers; *brokers; at++) {
        at += strspn(at, " ");
        size_t length = strcspn(at, ","), used = length;
        while (used && at[used - 1] == ' ')
            used--;
        const char *wrong = wrong_with_broker(at, used);
        snprintf(broker, sizeof broker, "%.*s", (int)used, at);
        if (wrong) pl__options_problem(reader, "log.brokers", false, "\"%s\" %s", broker, wrong);
        at += length;
        if (!*at) return;
    }
}

static void check_topic(struct pl_options_reader *reader, const struct pl_graph_settings *settings) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *topic = settings->log_topic;
    size_t length = strlen(topic);
    bool dots = strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0;
    if (topic[strspn(topic, letters)] || dots)
        pl__options_problem(reader, "log.topic", false,
                            "\"%s\" is no name for a topic: Kafka takes letters, digits, '.', '_' and '-'", topic);
    else if (length + sizeof with_it - 1 > TOPIC_MAX)
        pl__options_problem(reader, "log.topic", false,
                            "a name of %zu letters: Kafka takes %d, and there is TOPIC%s beside it", length, TOPIC_MAX,
                            with_it);
}

static bool is_given(const struct pl_options_reader *reader, const char *path) {
    bool whole;
    return pl__options_find(reader->map, path, &whole) && whole && !pl__options_any(reader->map, path);
}

/* What only a group knows. */
static void check_group(struct pl_options_reader *reader, const struct pl_graph_settings *settings) {
    if (*settings->log_group || pl__options_any(reader->map, "log.group")) return;
    if (is_given(reader, "log.standby") && settings->log_standby)
        pl__options_problem(reader, "log.standby", false, "is for engines of a group: say `group`, too");
    if (is_given(reader, "log.session"))
        pl__options_problem(reader, "log.session", false, "is for engines of a group: say `group`, too");
}

void pl__kafka_check(struct pl_options_reader *reader, const struct pl_graph_settings *settings) {
    if (!pl__options_any(reader->map, "log.brokers")) check_brokers(reader, settings->log_brokers);
    if (!pl__options_any(reader->map, "log.topic")) check_topic(reader, settings);
    if (!pl__options_any(reader->map, "log.settings")) check_settings(reader, settings);
    check_group(reader, settings);
}
