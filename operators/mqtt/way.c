#include "way.h"

enum { OUT = 0 };

static bool on_has(void *user, uint32_t tag) {
    struct pl_mqtt_way *way = user;
    const char *name = pl_tags_get(pl_node_tags(way->node), tag)->name;
    bool ours = false;
    for (uint32_t i = 0; i < way->tags.count && !ours; i++)
        ours = pl_glob(way->tags.items[i], name);
    return ours && (!way->setup.has || way->setup.has(user, name));
}

static void tell(struct pl_mqtt_way *way) {
    if (pl_mqtt_events_emit(&way->events, OUT) == PL_FLOW_FAIL) pl_fail(way->node, "no memory for an event");
}

static void on_up(void *user, bool session) {
    struct pl_mqtt_way *way = user;
    (void)session;
    pl_mqtt_events_up(&way->events);
    tell(way);
    if (way->setup.up) way->setup.up(user);
    pl_orders_up(&way->orders);
}

static void on_down(void *user, const char *why) {
    struct pl_mqtt_way *way = user;
    pl_mqtt_events_down(&way->events, why);
    tell(way);
    if (way->setup.down) way->setup.down(user);
    pl_orders_down(&way->orders);
}

static void on_published(void *user, int id) {
    pl_orders_answered(&((struct pl_mqtt_way *)user)->orders, id);
}

void pl_mqtt_way_check(const struct pl_mqtt_way *way, struct pl_check *check) {
    pl_mqtt_check(&way->link_options, check);
    if (way->tags.count == 0) pl_check_error(check, "tags", "no set point would have a place here");
}

enum pl_code pl_mqtt_way_open(struct pl_mqtt_way *way, struct pl_node *node, const struct pl_mqtt_way_setup *setup,
                              struct pl_error **error) {
    way->node = node;
    way->setup = *setup;
    struct pl_orders_setup orders = {.deadline = way->deadline,
                                     .reads_back = setup->reads_back,
                                     .tolerance = way->tolerance,
                                     .has = on_has,
                                     .send = setup->send,
                                     .user = way};
    enum pl_code code =
        pl_mqtt_events_init(&way->events, node, way->link_options.server, PL_ORDER_OUTCOME_COUNT, error);
    if (!code) code = pl_orders_init(&way->orders, node, &orders, error);
    if (code) return code;
    struct pl_mqtt_setup link = {.options = &way->link_options,
                                 .in_flight = setup->in_flight,
                                 .max_message = setup->max_message,
                                 .forgets = true,
                                 .up = on_up,
                                 .down = on_down,
                                 .message = setup->message,
                                 .published = on_published,
                                 .user = way};
    way->link = pl_mqtt_new(node, &link, error);
    return way->link ? PL_OK : PL_UNAVAILABLE;
}

enum pl_flow pl_mqtt_way_process(void *self, struct pl_node *node, unsigned input, struct pl_batch *batch) {
    struct pl_mqtt_way *way = self;
    (void)node;
    (void)input;
    for (uint32_t row = 0; row < batch->rows; row++)
        pl_orders_take(&way->orders, batch, row);
    pl_batch_unref(batch);
    return PL_FLOW_OK;
}

void pl_mqtt_way_stop(void *self, struct pl_node *node) {
    struct pl_mqtt_way *way = self;
    (void)node;
    if (way->link) pl_orders_withdraw(&way->orders);
}

void pl_mqtt_way_close(struct pl_mqtt_way *way) {
    pl_mqtt_free(way->link);
    way->link = NULL;
    pl_orders_fini(&way->orders);
    pl_mqtt_events_fini(&way->events);
}

static enum pl_code list_run(void *self, struct pl_node *node, const void *args, struct pl_call *call,
                             struct pl_error **error) {
    const struct pl_mqtt_way *way = self;
    const struct pl_orders_list_args *wanted = args;
    (void)node;
    (void)error;
    pl_orders_list(&way->orders, wanted->tag, way->link_options.server, call);
    return PL_OK;
}

const struct pl_command pl_mqtt_way_commands[] = {
    {.name = "setpoints list",
     .doc = "Lists the set points of the field: what was wanted, and how it ended.",
     .roles = PL_MAY_SEE,
     .args = pl_orders_list_options,
     .args_size = sizeof(struct pl_orders_list_args),
     .run = list_run},
    {.name = NULL},
};

const struct pl_counter pl_mqtt_way_counters[] = {
    PL_ORDER_OUTCOMES(PL_ORDER_COUNTER){
        .name = "events_left_out", .unit = "events", .doc = "Events of the connection that found no room."},
    {.name = NULL},
};
