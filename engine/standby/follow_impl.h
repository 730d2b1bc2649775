/* follow_impl.h: what follow.c and take_over.c share. */
#ifndef POTLINE_STANDBY_FOLLOW_IMPL_H
#define POTLINE_STANDBY_FOLLOW_IMPL_H

#include "standby/door.h"
#include "standby/fetch.h"
#include "standby/follow.h"
#include "standby/link.h"
#include "standby/serve_impl.h"

enum pl__phase { PL__GREETING, PL__FETCHING, PL__PULLING };
extern const char *const pl__phase_names[];

struct pl__follow {
    struct pl_follow_options options;
    struct pl_store *store; /* NULL: there is no copy yet */
    struct pl_lineage lineage;
    struct pl__link link;
    struct pl__door door;
    struct pl__fetch fetch;
    enum pl__phase phase;
    uint64_t session, nonce;
    uint64_t generation, latest; /* the engine's */
    uint8_t run[PL_LINEAGE_ID];  /* the engine's, as of the last welcome */
    char families[PL__FAMILIES_TEXT];
    size_t families_size;
    uint64_t position; /* all of its writes up to here are ours */
    uint64_t bytes;
    bool in_sync;     /* as the engine said when it was heard last */
    int64_t patience; /* for so long a sync of the engine waits for us */
    bool in_contact;  /* it has been heard in this life of ours */
    bool is_first;    /* the folder is of an engine at work; is there one with more right to that? */
    bool runs;        /* no */
    bool knocked;     /* people wait to hear what came of taking over */
    bool dirty;       /* written and not synced */
    int64_t synced, answer_by, listened, silent;
};

/* Makes a generation of its own of a folder, with a record of it. */
enum pl_code pl__take_over(struct pl_store *store, struct pl_lineage *lineage, const char *from, const char *why,
                           struct pl_error **error);

#endif
