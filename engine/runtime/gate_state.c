/* gate_state.c: a gate's part of a checkpoint: [told, idle, watermark, end told, inputs, runs of rows that wait].
 *
 * An input is [name, watermark, idle, ended, stopped], and behind them the model that its rows came from last, if they
 * had one; a run is [input, rows as Cap'n Proto], or, when they wait in the
 * spill, [input, ticket, time, rows]. Runs stand in the order in which they came.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <potline/alloc.h>

#include "batch/batch_impl.h"
#include "runtime/gate_impl.h"

/* ---- Saving ---- */

static void pack_inputs(const struct pl_gate *gate, struct pl_pack *pack) {
    pl_pack_array(pack, gate->count);
    for (unsigned i = 0; i < gate->count; i++) {
        const struct pl__input *input = &gate->inputs[i];
        const char *model = input->model ? pl_tags_get(gate->options.tags, input->model)->name : "";
        pl_pack_array(pack, 5 + (*model != 0));
        pl_pack_str(pack, input->name);
        pl_pack_int(pack, input->watermark);
        pl_pack_bool(pack, input->idle);
        pl_pack_bool(pack, input->ended);
        pl_pack_bool(pack, input->stopped);
        if (*model) pl_pack_str(pack, model);
    }
}

static enum pl_code pack_rows(const struct pl__run *run, struct pl_codec *codec, struct pl_pack *pack,
                              struct pl_error **error) {
    uint32_t rows = run->rows - run->next;
    struct pl_batch *rest = pl_batch_like(run->batch, rows, run->batch->heap_used[0]);
    if (!rest) return pl_error_set(error, PL_NO_MEMORY, "no memory for rows that wait");
    const void *bytes;
    size_t size;
    pl__gate_copy(rest, run, rows);
    pl_batch_seal(rest);
    enum pl_code code = pl_codec_encode(codec, PL_CAPNP, rest, &bytes, &size, error);
    if (!code) {
        pl_pack_array(pack, 2);
        pl_pack_uint(pack, run->input);
        pl_pack_bin(pack, bytes, size);
    }
    pl_batch_unref(rest);
    return code;
}

/* One that is in the spill is there as it came. */
static enum pl_code pack_spilled(const struct pl_gate *gate, const struct pl__run *run, struct pl_codec *codec,
                                 struct pl_pack *pack, struct pl_error **error) {
    struct pl__run whole = *run;
    whole.batch = pl_spill_look(gate->options.spill, run->ticket);
    if (!whole.batch) return pl_error_set(error, PL_IO, "rows that wait in the spill cannot be read");
    enum pl_code code = pack_rows(&whole, codec, pack, error);
    pl_batch_unref(whole.batch);
    return code;
}

static enum pl_code pack_run(const struct pl_gate *gate, const struct pl__run *run, struct pl_codec *codec,
                             struct pl_pack *pack, struct pl_error **error) {
    if (run->batch) return pack_rows(run, codec, pack, error);
    if (gate->options.moves) return pack_spilled(gate, run, codec, pack, error);
    pl_pack_array(pack, 4);
    pl_pack_uint(pack, run->input);
    pl_pack_uint(pack, run->ticket);
    pl_pack_int(pack, run->time);
    pl_pack_uint(pack, run->rows);
    return PL_OK;
}

static int by_arrival(const void *a, const void *b) {
    const struct pl__run *x = *(const struct pl__run *const *)a, *y = *(const struct pl__run *const *)b;
    return (x->arrival > y->arrival) - (x->arrival < y->arrival);
}

static enum pl_code pack_runs(const struct pl_gate *gate, struct pl_codec *codec, struct pl_pack *pack,
                              struct pl_error **error) {
    enum pl_code code = PL_OK;
    const struct pl__run **order = pl_alloc((gate->runs + 1) * sizeof(struct pl__run *));
    if (!order) return pl_error_set(error, PL_NO_MEMORY, "no memory for rows that wait");
    for (uint32_t i = 0; i < gate->runs; i++)
        order[i] = &gate->heap[i];
    qsort(order, gate->runs, sizeof(struct pl__run *), by_arrival);
    pl_pack_array(pack, gate->runs);
    for (uint32_t i = 0; i < gate->runs && !code; i++)
        code = pack_run(gate, order[i], codec, pack, error);
    pl_free(order);
    return code;
}

enum pl_code pl_gate_save(struct pl_gate *gate, struct pl_codec *codec, struct pl_pack *pack, struct pl_error **error) {
    pl_pack_array(pack, 6);
    pl_pack_int(pack, gate->told);
    pl_pack_bool(pack, gate->idle_told);
    pl_pack_int(pack, gate->watermark);
    pl_pack_bool(pack, gate->end_told);
    pack_inputs(gate, pack);
    return pack_runs(gate, codec, pack, error);
}

/* ---- Loading ---- */

enum { GONE = UINT16_MAX, INPUTS_MAX = UINT16_MAX };

static enum pl_code damaged(struct pl_error **error) {
    return pl_error_set(error, PL_CORRUPT, "what its inputs held is damaged");
}

static bool unpack_model(const struct pl_gate *gate, struct pl_unpack *unpack, uint32_t *model) {
    const char *text;
    size_t length;
    if (!pl_unpack_str(unpack, &text, &length)) return false;
    *model = pl_tags_intern(gate->options.tags, text, length);
    if (*model == PL_NO_ID) *model = 0;
    return true;
}

/* *places[i] is where the input that was number i is now, or GONE. */
static bool unpack_inputs(struct pl_gate *gate, struct pl_unpack *unpack, uint16_t **places, uint32_t *count) {
    if (!pl_unpack_array(unpack, count) || *count >= INPUTS_MAX) return false;
    *places = pl_alloc((*count + 1) * sizeof **places);
    for (uint32_t i = 0; *places && i < *count; i++) {
        struct pl__input found = {0};
        const char *name;
        size_t length;
        uint32_t items;
        if (!pl_unpack_array(unpack, &items) || items < 5 || items > 6 || !pl_unpack_str(unpack, &name, &length) ||
            !pl_unpack_int(unpack, &found.watermark) || !pl_unpack_bool(unpack, &found.idle) ||
            !pl_unpack_bool(unpack, &found.ended) || !pl_unpack_bool(unpack, &found.stopped) ||
            (items == 6 && !unpack_model(gate, unpack, &found.model)))
            return false;
        (*places)[i] = GONE;
        for (unsigned k = 0; k < gate->count; k++) {
            struct pl__input *input = &gate->inputs[k];
            if (strlen(input->name) != length || memcmp(input->name, name, length) != 0) continue;
            (*places)[i] = (uint16_t)k;
            input->watermark = found.watermark;
            input->idle = found.idle;
            input->ended = found.ended;
            input->stopped = found.stopped;
            input->model = found.model;
            gate->models_new = true;
        }
    }
    return *places != NULL;
}

static enum pl_code load_rows(struct pl_gate *gate, struct pl_codec *codec, unsigned input, struct pl_unpack *unpack,
                              struct pl_error **error) {
    const void *bytes;
    size_t size;
    struct pl_batch *batch;
    if (!pl_unpack_bin(unpack, &bytes, &size)) return damaged(error);
    if (input == GONE) return PL_OK;
    enum pl_code code = pl_codec_decode(codec, PL_CAPNP, bytes, size, &batch, error);
    if (code) return code;
    pl__gate_hold(gate, input, batch);
    return gate->broken ? pl_error_set(error, PL_NO_MEMORY, "no memory for rows that wait") : PL_OK;
}

static enum pl_code load_ticket(struct pl_gate *gate, unsigned input, struct pl_unpack *unpack,
                                struct pl_error **error) {
    uint64_t ticket, rows;
    struct pl__run run = {.arrival = gate->arrivals++, .input = input};
    if (!pl_unpack_uint(unpack, &ticket) || !pl_unpack_int(unpack, &run.time) || !pl_unpack_uint(unpack, &rows) ||
        rows == 0 || rows > PL_BATCH_ROWS_MAX)
        return damaged(error);
    if (input == GONE) return PL_OK;
    run.ticket = ticket;
    run.rows = (uint32_t)rows;
    if (!gate->options.spill)
        return pl_error_set(error, PL_CONFLICT, "%" PRIu64 " rows or more that wait for another input are in the spill",
                            rows);
    if (!pl_spill_keep(gate->options.spill, ticket))
        return pl_error_set(error, PL_CORRUPT, "rows that wait are not in the store any more");
    gate->held_rows += rows;
    return pl__gate_push(gate, &run) ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "no memory for rows that wait");
}

static enum pl_code load_runs(struct pl_gate *gate, struct pl_codec *codec, const uint16_t *places, uint32_t inputs,
                              struct pl_unpack *unpack, struct pl_error **error) {
    uint32_t runs, items;
    uint64_t input;
    enum pl_code code = PL_OK;
    if (!pl_unpack_array(unpack, &runs)) return damaged(error);
    for (uint32_t i = 0; i < runs && !code; i++) {
        if (!pl_unpack_array(unpack, &items) || (items != 2 && items != 4) || !pl_unpack_uint(unpack, &input) ||
            input >= inputs)
            return damaged(error);
        code = items == 2 ? load_rows(gate, codec, places[input], unpack, error)
                          : load_ticket(gate, places[input], unpack, error);
    }
    return code;
}

enum pl_code pl_gate_load(struct pl_gate *gate, struct pl_codec *codec, struct pl_unpack *unpack,
                          struct pl_error **error) {
    uint32_t items, inputs = 0;
    uint16_t *places = NULL;
    bool good = pl_unpack_array(unpack, &items) && items == 6 && pl_unpack_int(unpack, &gate->told) &&
                pl_unpack_bool(unpack, &gate->idle_told) && pl_unpack_int(unpack, &gate->watermark) &&
                pl_unpack_bool(unpack, &gate->end_told) && unpack_inputs(gate, unpack, &places, &inputs);
    enum pl_code code = good ? load_runs(gate, codec, places, inputs, unpack, error) : damaged(error);
    pl_free(places);
    gate->merges = gate->count == 1 && gate->runs;
    return code;
}
