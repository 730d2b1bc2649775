#include <string.h>

#include "map.h"

void units_fini(struct map *m) {
    for (uint32_t i = 0; i < m->unit_count; i++)
        pl_free(m->units[i].input);
    for (uint32_t i = 0; i < m->use_room; i++)
        pl_free(m->uses[i].unit);
    pl_free(m->units);
    pl_free(m->uses);
    pl_free(m->marked);
}

struct tag_use *units_use(struct map *m, uint32_t tag) {
    if (tag >= m->use_room) {
        uint32_t count = pl_tags_count(pl_node_tags(m->node)), room = count + count / 2 + 16;
        struct tag_use *grown = pl_realloc(m->uses, room * sizeof *grown);
        if (!grown) return NULL;
        memset(grown + m->use_room, 0, (room - m->use_room) * sizeof *grown);
        m->uses = grown;
        m->use_room = room;
    }
    return &m->uses[tag];
}

static bool add_use(struct map *m, uint32_t tag, uint32_t unit) {
    struct tag_use *use = units_use(m, tag);
    if (use && use->count == use->room) {
        uint32_t room = use->room * 2 + 2;
        uint32_t *grown = pl_realloc(use->unit, room * sizeof *grown);
        if (!grown) return false;
        use->unit = grown;
        use->room = room;
    }
    if (use) use->unit[use->count++] = unit;
    return use != NULL;
}

/* True when it could be made, or never can be (there is no room for its names). */
static bool make_unit(struct map *m, uint32_t e, uint32_t asset) {
    const struct entry *entry = &m->entries[e];
    struct tag_use *owner = units_use(m, asset);
    if (!owner) return false;
    for (uint32_t u = owner->asset_units; u; u = m->units[u - 1].next)
        if (m->units[u - 1].entry == e) return true;
    if (m->unit_count == m->unit_room) {
        uint32_t room = m->unit_room * 2 + 16;
        struct unit *grown = pl_realloc(m->units, room * sizeof *grown);
        if (!grown) return false;
        m->units = grown;
        m->unit_room = room;
    }
    struct unit unit = {.entry = e, .asset = asset, .elsewhere = pl_node_partition(m->node) != 0};
    const struct name derived = {.text = entry->signal, .length = (uint8_t)strlen(entry->signal)};
    unit.tag = name_tag(m->node, asset, &derived);
    unit.input = pl_alloc((entry->names + 1) * sizeof *unit.input);
    bool fits = unit.tag != PL_NO_ID;
    for (unsigned v = 0; unit.input && fits && v < entry->names; v++) {
        unit.input[v] = name_tag(m->node, asset, &entry->name[v]);
        fits = unit.input[v] != PL_NO_ID;
        if (fits && !pl_tags_get(pl_node_tags(m->node), unit.input[v])->broadcast) unit.elsewhere = false;
    }
    if (!unit.input || !fits) {
        pl_free(unit.input);
        return unit.input != NULL;
    }
    unit.next = units_use(m, asset)->asset_units;
    uint32_t index = m->unit_count++;
    m->units[index] = unit;
    for (unsigned v = 0; v < entry->names; v++)
        if (!add_use(m, unit.input[v], index)) return false;
    struct tag_use *again = units_use(m, asset);
    if (again) again->asset_units = index + 1;
    return again != NULL;
}

/* How long the asset in front of the signal is; false when the tag is not of that signal. */
static bool asset_before(const struct pl_tag *tag, const struct name *name, size_t *length) {
    if (tag->length < name->length) return false;
    size_t rest = tag->length - name->length;
    if (memcmp(tag->name + rest, name->text, name->length) != 0 || (rest && tag->name[rest - 1] != '.')) return false;
    *length = rest ? rest - 1 : 0;
    return true;
}

static bool ask_entry(struct map *m, uint32_t e, const struct pl_tag *tag) {
    const struct entry *entry = &m->entries[e];
    for (unsigned v = 0; v < entry->names; v++) {
        size_t length;
        char asset[PL_NAME_MAX + 1];
        if (entry->name[v].of != NAME_OF_ASSET || !asset_before(tag, &entry->name[v], &length)) continue;
        memcpy(asset, tag->name, length);
        asset[length] = 0;
        if (!pl_glob(entry->assets, asset)) continue;
        uint32_t id = pl_tags_intern(pl_node_tags(m->node), asset, length);
        if (id != PL_NO_ID && !make_unit(m, e, id)) return false;
    }
    return true;
}

/* What is of the line or the plant is held before the first asset that needs it shows itself. */
static bool is_shared(const struct entry *entry, const struct pl_tag *tag) {
    for (unsigned v = 0; v < entry->names; v++) {
        const struct name *name = &entry->name[v];
        size_t front;
        if (name->of == NAME_OF_ASSET || !asset_before(tag, name, &front)) continue;
        if (name->of == NAME_OF_LINE || tag->length == name->length) return true;
    }
    return false;
}

bool units_ask(struct map *m, uint32_t tag) {
    bool shared = false;
    const struct pl_tag *name = pl_tags_get(pl_node_tags(m->node), tag);
    for (uint32_t e = 0; e < m->values.count; e++) {
        if (*m->entries[e].value->each) continue;
        if (!ask_entry(m, e, name)) return false;
        shared = shared || is_shared(&m->entries[e], name);
    }
    struct tag_use *use = units_use(m, tag);
    if (!use) return false;
    use->asked = true;
    use->shared = shared;
    return true;
}

bool units_of_one_asset(struct map *m) {
    for (uint32_t e = 0; e < m->values.count; e++) {
        const struct entry *entry = &m->entries[e];
        if (*entry->value->each || !entry->one_asset) continue;
        uint32_t id = pl_tags_intern(pl_node_tags(m->node), entry->assets, strlen(entry->assets));
        if (id != PL_NO_ID && !make_unit(m, e, id)) return false;
    }
    return true;
}
