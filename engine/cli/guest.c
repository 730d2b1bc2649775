#include "guest.h"

#include "runtime/live_option.h"

int pl__cli_guest(char **argv) {
    struct pl_guest_options options = {
        .endpoint = argv[2], .parent = argv[3], .set = pl_live_option_call, .options = pl_live_options_show};
    return pl_guest_run(&options);
}
