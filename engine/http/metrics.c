#include "metrics.h"

#include <string.h>

#include <potline/text.h>

/* As the format wants them: '\' and newline in texts, '"' too in values of labels. */
static void put_escaped(struct pl_buffer *out, const char *text, bool label) {
    for (; *text; text++) {
        if (*text == '\n')
            pl_buffer_puts(out, "\\n");
        else if (*text == '\\' || (label && *text == '"'))
            pl_buffer_printf(out, "\\%c", *text);
        else
            pl_buffer_putc(out, *text);
    }
}

void pl__metric_head(struct pl_buffer *out, const char *name, enum pl__metric_type type, const char *help) {
    static const char *const types[] = {"counter", "gauge", "histogram"};
    pl_buffer_printf(out, "# HELP %s ", name);
    put_escaped(out, help, false);
    pl_buffer_printf(out, "\n# TYPE %s %s\n", name, types[type]);
}

static void put_number(struct pl_buffer *out, double value) {
    char text[PL_TEXT_F64_MAX];
    if (value != value)
        pl_buffer_puts(out, "NaN");
    else
        pl_buffer_put(out, text, (size_t)(pl_text_put_f64(text, value) - text));
}

void pl__metric_put(struct pl_buffer *out, const char *name, double value, const char *const *labels) {
    char before = '{';
    pl_buffer_puts(out, name);
    for (; labels && labels[0]; labels += 2, before = ',') {
        pl_buffer_printf(out, "%c%s=\"", before, labels[0]);
        put_escaped(out, labels[1], true);
        pl_buffer_putc(out, '"');
    }
    pl_buffer_puts(out, before == ',' ? "} " : " ");
    put_number(out, value);
    pl_buffer_putc(out, '\n');
}

void pl__metric_one(struct pl_buffer *out, const char *name, enum pl__metric_type type, const char *help,
                    double value) {
    pl__metric_head(out, name, type, help);
    pl__metric_put(out, name, value, NULL);
}

void pl_metrics_put(struct pl_buffer *out, struct pl_engine *engine) {
    pl__metric_head(out, "potline_build_info", PL__GAUGE, "Always 1; the version of Potline.");
    pl__metric_put(out, "potline_build_info", 1, PL__LABELS("version", POTLINE_VERSION));
    if (engine) {
        pl__metrics_engine(out, engine);
        pl__metrics_nodes(out, engine);
    }
    pl__metrics_process(out);
}
