#include "packet.h"

enum {
    CONNACK = 2,
    PUBLISH = 3,
    PUBACK = 4,
    PUBREC = 5,
    PUBREL = 6,
    PUBCOMP = 7,
    SUBACK = 9,
    UNSUBACK = 11,
    PINGRESP = 13,
    DISCONNECT = 14,
    AUTH = 15
};
enum { LENGTH_BYTES = 4, QOS_SHIFT = 1, QOS_MASK = 3, QOS_MAX = 1 };

/* What is left of a packet's head: of those bytes of it that are there. */
struct head {
    const uint8_t *at, *end;
    bool short_of; /* it wanted more than there is */
};

static const uint8_t *take(struct head *head, size_t size) {
    if ((size_t)(head->end - head->at) < size) {
        head->short_of = true;
        return NULL;
    }
    const uint8_t *at = head->at;
    head->at += size;
    return at;
}

static bool take_byte(struct head *head, uint8_t *byte) {
    const uint8_t *at = take(head, 1);
    if (at) *byte = *at;
    return at != NULL;
}

/* Bytes behind their own length. */
static bool skip_counted(struct head *head) {
    const uint8_t *at = take(head, 2);
    return at && take(head, (size_t)at[0] << 8 | at[1]);
}

/* False, without being short of any: it has more bytes than a number may have. */
static bool take_number(struct head *head, uint32_t *number) {
    uint8_t byte = 0;
    *number = 0;
    for (unsigned i = 0; i < LENGTH_BYTES; i++) {
        if (!take_byte(head, &byte)) return false;
        *number |= (uint32_t)(byte & 0x7f) << 7 * i;
        if (!(byte & 0x80)) return true;
    }
    return false;
}

/* ---- Properties ---- */

enum shape { UNKNOWN, BYTE, TWO, FOUR, NUMBER, COUNTED, PAIR };

static const uint8_t shapes[] = {
    [1] = BYTE,     [2] = FOUR,     [3] = COUNTED,  [8] = COUNTED,  [9] = COUNTED, [11] = NUMBER, [17] = FOUR,
    [18] = COUNTED, [19] = TWO,     [21] = COUNTED, [22] = COUNTED, [23] = BYTE,   [24] = FOUR,   [25] = BYTE,
    [26] = COUNTED, [28] = COUNTED, [31] = COUNTED, [33] = TWO,     [34] = TWO,    [35] = TWO,    [36] = BYTE,
    [37] = BYTE,    [38] = PAIR,    [39] = FOUR,    [40] = BYTE,    [41] = BYTE,   [42] = BYTE,
};

static bool skip_property(struct head *head) {
    uint8_t name;
    uint32_t number;
    if (!take_byte(head, &name)) return false;
    switch (name < sizeof shapes ? shapes[name] : UNKNOWN) {
    case BYTE: return take(head, 1);
    case TWO: return take(head, 2);
    case FOUR: return take(head, 4);
    case NUMBER: return take_number(head, &number);
    case COUNTED: return skip_counted(head);
    case PAIR: return skip_counted(head) && skip_counted(head);
    default: return false;
    }
}

/* False, without being short of any: there are properties that nobody knows, or theirs is another length. */
static bool skip_properties(struct head *head) {
    uint32_t length;
    if (!take_number(head, &length)) return false;
    const uint8_t *begin = take(head, length);
    if (!begin) return false;
    struct head all = {.at = begin, .end = head->at};
    while (all.at < all.end)
        if (!skip_property(&all)) return false;
    return true;
}

/* ---- Packets ---- */

static bool look_at_publish(struct head *head, unsigned flags, bool properties) {
    unsigned qos = flags >> QOS_SHIFT & QOS_MASK;
    return qos <= QOS_MAX && skip_counted(head) && (!qos || take(head, 2)) && (!properties || skip_properties(head));
}

/* Its bytes in front of properties; those that follow them are plain codes. A packet may end before them. */
static bool look_at_other(struct head *head, unsigned before, size_t length, bool properties) {
    if (!properties || length <= before) return true;
    return take(head, before) && skip_properties(head);
}

static bool look_at(struct head *head, unsigned type, unsigned flags, size_t length, bool properties) {
    switch (type) {
    case PUBLISH: return look_at_publish(head, flags, properties);
    case CONNACK:
    case SUBACK:
    case UNSUBACK: return look_at_other(head, 2, length, properties);
    case PUBACK:
    case PUBREC:
    case PUBCOMP: return look_at_other(head, 3, length, properties);
    case DISCONNECT:
    case AUTH: return properties && look_at_other(head, 1, length, properties);
    case PINGRESP: return true;
    default: return false; /* a client's, or nobody's */
    }
}

static bool is_twofold(unsigned type, uint8_t first) {
    return type == PUBREL || (type == PUBLISH && (first >> QOS_SHIFT & QOS_MASK) == QOS_MAX + 1);
}

static size_t refuse(struct pl_mqtt_packets *packets, const char *problem) {
    packets->problem = problem;
    return 0;
}

static size_t pass_payload(struct pl_mqtt_packets *packets, size_t size) {
    size_t passed = size < packets->payload ? size : packets->payload;
    packets->payload -= (uint32_t)passed;
    return passed;
}

static bool greets_well(const struct pl_mqtt_packets *packets, unsigned type) {
    if (packets->greeting == PL_MQTT_GREETING_WANTED) return type == CONNACK || (type == AUTH && packets->properties);
    return packets->greeting == PL_MQTT_GREETING_ANY || type != CONNACK;
}

/* One packet's head; 0: it is not all there, or is refused. */
static size_t look_at_packet(struct pl_mqtt_packets *packets, const uint8_t *bytes, size_t size) {
    struct head head = {.at = bytes, .end = bytes + size};
    uint8_t first;
    uint32_t length;
    if (!take_byte(&head, &first)) return 0;
    unsigned type = first >> 4;
    if (!greets_well(packets, type)) return refuse(packets, "no CONNACK first, or another one");
    if (is_twofold(type, first))
        return refuse(packets,
                      "a message of QoS 2, as a session keeps them of who had asked for it: take another client_id");
    if (!take_number(&head, &length)) return head.short_of ? 0 : refuse(packets, "no length of a packet");
    size_t front = (size_t)(head.at - bytes), there = size - front;
    if (packets->longest && front + length > packets->longest)
        return refuse(packets, "a packet that is longer than it was told to send");
    if (type != PUBLISH && front + length > PL_MQTT_HEAD_MAX)
        return refuse(packets, "a packet of that type is not so long");
    bool whole = there >= length;
    if (whole) head.end = head.at + length;
    if (!whole && type != PUBLISH) return 0;
    if (!look_at(&head, type, first & 0x0f, length, packets->properties)) {
        if (head.short_of && !whole && size < PL_MQTT_HEAD_MAX) return 0;
        return refuse(packets, "a packet that no broker sends, or properties that MQTT has not");
    }
    if (type == CONNACK && packets->greeting == PL_MQTT_GREETING_WANTED) packets->greeting = PL_MQTT_GREETING_SEEN;
    packets->unanswered += type == PUBREC || (type == PUBLISH && (first >> QOS_SHIFT & QOS_MASK));
    size_t seen = type == PUBLISH ? (size_t)(head.at - bytes) : front + length;
    packets->payload = (uint32_t)(front + length - seen);
    return seen;
}

size_t pl_mqtt_packets_look(struct pl_mqtt_packets *packets, const uint8_t *bytes, size_t size) {
    size_t passed = 0;
    while (!packets->problem && passed < size) {
        size_t more = packets->payload ? pass_payload(packets, size - passed)
                                       : look_at_packet(packets, bytes + passed, size - passed);
        if (!more) break;
        passed += more;
    }
    return packets->problem ? 0 : passed;
}
