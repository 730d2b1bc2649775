/* version.h: another version of a folder's silver and gold, as a replay has made it: by name, beside the live one.
 *
 *     DIR/versions/NAME/          a data folder of its own (store.h), under the same key
 *     its meta "version"          what made it, and where it counts
 *
 * Nobody sees a version who does not ask for it by name, until it is published: from then on whoever reads the zones
 * gets, wherever it counts, the rows of its nodes in place of the live ones that it knew; of several published ones the
 * last one that has the node. What has come live since is shown as it is. The live rows stay, so a version can be
 * withdrawn and dropped.
 */
#ifndef POTLINE_STORE_VERSION_H
#define POTLINE_STORE_VERSION_H

#include "store/lake.h"

enum { PL_VERSION_NAME_MAX = 63, PL_VERSIONS_MAX = 256 };

/* Where it counts: rows of a zone with from <= time < to. */
struct pl_version_span {
    enum pl_zone_id zone; /* silver or gold */
    pl_time from, to;
};

/* A node of the graph that made it. */
struct pl_version_node {
    char *name;
    char *was; /* an earlier name, "" for none: live rows of it are its own */
    char *op;
    char *plugin;     /* the version of the plugin that has it */
    uint64_t options; /* a hash of those that are part of the meaning of its state */
    bool counts;      /* its rows do; of all other nodes the live ones */
};

struct pl_version {
    char name[PL_VERSION_NAME_MAX + 1]; /* from its folder */
    pl_time made;
    pl_time published; /* 0: it is not */
    char *engine;      /* the version of the engine */
    char *graph;       /* its name */
    uint64_t hash;     /* of the graph */
    uint64_t rows;     /* of bronze that were played */
    uint64_t epoch;    /* of the live folder: it stands for rows up to this one */
    bool repair;       /* it holds what late rows change, and nothing else counts */
    struct pl_version_node *nodes;
    unsigned node_count;
    struct pl_version_span *spans; /* by zone, then by time; they do not overlap */
    unsigned span_count;
};

void pl_version_fini(struct pl_version *version);

/* Lower-case letters, digits, '.', '_' and '-', the first one of the first two. */
bool pl_version_name_fits(const char *name);

/* DIR/versions/NAME; the caller's (pl_free), NULL without memory. */
char *pl_version_path(const char *data, const char *name);

/* Into and out of its own folder. *version is the caller's (pl_version_fini); its name is not set. PL_NOT_FOUND: that
 * folder is no version, or one that was not finished. */
enum pl_code pl_version_write(struct pl_store *store, const struct pl_version *version, struct pl_error **error);
enum pl_code pl_version_read(struct pl_store *store, struct pl_version *version, struct pl_error **error);

/* Calls `each` with every folder of a version, finished or not, until one does not return PL_OK. */
typedef enum pl_code pl_versions_visitor(void *arg, const char *name, const char *path, struct pl_error **error);
enum pl_code pl_versions_each(const char *data, pl_versions_visitor *each, void *arg, struct pl_error **error);

/* What is there: a version, or why it cannot be read (its folder's name and `damage` then; owned). */
struct pl_version_entry {
    struct pl_version version;
    char *damage; /* NULL: none */
};

/* All that are finished, by name, at most PL_VERSIONS_MAX; *entries is the caller's, with each of them. None: PL_OK and
 * a count of 0. */
enum pl_code pl_versions_list(const char *data, struct pl_store_key *key, struct pl_version_entry **entries,
                              unsigned *count, struct pl_error **error);
void pl_versions_free(struct pl_version_entry *entries, unsigned count);

/* ---- Who answers for a row (version_view.c) ---- */

/* Does it have the rows of this node, which may be an earlier name of one of its nodes? */
bool pl_version_counts(const struct pl_version *version, const char *node);
bool pl_version_covers(const struct pl_version *version, enum pl_zone_id zone, pl_time time);

/* The index of the published version that answers for a node's rows of a time; -1: the live rows do. */
int pl_versions_answer(const struct pl_version *const *published, unsigned count, enum pl_zone_id zone,
                       const char *node, pl_time time);

#endif
