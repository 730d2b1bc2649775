/* report_write.c: a report as a page of HTML, as Markdown and as CSV. */
#include <math.h>
#include <string.h>

#include <potline/text.h>

#include "report.h"

enum { WIDTH = 720, HEIGHT = 220, LEFT = 64, RIGHT = 12, TOP = 12, BOTTOM = 26, DIFFERENT = 6 };

static const char *put_moment(char text[PL_TEXT_TIME_MAX + 1], pl_time time) {
    *pl_text_put_time(text, time - time % PL_SECOND) = 0;
    return text;
}

/* ---- HTML ---- */

/* Names and reasons come from outside. */
static void put_escaped(FILE *out, const char *text) {
    for (; *text; text++)
        switch (*text) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        case '"': fputs("&quot;", out); break;
        default: fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
        }
}

static void put_table(FILE *out, const struct pl__span_table *table) {
    fputs("<h2>", out), put_escaped(out, table->title);
    fputs("</h2>\n<div class=\"scroll\"><table><thead><tr>", out);
    for (unsigned c = 0; c < table->columns; c++)
        fputs("<th scope=\"col\">", out), put_escaped(out, table->heading[c]), fputs("</th>", out);
    fputs("</tr></thead><tbody>\n", out);
    for (size_t r = 0; r < table->rows; r++) {
        fputs("<tr>", out);
        for (unsigned c = 0; c < table->columns; c++)
            fputs("<td>", out), put_escaped(out, table->cell[r * table->columns + c]), fputs("</td>", out);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
    if (*table->note) fputs("<p>", out), put_escaped(out, table->note), fputs("</p>\n", out);
}

struct frame {
    double low, high;
    pl_time from, to;
};

static double across(const struct frame *frame, pl_time time) {
    return LEFT + (double)(time - frame->from) / (double)(frame->to - frame->from) * (WIDTH - LEFT - RIGHT);
}

static double up(const struct frame *frame, double value) {
    return HEIGHT - BOTTOM - (value - frame->low) / (frame->high - frame->low) * (HEIGHT - BOTTOM - TOP);
}

/* False: there is nothing to be drawn. */
static bool find_frame(const struct pl__span *report, const struct pl__span_plot *plot, struct frame *frame) {
    *frame = (struct frame){.low = INFINITY, .high = -INFINITY, .from = report->from, .to = report->to};
    for (unsigned c = 0; c < plot->curves; c++)
        for (size_t i = 0; i < plot->curve[c].count; i++) {
            frame->low = fmin(frame->low, plot->curve[c].value[i]);
            frame->high = fmax(frame->high, plot->curve[c].value[i]);
        }
    if (!(frame->low <= frame->high)) return false;
    double room = frame->high > frame->low ? 0.08 * (frame->high - frame->low) : fmax(1, 0.01 * fabs(frame->high));
    frame->low -= room;
    frame->high += room;
    return true;
}

static void put_axes(FILE *out, const struct frame *frame) {
    enum { LINES = 4 };
    for (int i = 0; i <= LINES; i++) {
        double value = frame->low + (frame->high - frame->low) * i / LINES, y = up(frame, value);
        fprintf(out,
                "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.5g</text>\n",
                LEFT, y, WIDTH - RIGHT, LEFT - 6, y + 4, value);
    }
    for (int i = 0; i <= LINES; i++) {
        char text[PL_TEXT_TIME_MAX + 1];
        pl_time time = frame->from + (frame->to - frame->from) / LINES * i;
        put_moment(text, time);
        text[16] = 0; /* to the minute */
        text[10] = ' ';
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", across(frame, time), HEIGHT - 6,
                i == 0       ? "start"
                : i == LINES ? "end"
                             : "middle",
                text + (frame->to - frame->from > 3 * PL_DAY ? 0 : 5));
    }
}

/* A line and a point each period; which is which is told below by form, not by colour alone. */
static void put_plot(FILE *out, const struct pl__span *report, const struct pl__span_plot *plot) {
    struct frame frame;
    if (!find_frame(report, plot, &frame)) return;
    fputs("<h2>", out), put_escaped(out, plot->title);
    fprintf(out, ", %s</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", plot->unit, WIDTH, HEIGHT);
    put_escaped(out, plot->title);
    fputs(" over time\">\n", out);
    put_axes(out, &frame);
    for (unsigned c = 0; c < plot->curves; c++) {
        const struct pl__span_curve *curve = &plot->curve[c];
        fprintf(out, "<polyline class=\"c%u\" points=\"", c % DIFFERENT);
        for (size_t i = 0; i < curve->count; i++)
            fprintf(out, "%.1f,%.1f ", across(&frame, curve->time[i]), up(&frame, curve->value[i]));
        fputs("\"/>\n", out);
        for (size_t i = 0; i < curve->count; i++)
            fprintf(out, "<circle class=\"c%u\" cx=\"%.1f\" cy=\"%.1f\" r=\"2\"/>\n", c % DIFFERENT,
                    across(&frame, curve->time[i]), up(&frame, curve->value[i]));
    }
    fputs("</svg>\n<p class=\"key\">", out);
    for (unsigned c = 0; c < plot->curves; c++) {
        fprintf(out, "<svg viewBox=\"0 0 40 10\"><path class=\"c%u\" d=\"M0 5H40\"/></svg> ", c % DIFFERENT);
        put_escaped(out, plot->curve[c].name);
        fputc('\n', out);
    }
    fputs("</p>\n", out);
}

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Potline report</title>\n<style>\n"
    ":root{color-scheme:light dark;--ink:#1a1f24;--back:#fff;--line:#c4cad0;--a:#1f4e79}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#dde1e4;--back:#181c20;--line:#4a535b;--a:#8fc1ee}}\n"
    "body{font:15px/1.45 system-ui,sans-serif;margin:24px auto;padding:0 16px;max-width:60rem;"
    "color:var(--ink);background:var(--back)}\n"
    "h2{font-size:1.1rem;margin:1.6em 0 .4em}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th,td{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}\n"
    ".scroll{overflow-x:auto}svg{width:100%;height:auto}.key svg{width:40px;height:10px;margin-left:14px}"
    "text{fill:var(--ink);font-size:11px}.grid{stroke:var(--line)}polyline,.key path{fill:none;stroke:var(--a);"
    "stroke-width:1.8}circle{fill:var(--a)}\n"
    ".c1{stroke-dasharray:6 3}.c2{stroke-dasharray:2 3}.c3{stroke-dasharray:9 3 2 3}.c4{stroke-dasharray:12 4}"
    ".c5{stroke-dasharray:1 5}\n</style></head><body>\n";

void pl__span_html(const struct pl__span *report, FILE *out) {
    char from[PL_TEXT_TIME_MAX + 1], to[PL_TEXT_TIME_MAX + 1];
    fputs(head, out);
    fprintf(out, "<h1>Report, %s to %s</h1>\n<p>", put_moment(from, report->from), put_moment(to, report->to));
    put_escaped(out, report->folder);
    fputs("</p>\n", out);
    if (!report->tables) fputs("<p>There are no figures, alarms or decisions of this span.</p>\n", out);
    for (unsigned i = 0; i < report->tables; i++) {
        put_table(out, &report->table[i]);
        for (unsigned p = 0; i == 0 && p < report->plots; p++)
            put_plot(out, report, &report->plot[p]);
    }
    fputs("</body></html>\n", out);
}

/* ---- Markdown ---- */

static void put_cell(FILE *out, const char *text) {
    for (; *text; text++) {
        if (strchr("|\\`*_<[", *text)) fputc('\\', out);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
}

void pl__span_markdown(const struct pl__span *report, FILE *out) {
    char from[PL_TEXT_TIME_MAX + 1], to[PL_TEXT_TIME_MAX + 1];
    fprintf(out, "# Report, %s to %s\n\n", put_moment(from, report->from), put_moment(to, report->to));
    put_cell(out, report->folder);
    fputc('\n', out);
    if (!report->tables) fputs("\nThere are no figures, alarms or decisions of this span.\n", out);
    for (unsigned i = 0; i < report->tables; i++) {
        const struct pl__span_table *table = &report->table[i];
        fprintf(out, "\n## %s\n\n|", table->title);
        for (unsigned c = 0; c < table->columns; c++)
            fprintf(out, " %s |", table->heading[c]);
        fputs("\n|", out);
        for (unsigned c = 0; c < table->columns; c++)
            fputs("---|", out);
        for (size_t r = 0; r < table->rows; r++) {
            fputs("\n|", out);
            for (unsigned c = 0; c < table->columns; c++)
                fputc(' ', out), put_cell(out, table->cell[r * table->columns + c]), fputs(" |", out);
        }
        fprintf(out, "\n%s%s%s", *table->note ? "\n" : "", table->note, *table->note ? "\n" : "");
    }
}

/* ---- CSV ---- */

static void put_field(FILE *out, const char *text) {
    double number;
    bool formula =
        *text && strchr("=+-@\t\r", *text) && !pl_text_f64(text, strlen(text), &number) && strcmp(text, "-") != 0;
    fputc('"', out);
    if (formula) fputc('\'', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void put_line(FILE *out, const char *section, size_t row, const char *column, const char *value) {
    put_field(out, section);
    fprintf(out, ",%zu,", row);
    put_field(out, column), fputc(',', out);
    put_field(out, value), fputs("\r\n", out);
}

void pl__span_csv(const struct pl__span *report, FILE *out) {
    char moment[PL_TEXT_TIME_MAX + 1];
    fputs("section,row,column,value\r\n", out);
    put_line(out, "Report", 1, "Folder", report->folder);
    put_line(out, "Report", 1, "From", put_moment(moment, report->from));
    put_line(out, "Report", 1, "To", put_moment(moment, report->to));
    for (unsigned i = 0; i < report->tables; i++) {
        const struct pl__span_table *table = &report->table[i];
        for (size_t r = 0; r < table->rows; r++)
            for (unsigned c = 0; c < table->columns; c++)
                put_line(out, table->title, r + 1, table->heading[c], table->cell[r * table->columns + c]);
    }
}
