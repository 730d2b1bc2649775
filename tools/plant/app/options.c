#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../field/units.h"

static const char help[] =
    "usage: potline-plant [OPTION]...\n"
    "A simulated smelter: lines of electrolysis pots with feeding, tapping, anode changes, anode effects and a "
    "baseline\n"
    "pot controller, served by Modbus TCP. A unit id is a line; see --print-map.\n"
    "\n"
    "the plant\n"
    "  --lines N              lines (3)\n"
    "  --pots N               pots of a line (20)\n"
    "  --seed N               what makes it repeatable (1)\n"
    "  --practice NAME        good, or ordinary: 4.5 V, 91 to 92 % current efficiency, more anode effects (good)\n"
    "  --step D               length of a step, 100ms to 10s (1s)\n"
    "  --start T              time of the first step: 'now', 2025-01-01T06:00:00Z, @SECONDS or NANOSECONDS\n"
    "                         (now in real time, otherwise 2025-01-01T00:00:00Z)\n"
    "  --for D                ends by itself, exit 0; such as 90s, 10m, 1h30m, 30d (until a signal)\n"
    "\n"
    "its time\n"
    "  --speed X              X times real time (1), or 'max'\n"
    "  --lockstep[=all]       a step only when the one before has been acknowledged on unit 1, or on every unit\n"
    "  --no-server            nothing is served: as fast as it goes, unless --speed is given\n"
    "\n"
    "its field\n"
    "  --listen ADDR:PORT     where Modbus TCP is served (127.0.0.1:1502); port 0: any free one\n"
    "  --port N               the same on 127.0.0.1\n"
    "  --sparkplug HOST:PORT  the same tags as edge nodes of Sparkplug B at that broker, group plant\n"
    "  --address-file FILE    the address is written there once it is served\n"
    "  --fault SPEC           kind:tag-glob:from:for:arg; again for more. Sensors: noise (deviation), spike\n"
    "                         (height[,probability]), dropout ([probability]), frozen, drift (an hour), offset, stuck\n"
    "                         (value). Pots: starve, roll (mV), effect. 'for' empty or '-': for good\n"
    "  --faults FILE          one a line, # begins a comment\n"
    "  --anode-effect POT@D   such as line1.pot07@20s: one begins then; with :starve its feeders stop then\n"
    "  --trouble FIFO         made there; a line is a fault of the connection, at once: refuse 5s, hang 5s, slow 5s "
    "300ms,\n"
    "                         garble 5s 0.5, flood 5s, freeze 5s (writes change nothing), restart\n"
    "\n"
    "what it tells ('-': standard output)\n"
    "  --truth FILE           CSV time_ns,asset,quantity,value of the model\n"
    "  --truth-every D        how often (1m)\n"
    "  --emitted FILE         CSV time_ns,tag,value,fault: what the registers showed at each step\n"
    "  --emitted-every D      how often (each step)\n"
    "  --events FILE          CSV time_ns,asset,event,detail: anode effects, tapping, writes, faults, ...\n"
    "  --writes FILE          CSV wall_ns,time_ns,unit,address,register,value,outcome: every write received, line by "
    "line\n"
    "  --print-map[=PART]     the register map as source.modbus reads it; measured (default), setpoints, all, or\n"
    "                         targets: what may be set, as sink.modbus reads it\n"
    "  --print-tags[=PART]    tags, units and ranges for a graph's 'tags'\n"
    "  --quiet                only errors\n"
    "  --help, --version\n"
    "\n"
    "exit status: 0 good, 1 failed at run time, 2 bad usage\n";

enum {
    OPT_LINES = 256,
    OPT_POTS,
    OPT_SEED,
    OPT_PRACTICE,
    OPT_STEP,
    OPT_START,
    OPT_FOR,
    OPT_SPEED,
    OPT_LOCKSTEP,
    OPT_NO_SERVER,
    OPT_LISTEN,
    OPT_PORT,
    OPT_ADDRESS_FILE,
    OPT_SPARKPLUG,
    OPT_FAULT,
    OPT_FAULTS,
    OPT_ANODE_EFFECT,
    OPT_TRUTH,
    OPT_TRUTH_EVERY,
    OPT_EMITTED,
    OPT_EMITTED_EVERY,
    OPT_EVENTS,
    OPT_WRITES,
    OPT_TROUBLE,
    OPT_PRINT_MAP,
    OPT_PRINT_TAGS,
    OPT_QUIET,
    OPT_VERSION,
    OPT_HELP = 'h',
};

static const struct option options[] = {
    {"lines", required_argument, NULL, OPT_LINES},
    {"pots", required_argument, NULL, OPT_POTS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"practice", required_argument, NULL, OPT_PRACTICE},
    {"step", required_argument, NULL, OPT_STEP},
    {"start", required_argument, NULL, OPT_START},
    {"for", required_argument, NULL, OPT_FOR},
    {"speed", required_argument, NULL, OPT_SPEED},
    {"lockstep", optional_argument, NULL, OPT_LOCKSTEP},
    {"no-server", no_argument, NULL, OPT_NO_SERVER},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"port", required_argument, NULL, OPT_PORT},
    {"address-file", required_argument, NULL, OPT_ADDRESS_FILE},
    {"sparkplug", required_argument, NULL, OPT_SPARKPLUG},
    {"fault", required_argument, NULL, OPT_FAULT},
    {"faults", required_argument, NULL, OPT_FAULTS},
    {"anode-effect", required_argument, NULL, OPT_ANODE_EFFECT},
    {"truth", required_argument, NULL, OPT_TRUTH},
    {"truth-every", required_argument, NULL, OPT_TRUTH_EVERY},
    {"emitted", required_argument, NULL, OPT_EMITTED},
    {"emitted-every", required_argument, NULL, OPT_EMITTED_EVERY},
    {"events", required_argument, NULL, OPT_EVENTS},
    {"writes", required_argument, NULL, OPT_WRITES},
    {"trouble", required_argument, NULL, OPT_TROUBLE},
    {"print-map", optional_argument, NULL, OPT_PRINT_MAP},
    {"print-tags", optional_argument, NULL, OPT_PRINT_TAGS},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {0},
};

struct parse {
    struct plant_cli *cli;
    bool paced, free; /* --speed was given; it is 'max' */
    char *why;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static bool wrong(const struct parse *p, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(p->why, p->size, format, list);
    va_end(list);
    return false;
}

static bool number(const struct parse *p, const char *name, const char *text, uint64_t low, uint64_t high,
                   uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end || *text == '-' || errno || value < low || value > high)
        return wrong(p, "%s is a number from %llu to %llu, found '%s'", name, (unsigned long long)low,
                     (unsigned long long)high, text);
    *out = value;
    return true;
}

static bool small(const struct parse *p, const char *name, const char *text, unsigned high, unsigned *out) {
    uint64_t value = 0;
    if (!number(p, name, text, 1, high, &value)) return false;
    *out = (unsigned)value;
    return true;
}

static bool duration(const struct parse *p, const char *name, const char *text, int64_t low, int64_t high,
                     int64_t *out) {
    if (!plant_duration_parse(text, out))
        return wrong(p, "%s is a duration such as 90s or 1h30m, found '%s'", name, text);
    if (*out < low || *out > high) return wrong(p, "%s: '%s' is out of range", name, text);
    return true;
}

static bool parts(const struct parse *p, const char *name, const char *text, unsigned *out) {
    *out = !text || strcmp(text, "measured") == 0 ? PLANT_MAP_MEASURED
           : strcmp(text, "setpoints") == 0       ? PLANT_MAP_SETPOINTS
           : strcmp(text, "targets") == 0         ? PLANT_MAP_TARGETS
           : strcmp(text, "all") == 0             ? PLANT_MAP_MEASURED | PLANT_MAP_SETPOINTS
                                                  : 0;
    return *out ? true : wrong(p, "%s is measured, setpoints, targets or all, found '%s'", name, text);
}

static bool speed(struct parse *p, const char *text) {
    p->paced = true;
    p->free = strcmp(text, "max") == 0;
    if (p->free) return true;
    char *end;
    p->cli->speed = strtod(text, &end);
    if (end == text || *end || !(p->cli->speed > 0 && p->cli->speed <= 1e6))
        return wrong(p, "--speed is a number up to 1000000, or max, found '%s'", text);
    return true;
}

static bool port(struct parse *p, const char *text) {
    uint64_t value = 0;
    if (!number(p, "--port", text, 0, 65535, &value)) return false;
    snprintf(p->cli->port, sizeof p->cli->port, "127.0.0.1:%u", (unsigned)value);
    p->cli->listen = p->cli->port;
    return true;
}

static bool practice(const struct parse *p, const char *text) {
    for (unsigned i = 0; i < PLANT_PRACTICES; i++)
        if (strcmp(text, plant_practices[i].name) == 0) {
            p->cli->plant.practice = i;
            return true;
        }
    return wrong(p, "--practice is good or ordinary, found '%s'", text);
}

static bool lockstep(struct parse *p, const char *text) {
    if (text && strcmp(text, "all") != 0) return wrong(p, "--lockstep takes nothing or =all, found '%s'", text);
    p->cli->pace = text ? PLANT_LOCKSTEP_ALL : PLANT_LOCKSTEP;
    return true;
}

static bool told(struct parse *p, int option, const char *text) {
    struct plant_cli *cli = p->cli;
    switch (option) {
    case OPT_TRUTH: cli->truth = text; return true;
    case OPT_TRUTH_EVERY: return duration(p, "--truth-every", text, 1, INT64_MAX, &cli->truth_every);
    case OPT_EMITTED: cli->emitted = text; return true;
    case OPT_EMITTED_EVERY: return duration(p, "--emitted-every", text, 1, INT64_MAX, &cli->emitted_every);
    case OPT_EVENTS: cli->events = text; return true;
    case OPT_WRITES: cli->writes = text; return true;
    case OPT_PRINT_MAP: return parts(p, "--print-map", text, &cli->print_map);
    case OPT_PRINT_TAGS: return parts(p, "--print-tags", text, &cli->print_tags);
    case OPT_QUIET: cli->quiet = true; return true;
    case OPT_HELP: fputs(help, stdout); break;
    default: printf("potline-plant %s\n", PLANT_VERSION); break;
    }
    cli->done = true;
    return true;
}

static bool take(struct parse *p, int option, const char *text) {
    struct plant_cli *cli = p->cli;
    switch (option) {
    case OPT_LINES: return small(p, "--lines", text, PLANT_MAP_MAX_LINES, &cli->plant.lines);
    case OPT_POTS: return small(p, "--pots", text, PLANT_MAP_MAX_POTS, &cli->plant.pots);
    case OPT_SEED: return number(p, "--seed", text, 0, UINT64_MAX, &cli->plant.seed);
    case OPT_PRACTICE: return practice(p, text);
    case OPT_STEP: return duration(p, "--step", text, PLANT_SECOND / 10, 10 * PLANT_SECOND, &cli->plant.step);
    case OPT_START:
        cli->start_given = true;
        return plant_instant_parse(text, &cli->plant.start) ? true : wrong(p, "--start: '%s' is no time", text);
    case OPT_FOR: return duration(p, "--for", text, 1, INT64_MAX, &cli->lasts);
    case OPT_SPEED: return speed(p, text);
    case OPT_LOCKSTEP: return lockstep(p, text);
    case OPT_NO_SERVER: cli->listen = NULL; return true;
    case OPT_LISTEN: cli->listen = text; return true;
    case OPT_PORT: return port(p, text);
    case OPT_ADDRESS_FILE: cli->address_file = text; return true;
    case OPT_SPARKPLUG: cli->sparkplug = text; return true;
    case OPT_FAULT: return plant_faults_add(&cli->faults, text, p->why, p->size);
    case OPT_FAULTS: return plant_faults_load(&cli->faults, text, p->why, p->size);
    case OPT_TROUBLE: cli->trouble = text; return true;
    case OPT_ANODE_EFFECT: return plant_faults_add_effect(&cli->faults, text, p->why, p->size);
    case '?': return wrong(p, "see --help");
    default: return told(p, option, text);
    }
}

/* What the options say together. */
static bool settle(struct parse *p) {
    struct plant_cli *cli = p->cli;
    bool lockstep = cli->pace == PLANT_LOCKSTEP || cli->pace == PLANT_LOCKSTEP_ALL;
    if (lockstep && p->paced) return wrong(p, "--lockstep and --speed exclude each other");
    if (lockstep && !cli->listen) return wrong(p, "--lockstep needs the server that --no-server leaves out");
    if (!lockstep && (p->free || (!cli->listen && !p->paced))) cli->pace = PLANT_FREE;
    if (!cli->start_given)
        plant_instant_parse(cli->pace == PLANT_PACED && cli->speed == 1 ? "now" : "2025-01-01", &cli->plant.start);
    return true;
}

bool plant_cli_parse(struct plant_cli *cli, int argc, char **argv, char *why, size_t size) {
    *cli = (struct plant_cli){
        .plant = {.seed = 1, .lines = 3, .pots = 20, .step = PLANT_SECOND},
        .speed = 1,
        .listen = "127.0.0.1:1502",
        .truth_every = 60 * PLANT_SECOND,
        .emitted_every = 1,
    };
    struct parse p = {.cli = cli, .why = why, .size = size};
    optind = 0; /* getopt begins anew */
    for (int option; !cli->done && (option = getopt_long(argc, argv, "h", options, NULL)) != -1;)
        if (!take(&p, option, optarg)) return false;
    if (cli->done) return true;
    if (optind < argc) return wrong(&p, "'%s' is not understood; see --help", argv[optind]);
    return settle(&p);
}

void plant_cli_fini(struct plant_cli *cli) {
    plant_faults_fini(&cli->faults);
}
