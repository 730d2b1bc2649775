#include "export_postgres.h"

#include <stdio.h>
#include <string.h>

#include <potline/alloc.h>
#include <potline/harness.h>

#include "base/buffer.h"

struct pl__export_postgres {
    struct pl_harness *harness;
    struct pl_codec *codec; /* into the harness's names */
};

enum { OPTIONS_MAX = 1 << 20 };

/* A scalar of YAML between quotes. */
static void put_quoted(struct pl_buffer *out, const char *text) {
    pl_buffer_putc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'') pl_buffer_putc(out, '\'');
        pl_buffer_putc(out, *text);
    }
    pl_buffer_putc(out, '\'');
}

static void put_options(struct pl_buffer *out, const struct pl__export_postgres_options *options) {
    pl_buffer_printf(out, "{mode: replace, create: true, timeout: 1h, linger: 10m, time: %s, url: ",
                     options->nanoseconds ? "ns" : "timestamp");
    put_quoted(out, options->url);
    pl_buffer_printf(out, ", table: ");
    put_quoted(out, options->table);
    pl_buffer_printf(out, ", job: ");
    put_quoted(out, options->job);
    pl_buffer_printf(out, "}");
    pl_buffer_putc(out, 0);
}

enum pl_code pl__export_postgres_new(const struct pl__export_postgres_options *options, enum pl_kind kind,
                                     uint32_t names_max, struct pl__export_postgres **target, struct pl_error **error) {
    struct pl__export_postgres *t = *target = PL_NEW(struct pl__export_postgres);
    struct pl_buffer text;
    pl_buffer_init(&text, OPTIONS_MAX);
    put_options(&text, options);
    if (!t || pl_buffer_failed(&text)) {
        pl_buffer_fini(&text);
        return pl_error_set(error, PL_NO_MEMORY, "out of memory");
    }
    t->harness = pl_harness_new("sink.postgres", text.data, kind, error);
    pl_buffer_fini(&text);
    if (!t->harness) return PL_USAGE;
    pl_harness_forgets(t->harness);
    pl_harness_names(t->harness, names_max);
    struct pl_tags *tags = pl_harness_tags(t->harness);
    t->codec = tags ? pl_codec_new(tags) : NULL;
    return t->codec ? PL_OK : pl_error_set(error, PL_NO_MEMORY, "out of memory");
}

void pl__export_postgres_free(struct pl__export_postgres *target) {
    if (!target) return;
    pl_codec_free(target->codec);
    pl_harness_free(target->harness);
    pl_free(target);
}

static enum pl_code outcome(const struct pl__export_postgres *target, struct pl_error **error) {
    const char *why = pl_harness_failure(target->harness);
    return why ? pl_error_set(error, PL_IO, "%s", why) : PL_OK;
}

/* The harness has names of its own, so the batch goes there as one from another process would. */
enum pl_code pl__export_postgres_put(struct pl__export_postgres *target, struct pl_codec *codec,
                                     const struct pl_batch *batch, struct pl_error **error) {
    const void *bytes;
    size_t size;
    struct pl_batch *own;
    enum pl_code code = pl_codec_encode(codec, PL_CAPNP, batch, &bytes, &size, error);
    if (!code) code = pl_codec_decode(target->codec, PL_CAPNP, bytes, size, &own, error);
    if (code) return code;
    if (own->rows < batch->rows) {
        pl_batch_unref(own);
        return pl_error_set(error, PL_LIMIT, "there are too many names");
    }
    if (pl_harness_push(target->harness, 0, own) == PL_FLOW_FAIL) {
        code = outcome(target, error);
        return code ? code : pl_error_set(error, PL_IO, "the sink has failed");
    }
    pl_harness_turn(target->harness);
    return outcome(target, error);
}

enum pl_code pl__export_postgres_end(struct pl__export_postgres *target, struct pl_error **error) {
    pl_harness_end(target->harness);
    return outcome(target, error);
}
