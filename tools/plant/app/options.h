/* options.h: the command line of potline-plant. */
#ifndef PLANT_OPTIONS_H
#define PLANT_OPTIONS_H

#include "../field/fault.h"
#include "../field/map.h"

enum plant_pace { PLANT_PACED, PLANT_FREE, PLANT_LOCKSTEP, PLANT_LOCKSTEP_ALL };

struct plant_cli {
    struct plant_options plant;
    bool start_given;
    int64_t lasts; /* ns; 0: until a signal */
    enum plant_pace pace;
    double speed;
    const char *listen;    /* NULL: no server */
    char port[32];         /* what --port makes of it */
    const char *sparkplug; /* HOST:PORT of a broker; NULL: none */
    const char *address_file;
    struct plant_faults faults; /* owned */
    const char *truth, *emitted, *events, *writes;
    const char *trouble;            /* a FIFO; NULL: none */
    int64_t truth_every;            /* ns */
    int64_t emitted_every;          /* ns; as short as it may be: each step */
    unsigned print_map, print_tags; /* enum plant_map_part */
    bool quiet;
    bool done; /* help or version was printed */
};

/* Fills `cli`; false with what is wrong in `why`. plant_cli_fini in success and failure. */
bool plant_cli_parse(struct plant_cli *cli, int argc, char **argv, char *why, size_t size);
void plant_cli_fini(struct plant_cli *cli);

#endif
