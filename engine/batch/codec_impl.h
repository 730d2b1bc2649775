/* codec_impl.h: what the files of the codec share.
 *
 * Each encoding turns bytes into a pl_wire, a view of the parts of a batch with nothing checked but that its memory is
 * there, and pl__wire_batch makes a batch of it: the one place where the content is checked and names are entered.
 */
#ifndef POTLINE_CODEC_IMPL_H
#define POTLINE_CODEC_IMPL_H

#include <potline/codec.h>

#include "base/buffer.h"
#include "dictionary.h"

struct pl_text {
    const char *at; /* not ended by 0 */
    uint32_t length;
};

/* Memory that grows and is used again; what it held before a growth is lost. */
struct pl_scratch {
    void *at;
    size_t room;
};
void *pl__scratch(struct pl_scratch *scratch, size_t size); /* 8-aligned; NULL without memory */

enum { PL_WIRE_NAMES_MAX = 1 << 16 };

struct pl_wire {
    struct pl_batch_header header; /* `rows` and `kind` are true for the columns below */
    struct pl_text source, model;  /* model of length 0: none is said */
    struct pl_text *names;
    uint32_t name_count;
    size_t names_words;                 /* of the list of names, where it is kept in the codec's `seen` */
    bool same_names;                    /* as in the wire before, so that the codec's ids of them still hold */
    const void *column[PL_COLUMNS_MAX]; /* names are indexes into `names` */
    const void *heap[PL_HEAPS_MAX];
    uint32_t heap_length; /* of each heap, elements */
};

struct pl_codec {
    struct pl_tags *tags;
    struct pl_scratch out;     /* what encode returns: capnp */
    struct pl_scratch aligned; /* input that did not begin on a multiple of 8 */
    struct pl_scratch names;   /* struct pl_text */
    struct pl_scratch ids;     /* uint32_t: ids of the names of a wire; PL_NO_ID: not entered yet */
    struct pl_scratch seen;    /* the list of names of the last canonical message, as its words */
    size_t seen_words;         /* 0: `ids` and `names` are not of that list */
    struct pl_scratch columns; /* of a wire, where its encoding has none that can be used in place */
    struct pl_scratch places;  /* uint32_t: columns of names as places in the dictionary */
    struct pl_dictionary dictionary;
    struct pl_buffer text; /* what encode returns: msgpack, json */
    struct pl_buffer heap[PL_HEAPS_MAX];
};

/* Room for the names of a wire; forgets those of the one before. NULL without memory. */
struct pl_text *pl__wire_names(struct pl_codec *codec, uint32_t count);

enum pl_code pl__wire_batch(struct pl_codec *codec, const struct pl_wire *wire, struct pl_batch **batch,
                            struct pl_error **error);

/* The limits that every encoding holds to before it makes room: a kind we know, not too many rows. */
enum pl_code pl__wire_limits(unsigned kind, uint64_t rows, uint64_t heap, struct pl_error **error);

/* Ends an encoding into codec->text. */
enum pl_code pl__text_done(struct pl_codec *codec, const void **bytes, size_t *size, struct pl_error **error);

#define PL_CODEC_FUNCTIONS(name)                                                                                       \
    enum pl_code pl__##name##_encode(struct pl_codec *codec, const struct pl_batch *batch, const void **bytes,         \
                                     size_t *size, struct pl_error **error);                                           \
    enum pl_code pl__##name##_decode(struct pl_codec *codec, const void *bytes, size_t size, struct pl_batch **batch,  \
                                     struct pl_error **error)
PL_CODEC_FUNCTIONS(capnp);
PL_CODEC_FUNCTIONS(msgpack);
PL_CODEC_FUNCTIONS(json);

#endif
