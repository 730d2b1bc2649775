/* packet.h: what a peer has sent, read (control.h says what it may say). Bytes come from outside: what is no such map
 * is refused whole, and texts are UTF-8 without a 0.
 */
#ifndef POTLINE_CONTROL_PACKET_H
#define POTLINE_CONTROL_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/command.h"

struct pl__packet {
    uint64_t id;
    const char *words[PL_WORDS_MAX];
    unsigned count;
    char *session, *password; /* or NULL */
    bool renew, cancel, too_many;
    char *text; /* which all of them stand in */
    size_t used, size;
};

/* False for bytes that are no such map; end with pl__packet_fini in any case, which wipes them. */
bool pl__packet_read(struct pl__packet *packet, const void *bytes, size_t size);
void pl__packet_fini(struct pl__packet *packet);

#endif
