/* join_pairs.c: which tags of the right belong to a tag of the left, and what is made of the two. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "join.h"

static const char left_place[] = "{left}", right_place[] = "{right}";

/* ---- Options ---- */

const char *join_read_take(const char *text, struct take *take) {
    struct name name;
    *take = (struct take){0};
    if (!*text || !name_read(text, strlen(text), &name))
        return "expected a signal of the asset, a whole tag, or what begins with {asset}. or {line}.";
    const char *dot = strrchr(name.text, '.');
    take->of = name.of;
    take->signal = dot ? dot + 1 : name.text;
    take->pattern = strpbrk(take->signal, "*?") != NULL;
    if (dot) memcpy(take->owner, name.text, (size_t)(dot - name.text));
    if (dot && name.of != NAME_OF_PLANT) return "behind {asset}. and {line}. stands one signal, without '.'";
    if (dot && (dot == name.text || strpbrk(take->owner, "*?")))
        return "a pattern is one of signals; in front of the last '.' stands one asset, or {asset} or {line}";
    return *take->signal ? NULL : "after the last '.' comes the name of a signal";
}

const char *join_read_tag(struct join *j, char *said) {
    const char *dot = strrchr(j->tag, '.');
    size_t assets = dot ? (size_t)(dot - j->tag) : 0;
    if (strlen(j->tag) > PL_NAME_MAX) return "the name is too long";
    memcpy(j->assets, j->tag, assets);
    j->assets[assets] = 0;
    j->signal = dot ? dot + 1 : j->tag;
    if (!*j->signal) return "after the last '.' comes the name of the signal that is made";
    for (const char *at = j->signal; (at = strpbrk(at, "*?{}")); at = strchr(at, '}') + 1) {
        if (strncmp(at, left_place, strlen(left_place)) == 0 || strncmp(at, right_place, strlen(right_place)) == 0)
            continue;
        snprintf(said, JOIN_SAID,
                 "'%.80s' is the signal that is made: a name, in which {right} and {left} are the signals of the two",
                 j->signal);
        return said;
    }
    for (uint32_t i = 0; i < j->take.count && !strstr(j->signal, right_place); i++)
        if (strpbrk(j->take.items[i], "*?")) return "with a pattern in `take` it needs {right}, or all give one tag";
    return NULL;
}

/* ---- Tags ---- */

void join_pairs_fini(struct join *j) {
    for (uint32_t i = 0; i < j->role_room; i++)
        pl_free(j->roles[i].pair);
    pl_free(j->roles);
    j->roles = NULL;
    j->role_room = 0;
}

struct role *join_role(struct join *j, uint32_t tag) {
    if (tag >= j->role_room) {
        uint32_t count = pl_tags_count(pl_node_tags(j->node)), room = count + count / 2 + 16;
        struct role *grown = pl_realloc(j->roles, room * sizeof *grown);
        if (!grown) return NULL;
        memset(grown + j->role_room, 0, (room - j->role_room) * sizeof *grown);
        j->roles = grown;
        j->role_room = room;
    }
    return &j->roles[tag];
}

static const char *signal_of(const struct pl_tag *tag, const struct pl_tag *asset) {
    return tag->asset ? tag->name + asset->length + 1 : tag->name;
}

static bool takes(const struct join *j, const struct take *take, const struct pl_tag *tag) {
    const struct pl_tag *asset = pl_tags_get(pl_node_tags(j->node), tag->asset);
    if (take->of == NAME_OF_LINE && name_line_length(j->node, asset->name) != asset->length) return false;
    if (take->of == NAME_OF_PLANT && strcmp(take->owner, asset->name) != 0) return false;
    return pl_glob(take->signal, signal_of(tag, asset));
}

struct role *join_ask_right(struct join *j, uint32_t id) {
    const struct pl_tag *tag = pl_tags_get(pl_node_tags(j->node), id);
    struct role *role = join_role(j, id);
    if (!role || role->asked_right) return role;
    struct role *owner = join_role(j, tag->asset);
    if (!owner) return NULL;
    role = &j->roles[id]; /* it may have moved */
    role->asked_right = true;
    for (uint32_t i = 0; i < j->take.count && !role->right; i++)
        role->right = takes(j, &j->takes[i], tag);
    if (!role->right) return role;
    role->next = owner->first;
    owner->first = id + 1;
    owner->rights++;
    j->rights++;
    return role;
}

struct role *join_ask_left(struct join *j, uint32_t id) {
    const struct pl_tag *tag = pl_tags_get(pl_node_tags(j->node), id);
    struct role *role = join_role(j, id);
    if (!role || role->asked_left) return role;
    role->asked_left = true;
    role->left =
        pl_glob(j->each, tag->name) && pl_glob(j->assets, pl_tags_get(pl_node_tags(j->node), tag->asset)->name);
    return role;
}

/* ---- Pairs ---- */

/* The asset's name, a '.', and the signal with what stands for its places. */
static uint32_t made_of(struct join *j, uint32_t left, const char *right_signal) {
    struct pl_tags *tags = pl_node_tags(j->node);
    const struct pl_tag *tag = pl_tags_get(tags, left), *asset = pl_tags_get(tags, tag->asset);
    char text[PL_NAME_MAX + 1];
    int used = snprintf(text, sizeof text, "%s%s", asset->name, tag->asset ? "." : "");
    for (const char *at = j->signal; *at && used >= 0 && (size_t)used < sizeof text;) {
        bool is_left = strncmp(at, left_place, strlen(left_place)) == 0;
        bool is_right = strncmp(at, right_place, strlen(right_place)) == 0;
        if (is_left || is_right) {
            const char *put = is_left ? signal_of(tag, asset) : right_signal;
            used += snprintf(text + used, sizeof text - (size_t)used, "%s", put);
            at = strchr(at, '}') + 1;
        } else {
            text[used++] = *at++;
        }
    }
    return (size_t)used < sizeof text ? pl_tags_intern(tags, text, (size_t)used) : PL_NO_ID;
}

/* The asset whose signals are taken; PL_NO_ID: there is no room for its name, so it has none. */
static uint32_t owner_of(const struct join *j, const struct take *take, uint32_t left) {
    struct pl_tags *tags = pl_node_tags(j->node);
    uint32_t asset = pl_tags_get(tags, left)->asset;
    const char *name = pl_tags_get(tags, asset)->name;
    switch (take->of) {
    case NAME_OF_ASSET: return asset;
    case NAME_OF_LINE: return pl_tags_intern(tags, name, name_line_length(j->node, name));
    default: return pl_tags_intern(tags, take->owner, strlen(take->owner));
    }
}

static bool add_pair(struct join *j, uint32_t left, uint32_t right, const char *signal, bool pattern) {
    uint32_t made = made_of(j, left, signal);
    struct role *target = join_role(j, made == PL_NO_ID ? left : made), *role = target ? &j->roles[left] : NULL;
    struct pair *grown = role ? pl_realloc(role->pair, (role->pairs + 1) * sizeof *grown) : NULL;
    if (!grown) return false;
    role->pair = grown;
    role->pair[role->pairs++] = (struct pair){.right = right, .made = made, .pattern = pattern};
    return true;
}

static int by_name_of_right(const void *a, const void *b, void *tags) {
    const struct pair *x = a, *y = b;
    return strcmp(pl_tags_get(tags, x->right)->name, pl_tags_get(tags, y->right)->name);
}

/* All tags of the owner that have shown themselves and fit. */
static bool add_pattern(struct join *j, const struct take *take, uint32_t left, uint32_t owner) {
    struct pl_tags *tags = pl_node_tags(j->node);
    uint32_t from = j->roles[left].pairs;
    for (uint32_t id = j->roles[owner].first; id; id = j->roles[id - 1].next) {
        const char *signal = signal_of(pl_tags_get(tags, id - 1), pl_tags_get(tags, owner));
        if (pl_glob(take->signal, signal) && !add_pair(j, left, id - 1, signal, true)) return false;
    }
    struct role *role = &j->roles[left];
    if (role->pairs > from) qsort_r(role->pair + from, role->pairs - from, sizeof *role->pair, by_name_of_right, tags);
    return true;
}

static bool add_take(struct join *j, const struct take *take, uint32_t left, uint32_t owner) {
    const struct name name = {.text = take->signal, .length = (uint8_t)strlen(take->signal)};
    if (take->pattern) return owner == PL_NO_ID || add_pattern(j, take, left, owner);
    uint32_t right = owner == PL_NO_ID ? PL_NO_ID : name_tag(j->node, owner, &name);
    return add_pair(j, left, right, take->signal, false);
}

static bool find_owners(struct join *j, uint32_t left, uint32_t owner[], uint64_t *known) {
    *known = 1;
    for (uint32_t i = 0; i < j->take.count; i++) {
        owner[i] = owner_of(j, &j->takes[i], left);
        const struct role *role = owner[i] == PL_NO_ID ? NULL : join_role(j, owner[i]);
        if (owner[i] != PL_NO_ID && !role) return false;
        if (role && j->takes[i].pattern) *known += role->rights;
    }
    return true;
}

bool join_find_pairs(struct join *j, uint32_t left) {
    uint32_t owner[JOIN_TAKE_MAX] = {0};
    uint64_t known;
    struct role *role = join_role(j, left);
    if (!role) return false;
    if (role->looked == j->rights + 1) return true;
    if (!find_owners(j, left, owner, &known)) return false;
    role = &j->roles[left]; /* it may have moved */
    if (role->known != known) {
        role->pairs = 0;
        role->known = 0;
        for (uint32_t i = 0; i < j->take.count; i++)
            if (!add_take(j, &j->takes[i], left, owner[i])) return false;
    }
    j->roles[left].known = known;
    j->roles[left].looked = j->rights + 1;
    return true;
}
