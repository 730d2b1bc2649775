/* wire.h: payloads of Sparkplug B as bytes, read and written.
 *
 *     if (pl__spb_read(&wire, bytes, size))
 *         for (i = 0; i < pl__spb_count(&wire); i++) pl__spb_metric(&wire, i, datatype_of_its_birth, &metric);
 *
 * What is read is held in one block of bounded size, which grows to what a message may take and is used again: a
 * message that would take more is refused (a metric without anything takes two bytes on the wire and hundreds in
 * memory). Texts of a metric are valid until the next read. Thread: the owner's.
 */
#ifndef SPARKPLUG_WIRE_H
#define SPARKPLUG_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <potline/time.h>

enum pl__sp_type {
    PL__SP_UNKNOWN,
    PL__SP_INT8,
    PL__SP_INT16,
    PL__SP_INT32,
    PL__SP_INT64,
    PL__SP_UINT8,
    PL__SP_UINT16,
    PL__SP_UINT32,
    PL__SP_UINT64,
    PL__SP_FLOAT,
    PL__SP_DOUBLE,
    PL__SP_BOOLEAN,
    PL__SP_STRING,
    PL__SP_DATETIME,
    PL__SP_TEXT
};

/* Values of the property Quality. */
enum { PL__SP_BAD = 0, PL__SP_GOOD = 192, PL__SP_STALE = 500 };

enum pl__metric_holds { PL__HOLDS_NOTHING, PL__HOLDS_NUMBER, PL__HOLDS_TEXT, PL__HOLDS_OTHER };

struct pl__metric {
    const char *name; /* NULL: it has none, only an alias */
    bool has_alias, has_time, has_quality, historical, null;
    uint64_t alias;
    pl_time time;
    uint32_t type; /* its own, or what was given */
    uint8_t holds; /* enum pl__metric_holds */
    double value;
    const char *text;
    int64_t quality;
    const char *unit, *description; /* "" when it says none */
    double low, high;               /* of the values; NaN when it says none */
};

struct pl__arena {
    char *block;
    size_t size, used, limit;
    bool overrun;
};

struct pl__spb {
    struct pl__arena arena;
    void *payload; /* what was read last; NULL: nothing */
};

enum { PL__SPB_LIMIT = 32 << 20 };

void pl__spb_fini(struct pl__spb *wire); /* of a zeroed one too */

/* False: *why says it, a constant. */
bool pl__spb_read(struct pl__spb *wire, const void *bytes, size_t size, const char **why);
bool pl__spb_time(const struct pl__spb *wire, pl_time *time);
bool pl__spb_seq(const struct pl__spb *wire, uint64_t *seq);
size_t pl__spb_count(const struct pl__spb *wire);
void pl__spb_metric(const struct pl__spb *wire, size_t index, uint32_t type, struct pl__metric *metric);

/* ---- Writing ---- */

/* Bytes that grow; of a zeroed one. */
struct pl__bytes {
    uint8_t *data;
    size_t size, room;
    bool failed;
};

void pl__bytes_fini(struct pl__bytes *bytes);

/* A payload begins anew, with its time and, unless it is negative, its number. */
void pl__put_payload(struct pl__bytes *bytes, pl_time time, int seq);

/* A metric behind it, by name (NULL: none) and alias. `type` 0: not said. Of an integer type the value is rounded. With
 * `property` the quality is said, and in a birth (with a name) the unit and the range where there is one. */
struct pl__outgoing {
    const char *name;
    bool has_alias;
    uint64_t alias;
    pl_time time;
    uint32_t type;
    double value; /* NaN: null */
    bool historical, has_quality;
    uint32_t quality;
    const char *unit; /* NULL or "": none */
    double low, high; /* infinite: none */
};
void pl__put_metric(struct pl__bytes *bytes, const struct pl__outgoing *metric);

#endif
