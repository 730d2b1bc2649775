/* waiting.h: the rows of a sink that wait for a broker: held (held.h) until the sink says that they are gone, part of
 * the state until then, and what becomes of the last ones at the end.
 *
 *     pl_mqtt_waiting_put --> [first .. next .. taken] --> `pump` sends from `next` on, and drops what has gone
 *
 * `pump` is called by the loop when the owner has asked for it (pl_mqtt_waiting_soon), and once when the node is to
 * stop. Then it may take `linger`: what has not gone is for the next run, or has failed when there will be none.
 * Thread: the node's.
 */
#ifndef MQTT_WAITING_H
#define MQTT_WAITING_H

#include <potline/operator.h>

#include "held.h"

struct pl_mqtt_waiting {
    int64_t hold; /* as the option table fills them in */
    pl_time linger;

    struct pl_node *node;
    struct pl_held queue;
    struct pl_codec *codec;
    struct pl_later *soon, *last;
    void (*pump)(void *user);
    void *user;
    uint64_t next;   /* the row that is sent next */
    uint64_t end_at; /* of uv_hrtime */
    bool ending, at_end, given_up;
};

/* clang-format off */
#define PL_MQTT_WAITING_OPTIONS(S, at)                                                                                 \
    PL_OPT_SIZE(S, at.hold, "hold", "16MiB", "64KiB", "1GiB", PL_FIXED, "Rows that wait here and are part of the state; more makes the node busy."), \
    PL_OPT_DURATION(S, at.linger, "linger", "5s", "0s", "10m", PL_FIXED, "How long the last rows may take to leave at the end.")
/* clang-format on */

enum pl_code pl_mqtt_waiting_init(struct pl_mqtt_waiting *waiting, struct pl_node *node, void (*pump)(void *user),
                                  void *user, struct pl_error **error);
void pl_mqtt_waiting_fini(struct pl_mqtt_waiting *waiting); /* of one whose init failed, or never was, too */

bool pl_mqtt_waiting_put(struct pl_mqtt_waiting *waiting, struct pl_batch *batch); /* takes it; false: it has failed */
void pl_mqtt_waiting_soon(struct pl_mqtt_waiting *waiting);                        /* `pump`, from the loop */
void pl_mqtt_waiting_drop(struct pl_mqtt_waiting *waiting, uint64_t until);        /* rows in front of it have gone */
bool pl_mqtt_waiting_any(const struct pl_mqtt_waiting *waiting);                   /* to be sent yet */
void pl_mqtt_waiting_watermark(struct pl_mqtt_waiting *waiting, pl_time now);
void pl_mqtt_waiting_stop(struct pl_mqtt_waiting *waiting);

/* The state: [base, first, [batch, ...]]. What was under way is sent again. */
void pl_mqtt_waiting_save(const struct pl_mqtt_waiting *waiting, struct pl_pack *pack);
enum pl_code pl_mqtt_waiting_load(struct pl_mqtt_waiting *waiting, struct pl_unpack *unpack, struct pl_error **error);

#endif
