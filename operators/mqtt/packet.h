/* packet.h: what a broker sends, looked at before libmosquitto reads it.
 *
 *     broker --> bytes --> pl_mqtt_packets_look --> so many of them may pass --> libmosquitto
 *
 * libmosquitto 2.0.11 ends its process (an assertion) at a property of MQTT 5 that it does not know. So no byte of a
 * packet passes before all of it has been seen that the library looks at: the whole packet, but for the payload of a
 * PUBLISH, which passes as it comes. What is no packet of a broker, or is longer than we told it, does not pass at all.
 * Nor do messages of QoS 2: the library keeps as many as come, for ever, and behind a broken connection gives an old
 * one in the place of a new one of the same id. Nobody of us subscribes with it, so no broker sends one.
 *
 * After MQTT 5.0 (OASIS), 2.1 (fixed header), 2.2.2 (properties), 3 (packets). Pure, and fuzzed with libmosquitto
 * behind it (tests/fuzz/packets.c). The usual mistake: to believe a length of properties that theirs do not add up to;
 * the library reads on in the payload.
 */
#ifndef MQTT_PACKET_H
#define MQTT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a packet without the payload of a PUBLISH: a topic, and as much again of properties. */
enum { PL_MQTT_HEAD_MAX = 128 << 10 };

/* A CONNACK comes first (behind AUTH at most), and once: libmosquitto would take anything before it, and each more of
 * them for a new connection. */
enum pl_mqtt_greeting { PL_MQTT_GREETING_ANY, PL_MQTT_GREETING_WANTED, PL_MQTT_GREETING_SEEN };

struct pl_mqtt_packets {
    enum pl_mqtt_greeting greeting;
    bool properties;     /* MQTT 5 */
    uint32_t longest;    /* bytes of a packet; 0: as many as the protocol has */
    uint32_t payload;    /* bytes of one whose head has passed, that are still to come */
    uint32_t unanswered; /* counts packets that get an answer each; the caller puts it back */
    const char *problem; /* why nothing passes any more */
};

/* How many of `bytes` may pass; the others have to come again, with more behind them. 0 and a problem: none ever will.
 */
size_t pl_mqtt_packets_look(struct pl_mqtt_packets *packets, const uint8_t *bytes, size_t size);

#endif
