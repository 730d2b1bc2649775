#include "guest.h"

#include "control/live_option.h"

int pl__cli_guest(char **argv) {
    struct pl_guest_options options = {
        .endpoint = argv[2], .parent = argv[3], .set = pl__option_set, .options = pl__options_show};
    return pl_guest_run(&options);
}
