/* metrics_engine.c: what the engine as a whole does, and what its process takes. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "http/metrics.h"

/* ---- The engine ---- */

static void put_graph(struct pl_buffer *out, const struct pl_engine *engine) {
    const struct pl_graph *graph = pl_engine_graph(engine);
    char hash[24];
    snprintf(hash, sizeof hash, "%016" PRIx64, graph->hash);
    pl__metric_head(out, "potline_graph_info", PL__GAUGE,
                    "Always 1; the graph that runs, and what it means as a hash.");
    pl__metric_put(out, "potline_graph_info", 1, PL__LABELS("graph", graph->settings.name, "hash", hash));
    pl__metric_one(out, "potline_graph_nodes", PL__GAUGE, "Nodes of the graph.", graph->node_count);
    pl__metric_one(out, "potline_graph_partitions", PL__GAUGE, "Partitions of the graph's keyed part.",
                   (double)graph->settings.partitions);
}

void pl_metrics_put_graph(struct pl_buffer *out, struct pl_mover *mover) {
    static const char changes[] = "potline_graph_changes_total";
    struct pl_mover_counts counts;
    pl_time probation;
    uint64_t number = pl_mover_now(mover, &probation);
    pl_mover_counts(mover, &counts);
    pl__metric_one(out, "potline_graph_version", PL__GAUGE, "Number of the graph that runs, in graph history.",
                   (double)number);
    pl__metric_one(out, "potline_graph_probation_seconds", PL__GAUGE,
                   "For how long the graph that runs is on probation still; 0: it is not.", (double)probation * 1e-9);
    pl__metric_head(out, changes, PL__COUNTER, "Changes of the running graph, and those that came to nothing.");
    pl__metric_put(out, changes, (double)counts.changes, PL__LABELS("outcome", "done"));
    pl__metric_put(out, changes, (double)counts.failures, PL__LABELS("outcome", "failed"));
    pl__metric_head(out, "potline_graph_rollbacks_total", PL__COUNTER,
                    "Changes back: by people, or as a graph was not well in its probation.");
    pl__metric_put(out, "potline_graph_rollbacks_total", (double)counts.rollbacks, PL__LABELS("by", "people"));
    pl__metric_put(out, "potline_graph_rollbacks_total", (double)counts.relapses, PL__LABELS("by", "probation"));
}

static void put_intake(struct pl_buffer *out, const struct pl_engine *engine) {
    const struct pl_intake_stats *intake = pl_intake_stats(pl_engine_intake(engine));
    pl__metric_one(out, "potline_log_rows_total", PL__COUNTER, "Rows that have come in from the sources.",
                   (double)pl_stat_get(&intake->rows));
    pl__metric_one(out, "potline_log_records_total", PL__COUNTER, "Records appended to the log.",
                   (double)pl_stat_get(&intake->records));
    pl__metric_one(out, "potline_log_late_rows_total", PL__COUNTER, "Rows behind their source's watermark on arrival.",
                   (double)pl_stat_get(&intake->late_rows));
    pl__metric_one(out, "potline_log_lag_bytes", PL__GAUGE, "Bytes that have come in and wait for the graph.",
                   (double)atomic_load(&intake->waiting_bytes));
    pl__metric_one(out, "potline_log_read_back_rows_total", PL__COUNTER,
                   "Rows that came to the graph by way of the log, which had no room for them in memory.",
                   (double)pl_stat_get(&intake->read_back_rows));
    pl__metric_one(out, "potline_log_full", PL__GAUGE,
                   "1 while the log takes nothing, and sources wait; of a group's log once that has lasted 2 s.",
                   atomic_load(&intake->full));
    pl__metric_one(
        out, "potline_log_fulls_total", PL__COUNTER,
        "How often the log has taken nothing: no room, or in a group for a moment or longer as engines come and go.",
        (double)pl_stat_get(&intake->fulls));
}

static void put_checkpoint(struct pl_buffer *out, struct pl_engine *engine) {
    struct pl_checkpoint_stats stats;
    pl_engine_checkpoint_stats(engine, &stats);
    if (!pl_engine_recovers(engine)) return;
    pl__metric_one(out, "potline_checkpoint_epoch", PL__GAUGE, "Number of the last epoch; 0: there is none yet.",
                   (double)stats.epoch);
    pl__metric_one(out, "potline_checkpoints_total", PL__COUNTER, "Epochs that were written.", (double)stats.written);
    if (stats.at)
        pl__metric_one(out, "potline_checkpoint_age_seconds", PL__GAUGE, "Since the last epoch was done.",
                       (double)(pl_engine_now(engine) - stats.at) * 1e-9);
    pl__metric_one(out, "potline_checkpoint_duration_seconds", PL__GAUGE,
                   "How long the last epoch took, from its barrier to its end.", stats.seconds);
    pl__metric_one(out, "potline_checkpoint_size_bytes", PL__GAUGE, "What the last epoch has written.",
                   (double)stats.bytes);
    pl__metric_one(out, "potline_checkpoint_under_way_seconds", PL__GAUGE,
                   "Since the barrier of an epoch that is not done; 0: none is under way.", stats.under_way);
    pl__metric_one(out, "potline_checkpoints_overdue_total", PL__COUNTER,
                   "Epochs that have taken longer than checkpoint_timeout.", (double)stats.overdue);
}

static void put_zones(struct pl_buffer *out, const struct pl_engine *engine) {
    struct pl_trim_zone zones[PL_ZONES];
    if (!pl_engine_zones(engine, zones)) return;
    pl__metric_head(out, "potline_zone_size_bytes", PL__GAUGE, "About how much a zone takes on disk.");
    for (unsigned zone = 0; zone < PL_ZONES; zone++)
        pl__metric_put(out, "potline_zone_size_bytes", (double)zones[zone].bytes,
                       PL__LABELS("zone", pl_zone_names[zone]));
    pl__metric_head(out, "potline_zone_removed_bytes_total", PL__COUNTER,
                    "About how much was removed from a zone for its age or size.");
    for (unsigned zone = 0; zone < PL_ZONES; zone++)
        pl__metric_put(out, "potline_zone_removed_bytes_total", (double)zones[zone].removed,
                       PL__LABELS("zone", pl_zone_names[zone]));
    pl__metric_head(out, "potline_zone_oldest_timestamp_seconds", PL__GAUGE,
                    "Event time of a zone's oldest row, since 1970.");
    for (unsigned zone = 0; zone < PL_ZONES; zone++)
        if (zones[zone].oldest != PL_TIME_MAX)
            pl__metric_put(out, "potline_zone_oldest_timestamp_seconds", (double)zones[zone].oldest * 1e-9,
                           PL__LABELS("zone", pl_zone_names[zone]));
}

void pl__metrics_engine(struct pl_buffer *out, struct pl_engine *engine) {
    put_graph(out, engine);
    put_intake(out, engine);
    put_checkpoint(out, engine);
    put_zones(out, engine);
}

/* ---- The process, under the names that all exporters use ---- */

static double seconds_of(const struct timeval *t) {
    return (double)t->tv_sec + (double)t->tv_usec * 1e-6;
}

static double open_files(void) {
    DIR *folder = opendir("/proc/self/fd");
    double count = -3; /* ".", "..", and the one that reads */
    if (!folder) return 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

struct stat_line {
    unsigned long threads, start_ticks, virtual_bytes;
    long resident_pages;
};

/* Behind the name, which may hold anything: state is field 3. */
static bool read_stat(struct stat_line *line) {
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file) fclose(file);
    text[size] = 0;
    char *at = strrchr(text, ')');
    if (!at) return false;
    at++;
    for (unsigned field = 3; *at; field++) {
        at += strspn(at, " ");
        if (field == 20) line->threads = strtoul(at, NULL, 10);
        if (field == 22) line->start_ticks = strtoul(at, NULL, 10);
        if (field == 23) line->virtual_bytes = strtoul(at, NULL, 10);
        if (field == 24) {
            line->resident_pages = strtol(at, NULL, 10);
            return true;
        }
        at += strcspn(at, " ");
    }
    return false;
}

/* Since 1970; the kernel tells it in ticks since the machine's start. */
static double start_time(unsigned long ticks) {
    struct timespec now, up;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &up);
    double booted = (double)(now.tv_sec - up.tv_sec) + (double)(now.tv_nsec - up.tv_nsec) * 1e-9;
    return booted + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

void pl__metrics_process(struct pl_buffer *out) {
    struct rusage usage;
    struct rlimit files;
    struct stat_line line = {0};
    getrusage(RUSAGE_SELF, &usage);
    pl__metric_one(out, "process_cpu_seconds_total", PL__COUNTER, "User and system time of the process.",
                   seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime));
    pl__metric_one(out, "process_open_fds", PL__GAUGE, "Open file descriptors.", open_files());
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        pl__metric_one(out, "process_max_fds", PL__GAUGE, "File descriptors that may be open.", (double)files.rlim_cur);
    if (!read_stat(&line)) return;
    pl__metric_one(out, "process_resident_memory_bytes", PL__GAUGE, "Memory that the process holds.",
                   (double)line.resident_pages * (double)sysconf(_SC_PAGESIZE));
    pl__metric_one(out, "process_virtual_memory_bytes", PL__GAUGE, "Address space of the process.",
                   (double)line.virtual_bytes);
    pl__metric_one(out, "process_start_time_seconds", PL__GAUGE, "When the process was started, since 1970.",
                   start_time(line.start_ticks));
    pl__metric_one(out, "potline_process_threads", PL__GAUGE, "Threads of the process.", (double)line.threads);
}
