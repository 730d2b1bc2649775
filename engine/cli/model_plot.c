/* model_plot.c: curves on a terminal, and as PNG or SVG by gnuplot. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model.h"

enum { COLUMNS = 72, ROWS = 18, MARGIN = 11, MANY = 400 };
extern char **environ;

struct frame {
    double x0, x1, y0, y1;
    bool logarithmic, flat;
};

static double x_of(const struct frame *frame, double x) {
    return frame->logarithmic ? log10(x) : x;
}

static bool find_frame(const struct pl__plot *plot, struct frame *frame) {
    *frame = (struct frame){INFINITY, -INFINITY, INFINITY, -INFINITY, plot->logarithmic, false};
    for (unsigned c = 0; c < plot->count; c++) {
        for (size_t i = 0; i < plot->curve[c].count; i++) {
            double x = x_of(frame, plot->curve[c].x[i]), y = plot->curve[c].y[i];
            if (!isfinite(x) || !isfinite(y)) continue;
            frame->x0 = fmin(frame->x0, x);
            frame->x1 = fmax(frame->x1, x);
            frame->y0 = fmin(frame->y0, y);
            frame->y1 = fmax(frame->y1, y);
        }
    }
    if (!(frame->x1 >= frame->x0)) return false;
    double height = frame->y1 - frame->y0, much = fabs(frame->y1) > 0 ? fabs(frame->y1) : 1;
    frame->flat = height < 1e-9 * much;
    if (frame->flat) height = 2 * much; /* of round-off nothing is to be seen */
    frame->y0 -= 0.02 * height;
    frame->y1 += 0.02 * height;
    if (frame->x1 == frame->x0) frame->x1 += fmax(fabs(frame->x0), 1) * 1e-9;
    return true;
}

/* ---- Terminal ---- */

static void put_point(char grid[ROWS][COLUMNS + 1], const struct frame *f, double x, double y, char mark) {
    double column = (x - f->x0) / (f->x1 - f->x0) * (COLUMNS - 1), row = (f->y1 - y) / (f->y1 - f->y0) * (ROWS - 1);
    if (!(column >= 0 && column < COLUMNS && row >= 0 && row < ROWS)) return;
    grid[(int)lround(row)][(int)lround(column)] = mark;
}

/* Joined curves get a mark in each column between two points. */
static void put_curve(char grid[ROWS][COLUMNS + 1], const struct frame *f, const struct pl__curve *curve, char mark) {
    for (size_t i = 0; i < curve->count; i++) {
        double x = x_of(f, curve->x[i]), y = curve->y[i];
        put_point(grid, f, x, y, mark);
        if (curve->style != PL_STYLE_LINE || i + 1 == curve->count) continue;
        double next = x_of(f, curve->x[i + 1]), step = (f->x1 - f->x0) / (COLUMNS - 1);
        for (int k = 0; k < COLUMNS && x + k * step < next; k++)
            put_point(grid, f, x + k * step, y + (curve->y[i + 1] - y) * k * step / (next - x), mark);
    }
}

void pl__plot_terminal(FILE *out, const struct pl__plot *plot) {
    static const char marks[PL_CURVES_MAX + 1] = "*o+x#@%&=~^.abcdefghijkl";
    struct frame frame;
    if (!find_frame(plot, &frame)) return;
    char grid[ROWS][COLUMNS + 1];
    for (int r = 0; r < ROWS; r++) {
        memset(grid[r], ' ', COLUMNS);
        grid[r][COLUMNS] = 0;
    }
    for (unsigned c = 0; c < plot->count; c++)
        put_curve(grid, &frame, &plot->curve[c], marks[c]);
    fprintf(out, "\n%s\n", plot->title);
    if (!strstr(plot->title, plot->y)) fprintf(out, "%*s %s\n", MARGIN, "", plot->y);
    for (int r = 0; r < ROWS; r++) {
        bool labelled = (r % 4 == 0 && r < ROWS - 2) || r == ROWS - 1;
        if (labelled)
            fprintf(out, "%*.5g |%s\n", MARGIN, frame.y1 - (frame.y1 - frame.y0) * r / (ROWS - 1), grid[r]);
        else
            fprintf(out, "%*s |%s\n", MARGIN, "", grid[r]);
    }
    double left = frame.logarithmic ? pow(10, frame.x0) : frame.x0,
           right = frame.logarithmic ? pow(10, frame.x1) : frame.x1;
    fprintf(out, "%*s +", MARGIN, "");
    for (int i = 0; i < COLUMNS; i++)
        fputc('-', out);
    fprintf(out, "\n%*s  %-*.5g%*.5g %s\n", MARGIN, "", COLUMNS / 2, left, COLUMNS - COLUMNS / 2, right, plot->x);
    for (unsigned c = 0; c < plot->count && plot->count > 1; c++)
        if (plot->curve[c].name) fprintf(out, "%*s  %c %s\n", MARGIN, "", marks[c], plot->curve[c].name);
}

/* ---- gnuplot ---- */

static void put_quoted(FILE *out, const char *text) {
    fputc('\'', out);
    for (; *text; text++)
        if (*text == '\'')
            fputs("''", out);
        else if (*text == '\n')
            fputs("'.\"\\n\".'", out);
        else
            fputc(*text, out);
    fputc('\'', out);
}

/* Of a calibration: a symbol and a colour for each curve of the record, filled where it was fitted to and hollow where
 * it was kept back. Of the last pair none is either: gnuplot's PNG has no more shapes. */
static void put_style(FILE *out, const struct pl__curve *curve, unsigned index) {
    static const char *const colours[] = {"#1f5fa8", "#c04a1a", "#2e7d32", "#7b3fa0", "#8a6d00", "#00838f"};
    unsigned kind = curve->style & 0xff, family = (curve->style >> 8) % PL_COUNT_OF(colours);
    static const int filled[] = {5, 7, 9, 11, 13, 3}, hollow[] = {4, 6, 8, 10, 12, 1}; /* gnuplot's numbers */
    const char *colour = colours[family];
    double size = curve->count < MANY ? 0.9 : 0.4;
    switch (kind) {
    case PL_STYLE_LINE: fputs("lines lw 2", out); break;
    case PL_STYLE_POINTS: /* circles, then crosses, which do not hide them */
        fprintf(out, "points pt %d ps %g", index ? 2 : 6, size);
        break;
    case PL_STYLE_MODEL: fprintf(out, "lines lw 1.5 lc rgb '%s'", family ? colour : "black"); break;
    default:
        fprintf(out, "points pt %d ps %g lc rgb '%s'", kind == PL_STYLE_FITTED ? filled[family] : hollow[family], size,
                colour);
    }
    if (!curve->name) {
        fputs(" notitle", out);
        return;
    }
    fputs(" title ", out);
    put_quoted(out, curve->name);
}

/* 1, 2 or 5 by a power of ten. */
static double fair_step(double about) {
    double ten = pow(10, floor(log10(about))), share = about / ten;
    return ten * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

static void put_plot(FILE *out, const struct pl__plot *plot) {
    fputs("set title ", out), put_quoted(out, plot->title);
    fputs("\nset xlabel ", out), put_quoted(out, plot->x);
    fputs("\nset ylabel ", out), put_quoted(out, plot->y);
    struct frame frame;
    if (find_frame(plot, &frame) && frame.flat)
        fprintf(out, "\nset yrange [%.9g:%.9g]", frame.y0, frame.y1);
    else
        fputs("\nset yrange [*:*]", out);
    fputs(plot->count > 1 ? "\nset key outside top center horizontal" : "\nunset key", out);
    fputs(plot->equal ? "\nset size ratio -1" : "\nset size noratio", out);
    if (plot->equal && find_frame(plot, &frame))
        fprintf(out, "\nset xtics %g", fair_step((frame.x1 - frame.x0) / 4)); /* it is narrow */
    else
        fputs("\nset xtics autofreq", out);
    fprintf(out, "\n%s logscale x\nplot ", plot->logarithmic ? "set" : "unset");
    for (unsigned c = 0; c < plot->count; c++) {
        fputs(c ? ", '-' with " : "'-' with ", out);
        put_style(out, &plot->curve[c], c);
    }
    fputc('\n', out);
    for (unsigned c = 0; c < plot->count; c++) {
        for (size_t i = 0; i < plot->curve[c].count; i++)
            fprintf(out, "%.9g %.9g\n", plot->curve[c].x[i], plot->curve[c].y[i]);
        fputs("e\n", out);
    }
}

static void put_script(FILE *out, const char *path, bool svg, const struct pl__plot *plots, unsigned count) {
    fprintf(out, "set terminal %s noenhanced size 900,%u\nset output ", svg ? "svg" : "png", 420 * count);
    put_quoted(out, path);
    fprintf(out, "\nset grid\nset xzeroaxis\nset multiplot layout %u,1\n", count);
    for (unsigned i = 0; i < count; i++)
        put_plot(out, &plots[i]);
    fputs("unset multiplot\n", out);
}

/* Runs gnuplot on a script; true when it was content. */
static bool run_gnuplot(FILE *script) {
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions)) return false;
    posix_spawn_file_actions_adddup2(&actions, fileno(script), STDIN_FILENO);
    int failed = posix_spawnp(&pid, "gnuplot", &actions, NULL, (char *const[]){"gnuplot", NULL}, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) {
        fprintf(stderr, "potline: gnuplot: %s\n", strerror(failed));
        return false;
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool ends_in(const char *path, const char *ending) {
    const char *dot = strrchr(path, '.');
    return dot && strcmp(dot, ending) == 0;
}

bool pl__plot_possible(const struct pl_cli *cli) {
    const char *path = pl_cli_get(cli, "image");
    if (!path) return true;
    if (!ends_in(path, ".svg") && !ends_in(path, ".png")) {
        pl_cli_usage(cli, "--image: %s ends in neither .png nor .svg", path);
        return false;
    }
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    bool there = access(path, F_OK) == 0;
    if (access(there ? path : folder, W_OK) == 0) return true;
    pl_cli_usage(cli, "--image: %s: %s", path, strerror(errno));
    return false;
}

bool pl__plot_file(const struct pl_cli *cli, const char *path, const struct pl__plot *plots, unsigned count) {
    if (!pl__plot_possible(cli)) return false;
    bool svg = ends_in(path, ".svg");
    FILE *script = tmpfile();
    if (!script) {
        fprintf(stderr, "potline: a script for gnuplot: %s\n", strerror(errno));
        return false;
    }
    put_script(script, path, svg, plots, count);
    bool good = count && !fflush(script) && !fseek(script, 0, SEEK_SET) && run_gnuplot(script);
    fclose(script);
    if (!good) fprintf(stderr, "potline: %s was not plotted\n", path);
    return good;
}
