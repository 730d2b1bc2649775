#include "naming.h"

#include <string.h>

#include "link.h"

enum { PARTS_MAX = 9 };

static const char part_names[PARTS_MAX][3] = {"p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"};

static bool is_known(struct pl_span name) {
    static const char *const known[] = {"tag", "path", "asset", "signal", "kind"};
    for (size_t i = 0; i < PL_COUNT_OF(known); i++)
        if (strlen(known[i]) == name.length && memcmp(known[i], name.text, name.length) == 0) return true;
    return name.length == 2 && name.text[0] == 'p' && name.text[1] >= '1' && name.text[1] <= '9';
}

void pl_mqtt_naming_check(const char *template, const char *option, struct pl_check *check) {
    struct pl_span name;
    const char *at = template, *why;
    bool varies = false;
    while (pl_template_next(&at, &name, &why)) {
        varies = true;
        if (!is_known(name))
            pl_check_error(check, option, "{%.*s} is unknown; there are {tag} {path} {asset} {signal} {kind} {p1} ...",
                           (int)name.length, name.text);
    }
    if (why) pl_check_error(check, option, "%s", why);
    if (!why && !varies && *template)
        pl_check_warning(check, option, "all rows go to one topic; {path} would be one for each tag");
    if (strpbrk(template, "+#") || !*template || strlen(template) > PL_MQTT_TOPIC_MAX)
        pl_check_error(check, option, "a topic without + and # is wanted");
}

static void add(struct pl_variables *v, const char *name, const char *text, size_t length) {
    if (length && v->count < PL_TEMPLATE_VARIABLES)
        v->item[v->count++] = (struct pl_variable){{name, strlen(name)}, {text, length}};
}

static void add_parts(struct pl_variables *v, const char *name) {
    for (unsigned i = 0; i < PARTS_MAX && name; i++) {
        const char *dot = strchr(name, '.');
        add(v, part_names[i], name, dot ? (size_t)(dot - name) : strlen(name));
        name = dot ? dot + 1 : NULL;
    }
}

bool pl_mqtt_naming_of(const struct pl_mqtt_naming *naming, const char *name, const char *kind, char *topic) {
    struct pl_variables v = {.count = 0};
    char path[PL_NAME_MAX + 1];
    size_t length = strlen(name);
    if (length > PL_NAME_MAX) return false;
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; i < length; i++)
        path[i] = name[i] == '.' ? '/' : name[i];
    add(&v, "tag", name, length);
    add(&v, "path", path, length);
    add(&v, "asset", name, dot ? (size_t)(dot - name) : 0);
    add(&v, "signal", dot ? dot + 1 : name, dot ? (size_t)(name + length - dot - 1) : length);
    add(&v, "kind", kind, strlen(kind));
    add_parts(&v, name);
    size_t size = pl_template_expand(naming->template, &v, topic, PL_MQTT_TOPIC_MAX);
    topic[size] = 0;
    return size > 0 && !strpbrk(topic, "+#");
}

bool pl_mqtt_naming_topic(const struct pl_mqtt_naming *naming, const struct pl_tags *tags, const struct pl_batch *batch,
                          uint32_t row, char *topic) {
    uint32_t id =
        batch->kind == PL_EVENTS && batch->events.tag[row] ? batch->events.tag[row] : pl_batch_keys(batch)[row];
    return pl_mqtt_naming_of(naming, pl_tags_get(tags, id)->name, pl_kind_info[batch->kind].name, topic);
}
