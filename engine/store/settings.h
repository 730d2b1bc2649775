/* settings.h: what people have set on running nodes, by the epoch at whose barrier it was carried out, so that a replay
 * has it from the same row on.
 *
 *     meta "settings"                   -> checksum | the epoch since which nothing is missing
 *     meta "settings.EPOCH.NUMBER"      -> checksum | node, call, what the graph file said
 *
 * An entry is written in front of its epoch; one whose epoch a death has prevented goes at the next opening. Past
 * PL_SETTINGS_MOST the oldest go.
 *
 * Threads: one at a time writes.
 */
#ifndef POTLINE_STORE_SETTINGS_H
#define POTLINE_STORE_SETTINGS_H

#include "store/store.h"

enum { PL_SETTINGS_MOST = 10000 };

struct pl_settings_entry {
    uint64_t epoch;
    const char *node; /* "": a run has ended, and with it what was set for it */
    const void *call; /* as bytes (runtime/call_wire.h) */
    size_t size;
    const char *graph; /* of an option: its value in the graph file; else "" */
};

struct pl_settings;

/* For writing; `last` is the last epoch. Owned by the caller. */
enum pl_code pl_settings_open(struct pl_store *store, uint64_t last, struct pl_settings **settings,
                              struct pl_error **error);
void pl_settings_close(struct pl_settings *settings); /* NULL is fine */
enum pl_code pl_settings_add(struct pl_settings *settings, const struct pl_settings_entry *entry,
                             struct pl_error **error);

/* Nothing of what was set behind this epoch is missing; UINT64_MAX: nothing is known. */
enum pl_code pl_settings_since(struct pl_store *store, uint64_t *since, struct pl_error **error);

/* In the order in which it was carried out, until `each` does not return PL_OK; the entry is borrowed for the call. */
typedef enum pl_code pl_settings_visitor(void *arg, const struct pl_settings_entry *entry, struct pl_error **error);
enum pl_code pl_settings_each(struct pl_store *store, pl_settings_visitor *each, void *arg, struct pl_error **error);

#endif
