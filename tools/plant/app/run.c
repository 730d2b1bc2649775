#include "run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../field/disturb.h"
#include "../field/server.h"
#include "../field/spark.h"
#include "../field/units.h"
#include "journal.h"

struct run {
    struct plant_cli *cli;
    struct plant *plant;
    struct plant_sensors sensors;
    struct plant_plc plc;
    struct plant_server *server;
    struct plant_spark *spark;
    struct plant_trouble trouble;
    struct plant_journal journal;
    uint64_t steps;        /* to take; 0: no end */
    int64_t began, status; /* monotonic ns: of the run, of the last status line */
    bool terminal;
    sigset_t waiting; /* signals are let in while waiting only */
};

static volatile sig_atomic_t stop;

static void on_signal(int number) {
    (void)number;
    stop = 1;
}

static int64_t monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * PLANT_SECOND + now.tv_nsec;
}

/* ---- set-up ---- */

static void take_signals(struct run *run) {
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t held;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigprocmask(run->cli->listen ? SIG_BLOCK : SIG_UNBLOCK, &held, &run->waiting);
    sigdelset(&run->waiting, SIGINT);
    sigdelset(&run->waiting, SIGTERM);
}

static bool write_address(const struct run *run, char *why, size_t size) {
    const char *path = run->cli->address_file, *listen = run->cli->listen;
    if (!path) return true;
    FILE *file = fopen(path, "w");
    if (file) fprintf(file, "%.*s:%u\n", (int)(strrchr(listen, ':') - listen), listen, plant_server_port(run->server));
    if (file && fclose(file) == 0) return true;
    snprintf(why, size, "%s cannot be written: %s", path, strerror(errno));
    return false;
}

static uint64_t steps_of(const struct plant_cli *cli, int64_t time) {
    return (uint64_t)(time / cli->plant.step + (time % cli->plant.step != 0));
}

static bool open_field(struct run *run, char *why, size_t size) {
    const struct plant_cli *cli = run->cli;
    if (!plant_sensors_init(&run->sensors, run->plant, &cli->faults) ||
        !plant_plc_init(&run->plc, run->plant, &run->sensors)) {
        snprintf(why, size, "no memory");
        return false;
    }
    run->journal = (struct plant_journal){
        .plant = run->plant,
        .sensors = &run->sensors,
        .faults = &cli->faults,
        .truth_steps = steps_of(cli, cli->truth_every),
        .emitted_steps = steps_of(cli, cli->emitted_every),
    };
    run->plc.on_write = plant_journal_write;
    run->plc.on_watchdog = plant_journal_watchdog;
    run->plc.user = &run->journal;
    if (!plant_disturb_check(&cli->faults, run->plant, why, size)) return false;
    if (!plant_journal_open(&run->journal, cli->truth, cli->emitted, cli->events, why, size)) return false;
    if (!plant_journal_open_writes(&run->journal, cli->writes, why, size)) return false;
    if (cli->sparkplug) {
        const struct plant_trouble *trouble = cli->trouble ? &run->trouble : NULL;
        run->spark = plant_spark_open(cli->sparkplug, &run->plc, trouble, why, size);
        if (!run->spark) return false;
    }
    if (!cli->listen) return true;
    run->server = plant_server_open(cli->listen, &run->plc, why, size);
    if (!run->server) return false;
    if (cli->trouble) {
        if (!plant_trouble_open(&run->trouble, cli->trouble, why, size)) return false;
        plant_server_trouble(run->server, &run->trouble);
    }
    return write_address(run, why, size);
}

/* ---- what people see ---- */

static void greet(const struct run *run) {
    const struct plant_options *o = &run->cli->plant;
    char start[32];
    if (run->cli->quiet) return;
    plant_instant_format(start, sizeof start, o->start);
    fprintf(stderr, "potline-plant: %u lines of %u pots, seed %llu, from %s", o->lines, o->pots,
            (unsigned long long)o->seed, start);
    if (run->server) {
        const char *listen = run->cli->listen;
        fprintf(stderr, ", Modbus TCP on %.*s:%u", (int)(strrchr(listen, ':') - listen), listen,
                plant_server_port(run->server));
    }
    fputc('\n', stderr);
}

static void show_status(struct run *run) {
    if (!run->terminal) return;
    int64_t now = monotonic();
    if (now - run->status < PLANT_SECOND) return;
    run->status = now;
    char time[32];
    unsigned effects = 0;
    plant_instant_format(time, sizeof time, plant_time(run->plant));
    for (unsigned i = 0; i < run->cli->plant.lines; i++)
        effects += plant_effects(&run->plant->lines[i]);
    fprintf(stderr, "\r%s  step %llu  %.4g x real time  clients %u  anode effects %u   ", time,
            (unsigned long long)run->plant->step,
            plant_elapsed(run->plant) * PLANT_SECOND / (double)(now - run->began + 1),
            run->server ? plant_server_clients(run->server) : 0, effects);
}

static void say_goodbye(const struct run *run) {
    double wall = (double)(monotonic() - run->began) / PLANT_SECOND;
    if (run->cli->quiet) return;
    fprintf(stderr,
            "%spotline-plant: %llu steps, %.6g s of plant time in %.3f s, %.0f x real time, %llu anode effects\n",
            run->terminal ? "\r\033[K" : "", (unsigned long long)run->plant->step, plant_elapsed(run->plant), wall,
            plant_elapsed(run->plant) / (wall > 1e-9 ? wall : 1e-9), (unsigned long long)run->journal.effects);
}

/* ---- time ---- */

static void wait_for(struct run *run, int64_t ns) {
    if (run->server) {
        plant_server_serve(run->server, ns, &run->waiting);
    } else if (ns > 0) {
        struct timespec span = {.tv_sec = ns / PLANT_SECOND, .tv_nsec = ns % PLANT_SECOND};
        nanosleep(&span, NULL);
    }
}

/* Until the next step may be taken. */
static void pace(struct run *run) {
    const struct plant_cli *cli = run->cli;
    if (cli->pace == PLANT_FREE) {
        wait_for(run, 0);
    } else if (cli->pace == PLANT_PACED) {
        double ahead = (double)(run->plant->step + 1) * (double)cli->plant.step / cli->speed;
        int64_t due = run->began + (int64_t)ahead;
        do {
            int64_t left = due - monotonic();
            wait_for(run, left > 0 ? left : 0);
        } while (!stop && monotonic() < due);
    } else {
        while (!stop && !plant_plc_acknowledged(&run->plc, cli->pace == PLANT_LOCKSTEP_ALL))
            wait_for(run, -1);
    }
}

static void publish(struct run *run) {
    plant_spark_take(run->spark);
    if (run->server || run->spark)
        plant_plc_publish(&run->plc);
    else if (run->journal.emitted)
        plant_sensors_read(&run->sensors);
    plant_spark_publish(run->spark);
    plant_journal_step(&run->journal);
}

static void loop(struct run *run) {
    publish(run);
    for (;;) {
        bool last = run->steps && run->plant->step >= run->steps;
        if (last && run->cli->pace != PLANT_LOCKSTEP && run->cli->pace != PLANT_LOCKSTEP_ALL) break;
        pace(run);
        if (stop || last) break;
        plant_plc_watch(&run->plc);
        plant_disturb(&run->cli->faults, run->plant);
        plant_step(run->plant);
        publish(run);
        show_status(run);
    }
}

int plant_run(struct plant_cli *cli) {
    struct run run = {.cli = cli, .terminal = !cli->quiet && isatty(STDERR_FILENO), .trouble.fd = -1};
    char why[512] = "no memory";
    int status = 1;
    run.plant = plant_new(&cli->plant);
    take_signals(&run);
    if (run.plant && open_field(&run, why, sizeof why)) {
        run.steps = (uint64_t)((cli->lasts + cli->plant.step - 1) / cli->plant.step);
        run.began = run.status = monotonic();
        greet(&run);
        loop(&run);
        say_goodbye(&run);
        status = 0;
    } else {
        fprintf(stderr, "potline-plant: %s\n", why);
    }
    if (!plant_journal_close(&run.journal)) {
        fprintf(stderr, "potline-plant: a file could not be written to its end\n");
        status = 1;
    }
    plant_spark_close(run.spark);
    plant_server_close(run.server);
    plant_trouble_close(&run.trouble);
    if (run.plc.plant) plant_plc_fini(&run.plc);
    plant_sensors_fini(&run.sensors);
    plant_free(run.plant);
    return status;
}
