#include "spark.h"

#include <math.h>
#include <mosquitto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sparkplug.pb-c.h"

typedef Pl__Sparkplug__Payload Payload;
typedef Pl__Sparkplug__Metric Metric;
typedef Pl__Sparkplug__PropertyValue Property;

enum {
    GROUP_QOS = 0,
    COMMAND_QOS = 1,
    COMMANDS_MAX = 256,
    MESSAGE_MAX = 64 << 10,
    TOPIC = 256,
    FLOOD = 20,
    PROPERTIES = 3
};
enum { INT64 = 4, FLOAT = 9, DOUBLE = 10, BOOLEAN = 11, STRING = 12, UINT16 = 6 };
static const char group[] = "plant";

/* Where a metric stands in the registers of a unit. */
struct place {
    char name[PLANT_NAME];
    const char *unit;
    enum plant_table table;
    enum plant_type type;
    unsigned address;
    double low, high;
};

struct asset {
    char name[PLANT_NAME]; /* "pot07"; "": the line itself */
    struct place *places;
    unsigned count;
    unsigned alias; /* of the first */
};

struct command {
    unsigned asset;
    uint64_t alias;
    char name[PLANT_NAME]; /* "": by alias */
    double value;
};

struct edge {
    struct plant_spark *spark;
    struct mosquitto *client;
    char name[PLANT_NAME];
    unsigned line, pots;
    struct asset *assets;
    _Atomic bool up, born, rebirth;
    unsigned seq;
    uint64_t bd;
    pthread_mutex_t lock;
    struct command command[COMMANDS_MAX];
    unsigned commands;
};

struct plant_spark {
    struct plant_plc *plc;
    const struct plant_trouble *trouble;
    struct edge *edges;
    unsigned count;
    uint8_t *bytes;
    size_t room;
    uint64_t restarts; /* that have been carried out */
};

/* ---- What there is ---- */

static void add(struct asset *asset, unsigned pot, const char *name, const char *unit, enum plant_table table,
                enum plant_type type, unsigned offset, double low, double high) {
    struct place *place = &asset->places[asset->count++];
    *place = (struct place){.unit = unit,
                            .table = table,
                            .type = type,
                            .address = plant_map_address(table, pot, offset),
                            .low = low,
                            .high = high};
    snprintf(place->name, sizeof place->name, "%s", name);
}

static bool list_places(struct asset *asset, unsigned pot) {
    const struct plant_signal *signal = pot ? plant_pot_signals : plant_line_signals;
    unsigned count = pot ? plant_pot_signal_count : plant_line_signal_count, registers = 0;
    const struct plant_register *r = pot ? plant_map_pot : plant_map_line;
    while (r[registers].name)
        registers++;
    asset->places = calloc(count + registers, sizeof *asset->places);
    if (!asset->places) return false;
    for (unsigned i = 0; i < count; i++)
        add(asset, pot, signal[i].name, signal[i].unit, PLANT_INPUT, PLANT_F32, (pot ? 0 : PLANT_IN_LINE) + 2 * i,
            signal[i].low, signal[i].high);
    for (; r->name; r++)
        add(asset, pot, r->name, r->unit, r->table, r->type, r->offset, r->low, r->high);
    return true;
}

/* NaN: there is none. */
static double read_place(const struct plant_plc *plc, unsigned line, const struct place *place) {
    uint16_t words[2] = {0, 0};
    float value;
    if (plant_plc_read(plc, line, place->table, place->address, place->type == PLANT_F32 ? 2 : 1, words)) return NAN;
    if (place->type != PLANT_F32) return words[0];
    uint32_t bits = (uint32_t)words[0] << 16 | words[1];
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static bool write_place(struct plant_plc *plc, unsigned line, const struct place *place, double value) {
    uint16_t words[2] = {0, 0};
    unsigned count = place->type == PLANT_F32 ? 2 : 1;
    if (place->table != PLANT_HOLDING) return false;
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    words[0] = (uint16_t)(count == 2 ? bits >> 16 : value >= 0 && value <= 65535 ? (uint32_t)value : 0);
    words[1] = (uint16_t)bits;
    return plant_plc_write(plc, line, place->address, count, words) == PLANT_OK;
}

/* ---- Messages ---- */

static uint64_t milliseconds(const struct plant_spark *spark) {
    return (uint64_t)(plant_time(spark->plc->plant) / (PLANT_SECOND / 1000));
}

static bool publish(struct edge *edge, const char *kind, const char *device, Payload *payload) {
    struct plant_spark *spark = edge->spark;
    char topic[TOPIC];
    snprintf(topic, sizeof topic, "spBv1.0/%s/%s/%s%s%s", group, kind, edge->name, *device ? "/" : "", device);
    payload->has_timestamp = true;
    payload->timestamp = milliseconds(spark);
    payload->has_seq = true;
    payload->seq = edge->seq++ & 0xFF;
    size_t size = pl__sparkplug__payload__get_packed_size(payload);
    if (size > spark->room) {
        uint8_t *grown = realloc(spark->bytes, 2 * size);
        if (!grown) return false;
        spark->bytes = grown;
        spark->room = 2 * size;
    }
    pl__sparkplug__payload__pack(payload, spark->bytes);
    struct plant_trouble *trouble = (struct plant_trouble *)(uintptr_t)spark->trouble;
    if (plant_trouble_now(trouble, PLANT_TROUBLE_GARBLE)) plant_trouble_garble(trouble, spark->bytes, size);
    bool ok = true;
    for (int i = plant_trouble_now(trouble, PLANT_TROUBLE_FLOOD) ? FLOOD : 1; i > 0; i--)
        ok &= mosquitto_publish(edge->client, NULL, topic, (int)size, spark->bytes, GROUP_QOS, false) == 0;
    return ok;
}

static void set_value(Metric *m, enum plant_type type, double value) {
    m->has_datatype = true;
    m->datatype = type == PLANT_F32 ? FLOAT : UINT16;
    if (isnan(value)) {
        m->has_is_null = m->is_null = true;
    } else if (type == PLANT_F32) {
        m->value_case = PL__SPARKPLUG__METRIC__VALUE_FLOAT_VALUE;
        m->float_value = (float)value;
    } else {
        m->value_case = PL__SPARKPLUG__METRIC__VALUE_INT_VALUE;
        m->int_value = (uint32_t)value;
    }
}

/* Unit and range, as a birth says them. */
struct properties {
    Pl__Sparkplug__PropertySet set;
    Property value[PROPERTIES];
    Property *values[PROPERTIES];
    char *keys[PROPERTIES];
};

static void describe(struct properties *p, const struct place *place) {
    static const char *const keys[PROPERTIES] = {"engUnit", "engLow", "engHigh"};
    const double numbers[PROPERTIES] = {0, place->low, place->high};
    pl__sparkplug__property_set__init(&p->set);
    for (unsigned i = 0; i < PROPERTIES; i++) {
        pl__sparkplug__property_value__init(&p->value[i]);
        p->value[i].has_type = true;
        p->value[i].type = i ? DOUBLE : STRING;
        p->value[i].value_case =
            i ? PL__SPARKPLUG__PROPERTY_VALUE__VALUE_DOUBLE_VALUE : PL__SPARKPLUG__PROPERTY_VALUE__VALUE_STRING_VALUE;
        if (i)
            p->value[i].double_value = numbers[i];
        else
            p->value[i].string_value = (char *)(uintptr_t)place->unit;
        p->keys[i] = (char *)(uintptr_t)keys[i];
        p->values[i] = &p->value[i];
    }
    p->set.keys = p->keys;
    p->set.values = p->values;
    p->set.n_keys = p->set.n_values = PROPERTIES;
}

/* The metrics of an asset, [0, count), behind those that are there. */
static void put_asset(struct edge *edge, const struct asset *asset, bool birth, Metric *metrics, Metric **list,
                      struct properties *properties) {
    for (unsigned i = 0; i < asset->count; i++) {
        const struct place *place = &asset->places[i];
        Metric *m = list[i] = &metrics[i];
        pl__sparkplug__metric__init(m);
        m->has_alias = true;
        m->alias = asset->alias + i;
        m->has_timestamp = true;
        m->timestamp = milliseconds(edge->spark);
        set_value(m, place->type, read_place(edge->spark->plc, edge->line, place));
        if (!birth) continue;
        m->name = (char *)(uintptr_t)place->name;
        describe(&properties[i], place);
        m->properties = &properties[i].set;
    }
}

enum { EXTRA = 2 }; /* metrics of the node's own business */

static bool send_asset(struct edge *edge, unsigned index, bool birth) {
    const struct asset *asset = &edge->assets[index];
    Metric *metrics = calloc(asset->count + EXTRA, sizeof *metrics),
           **list = calloc(asset->count + EXTRA, sizeof *list);
    struct properties *properties = birth ? calloc(asset->count, sizeof *properties) : NULL;
    Payload payload = PL__SPARKPLUG__PAYLOAD__INIT;
    bool ok = metrics && list && (!birth || properties);
    if (ok) {
        put_asset(edge, asset, birth, metrics, list, properties);
        payload.metrics = list;
        payload.n_metrics = asset->count;
        if (birth && index == 0) {
            Metric *bd = list[payload.n_metrics] = &metrics[payload.n_metrics];
            pl__sparkplug__metric__init(bd);
            bd->name = (char *)(uintptr_t) "bdSeq";
            bd->has_datatype = true;
            bd->datatype = INT64;
            bd->value_case = PL__SPARKPLUG__METRIC__VALUE_LONG_VALUE;
            bd->long_value = edge->bd;
            Metric *control = list[payload.n_metrics + 1] = &metrics[payload.n_metrics + 1];
            pl__sparkplug__metric__init(control);
            control->name = (char *)(uintptr_t) "Node Control/Rebirth";
            control->has_datatype = true;
            control->datatype = BOOLEAN;
            control->value_case = PL__SPARKPLUG__METRIC__VALUE_BOOLEAN_VALUE;
            payload.n_metrics += EXTRA;
        }
        const char *kind = index ? (birth ? "DBIRTH" : "DDATA") : birth ? "NBIRTH" : "NDATA";
        ok = publish(edge, kind, asset->name, &payload);
    }
    free(metrics);
    free(list);
    free(properties);
    return ok;
}

static void send_all(struct edge *edge, bool birth) {
    bool ok = true;
    if (birth) edge->seq = 0;
    for (unsigned i = 0; i <= edge->pots && ok; i++)
        ok = send_asset(edge, i, birth);
    if (birth) edge->born = ok;
}

/* ---- The connection's thread ---- */

static void set_will(struct edge *edge) {
    Metric bd = PL__SPARKPLUG__METRIC__INIT, *list[] = {&bd};
    Payload payload = PL__SPARKPLUG__PAYLOAD__INIT;
    uint8_t bytes[64];
    char topic[TOPIC];
    bd.name = (char *)(uintptr_t) "bdSeq";
    bd.has_datatype = true;
    bd.datatype = INT64;
    bd.value_case = PL__SPARKPLUG__METRIC__VALUE_LONG_VALUE;
    bd.long_value = edge->bd;
    payload.metrics = list;
    payload.n_metrics = 1;
    size_t size = pl__sparkplug__payload__pack(&payload, bytes);
    snprintf(topic, sizeof topic, "spBv1.0/%s/NDEATH/%s", group, edge->name);
    mosquitto_will_set(edge->client, topic, (int)size, bytes, 1, false);
}

static void on_connect(struct mosquitto *client, void *user, int code) {
    struct edge *edge = user;
    char topic[TOPIC];
    if (code) return;
    snprintf(topic, sizeof topic, "spBv1.0/%s/NCMD/%s", group, edge->name);
    mosquitto_subscribe(client, NULL, topic, COMMAND_QOS);
    snprintf(topic, sizeof topic, "spBv1.0/%s/DCMD/%s/+", group, edge->name);
    mosquitto_subscribe(client, NULL, topic, COMMAND_QOS);
    edge->born = false;
    edge->up = true;
}

/* Its next life has the next number. */
static void on_disconnect(struct mosquitto *client, void *user, int code) {
    struct edge *edge = user;
    (void)client;
    (void)code;
    edge->up = edge->born = false;
    edge->bd = (edge->bd + 1) & 0xFF;
    set_will(edge);
}

static double number_of(const Metric *m) {
    switch (m->value_case) {
    case PL__SPARKPLUG__METRIC__VALUE_INT_VALUE: return m->int_value;
    case PL__SPARKPLUG__METRIC__VALUE_LONG_VALUE: return (double)m->long_value;
    case PL__SPARKPLUG__METRIC__VALUE_FLOAT_VALUE: return (double)m->float_value;
    case PL__SPARKPLUG__METRIC__VALUE_DOUBLE_VALUE: return m->double_value;
    case PL__SPARKPLUG__METRIC__VALUE_BOOLEAN_VALUE: return m->boolean_value;
    default: return NAN;
    }
}

static void take_metric(struct edge *edge, unsigned asset, const Metric *m) {
    struct command command = {.asset = asset, .alias = m->has_alias ? m->alias : UINT64_MAX, .value = number_of(m)};
    if (isnan(command.value) || (m->name && strlen(m->name) >= sizeof command.name)) return;
    if (m->name && strcmp(m->name, "Node Control/Rebirth") == 0) {
        edge->rebirth = command.value != 0;
        return;
    }
    if (m->name) snprintf(command.name, sizeof command.name, "%s", m->name);
    pthread_mutex_lock(&edge->lock);
    if (edge->commands < COMMANDS_MAX) edge->command[edge->commands++] = command;
    pthread_mutex_unlock(&edge->lock);
}

static void on_message(struct mosquitto *client, void *user, const struct mosquitto_message *message) {
    struct edge *edge = user;
    const char *device = strstr(message->topic, "/DCMD/") ? strrchr(message->topic, '/') + 1 : "";
    unsigned asset = 0;
    (void)client;
    while (asset <= edge->pots && strcmp(edge->assets[asset].name, device) != 0)
        asset++;
    if (asset > edge->pots || message->payloadlen < 0 || message->payloadlen > MESSAGE_MAX) return;
    Payload *payload = pl__sparkplug__payload__unpack(NULL, (size_t)message->payloadlen, message->payload);
    for (size_t i = 0; payload && i < payload->n_metrics; i++)
        take_metric(edge, asset, payload->metrics[i]);
    if (payload) pl__sparkplug__payload__free_unpacked(payload, NULL);
}

/* ---- Steps ---- */

static const struct place *place_of(const struct asset *asset, const struct command *command) {
    for (unsigned i = 0; i < asset->count; i++) {
        bool named = strcmp(asset->places[i].name, command->name) == 0;
        if (*command->name ? named : asset->alias + i == command->alias) return &asset->places[i];
    }
    return NULL;
}

void plant_spark_take(struct plant_spark *spark) {
    if (!spark || plant_trouble_now(spark->trouble, PLANT_TROUBLE_HANG)) return;
    for (unsigned e = 0; e < spark->count; e++) {
        struct edge *edge = &spark->edges[e];
        pthread_mutex_lock(&edge->lock);
        for (unsigned i = 0; i < edge->commands; i++) {
            const struct command *command = &edge->command[i];
            const struct place *place = place_of(&edge->assets[command->asset], command);
            if (place) write_place(spark->plc, edge->line, place, command->value);
        }
        edge->commands = 0;
        pthread_mutex_unlock(&edge->lock);
    }
}

/* The way to the broker breaks, without a farewell. */
static void cut(struct edge *edge) {
    int socket = mosquitto_socket(edge->client);
    if (socket >= 0) shutdown(socket, SHUT_RDWR);
}

void plant_spark_publish(struct plant_spark *spark) {
    if (!spark) return;
    bool restarts = spark->trouble && spark->trouble->restarts != spark->restarts;
    if (restarts) spark->restarts = spark->trouble->restarts;
    bool refuses = restarts || plant_trouble_now(spark->trouble, PLANT_TROUBLE_REFUSE);
    for (unsigned e = 0; e < spark->count; e++) {
        struct edge *edge = &spark->edges[e];
        if (refuses) cut(edge);
        if (refuses || !edge->up || plant_trouble_now(spark->trouble, PLANT_TROUBLE_HANG)) continue;
        bool birth = !edge->born || edge->rebirth;
        edge->rebirth = false;
        send_all(edge, birth);
    }
}

/* ---- Life ---- */

static bool make_edge(struct plant_spark *spark, unsigned line, unsigned pots) {
    struct edge *edge = &spark->edges[line - 1];
    char id[PLANT_NAME + 16], full[PLANT_NAME];
    plant_name(edge->name, line, 0, pots, NULL);
    edge->spark = spark;
    edge->line = line;
    edge->pots = pots;
    pthread_mutex_init(&edge->lock, NULL);
    edge->assets = calloc(pots + 1, sizeof *edge->assets);
    if (!edge->assets) return false;
    for (unsigned pot = 0, alias = 1; pot <= pots; pot++) {
        struct asset *asset = &edge->assets[pot];
        plant_name(full, line, pot, pots, NULL);
        if (pot) snprintf(asset->name, sizeof asset->name, "%s", strchr(full, '.') + 1);
        asset->alias = alias;
        if (!list_places(asset, pot)) return false;
        alias += asset->count;
    }
    snprintf(id, sizeof id, "plant.%s", edge->name);
    edge->client = mosquitto_new(id, true, edge);
    if (!edge->client) return false;
    mosquitto_connect_callback_set(edge->client, on_connect);
    mosquitto_disconnect_callback_set(edge->client, on_disconnect);
    mosquitto_message_callback_set(edge->client, on_message);
    mosquitto_reconnect_delay_set(edge->client, 1, 2, false);
    set_will(edge);
    return true;
}

struct plant_spark *plant_spark_open(const char *server, struct plant_plc *plc, const struct plant_trouble *trouble,
                                     char *why, size_t size) {
    const char *colon = strrchr(server, ':');
    char host[256];
    int port = colon ? atoi(colon + 1) : 0;
    if (!colon || colon == server || (size_t)(colon - server) >= sizeof host || port < 1 || port > 65535) {
        snprintf(why, size, "--sparkplug is HOST:PORT of a broker, found '%s'", server);
        return NULL;
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - server), server);
    mosquitto_lib_init();
    struct plant_spark *spark = calloc(1, sizeof *spark);
    const struct plant_options *o = &plc->plant->options;
    bool ok = spark && (spark->edges = calloc(o->lines, sizeof *spark->edges));
    if (ok) {
        spark->plc = plc;
        spark->trouble = trouble;
    }
    for (unsigned line = 1; ok && line <= o->lines; line++) {
        spark->count = line;
        ok = make_edge(spark, line, o->pots);
    }
    if (!ok) snprintf(why, size, "no memory for edge nodes");
    for (unsigned i = 0; ok && i < spark->count; i++) {
        mosquitto_connect_async(spark->edges[i].client, host, port, 5); /* one that fails is tried again */
        ok = mosquitto_loop_start(spark->edges[i].client) == MOSQ_ERR_SUCCESS;
        if (!ok) snprintf(why, size, "no thread for a connection");
    }
    if (ok) return spark;
    plant_spark_close(spark);
    return NULL;
}

void plant_spark_close(struct plant_spark *spark) {
    if (!spark) return;
    for (unsigned i = 0; i < spark->count; i++) {
        struct edge *edge = &spark->edges[i];
        if (edge->client) {
            mosquitto_disconnect_callback_set(edge->client, NULL);
            cut(edge); /* its will is its death */
            mosquitto_loop_stop(edge->client, true);
            mosquitto_destroy(edge->client);
        }
        for (unsigned pot = 0; edge->assets && pot <= edge->pots; pot++)
            free(edge->assets[pot].places);
        free(edge->assets);
    }
    free(spark->edges);
    free(spark->bytes);
    free(spark);
    mosquitto_lib_cleanup();
}
