/* book.h: what edge nodes have said of themselves: their births, the aliases of their metrics, how far they have
 * counted.
 *
 *     NBIRTH, DBIRTH    metrics with names, aliases, types; their values are rows
 *     NDATA, DDATA      rows, by name or alias
 *     NDEATH, DDEATH    each metric of it once more: its last value, uncertain and stale
 *
 * A node's messages count from 0 to 255 and round again. A gap is told with how many are missing at least, and the node
 * is asked to be born again (`rebirth`, not more often than `again`); so is one whose birth has not been heard of. What
 * has no name here (an alias before its birth) is refused.
 *
 * What a birth says of a metric for people (unit, description) is told to the registry of tags; a unit that differs
 * from the one before, or from the graph's own, is passed to `unit`, once each time that it is told anew.
 *
 * A tag is made of the names by a template: {group} {edge} {device} {metric}; slashes in a metric's name become dots,
 * and a part that is empty goes with the dot behind it. Thread: the node's.
 */
#ifndef SPARKPLUG_BOOK_H
#define SPARKPLUG_BOOK_H

#include <potline/operator.h>

#include "topic.h"
#include "wire.h"

enum { PL__EDGES_MAX = 4096, PL__DEVICES_MAX = 65535 };

struct pl__book_row {
    pl_time time;
    double value;
    uint32_t tag;
    uint16_t quality;
};

struct pl__book_setup {
    const char *tag;  /* the template */
    uint64_t metrics; /* of all nodes together, at most */
    pl_time again;    /* between two requests to one node */
    pl_time (*now)(void *user);
    bool (*row)(void *user, const struct pl__book_row *row); /* false: no memory */
    void (*rebirth)(void *user, const char *group, const char *edge);
    void (*refused)(void *user, const char *cause, const char *reason, uint32_t samples);
    void (*missing)(void *user, const char *edge, uint32_t messages);
    /* Of a tag: what had been told, and what has been now. */
    void (*unit)(void *user, uint32_t tag, const struct pl_tag_text told[2]);
    void (*told)(void *user, const char *kind, uint16_t severity, const char *group, const char *edge,
                 const char *device);
    void *user;
};

/* A metric, as its birth has it. */
struct pl__book_metric {
    uint32_t tag;
    uint32_t device; /* index; 0: the node itself */
    uint32_t type;
    bool has_alias, stale;
    uint64_t alias;
    double value;     /* the last */
    double low, high; /* NaN: none */
    char *name;
};

struct pl__slots { /* a table of numbers to indexes of metrics */
    uint64_t *key;
    uint32_t *index; /* + 1; 0: empty */
    uint32_t count, room;
};

struct pl__edge {
    char *group, *name;
    char **device; /* names; the first is "" */
    bool *device_lives;
    uint32_t device_count;
    struct pl__book_metric *metric;
    uint32_t count, room;
    struct pl__slots by_alias, by_tag;
    bool lives, has_bd;
    double bd;     /* bdSeq of its birth */
    uint8_t next;  /* seq that is due */
    pl_time asked; /* when it was asked to be born again; 0: not yet */
};

struct pl__book {
    struct pl__book_setup setup;
    struct pl_tags *tags;
    struct pl__spb wire;
    struct pl__edge **edge;
    uint32_t count;
    uint64_t metrics;
    bool failed; /* without memory */
    uint32_t missing_rows;
};

void pl__book_init(struct pl__book *book, const struct pl__book_setup *setup, struct pl_tags *tags);
void pl__book_fini(struct pl__book *book); /* of a zeroed one too */

/* A message of a node or device. False: without memory. */
bool pl__book_take(struct pl__book *book, const struct pl__sp_topic *topic, const void *bytes, size_t size);

/* Nobody is heard any more: every node is to be born again before its data means something. */
void pl__book_forget(struct pl__book *book);

/* The metric behind a tag, of a node that lives; NULL: none. */
const struct pl__book_metric *pl__book_find(const struct pl__book *book, uint32_t tag, const struct pl__edge **edge);

/* NULL: it is a template; else what is wrong with it. */
const char *pl__book_template_check(const char *template);

#endif
